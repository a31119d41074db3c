import { STATUS_CODES } from 'node:http'

/** Stands for the code of an error that came without one. */
export const NO_CODE = 'an error without a code'

/** The same of an answer that RFC 6749 §5.2 does not have, and that firewalls and API gateways in front of a provider give. */
export const FORBIDDING_PAGE = 'a page that forbids it, of a firewall or proxy?'

type Fetch = typeof globalThis.fetch

/**
 * Refusals of a token endpoint as RFC 6749 §5.2 spells them, however the provider does: with an empty body, a page, a form, or the code
 * in a member of its own or in `WWW-Authenticate` (RFC 6750 §3). Everything else passes as it is.
 */
export function withSpelledErrors(fetch: Fetch): Fetch {
  return async (input, init) => {
    const response = await fetch(input, init)
    if (!isTokenRequest(init)) return response
    const { status } = response
    const form = init?.body as URLSearchParams
    if (status === 200) return refusalWithin(response, form)
    if (status < 400 || status > 499) return response
    const headers = response.headers.get('retry-after')
    const text = withoutSent(await response.text(), form)
    const isForbidden = isForbiddingPage(response, text) || (status === 403 && text !== '')
    const body = codeIn(text, status) ?? {
      error: nameIn(text) ?? challengedCode(response) ?? (isForbidden ? FORBIDDING_PAGE : NO_CODE),
    }
    return Response.json(body, { status, headers: headers === null ? {} : { 'retry-after': headers } })
  }
}

/** Some providers (Slack, Zoho) refuse with status 200. */
async function refusalWithin(response: Response, form: URLSearchParams): Promise<Response> {
  const body = codeIn(withoutSent(await response.clone().text(), form), response.status)
  return body && !('access_token' in body) ? Response.json(body, { status: 400 }) : response
}

const SECRETS = ['client_assertion', 'client_secret', 'code', 'code_verifier', 'refresh_token']

/** Some repeat in their errors what they were sent, and errors go to a log. */
function withoutSent(text: string, form: URLSearchParams): string {
  const sent = SECRETS.flatMap(name => form.get(name) ?? []).filter(value => value.length >= 8)
  return sent.reduce((rest, value) => rest.replaceAll(value, '…'), text)
}

export function isTokenRequest(init: RequestInit | undefined): boolean {
  return init?.body instanceof URLSearchParams && init.body.has('grant_type')
}

/** Web frameworks (Spring, NestJS, hapi) put the words of the status where a code would be. */
function codeIn(text: string, status: number): { error: string } | undefined {
  try {
    const body = JSON.parse(text)
    if (typeof body?.error !== 'string' || body.error === '' || body.error === STATUS_CODES[status]) return undefined
    return body.error === UNAUTHORIZED ? { ...body, error: 'invalid_client' } : body
  } catch {
    return undefined
  }
}

/** What UAA (Cloud Foundry, SAP) calls a client with the wrong credentials. */
const UNAUTHORIZED = 'unauthorized'

/** A code that stands elsewhere: in a form, in an object, in a member of another name (Okta, of clients that it does not know). */
function nameIn(text: string): string | undefined {
  return /\b(invalid_client|unauthorized_client|invalid_grant|temporarily_unavailable)\b/.exec(text)?.[1]
}

/** Whether it is not the provider that answers, but a firewall or proxy on the way. */
export function isForbiddingPage({ status, headers }: Response, text: string): boolean {
  // Text that is JSON all the same is an API's.
  const type = (/^\s*[^\s{]/.test(text) && headers.get('content-type')) || ''
  return (status === 401 && /^text\/html\b/i.test(type)) || (status === 403 && /^text\//i.test(type))
}

/** A client that showed the wrong credentials in a header is challenged by the scheme that it used (RFC 6749 §5.2). */
function challengedCode({ status, headers }: Response): string | undefined {
  const challenge = headers.get('www-authenticate') ?? ''
  const code = /[\s,]error="?([\w.-]+)/i.exec(challenge)?.[1]
  const isClient = code === UNAUTHORIZED || (code === undefined && status === 401 && /^basic\b/i.test(challenge))
  return isClient ? 'invalid_client' : code
}
