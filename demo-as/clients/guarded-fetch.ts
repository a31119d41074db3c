import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici'
import { isPublicAddress } from './public-addresses.ts'

export interface HostAddress {
  address: string
  family: number
}

export interface GuardedFetchOptions {
  /** Hosts, with the port unless it is 443, that may be fetched from; empty: every public host on port 443. */
  allowedHosts: readonly string[]
  /** Hosts, with the port unless it is 443, that may have addresses inside one's own network. */
  privateHosts: readonly string[]
  /** URL of the HTTP proxy that everything but `privateHosts` goes through. Default: none. */
  proxy?: string
  /** Addresses of a host; tests put their own here. */
  resolve?: (hostname: string) => Promise<readonly HostAddress[]>
  /** From the look-up to the last byte. Default 3,000. */
  timeoutMilliseconds?: number
  /** Largest body. Default 16,384. */
  maxBytes?: number
}

export interface FetchedDocument {
  status: number
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>
  body: string
}

/** From there nothing is fetched, whatever it is. */
export class FetchRefusedError extends Error {}

/** The message is for the log alone: it names addresses inside the network. */
export class InnerAddressError extends FetchRefusedError {}

/** Nobody answered, or not in time; another attempt may succeed. */
export class FetchFailedError extends Error {}

export type GuardedFetch = (url: string, headers: Readonly<Record<string, string>>) => Promise<FetchedDocument>

/**
 * A GET for addresses that strangers name. Follows no redirect, and connects to the very address that was checked, so that
 * a second answer of the name server changes nothing.
 *
 * Through a proxy the address is looked up and checked here as well, and the proxy is asked for that address. Only the hosts
 * of `allowedHosts` are handed to it by name: the operator trusts them, and a proxy that filters wants names.
 *
 * @throws {FetchRefusedError} The URL, the host or one of its addresses is not allowed, or the body is too large.
 * @throws {FetchFailedError} No answer: look-up, connection, TLS or time.
 */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { allowedHosts, privateHosts, proxy, timeoutMilliseconds = 3000, maxBytes = 16_384 } = options
  const resolve = options.resolve ?? (hostname => lookup(hostname, { all: true }))

  return async (text, headers) => {
    const url = allowedUrl(text, allowedHosts, privateHosts)
    const isPrivate = privateHosts.includes(url.host)
    const byName = proxy !== undefined && !isPrivate && allowedHosts.includes(url.host)
    const signal = AbortSignal.timeout(timeoutMilliseconds)
    const addresses = byName ? [] : await inTime(resolve(url.hostname), signal)
    const inner = isPrivate ? undefined : addresses.find(({ address }) => !isPublicAddress(address))
    if (inner) throw new InnerAddressError(`${url.host} has the address ${inner.address}, which is not public`)

    const target = byName ? url.hostname : addresses[0]?.address
    if (target === undefined) throw new FetchFailedError(`${url.host} has no address`)
    const connection = proxy === undefined || isPrivate ? direct(url, addresses) : proxied(url, proxy, target)
    try {
      return await get(connection, { ...headers, host: url.host }, signal, maxBytes)
    } catch (error) {
      if (error instanceof FetchRefusedError) throw error
      throw new FetchFailedError(`${url.host} did not answer`, { cause: error })
    } finally {
      await connection.dispatcher.destroy()
    }
  }
}

function allowedUrl(text: string, allowedHosts: readonly string[], privateHosts: readonly string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:') throw new FetchRefusedError('only https is fetched')
  if (url.username || url.password) throw new FetchRefusedError('there are credentials in the URL')
  const named = allowedHosts.includes(url.host) || privateHosts.includes(url.host)
  if (!named && allowedHosts.length > 0) throw new FetchRefusedError(`${url.host} is not among the allowed hosts`)
  if (!named && url.port) throw new FetchRefusedError(`${url.host} is not on port 443`)
  if (isIP(url.hostname.replace(/^\[|\]$/g, ''))) throw new FetchRefusedError(`${url.host} is an address, not a name`)
  return url
}

interface Connection {
  url: URL
  dispatcher: Dispatcher
}

function direct(url: URL, addresses: readonly HostAddress[]): Connection {
  const checked = (_host: string, _options: object, done: (error: null, addresses: HostAddress[]) => void) =>
    done(null, [...addresses])
  return { url, dispatcher: new Agent({ connect: { lookup: checked as never } }) }
}

function proxied(url: URL, proxy: string, host: string): Connection {
  const target = new URL(url)
  target.hostname = isIP(host) === 6 ? `[${host}]` : host
  return { url: target, dispatcher: new ProxyAgent({ uri: proxy, requestTls: { servername: url.hostname } }) }
}

async function get(
  { url, dispatcher }: Connection,
  headers: Record<string, string>,
  signal: AbortSignal,
  maxBytes: number,
): Promise<FetchedDocument> {
  const response = await request(url, { dispatcher, headers, signal })
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response.body) {
    length += chunk.length
    if (length > maxBytes) throw new FetchRefusedError(`${url.host} sent more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  const text = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')])
  return { status: response.statusCode, headers: Object.fromEntries(text), body: Buffer.concat(chunks).toString() }
}

/** Name look-ups cannot be broken off; they are left to end unheard. */
async function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = new Promise<never>((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  )
  try {
    return await Promise.race([work, late])
  } catch (error) {
    throw new FetchFailedError('the host name could not be looked up', { cause: error })
  }
}
