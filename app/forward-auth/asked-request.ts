import type { IncomingMessage } from 'node:http'
import type { RequestHead } from 'idplug'
import { parseIpAddress, pathOf } from 'idplug/internal'
import { requestHead } from 'idplug/node'

/** Asks of nginx, Caddy and Traefik: the request is described by `X-Forwarded-Method`, `-Uri` and `-Host`. */
export const FORWARDED_PATH = '/forward-auth'
/** Asks of Envoy: the request is the ask itself, with this in front of its path. */
const PREFIX_PATH = '/ext-authz'

/** What a proxy asks about. */
export interface Ask {
  /** Key of the declaration, if the proxy names it: `/forward-auth/files`. */
  readonly name: string | undefined
  /** The request of the client. `undefined`: the proxy does not describe it. */
  readonly head: RequestHead | undefined
}

/**
 * Reads what a proxy asks. Which headers describe the request depends on the path alone, which the proxy writes. Otherwise a client could
 * send the headers of another proxy, and choose the method that is checked.
 *
 * @returns `undefined` if the path is not one that proxies ask at.
 */
export function readAsk(request: IncomingMessage): Ask | undefined {
  const { url = '', method = '' } = request
  const path = pathOf(url)
  if (isBelow(path, FORWARDED_PATH)) {
    const name = path.slice(FORWARDED_PATH.length + 1) || undefined
    const [asked, uri] = [one(request, 'x-forwarded-method'), one(request, 'x-forwarded-uri')]
    if (!METHOD.test(asked) || !URI.test(uri)) return { name, head: undefined }
    return { name, head: new AskedRequest(request, asked, uri, one(request, 'x-forwarded-host')) }
  }
  if (!isBelow(path, PREFIX_PATH)) return undefined
  const original = url.slice(PREFIX_PATH.length) || '/'
  return { name: undefined, head: new AskedRequest(request, method, original, undefined) }
}

/** A token (RFC 9110 §5.6.2): clients can send any, and that is no mistake of the proxy. */
const METHOD = /^[!#$%&'*+.^`|~\w-]+$/
/** Clients may write any byte in it, such as the no-break space, and that is no mistake of the proxy either. */
const URI = /^\/[^ \t]*$/

const isBelow = (path: string, prefix: string) =>
  path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/')

function one({ headers }: IncomingMessage, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

/** The request of the client, as the proxy describes it. Its other headers are those of the ask. */
class AskedRequest implements RequestHead {
  readonly method: string
  readonly url: string
  readonly #host: string | undefined
  readonly #ask: RequestHead
  #hops: readonly string[] | undefined

  constructor(request: IncomingMessage, method: string, url: string, host: string | undefined) {
    this.method = method
    this.url = url
    this.#host = host
    this.#ask = requestHead(request)
  }

  get connection(): object | undefined {
    return this.#ask.connection
  }

  /** Where the proxy got the request from: the last entry of `X-Forwarded-For`, which it writes. */
  get address(): string | undefined {
    const last = this.#forwardedFor.at(-1) ?? ''
    return parseIpAddress(last) ? last : this.#ask.address
  }

  header(name: string): readonly string[] {
    if (name === 'host' && this.#host !== undefined) return this.#host === '' ? NONE : [this.#host]
    // The last entry is the address itself.
    if (name === 'x-forwarded-for') return this.#forwardedFor.slice(0, -1)
    return this.#ask.header(name)
  }

  get #forwardedFor(): readonly string[] {
    this.#hops ??= this.#ask
      .header('x-forwarded-for')
      .flatMap(value => value.split(','))
      .map(hop => hop.trim())
    return this.#hops
  }
}

const NONE: readonly string[] = []
