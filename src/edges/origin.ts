import { isLoopback } from '../resource.ts'

export interface OriginCheckOptions {
  /** Public URL of the server; its host and origin are always served. */
  publicUrl: string
  /** Further values of `Host`, with port where it is not the scheme's own. */
  allowedHosts: readonly string[]
  /** Further values of `Origin`; `*` for any. */
  allowedOrigins: readonly string[]
}

/**
 * Guards against DNS rebinding (a web page whose name has been pointed at this machine) and against web pages of strangers:
 * the MCP transport demands the `Origin` check, and without the `Host` check a rebound page sends no foreign origin.
 * On a server whose public URL is on loopback every loopback host and origin is served, whatever the port.
 *
 * @returns What is wrong with the request, in a sentence for its sender, or `undefined`.
 */
export function createOriginCheck(options: OriginCheckOptions) {
  const publicUrl = new URL(options.publicUrl)
  const local = isLoopback(publicUrl.hostname)
  const hosts = new Set([publicUrl.host, ...options.allowedHosts.map(host => host.toLowerCase())])
  const origins = new Set([publicUrl.origin, ...options.allowedOrigins])

  const hostServed = (host: string | undefined): boolean => {
    if (host === undefined) return false
    if (hosts.has(host)) return true
    return hosts.has(host.toLowerCase()) || (local && isLoopback(hostnameOf(`http://${host}`)))
  }
  const originServed = (origin: string): boolean =>
    origins.has('*') || origins.has(origin) || (local && isLoopback(hostnameOf(origin)))

  return (host: string | undefined, origin: string | undefined): string | undefined => {
    if (!hostServed(host)) return 'This server does not serve the host named in the request (setting ALLOWED_HOSTS).'
    if (origin !== undefined && !originServed(origin)) {
      return 'Web pages of this origin may not call this server (setting ALLOWED_ORIGINS).'
    }
    return undefined
  }
}

function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}
