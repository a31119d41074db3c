import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from './keys.ts'
import type { DocumentName } from './optional-members.ts'
import { createVariation, type Variant } from './variant.ts'

/** Answers one request. `params` holds what the `:name` segments of the route's path matched. */
export type Route = (request: Request, params: Readonly<Record<string, string>>) => Response | Promise<Response>

/**
 * A provider's web side. Routes are called late, so they may speak of the emulator that they are given to:
 * `const emulator = createEmulator({ routes: { 'GET /jwks': () => Response.json({ issuer: emulator.origin }) } })`.
 */
export interface EmulatorDefinition {
  /** By method and path: `GET /:tenant/v2.0/.well-known/openid-configuration`. `:name` stands for one segment. */
  routes: Readonly<Record<string, Route>>
  /** What the provider answers where it has nothing. Default: 404 with a text. */
  notFound?: Route
  /** What the routes answer, by their method and path, where {@link Emulator.vary} applies to it. */
  documents?: Readonly<Record<string, DocumentName>>
  /** Further origins at which `fetch` reaches the provider: Google checks tokens at another host than it signs in at. */
  origins?: readonly string[]
}

export interface EmulatorOptions {
  /**
   * Origin in issuers and URLs, e.g. `https://tenant.eu.auth0.com`; then `fetch` answers for it. Default: the address that
   * the emulator listens at, `http://localhost:PORT`.
   */
  origin?: string
  /** Milliseconds since the Unix epoch. Default: the system's clock. */
  now?: () => number
  /** Whether a refresh token is good for once. Default: as the provider does by itself. */
  rotateRefreshTokens?: boolean
  /** Routes beside the provider's own, by which whoever runs the emulator changes what it does. Default: none. */
  controls?: Readonly<Record<string, Route>>
}

/** How the provider fails. The first that matches a request applies. */
export type Outage = {
  /** Only requests for this path. Default: all. */
  path?: string
  /** Ends by itself after so many requests. Default: never. */
  times?: number
} & (
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** Takes the request and never answers. */
  | { kind: 'hang' }
  /** Closes the connection without an answer. */
  | { kind: 'reset' }
)

export interface SeenRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Headers
}

export interface Emulator {
  /** Without a slash at the end. @throws {Error} It was not given and the emulator does not listen yet. */
  readonly origin: string
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Every request so far, those that failed on purpose too. */
  readonly requests: readonly SeenRequest[]
  /** How many requests were made for a path, or for all. */
  count(path?: string): number
  /** Answers without a network, for the emulator's origins; anything else fails like a host that is down. */
  readonly fetch: typeof globalThis.fetch
  /**
   * Listens on the loopback interface.
   *
   * @param port - Default: any that is free.
   * @returns The address, `http://localhost:PORT`; that is the origin unless another was given.
   */
  start(port?: number): Promise<string>
  close(): Promise<void>
  /** Lets the provider fail until the returned function is called. */
  fail(outage: Outage): () => void
  /**
   * Leaves out optional members and spells errors otherwise from now on. Replaces the variant before.
   *
   * @throws {Error} A member is not in `optionalMembers`.
   */
  vary(variant: Variant): void
  /** Members without those that the variant leaves out: for claims, which no answer shows. */
  readonly without: (document: DocumentName, members: JsonObject) => JsonObject
}

export function createEmulator(definition: EmulatorDefinition, options: EmulatorOptions = {}): Emulator {
  const requests: SeenRequest[] = []
  const outages = new Set<Outage & { left: number }>()
  const findRoute = createRouter({ ...definition, routes: { ...definition.routes, ...options.controls } })
  const variation = createVariation()
  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing))
  let address: string | undefined

  const emulator: Emulator = {
    get origin() {
      const origin = options.origin ?? address
      if (origin === undefined) throw new Error('the emulator has no origin yet: give it one, or start it first')
      return origin
    },
    now: options.now ?? Date.now,
    requests,
    count: path => requests.filter(request => path === undefined || request.path.split('?')[0] === path).length,
    async fetch(input, init) {
      const request = new Request(input, init)
      const known = [emulator.origin, address, ...(definition.origins ?? [])]
      const answer = known.includes(new URL(request.url).origin) ? await respond(request) : 'reset'
      if (answer === 'reset') throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })
      if (answer === 'hang') return untilAborted(request.signal)
      return answer
    },
    async start(port = 0) {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      address = `http://localhost:${(server.address() as AddressInfo).port}`
      return address
    },
    async close() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
    fail(outage) {
      const entry = { ...outage, left: outage.times ?? Number.POSITIVE_INFINITY }
      outages.add(entry)
      return () => void outages.delete(entry)
    },
    vary: variation.set,
    without: variation.without,
  }
  return emulator

  async function respond(request: Request): Promise<Response | 'hang' | 'reset'> {
    const { pathname, search } = new URL(request.url)
    requests.push({ method: request.method, path: pathname + search, headers: request.headers })
    for (const outage of outages) {
      if (outage.path !== undefined && outage.path !== pathname) continue
      if (--outage.left === 0) outages.delete(outage)
      if (outage.kind !== 'status') return outage.kind
      return new Response(outage.body ?? 'out of order', { status: outage.status, headers: outage.headers })
    }
    const found = findRoute(request.method, pathname)
    if (found) {
      const document = found.document && (await documentOf(request, found.document))
      const answer = await found.route(request, found.params)
      return document ? variation.apply(document, answer) : answer
    }
    return definition.notFound?.(request, {}) ?? new Response('Not Found', { status: 404 })
  }

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const answer = await respond(await toRequest(incoming, emulator.origin))
      if (answer === 'hang') return
      if (answer === 'reset') return void incoming.socket.destroy()
      outgoing.writeHead(answer.status, [...answer.headers].flat())
      outgoing.end(Buffer.from(await answer.arrayBuffer()))
    } catch (error) {
      outgoing.writeHead(500, { 'content-type': 'text/plain' }).end(`the emulator broke: ${(error as Error).stack}`)
    }
  }
}

/** The form of a request (`application/x-www-form-urlencoded`), or its query where it has no body. */
export async function formOf(request: Request): Promise<URLSearchParams> {
  return request.body ? new URLSearchParams(await request.text()) : new URL(request.url).searchParams
}

/** Answers of a token endpoint differ by what was asked for. */
async function documentOf(request: Request, document: DocumentName): Promise<DocumentName> {
  if (document !== 'token') return document
  return (await formOf(request.clone())).get('grant_type') === 'refresh_token' ? 'refresh' : 'token'
}

function createRouter({ routes, documents = {} }: EmulatorDefinition) {
  const table = Object.entries(routes).map(([key, route]) => {
    const [method = '', path = ''] = key.split(' ')
    return { method, segments: path.split('/'), route, document: documents[key] }
  })
  return (method: string, path: string) => {
    const segments = path.split('/')
    for (const entry of table) {
      const params = entry.method === method ? match(entry.segments, segments) : undefined
      if (params) return { ...entry, params }
    }
    return undefined
  }
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(segment)
    else if (part !== segment) return undefined
  }
  return params
}

async function toRequest(incoming: IncomingMessage, origin: string): Promise<Request> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const headers = new Headers()
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined
  // Not resolved against the origin: a path that begins with two slashes would become a host.
  return new Request(origin + incoming.url, { method: incoming.method, headers, body })
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
