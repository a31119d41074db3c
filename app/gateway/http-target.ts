import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { ValidatedToken } from 'idplug'
import type { Logger } from 'pino'
import { type Dispatcher, Pool } from 'undici'
import { createSessionStore, type Owner, type SessionStore } from '../serve/mcp/session-store.ts'
import { type Problem, sendProblem } from './answers.ts'
import { createEventIds, type EventIds, watchEventIds } from './event-ids.ts'
import { requestHeaders, responseHeaders } from './headers.ts'
import type { CallerIdentity } from './identity.ts'
import { mayList } from './listing.ts'
import { createMappedAnswer, isEventStream, isMappable, type MappedAnswer } from './mapped-answer.ts'
import { opensStream } from './message.ts'
import { INTERNAL_ERROR, NOT_FOUND_ERROR } from './rpc-error.ts'
import { unaskedInterim, unreadableAnswer } from './socket-failure.ts'
import type { Call, Target } from './target.ts'

export interface HttpTargetOptions {
  /** The MCP endpoint of the target. */
  readonly url: URL
  /** For the log. */
  readonly name: string
  readonly logger: Logger
  readonly owns: CallerIdentity['owns']
  /** Name of the header in which a gateway before this one puts the token, in lower case. Default: `Authorization` only. */
  readonly tokenHeader?: string
  /**
   * Hides from a caller what a listing has and they cannot use. Default: listings go on as they are.
   */
  readonly mapMessage?: (message: object, call: Call) => object | undefined
  /** How long the target may take until its answer begins. Default 300. */
  readonly timeoutSeconds?: number
  /** Seconds without a request after which a session is forgotten. Default 1,800. */
  readonly sessionIdleSeconds?: number
  /** Most sessions of all people together; the least recently used one makes room. Default 10,000. */
  readonly maxSessions?: number
  /** Most sessions of one person. Default 100. */
  readonly maxSessionsPerPerson?: number
}

const DEFAULT_TIMEOUT_SECONDS = 300

/** In characters: a session id of 128 bits has 22 at least, in Base64. */
const LEAST_ANONYMOUS_ID = 22

/** Sessions that began before anybody signed in. Their id is a secret: it is all that tells one anonymous caller from another. */
const ANYBODY = { issuer: '', subject: '', clientId: '' }

/** A session of the target, which is not ours to end. */
interface Session {
  readonly events: EventIds
  close(): Promise<void>
}

const createSession = (): Session => ({ events: createEventIds(), close: async () => {} })

/**
 * An MCP server that is reached by HTTP.
 *
 * A session of the target belongs to whom it was given: it does not exist for anybody else. Calls and streams have connections of
 * their own, as many as they need: open streams do not keep a call waiting.
 */
export function createHttpTarget(options: HttpTargetOptions): Target {
  const { url, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = options
  const pools = [0, 1].map(
    () =>
      new Pool(url.origin, {
        connections: null,
        pipelining: 1,
        headersTimeout: timeoutSeconds * 1000,
        // A stream may be silent for as long as it likes; what else is slow is watched here.
        bodyTimeout: 0,
        allowH2: false,
      }),
  ) as [Pool, Pool]
  const [calls, streams] = pools
  const sessions = createSessionStore<Session>({
    now: Date.now,
    idleSeconds: options.sessionIdleSeconds ?? 1_800,
    maxSessions: options.maxSessions ?? 10_000,
    maxSessionsPerUser: options.maxSessionsPerPerson ?? 100,
  })
  const isOwned = (name: string) => name === options.tokenHeader || options.owns(name)
  const path = url.pathname + url.search

  function exchange(call: Call, session?: Session): Promise<void> {
    const { request, text, identity } = call
    const { method = 'GET', headers } = request
    const pool = opensStream(method, call.body) ? streams : calls
    const isMapped = options.mapMessage !== undefined && mayList(method, call.body)
    // Nobody can look into what is compressed: for what to hide, or for the ids of events.
    const isTaken = isMapped || session ? (name: string) => name === 'accept-encoding' || isOwned(name) : isOwned
    const added = {
      ...identity,
      ...(text !== undefined && method === 'POST' && { 'content-type': 'application/json' }),
    }
    return new Promise(resolve => {
      const dispatch = {
        path,
        method,
        headers: requestHeaders(headers, isTaken, added),
        body: method === 'POST' ? text : undefined,
      } as Dispatcher.DispatchOptions
      // Then nobody reads the answer, and nothing says so any more.
      if (call.response.destroyed) return resolve()
      new Exchange(call, options, sessions, pool, dispatch, isMapped, session, resolve).begin()
    })
  }

  return {
    async answer(call) {
      const { request, response, access, body, requestId, text } = call
      const { 'mcp-session-id': id, 'last-event-id': lastEventId } = request.headers
      // A header without a value names none: servers without sessions write one, and clients send it back.
      if (!id) {
        // Nobody could say whose events would be sent again.
        if (lastEventId !== undefined) return sendProblem(response, NO_SESSION, body, requestId, text)
        return exchange(call)
      }
      const owner = ownerOf(access.token)
      const begin = async (session: Session) => {
        // Of another session, perhaps: the target may keep the events of all in one place.
        const isKnown = lastEventId === undefined || session.events.has(String(lastEventId))
        if (isKnown) await exchange(call, session)
        else sendProblem(response, UNKNOWN_EVENT, body, requestId, text)
      }
      if (await sessions.use(String(id), owner, begin)) return
      if (access.token && (await sessions.use(String(id), ANYBODY, async () => {}))) {
        // Whoever began without a token and then signed in goes on, and from now on nobody else does.
        sessions.delete(String(id))
        sessions.add(String(id), owner, createSession())
        if (await sessions.use(String(id), owner, begin)) return
      }
      sendProblem(response, UNKNOWN_SESSION, body, requestId, text)
    },
    async close() {
      await sessions.close()
      await Promise.all(pools.map(pool => pool.destroy()))
    },
  }
}

const ownerOf = (token: ValidatedToken | undefined): Owner => token ?? ANYBODY

/** One request to the target, and its way back. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #call: Call
  readonly #options: HttpTargetOptions
  readonly #sessions: SessionStore<Session>
  readonly #pool: Pool
  readonly #dispatch: Dispatcher.DispatchOptions
  #controller: Dispatcher.DispatchController | undefined
  #isOver = false
  #isRepeated = false
  readonly #isMapped: boolean
  #session: Session | undefined
  #watch: ((chunk: Buffer) => void) | undefined
  #mapped: MappedAnswer | undefined
  /** Not sent yet, because the answer is looked into as a whole and may turn out to be wrong. */
  #head: { readonly status: number; readonly headers: ReturnType<typeof responseHeaders> } | undefined
  /** Bytes that are still to come, where the target says how many. */
  #left = -1
  #deadline: ReturnType<typeof setTimeout> | undefined

  constructor(
    call: Call,
    options: HttpTargetOptions,
    sessions: SessionStore<Session>,
    pool: Pool,
    dispatch: Dispatcher.DispatchOptions,
    isMapped: boolean,
    session: Session | undefined,
    done: () => void,
  ) {
    this.#call = call
    this.#options = options
    this.#sessions = sessions
    this.#pool = pool
    this.#dispatch = dispatch
    this.#isMapped = isMapped
    this.#session = session
    call.response.once('close', () => {
      // The answer is complete, the client is gone, or its token has ended.
      if (!this.#isOver) this.#end()
      done()
    })
  }

  begin(): void {
    this.#pool.dispatch(this.#dispatch, this)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#response.destroyed || this.#isOver) controller.abort(GONE)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return
    const unfit = this.#unfit(status, headers)
    const response = this.#response
    if (unfit) this.#fail(...unfit)
    else if (response.destroyed || response.writableEnded) controller.abort(GONE)
    else this.#pass(status, headers)
  }

  /** What must not reach the client. */
  #unfit(status: number, headers: IncomingHttpHeaders): [problem: Problem, reason: string] | undefined {
    if (status === 401 || status === 407) return [WANTS_CREDENTIALS, `the target answered ${status}`]
    if (status >= 300 && status < 400) return [REDIRECTS, `the target answered ${status}, a redirect`]
    const { 'content-type': type, 'content-encoding': encoding } = headers
    if (Array.isArray(type)) return [NOT_RIGHT, 'the target gave an answer two content types']
    if (this.#isMapped && encoding !== undefined && encoding !== 'identity') {
      return [NOT_RIGHT, 'the target compressed an answer although nobody asked for it']
    }
    // Nobody could hide anything in it.
    if (this.#isMapped && mayHoldListing(status, headers) && !isMappable(type)) {
      return [NOT_RIGHT, 'the target answered a listing with neither JSON nor an event stream']
    }
    if (this.#keepSession(status, headers['mcp-session-id'])) return undefined
    return [
      NOT_RIGHT,
      'the target gave out a session that is another person’s, or an anonymous one that can be guessed',
    ]
  }

  #pass(status: number, headers: IncomingHttpHeaders): void {
    const response = this.#response
    const { mapMessage } = this.#options
    const { 'content-length': length, 'content-type': type } = headers
    if (this.#isMapped && mapMessage) {
      this.#mapped = createMappedAnswer(type, message => mapMessage(message, this.#call))
    }
    const returned = responseHeaders(headers)
    if (this.#mapped) delete returned['content-length']
    else if (length !== undefined) this.#left = Number(length)
    if (this.#mapped?.isWhole) this.#head = { status, headers: returned }
    else response.writeHead(status, returned)
    if (isEventStream(type)) {
      // Clients wait for the headers before they go on. If events follow at once, all leave together.
      const events = this.#session?.events
      if (events) this.#watch = watchEventIds(events.add)
      setImmediate(() => !response.writableEnded && response.flushHeaders())
    } else {
      const { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = this.#options
      this.#deadline = setTimeout(() => this.#fail(TOO_SLOW, 'the answer did not end in time'), timeoutSeconds * 1000)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const response = this.#response
    if (this.#isOver || response.writableEnded) return
    this.#watch?.(chunk)
    if (this.#mapped) {
      this.#sendMapped(this.#mapped, controller, chunk)
    } else if (this.#left === chunk.length) {
      // All at once: a short one leaves in the same write as the headers, which Node does for text only. Latin-1 keeps every byte.
      if (chunk.length < SHORT) response.end(chunk.toString('latin1'), 'latin1')
      else response.end(chunk)
    } else {
      this.#left -= chunk.length
      if (!response.write(chunk)) this.#hold(controller)
    }
  }

  onResponseEnd(): void {
    try {
      const rest = this.#mapped?.end()
      this.#isOver = true
      clearTimeout(this.#deadline)
      const response = this.#response
      if (response.writableEnded) return
      if (this.#head) {
        const { status, headers } = this.#head
        response.writeHead(status, { ...headers, ...(rest && { 'content-length': String(Buffer.byteLength(rest)) }) })
      }
      response.end(rest)
    } catch (error) {
      this.#fail(NOT_RIGHT, (error as Error).message)
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return
    const { code = error.name } = error as NodeJS.ErrnoException
    const { method } = this.#dispatch
    const wrong = unaskedInterim(error) ?? unreadableAnswer(error)
    if (wrong) {
      this.#fail(NOT_RIGHT, wrong)
      return
    }
    // What only reads may be asked for twice. The target has closed a connection that it kept, most likely.
    if (CUT.has(code) && (method === 'GET' || method === 'HEAD') && !this.#isRepeated && !this.#response.headersSent) {
      this.#isRepeated = true
      this.begin()
    } else {
      this.#fail(LATE.has(code) ? TOO_SLOW : AWAY, code)
    }
  }

  #sendMapped(mapped: MappedAnswer, controller: Dispatcher.DispatchController, chunk: Buffer): void {
    try {
      const text = mapped.take(chunk)
      if (text !== '' && !this.#response.write(text)) this.#hold(controller)
    } catch (error) {
      this.#fail(NOT_RIGHT, (error as Error).message)
    }
  }

  #hold(controller: Dispatcher.DispatchController): void {
    controller.pause()
    this.#response.once('drain', () => controller.resume())
  }

  get #response(): ServerResponse {
    return this.#call.response
  }

  #end(): void {
    this.#isOver = true
    clearTimeout(this.#deadline)
    this.#controller?.abort(GONE)
  }

  #fail(problem: Problem, reason: string): void {
    const { response, body, requestId, text } = this.#call
    const { name, logger } = this.#options
    const { headersSent } = response
    this.#end()
    if (response.destroyed) return
    logger.warn({
      event: 'target_failed',
      request_id: requestId,
      target: name,
      reason,
      status: headersSent ? undefined : problem.status,
    })
    sendProblem(response, problem, body, requestId, text)
  }

  /** @returns False for a session that is another person's, or that others could find. */
  #keepSession(status: number, given: string | string[] | undefined): boolean {
    const { request, access } = this.#call
    const known = request.headers['mcp-session-id']
    if (known && (status === 404 || (request.method === 'DELETE' && status < 300))) {
      this.#sessions.delete(String(known))
    }
    if (!given || given === known || status >= 400) return true
    if (typeof given !== 'string') return false
    // Whoever knows the id of such a session has it.
    if (!access.token && given.length < LEAST_ANONYMOUS_ID) return false
    this.#session = createSession()
    return this.#sessions.add(given, ownerOf(access.token), this.#session)
  }
}

/** In bytes. */
const SHORT = 16_384

/** Accepted notifications have no body, and failures no listing. */
function mayHoldListing(status: number, headers: IncomingHttpHeaders): boolean {
  return status < 300 && status !== 202 && status !== 204 && headers['content-length'] !== '0'
}

/** Nobody reads it. */
const GONE = new Error('the client is gone')

/** Codes of connections that ended before an answer. */
const CUT = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])
const LATE = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])

const UNKNOWN_SESSION: Problem = { status: 404, code: NOT_FOUND_ERROR, message: 'Session not found.' }
const UNKNOWN_EVENT: Problem = {
  status: 404,
  code: NOT_FOUND_ERROR,
  message: 'Event not found. Open a new stream, without Last-Event-ID.',
}
const NO_SESSION: Problem = {
  status: 400,
  code: -32600,
  message: 'Last-Event-ID needs the Mcp-Session-Id of the session that the events belong to.',
}
const AWAY: Problem = {
  status: 502,
  code: INTERNAL_ERROR,
  message: 'The MCP server behind this gateway does not answer.',
}
const TOO_SLOW: Problem = {
  status: 504,
  code: INTERNAL_ERROR,
  message: 'The MCP server behind this gateway took too long to answer.',
}
const REDIRECTS: Problem = {
  status: 502,
  code: INTERNAL_ERROR,
  message: 'The MCP server behind this gateway answered with a redirect, which is not followed.',
}
const WANTS_CREDENTIALS: Problem = {
  status: 502,
  code: INTERNAL_ERROR,
  message:
    'The MCP server behind this gateway does not accept the gateway. Signing in again does not help; its operator has to act.',
}
const NOT_RIGHT: Problem = {
  status: 502,
  code: INTERNAL_ERROR,
  message: 'The MCP server behind this gateway gave an answer that cannot be right.',
}
