import { clip } from 'idplug/internal'
import { forbiddenHeaders, isExposed, namesIn, SENT_HEADERS } from '../../web-pages.ts'
import type { FindingCode } from './catalogue/index.ts'
import { type Finding, finding } from './finding.ts'
import type { Answer, Answered, Probe } from './probe.ts'
import { call } from './request.ts'

/** An origin that no server has on a list. */
export const PAGE = 'https://page-of-idplug-doctor.example'

/** With that of clients which resume a stream. */
const REQUEST_HEADERS = [...SENT_HEADERS, 'last-event-id']
const REQUEST_METHODS = ['GET', 'POST', 'DELETE']

/** What a client in a web page can do at a server. */
export interface PagesReport {
  /** `limited`: the server turns away pages of origins that it does not know, as servers on a person's machine should. */
  readonly access: 'any' | 'limited' | 'none'
  readonly findings: readonly Finding[]
}

/** Asks a server what a browser would ask it for a client in a web page: whether it may send its headers, and read the answers. */
export async function checkPages(url: string, probe: Probe): Promise<PagesReport> {
  const refused = await call(probe, url, { origin: PAGE })
  // Nothing is wrong with that, and what is said to such pages does not matter, unless those on a list would get the same.
  if (refused.outcome === 'answered' && refused.status === 403) {
    return { access: 'limited', findings: await checkOptions(url, probe) }
  }
  const preflights = await Promise.all(REQUEST_METHODS.map(method => preflight(probe, url, method, REQUEST_HEADERS)))
  const findings = [
    ...preflightFindings(preflights.filter(Boolean) as string[]),
    ...checkReadable(refused, ['www-authenticate'], 'the 401'),
  ]
  return { access: findings.length > 0 ? 'none' : 'any', findings }
}

/** Browsers send no token with OPTIONS, so whoever asks for one there lets no page in. */
async function checkOptions(url: string, probe: Probe): Promise<Finding[]> {
  const answer = await probe(url, { method: 'OPTIONS' })
  if (answer.outcome === 'failed' || (answer.status !== 401 && answer.status < 500)) return []
  return preflightFindings([`status ${answer.status} to OPTIONS at ${url}`])
}

/** @returns Why a browser would not go on; `undefined` where it would. */
async function preflight(
  probe: Probe,
  url: string,
  method: string,
  headers: readonly string[],
): Promise<string | undefined> {
  const answer = await probe(url, {
    method: 'OPTIONS',
    headers: {
      origin: PAGE,
      'access-control-request-method': method,
      'access-control-request-headers': headers.join(','),
    },
  })
  const asked = `to OPTIONS before ${method} at ${url}`
  if (answer.outcome === 'failed') return `${answer.detail} ${asked}`
  if (answer.status < 200 || answer.status > 299) return `status ${answer.status} ${asked}`
  if (!isAllowed(answer)) return `no Access-Control-Allow-Origin ${asked}`
  const methods = namesIn(answer.headers.get('access-control-allow-methods'))
  // These need no permission (Fetch Standard, "CORS-safelisted method").
  const isSafe = method === 'GET' || method === 'POST'
  if (!isSafe && !methods.includes(method.toLowerCase()) && !methods.includes('*')) return `${method} is not allowed`
  const missing = forbiddenHeaders(headers, answer.headers)
  return missing.length > 0 ? `headers that are not allowed: ${missing.join(', ')}` : undefined
}

function preflightFindings(problems: readonly string[]): Finding[] {
  const seen = [...new Set(problems)].join('; ')
  return seen === '' ? [] : [finding('server.preflight_refused', seen)]
}

/**
 * Whether a page may read an answer and those of its headers that clients need.
 *
 * @param what - The answer, for people: `the 403`.
 */
export function checkReadable(answer: Answer, headers: readonly string[], what: string): Finding[] {
  if (answer.outcome === 'failed') return []
  if (!isAllowed(answer)) return [finding('server.answer_cors_missing', `no Access-Control-Allow-Origin with ${what}`)]
  const hidden = headers.filter(name => answer.headers.has(name) && !isExposed(name, answer.headers))
  return hidden.map(name => {
    const code: FindingCode =
      name === 'www-authenticate' ? 'server.challenge_not_exposed' : 'server.session_not_exposed'
    const said = answer.headers.get('access-control-expose-headers')
    return finding(code, `Access-Control-Expose-Headers is ${said === null ? 'absent' : clip(said)} with ${what}`)
  })
}

/** What a page needs of an authorization server: its metadata, registration where there is any, and tokens. */
export async function checkPagesAtIssuer(
  metadata: Readonly<Record<string, unknown>>,
  metadataAnswer: Answered,
  probe: Probe,
  isCallable: (endpoint: unknown) => endpoint is string,
): Promise<Finding[]> {
  const { registration_endpoint: registration, token_endpoint: token } = metadata
  const problems = await Promise.all([
    isAllowed(metadataAnswer) ? undefined : `no Access-Control-Allow-Origin at ${metadataAnswer.url}`,
    isCallable(registration) ? preflight(probe, registration, 'POST', ['content-type']) : undefined,
    isCallable(token) ? preflight(probe, token, 'POST', ['content-type']) : undefined,
  ])
  const seen = problems.filter(problem => problem !== undefined).join('; ')
  return seen === '' ? [] : [finding('server.authorization_server_cors_missing', seen)]
}

/** Without credentials of the browser, which MCP clients do not use, both forms do. */
function isAllowed({ headers }: Answered): boolean {
  return ['*', PAGE].includes(headers.get('access-control-allow-origin')?.trim() ?? '')
}
