/** Stands for the code of an error that came without one. */
export const NO_CODE = 'an error without a code'

/** The same of a page with status 403: RFC 6749 §5.2 has no such answer, and firewalls and proxies in front of a provider have no other. */
export const FORBIDDING_PAGE = 'a page that forbids it, of a firewall or proxy?'

type Fetch = typeof globalThis.fetch

/**
 * Refusals of a token endpoint as RFC 6749 §5.2 spells them, however the provider does: with an empty body, a page, or the code in
 * `WWW-Authenticate` (RFC 6750 §3). Everything else passes as it is.
 */
export function withSpelledErrors(fetch: Fetch): Fetch {
  return async (input, init) => {
    const response = await fetch(input, init)
    if (!isTokenRequest(init) || response.status < 400 || response.status > 499) return response
    const { status } = response
    const headers = response.headers.get('retry-after')
    const text = withoutSent(await response.text(), init?.body as URLSearchParams)
    const body = codeIn(text) ?? {
      error: challengedCode(response) ?? (isForbiddingPage(response) ? FORBIDDING_PAGE : NO_CODE),
    }
    return Response.json(body, { status, headers: headers === null ? {} : { 'retry-after': headers } })
  }
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

function codeIn(text: string): { error: string } | undefined {
  try {
    const body = JSON.parse(text)
    return typeof body?.error === 'string' && body.error !== '' ? body : undefined
  } catch {
    return undefined
  }
}

/** Whether it is not the provider that answers, but a firewall or proxy on the way. */
export function isForbiddingPage({ status, headers }: Response): boolean {
  return status === 403 && /^text\/html\b/i.test(headers.get('content-type') ?? '')
}

/** A client that showed the wrong credentials in a header is challenged by the scheme that it used (RFC 6749 §5.2). */
function challengedCode({ status, headers }: Response): string | undefined {
  const challenge = headers.get('www-authenticate') ?? ''
  const code = /[\s,]error="?([\w.-]+)/i.exec(challenge)?.[1]
  return code ?? (status === 401 && /^basic\b/i.test(challenge) ? 'invalid_client' : undefined)
}
