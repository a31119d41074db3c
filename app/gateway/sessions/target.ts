import { randomUUID } from 'node:crypto'
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/client'
import type { Access } from 'idplug'
import { isLegacy } from '../../serve/mcp/revision.ts'
import { idOf } from '../message.ts'
import { errorResponse, INTERNAL_ERROR, NOT_FOUND_ERROR } from '../rpc-error.ts'
import type { Call, Target } from '../target.ts'
import { type MapMessage, type Refusal, refuse, textFor } from './answers.ts'
import type { Connection, ConnectionHandlers, Opening, Person } from './connection.ts'
import { isMessage, isRequest, type Message, type Request } from './messages.ts'
import { createPlaces, type Place } from './places.ts'
import { type Channel, died, SharedServer } from './server.ts'
import { headerProblem } from './standard-headers.ts'

export interface SessionTargetOptions {
  /** @throws {Error} There cannot be a connection. */
  readonly connect: (opening: Opening, handlers: ConnectionHandlers) => Connection
  /** Why no connection is to be opened now for a person, by {@link personKey}. Default: nothing keeps us from it. */
  readonly unavailable?: (person: string) => Refusal | undefined
  /** Called every now and then. */
  readonly onSweep?: () => void
  /** Called once, when all connections are gone. */
  readonly onClosed?: () => void
  /** `session`: each session has a connection of its own. `person`: sessions of one issuer and subject share one. */
  readonly connectionPer: 'session' | 'person'
  /** Whether requests of 2026-07-28, which has no sessions, go to the server. If not, clients learn that they need a session. */
  readonly takesSessionless: boolean
  readonly idleSeconds: number
  readonly callTimeoutSeconds: number
  readonly maxPerPerson: number
  readonly maxTotal: number
  /** Of one connection. */
  readonly maxOpenRequests: number
  readonly mapMessage: MapMessage | undefined
  readonly onError: (error: unknown) => void
}

/** A server, and who uses it. */
interface Hosted {
  readonly server: SharedServer
  /** Under which it is shared; `undefined` where it is not. */
  readonly key: string | undefined
  readonly place: Place | undefined
  readonly sessions: Set<Session>
  lastUsed: number
  active: number
}

interface Session {
  readonly id: string
  readonly owner: Person | undefined
  readonly hosted: Hosted
  readonly channel: Channel
  readonly place: Place
  version: string | undefined
  lastUsed: number
  active: number
}

const NOT_FOUND: Refusal = { status: 404, code: NOT_FOUND_ERROR, message: 'Session not found' }
const SHUTTING_DOWN: Refusal = {
  status: 503,
  message: 'The gateway is shutting down.',
  headers: { 'Retry-After': '5' },
}
const SESSION_ENDED: Refusal = { status: 404, code: NOT_FOUND_ERROR, message: 'The session has ended.' }

/**
 * An MCP server that speaks JSON-RPC on a connection, in front of which sessions, ids and streams of Streamable HTTP are ours.
 */
export function createSessionTarget(options: SessionTargetOptions): Target {
  const { connectionPer, idleSeconds, callTimeoutSeconds, maxOpenRequests, onError } = options
  const mapMessage = options.mapMessage && guarded(options.mapMessage, onError)
  const places = createPlaces(options.maxPerPerson, options.maxTotal)
  const sessions = new Map<string, Session>()
  const servers = new Set<Hosted>()
  const shared = new Map<string, Hosted>()
  const sweeper = setInterval(sweep, Math.min(idleSeconds * 250, 10_000)).unref()
  let closing: Promise<void> | undefined

  function start(call: Call, key: string | undefined, place: Place | undefined): Hosted {
    const opening: Opening = { person: call.access.token, isShared: key !== undefined, identity: call.identity }
    const server = new SharedServer({
      connect: handlers => options.connect(opening, handlers),
      timeoutSeconds: callTimeoutSeconds,
      maxOpenRequests,
      mapMessage,
      onDeath: () => forget(hosted),
    })
    const hosted: Hosted = { server, key, place, sessions: new Set(), lastUsed: performance.now(), active: 0 }
    servers.add(hosted)
    if (key !== undefined) shared.set(key, hosted)
    void server.gone.then(() => {
      servers.delete(hosted)
      place?.release()
    })
    return hosted
  }

  /** Nobody finds it any more. */
  function forget(hosted: Hosted): void {
    if (hosted.key !== undefined && shared.get(hosted.key) === hosted) shared.delete(hosted.key)
    for (const session of hosted.sessions) {
      sessions.delete(session.id)
      void hosted.server.gone.then(() => session.place.release())
    }
    hosted.sessions.clear()
  }

  async function stop(hosted: Hosted, refusal: Refusal): Promise<void> {
    forget(hosted)
    await hosted.server.close(refusal)
  }

  function end(session: Session): void {
    const { hosted, channel, place } = session
    if (!sessions.delete(session.id)) return
    if (hosted.sessions.size === 1) return void stop(hosted, SESSION_ENDED)
    hosted.sessions.delete(session)
    hosted.server.closeChannel(channel, SESSION_ENDED)
    place.release()
  }

  function sweep(): void {
    const before = performance.now() - idleSeconds * 1000
    for (const session of sessions.values()) {
      if (session.active === 0 && session.channel.open.size === 0 && session.lastUsed <= before) end(session)
    }
    for (const hosted of servers) {
      const isUsed = hosted.active > 0 || hosted.sessions.size > 0 || hosted.lastUsed > before
      if (!isUsed && hosted.place && !hosted.server.ended) void stop(hosted, SESSION_ENDED)
    }
    options.onSweep?.()
  }

  /** A server under `key`, or a new one; otherwise why there is none. */
  function obtain(call: Call, key: string | undefined, place?: Place): Hosted | Refusal {
    const running = key === undefined ? undefined : shared.get(key)
    if (running && !running.server.ended) return running
    const refusal = options.unavailable?.(personKey(call.access.token))
    if (refusal) return refusal
    try {
      return start(call, key, place)
    } catch (error) {
      return died({ reason: (error as NodeJS.ErrnoException).code ?? 'it cannot be started' })
    }
  }

  async function open(call: Call, request: Request): Promise<void> {
    const { access, response } = call
    const person = access.token
    const place = places.take(personKey(person))
    if (typeof place === 'string') return refuse(call, full(place))
    const key = connectionPer === 'person' && person ? shareKey(person, request) : undefined
    const hosted = obtain(call, key)
    if (!('server' in hosted)) {
      place.release()
      return refuse(call, hosted)
    }
    const id = randomUUID()
    const channel = hosted.server.openChannel(true, { 'Mcp-Session-Id': id })
    const owner = person && { issuer: person.issuer, subject: person.subject, clientId: person.clientId }
    const session = { id, owner, hosted, channel, place, version: undefined, lastUsed: performance.now(), active: 1 }
    sessions.set(id, session)
    hosted.sessions.add(session)
    const { message, status } = await hosted.server.initialize(channel, call, request)
    session.active--
    session.lastUsed = performance.now()
    const { protocolVersion } = message.result ?? {}
    if (typeof protocolVersion === 'string') (session as Session).version = protocolVersion
    // Nobody learns the id of a session whose client is gone, or that did not come about.
    if (message.error || response.destroyed) end(session)
    if (response.destroyed) return
    const answer = { ...message, id: idOf(request, call.text) as Message['id'] }
    const text = textFor(answer, { call, mapMessage }) ?? 'null'
    response
      .writeHead(status, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(text),
        ...(!message.error && channel.headers),
      })
      .end(text)
  }

  async function answerSession(call: Call): Promise<void> {
    const { request, access, body } = call
    const id = request.headers['mcp-session-id']
    if (id === undefined) {
      if (request.method === 'POST' && isInitialize(body)) return open(call, body)
      if (request.method !== 'POST' && (text(request.headers['mcp-protocol-version']) ?? '') >= '2026') {
        return refuse(call, { status: 405, message: 'Method not allowed.', headers: { Allow: 'POST' } })
      }
      return refuse(call, { status: 400, message: 'Bad Request: Mcp-Session-Id header is required' })
    }
    const session = sessions.get(String(id))
    if (!session || !isOwner(session, access)) return refuse(call, NOT_FOUND)
    const version = text(request.headers['mcp-protocol-version'])
    if (version !== undefined && version !== session.version && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) {
      return refuse(call, { status: 400, message: 'Bad Request: Unsupported protocol version' })
    }
    const { server } = session.hosted
    session.active++
    session.lastUsed = performance.now()
    try {
      if (request.method === 'DELETE') {
        end(session)
        call.response.writeHead(200).end()
      } else if (request.method === 'GET') {
        if (!request.headers.accept?.includes('text/event-stream')) {
          return refuse(call, { status: 406, message: 'Not Acceptable: Client must accept text/event-stream' })
        }
        await server.get(session.channel, call)
      } else if (messagesIn(body).some(isInitialize)) {
        refuse(call, { status: 400, code: -32600, message: 'Invalid Request: Server already initialized' })
      } else {
        await server.post(session.channel, call)
      }
    } finally {
      session.active--
      session.lastUsed = performance.now()
    }
  }

  async function answerWithoutSession(call: Call): Promise<void> {
    const refusal = headerProblem(call.request, call.body)
    if (refusal) return refuse(call, refusal)
    const person = call.access.token
    const key = shareKey(person)
    let hosted: Hosted | Refusal | undefined = shared.get(key)
    if (!hosted || hosted.server.ended) {
      const place = places.take(personKey(person))
      if (typeof place === 'string') return refuse(call, full(place))
      hosted = obtain(call, key, place)
      if (!('server' in hosted)) {
        place.release()
        return refuse(call, hosted)
      }
    }
    hosted.active++
    try {
      await hosted.server.post(hosted.server.openChannel(false), call)
    } finally {
      hosted.active--
      hosted.lastUsed = performance.now()
    }
  }

  async function close(): Promise<void> {
    clearInterval(sweeper)
    await Promise.all([...servers].map(hosted => stop(hosted, SHUTTING_DOWN)))
    options.onClosed?.()
  }

  return {
    async answer(call) {
      const { request, body } = call
      const { method } = request
      if (closing) return refuse(call, SHUTTING_DOWN)
      if (method !== 'POST' && method !== 'GET' && method !== 'DELETE') {
        return refuse(call, { status: 405, message: 'Method not allowed.', headers: { Allow: 'GET, POST, DELETE' } })
      }
      if (method === 'POST' && body === undefined) {
        return refuse(call, { status: 400, code: -32700, message: 'Parse error: the request has no body' })
      }
      await (isLegacy(request, body) || !options.takesSessionless ? answerSession(call) : answerWithoutSession(call))
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

function guarded(mapMessage: MapMessage, onError: (error: unknown) => void): MapMessage {
  return (message, call) => {
    try {
      return mapMessage(message, call)
    } catch (error) {
      onError(error)
      const { id, method } = message as Message
      return id === undefined || method !== undefined
        ? undefined
        : errorResponse(id, 'Internal error', call.requestId, INTERNAL_ERROR)
    }
  }
}

function full(whose: 'person' | 'total'): Refusal {
  const message =
    whose === 'person'
      ? 'You have too many sessions with this MCP server open. End one of them, or try again later.'
      : 'Too many sessions with this MCP server are open. Try again later.'
  return { status: 503, message, headers: { 'Retry-After': '30' } }
}

function isOwner({ owner }: Session, { token }: Access): boolean {
  if (!owner || !token) return owner === token
  return owner.subject === token.subject && owner.clientId === token.clientId && owner.issuer === token.issuer
}

/** JSON, so that no parts can be put together to read like other parts. */
export function personKey(person: Person | undefined): string {
  return person ? JSON.stringify([person.issuer, person.subject]) : 'anonymous'
}

/** @param initialize - Absent for 2026-07-28, whose requests carry all of this themselves. */
function shareKey(person: Person | undefined, initialize?: Request): string {
  const { protocolVersion, capabilities } = initialize?.params ?? {}
  return JSON.stringify([personKey(person), ...(initialize ? [protocolVersion, capabilities] : [])])
}

function isInitialize(body: unknown): body is Request {
  return isMessage(body) && body.method === 'initialize' && isRequest(body)
}

function messagesIn(body: unknown): unknown[] {
  return Array.isArray(body) ? body : [body]
}

function text(value: string | string[] | undefined): string | undefined {
  return value === undefined ? undefined : String(value)
}
