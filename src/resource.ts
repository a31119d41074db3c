import { ConfigError } from './errors.ts'

/**
 * Canonical spelling of a `resource` identifier (RFC 8707 §2): scheme and host in lower case, no default port, and no
 * slash at the end, so that an origin is `https://mcp.example.com` and never `https://mcp.example.com/`.
 *
 * @throws {ConfigError} Not an absolute `https:` URL (`http:` on loopback), or it has a query, a fragment or credentials.
 */
export function canonicalResource(value: string, setting = 'PUBLIC_URL'): string {
  const url = URL.canParse(value) ? new URL(value) : undefined
  const problem = !url
    ? 'is not an absolute URL; write it like https://mcp.example.com'
    : !isSecureOrLoopback(url)
      ? 'must start with https:// (http:// is accepted on localhost only)'
      : url.search || url.hash || url.username || url.password
        ? 'must hold no query, fragment or credentials (RFC 8707 section 2)'
        : undefined
  if (!url || problem) throw new ConfigError([{ setting, problem: problem ?? '' }])
  return url.href.replace(/\/$/, '')
}

/** Both spellings under which clients and providers name a resource: with and without a slash at the end. */
export function resourceSpellings(resource: string): [string, string] {
  const bare = resource.replace(/\/$/, '')
  return [bare, `${bare}/`]
}

/** True for `https:`, and for `http:` when the host is this machine (RFC 8252 §8.3). */
export function isSecureOrLoopback(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

/** True for `localhost`, names below it, `127.0.0.0/8` and `[::1]`. Takes a hostname as `URL` spells it. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  )
}

/** Why a URL from metadata must not be called, or opened in a browser; `undefined` when it may. */
export function urlProblem(value: unknown, loopback = true): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return 'is no absolute URL'
  const url = new URL(value)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `has the scheme ${url.protocol}`
  if (!isSecureOrLoopback(url)) return 'is http:, not https:'
  if (!loopback && isLoopback(url.hostname)) return 'points to the machine that asks'
  return undefined
}
