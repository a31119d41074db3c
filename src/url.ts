/** True for `https:`, and for `http:` when the host is this machine (RFC 8252 §8.3). */
export function isSecureOrLoopback(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

/**
 * True for what may be asked: `https:`, this machine, and `http:` at a host that is named.
 *
 * @param insecureHosts - Hosts inside a network of one's own: `keycloak` at any port, `keycloak:8080` at that one.
 */
export function mayBeAsked(url: URL, insecureHosts: readonly string[] = []): boolean {
  if (isSecureOrLoopback(url)) return true
  // Without a port the host is the hostname, so that `keycloak:80` has to be compared by its port.
  const port = url.port || '80'
  return (
    url.protocol === 'http:' &&
    (insecureHosts.includes(url.hostname) || insecureHosts.includes(`${url.hostname}:${port}`))
  )
}

/** Whether a text is a URL. False where a # / or ? in a password ends the host before it begins: the rest, with the @, stands behind it then. */
export function isUrlOfOneHost(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { pathname, search, hash } = new URL(text)
  return !/[#@]/.test(pathname + search + hash)
}

/** True for `localhost`, names below it, `127.0.0.0/8` and `[::1]`. Takes a hostname as `URL` spells it. */
export function isLoopback(hostname: string): boolean {
  return /^(.*\.)?localhost$|^\[::1\]$|^127(\.\d{1,3}){3}$/.test(hostname)
}

/** The path of a URL, or of a request target in any of its forms (RFC 9112 §3.2). Never throws: strangers choose targets. */
export function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return ''
  const end = url.indexOf('?', start)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}

/**
 * Why a URL from metadata must not be called, or opened in a browser; `undefined` when it may.
 *
 * @param insecureHosts - As {@link mayBeAsked} takes them. Default: none.
 */
export function urlProblem(value: unknown, loopback = true, insecureHosts: readonly string[] = []): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return 'is no absolute URL'
  const url = new URL(value)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `has the scheme ${url.protocol}`
  if (!mayBeAsked(url, insecureHosts)) return 'is http:, not https:'
  if (!loopback && isLoopback(url.hostname)) return 'points to the machine that asks'
  return undefined
}

/** Values of `Host` that mean a URL: some proxies name the port of the scheme, which clients leave out. */
export function hostsOf({ host, port, protocol }: URL): string[] {
  return port ? [host] : [host, `${host}:${protocol === 'https:' ? 443 : 80}`]
}
