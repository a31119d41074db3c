import { lookup } from 'node:dns'
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { getCACertificates } from 'node:tls'
import { createParser } from 'eventsource-parser'
import { isLoopback, networkFailure } from 'idplug/internal'
import { isPublicAddress } from '../../demo-as/clients/public-addresses.ts'
import { jsonObject } from '../json-object.ts'
import { exchangeBytes, needsBytes } from './exchange-bytes.ts'

/** Names in lower case. A list is sent as so many fields of that name. */
export type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>

/** A request as it goes over the wire: nothing is added but `Host`, `User-Agent`, `Content-Length` and `Connection: close`. */
export interface WireRequest {
  readonly method: string
  readonly url: string
  readonly headers: HeaderFields
  readonly body?: string
}

/** A request and what came of it. A failure is a result: some of them are what a check looks for. */
export interface Exchange {
  readonly request: WireRequest
  /** 0 where there was no answer. */
  readonly status: number
  /** Fields that came several times are joined by commas. */
  readonly headers: Headers
  /** The first megabyte of the body; of an event stream, as much as was sent until the answer was complete or nothing more came. */
  readonly text: string
  /** The body where it is a JSON object; of an event stream, the JSON-RPC response in it. */
  readonly json: Readonly<Record<string, unknown>> | undefined
  readonly milliseconds: number
  /** Why there was no answer. */
  readonly failure?: string
}

export interface WireOptions {
  /** Longest wait for an answer, in milliseconds. Default 10,000. */
  readonly timeoutMilliseconds?: number
  /** Whether names that resolve to a private address are called. */
  readonly mayBePrivate: boolean
  /** Keeps the connection for the next request. Default: each request has its own. */
  readonly agent?: HttpAgent
}

/** Begins the failure of an exchange for which nothing was sent. */
export const NOT_CALLED = 'not called: '

export const TIMEOUT_MILLISECONDS = 10_000
const MAX_BYTES = 1_048_576
/** An event stream may stay open for ever; so much silence ends it. */
const QUIET_MILLISECONDS = 1_500

/** Sends one request, byte for byte as it says, and follows no redirect. */
export async function exchange(request: WireRequest, options: WireOptions): Promise<Exchange> {
  const started = performance.now()
  const since = () => Math.round(performance.now() - started)
  try {
    if (needsBytes(request)) return { ...(await exchangeBytes(request, options)), request, milliseconds: since() }
    const response = await begin(request, options)
    const { text, json } = await read(response)
    return {
      request,
      status: response.statusCode ?? 0,
      headers: headersOf(response),
      text,
      json,
      milliseconds: since(),
    }
  } catch (error) {
    const failure = isTimeout(error) ? 'no answer in time' : reasonOf(error)
    const nothing = { status: 0, headers: new Headers(), text: '', json: undefined }
    return { request, ...nothing, milliseconds: since(), failure }
  }
}

/** Node wraps it in an error of its own. */
function isTimeout(error: unknown): boolean {
  const { name, cause } = error as { name?: unknown; cause?: { name?: unknown } }
  return name === 'TimeoutError' || cause?.name === 'TimeoutError'
}

function reasonOf(error: unknown): string {
  if (error instanceof PrivateAddressError) return error.message
  return networkFailure(error).detail
}

function begin(request: WireRequest, options: WireOptions): Promise<IncomingMessage> {
  const url = new URL(request.url)
  const { timeoutMilliseconds = TIMEOUT_MILLISECONDS, mayBePrivate } = options
  const isProxied = !isLoopback(url.hostname) && proxyOf(url) !== undefined
  const bare = url.hostname.replace(/^\[|\]$/g, '')
  if (!mayBePrivate && isIP(bare) && !isPublicAddress(bare)) return Promise.reject(new PrivateAddressError(bare))
  return new Promise((resolve, reject) => {
    const open = url.protocol === 'https:' ? httpsRequest : httpRequest
    const outgoing = open(url, {
      method: request.method,
      headers: wireHeaders(request, url, options.agent !== undefined),
      signal: AbortSignal.timeout(timeoutMilliseconds),
      agent: options.agent ?? agentFor(url, isProxied),
      // Through a proxy it would be asked for the proxy's own name.
      ...(!mayBePrivate && !isProxied && { lookup: lookupPublic }),
      maxHeaderSize: 65_536,
    })
    outgoing.on('response', resolve)
    // After an answer it is of no interest any more: a server may answer before it has read a body, and close.
    outgoing.on('error', reject)
    outgoing.end(request.body)
  })
}

function proxyOf({ protocol }: URL): string | undefined {
  const { HTTPS_PROXY, https_proxy, HTTP_PROXY, http_proxy } = process.env
  return (protocol === 'https:' ? HTTPS_PROXY || https_proxy : HTTP_PROXY || http_proxy) || undefined
}

function agentFor({ protocol }: URL, isProxied: boolean): HttpAgent {
  // Connections are not kept: a server that refused a body half read may be unable to go on.
  const ca = trusted()
  const options = { keepAlive: false, ...(isProxied && { proxyEnv: process.env }), ...(ca && { ca }) }
  return protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options)
}

/** Authorities beside those of Node, as everywhere else in this program. */
export function trusted(): string[] | undefined {
  const { AUTH_CA_FILE } = process.env
  return AUTH_CA_FILE ? [...getCACertificates('default'), readFileSync(AUTH_CA_FILE, 'utf8')] : undefined
}

/** As a flat list, which Node sends as it is; an object would join what is there twice. */
export function wireHeaders({ headers, body }: WireRequest, url: URL, keeps = false): string[] {
  const fields: HeaderFields = {
    host: url.host,
    ...headers,
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    connection: keeps ? 'keep-alive' : 'close',
  }
  return Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().flatMap(each => (each === undefined ? [] : [name, each])),
  )
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string)
  return headers
}

/** Stops reading at the bound, and at the end of what an event stream has to say: a hostile body may never end. */
async function read(response: IncomingMessage): Promise<Pick<Exchange, 'text' | 'json'>> {
  const isStream = response.headers['content-type']?.startsWith('text/event-stream') ?? false
  const decoder = new TextDecoder()
  let text = ''
  let json: Record<string, unknown> | undefined
  const parser = createParser({
    onEvent({ data }) {
      const message = jsonObject(data)
      if (message && ('result' in message || 'error' in message)) json = message
    },
  })
  let timer: NodeJS.Timeout | undefined
  const restart = () => {
    clearTimeout(timer)
    if (isStream) timer = setTimeout(() => response.destroy(), QUIET_MILLISECONDS)
  }
  restart()
  try {
    for await (const chunk of response) {
      restart()
      const part = decoder.decode(chunk as Uint8Array, { stream: true })
      text += part
      if (isStream) parser.feed(part)
      if (text.length > MAX_BYTES || json) break
    }
  } catch {
    // What came before the end of the connection counts.
  } finally {
    clearTimeout(timer)
    response.destroy()
  }
  return { text: text.slice(0, MAX_BYTES), json: isStream ? json : jsonObject(text) }
}

class PrivateAddressError extends Error {
  constructor(address: string) {
    super(`${NOT_CALLED}${address} is a private address, and the server that names it is not`)
  }
}

const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0)
    const hidden = addresses.find(({ address }) => !isPublicAddress(address))
    if (hidden) return callback(new PrivateAddressError(hidden.address), '', 0)
    const [first] = addresses
    if (options.all) callback(null, addresses)
    else callback(null, first?.address ?? '', first?.family)
  })
}
