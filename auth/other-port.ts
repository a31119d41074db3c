import { isLoopback } from '../src/url.ts'

/**
 * The declaration names a port of this machine, and `PORT` has the server listen on another one: clients would be sent where nothing is.
 *
 * @param resource - As it is published, without `PUBLIC_URL` in its place.
 * @returns What to do about it; `undefined` where the two fit, or nobody can tell.
 */
export function otherPort(resource: string, port: string | undefined): string | undefined {
  const { protocol, hostname, port: declared } = new URL(resource)
  const listened = port?.trim() ?? ''
  if (!isLoopback(hostname) || protocol !== 'http:' || !/^[1-9]\d{0,4}$/.test(listened)) return undefined
  if (listened === (declared || '80')) return undefined
  return `PORT is ${listened}, but the declared resource is ${resource}, where clients are sent. Set PUBLIC_URL=http://${hostname}:${listened} as well`
}
