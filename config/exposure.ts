import { isLoopback } from '../src/url.ts'
import type { Settings } from './settings.ts'

/** Where a server and its authorization server can be reached. */
export interface Reach {
  readonly settings: Pick<Settings, 'ALLOWED_HOSTS' | 'AUTH_SERVER_HOST' | 'HOST'>
  /** Every name of every server. */
  readonly publicUrls: readonly string[]
  /** Of our own authorization server. */
  readonly issuer: string
}

/** Why others than this machine can reach the server, in words; empty where they cannot. */
export function exposures({ settings, publicUrls, issuer }: Reach): string[] {
  const { ALLOWED_HOSTS, HOST, AUTH_SERVER_HOST = HOST } = settings
  const foreign = ALLOWED_HOSTS.filter(host => !isLocalUrl(`http://${host}`))
  const open = publicUrls.filter(url => !isLocalUrl(url))
  return [
    ...(open.length > 0 ? [`the server's URL is ${open[0]}`] : []),
    ...(isLocalUrl(issuer) || open.some(url => new URL(url).origin === new URL(issuer).origin)
      ? []
      : [`AUTH_SERVER_URL is ${issuer}`]),
    ...(isLocalAddress(HOST) ? [] : [`HOST is ${HOST}`]),
    ...(AUTH_SERVER_HOST === HOST || isLocalAddress(AUTH_SERVER_HOST)
      ? []
      : [`AUTH_SERVER_HOST is ${AUTH_SERVER_HOST}`]),
    ...(foreign.length === 0 ? [] : [`ALLOWED_HOSTS has ${foreign.join(', ')}`]),
  ]
}

const isLocalUrl = (url: string) => URL.canParse(url) && isLoopback(new URL(url).hostname)

/** An address to listen on: an IPv6 one has no brackets here. */
const isLocalAddress = (host: string) => isLoopback(host) || isLoopback(`[${host}]`)
