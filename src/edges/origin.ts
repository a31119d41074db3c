import { hostsOf, isLoopback } from '../url.ts'

/** RFC 9112 §3.2. */
export const SEVERAL_HOSTS = 'The request has more than one Host header.'

export interface OriginCheckOptions {
  /** URLs under which clients reach the server; their hosts and origins are always served. */
  publicUrls: readonly string[]
  /** Further values of `Host`, with port where it is not the scheme's own. */
  allowedHosts: readonly string[]
  /** Further values of `Origin`; `*` for any. */
  allowedOrigins: readonly string[]
}

/**
 * Guards against DNS rebinding (a web page whose name has been pointed at this machine) and against web pages of strangers:
 * the MCP transport demands the `Origin` check, and without the `Host` check a rebound page sends no foreign origin.
 *
 * The names of this machine are served as hosts, whatever the port: no page can be rebound to them, and proxies and tests use
 * them. As origins they are served where one of the public URLs is on this machine.
 */
export interface OriginCheck {
  servesHost(host: string | undefined): boolean
  servesOrigin(origin: string): boolean
}

export function createOriginCheck({ publicUrls, allowedHosts, allowedOrigins }: OriginCheckOptions): OriginCheck {
  const urls = publicUrls.map(url => new URL(url))
  const isLocal = urls.some(({ hostname }) => isLoopback(hostname))
  const hosts = new Set([...urls.flatMap(hostsOf), ...allowedHosts.map(host => host.toLowerCase())])
  const origins = new Set([...urls.map(({ origin }) => origin), ...allowedOrigins])
  return {
    servesHost: host =>
      host !== undefined &&
      (hosts.has(host) || hosts.has(host.toLowerCase()) || isLoopback(hostnameOf(`http://${host}`))),
    servesOrigin: origin => origins.has('*') || origins.has(origin) || (isLocal && isLoopback(hostnameOf(origin))),
  }
}

/** Hostname of a URL; the empty string for what is more than a scheme, a host and a port: readers disagree about the host of such URLs. */
export function hostnameOf(url: string): string {
  if (/[@\\?#\s]|\/\/.*\//.test(url) || !URL.canParse(url)) return ''
  return new URL(url).hostname
}
