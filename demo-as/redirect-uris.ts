import { absoluteUrlProblem } from './absolute-url.ts'

/**
 * Schemes of desktop applications that are known to receive their MCP sign-in this way. Everybody else has to use a
 * scheme with a dot in it, made from a domain name that is theirs (RFC 8252 §7.1).
 */
const APPLICATION_SCHEMES = new Set([
  'cursor:',
  'vscode:',
  'vscode-insiders:',
  'windsurf:',
  'claude:',
  'zed:',
  'goose:',
])

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]'])

/** True for the three spellings of this machine that native applications listen on (RFC 8252 §7.3). */
export function isLoopbackHost(hostname: string): boolean {
  return LOOPBACK_HOSTS.has(hostname)
}

/** Where a redirect URI leads: to a host on the web, to whichever program listens on this computer, or to one that opens the scheme. */
export type RedirectKind = 'site' | 'loopback' | 'scheme'

/** The one place that decides the kind. The host in `cursor://localhost/` says nothing about this computer. */
export function redirectKindOf({ protocol, hostname }: URL): RedirectKind {
  if (protocol !== 'https:' && protocol !== 'http:') return 'scheme'
  return isLoopbackHost(hostname) ? 'loopback' : 'site'
}

/** What else a redirect URI may be, or may not be. */
export interface RedirectRules {
  /** The only hosts on the web, with a port unless it is the usual one. Default: every one. */
  readonly hosts?: readonly string[]
  /** Schemes of applications beside those that everybody knows, without a colon. */
  readonly schemes?: readonly string[]
}

/** For URIs that the operator wrote down. */
export type RedirectLimits = RedirectRules | 'operator'

/** Schemes that a browser acts upon itself, or that lead to files. */
const NO_APPLICATION = new Set([
  'about:',
  'blob:',
  'data:',
  'file:',
  'filesystem:',
  'ftp:',
  'javascript:',
  'vbscript:',
  'ws:',
  'wss:',
])

/**
 * Says what is wrong with a redirect URI, or `undefined`.
 *
 * @param issuer - Redirects to the authorization server itself are refused: they would hand one client's code to the
 *   sign-in of another.
 */
export function redirectUriProblem(value: string, issuer: URL, limits: RedirectLimits = {}): string | undefined {
  if (value.length > 2000) return 'is longer than 2000 characters'
  const spelled = withPlainScheme(value)
  const problem = absoluteUrlProblem(spelled)
  if (problem) return problem
  const url = new URL(spelled)
  if (/%(2f|5c|00)|(^|\/)\.\.;/i.test(url.pathname)) return 'has an encoded slash or a dot segment in its path'

  const kind = redirectKindOf(url)
  if (kind !== 'scheme') {
    if (isSameServer(url, issuer)) return 'is an address of the authorization server itself'
    if (kind === 'loopback') return undefined
    if (url.protocol !== 'https:') return 'is not encrypted: https is needed, except for localhost, 127.0.0.1 and [::1]'
    const isListed = limits === 'operator' || !limits.hosts?.length || limits.hosts.includes(url.host)
    return isListed ? undefined : `leads to ${url.host}, where this server sends nobody`
  }
  if (limits === 'operator') return NO_APPLICATION.has(url.protocol) ? `has the scheme ${url.protocol}` : undefined
  const isReverseDomain = /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(url.protocol)
  const isOwn = limits.schemes?.includes(url.protocol.slice(0, -1))
  if (isReverseDomain || isOwn || APPLICATION_SCHEMES.has(url.protocol)) return undefined
  return `has the scheme ${url.protocol} which is neither https nor one made from a domain name, as com.example.app:`
}

/**
 * Schemes have no capitals that mean anything (RFC 3986 §3.1), and some applications write theirs like a name: `com.Example.App:`.
 * Addresses on the web are left as they are.
 */
export function withPlainScheme(value: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(value)?.[0] ?? ''
  const plain = scheme.toLowerCase()
  return plain === 'https:' || plain === 'http:' ? value : plain + value.slice(scheme.length)
}

/** Schemes under which a browser runs, shows or reads what is behind the colon, with this server as the one that led there. */
const SCRIPT = /^(javascript|vbscript|data|file|blob|about|view-source|filesystem):/i

/** Whether an address is an attack, and not one that this server has no use for. */
export function isScript(value: string): boolean {
  return SCRIPT.test(value.replace(/[\s\p{C}]/gu, ''))
}

/**
 * Whether a requested redirect URI is one of the registered ones: equal as a string (but for capitals in the scheme of an application) or,
 * on loopback, equal but for the port, which the system assigns anew at each start (RFC 8252 §7.3). `localhost` is treated like the addresses because that is
 * what clients register.
 */
export function isRegisteredRedirect(
  value: string,
  registered: readonly string[],
  issuer: URL,
  limits?: RedirectLimits,
): boolean {
  if (redirectUriProblem(value, issuer, limits) !== undefined) return false
  if (registered.some(uri => withPlainScheme(uri) === withPlainScheme(value))) return true
  const wanted = withoutLoopbackPort(value)
  return wanted !== undefined && registered.some(uri => withoutLoopbackPort(uri) === wanted)
}

function withoutLoopbackPort(value: string): string | undefined {
  const url = new URL(value)
  if (url.protocol !== 'http:' || redirectKindOf(url) !== 'loopback') return undefined
  url.port = ''
  return url.href
}

/** On a host that the authorization server shares, its own addresses are those below the path of its issuer; others are somebody else's. */
function isSameServer(url: URL, issuer: URL): boolean {
  const isLoopback = isLoopbackHost(url.hostname) && isLoopbackHost(issuer.hostname) && url.port === issuer.port
  if (url.origin !== issuer.origin && !isLoopback) return false
  const prefix = plainPath(issuer.pathname).replace(/\/$/, '')
  return plainPath(url.pathname) === prefix || plainPath(url.pathname).startsWith(`${prefix}/`)
}

/** As a lenient router may read it. */
function plainPath(path: string): string {
  try {
    return decodeURIComponent(path).toLowerCase()
  } catch {
    return path.toLowerCase()
  }
}
