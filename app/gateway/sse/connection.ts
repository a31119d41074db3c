import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Dispatcher, Pool } from 'undici'
import { createLineEnds } from '../line-ends.ts'
import { INTERNAL_ERROR } from '../rpc-error.ts'
import type { Refusal } from '../sessions/answers.ts'
import type { Connection, ConnectionEnd, ConnectionHandlers, Opening } from '../sessions/connection.ts'
import { receive } from '../sessions/receive.ts'
import { unaskedInterim, unreadableAnswer } from '../socket-failure.ts'

export interface SseConnectionOptions extends ConnectionHandlers {
  /** Where the event stream is. */
  readonly url: URL
  /** Of the origin of `url`. */
  readonly pool: Pool
  readonly identity: Opening['identity']
  /** How long the server may take to answer a request of HTTP. */
  readonly timeoutSeconds: number
  /** What the server did wrong, for the log. */
  readonly onFailure: (reason: string, status?: number) => void
}

type Headers = Dispatcher.ResponseData['headers']

/** Characters of one event; a longer one ends the connection. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024
/** Bytes that are read of an answer to a POST, which says nothing. */
const MAX_ACCEPTED_BYTES = 65_536

/**
 * A connection to a server of the HTTP+SSE transport of 2024-11-05: its messages are events of one stream, which first names the
 * address that ours are posted to. That must be of the same origin: what is posted has the credentials of this server.
 */
export function openSseConnection(options: SseConnectionOptions): Connection {
  const { url, pool, timeoutSeconds, onEnd, onRefused, onFailure } = options
  const gone = Promise.withResolvers<void>()
  const aborter = new AbortController()
  const posts = new Set<Promise<void>>()
  /** Those of requests that the server has not accepted yet, by id: a cancellation must not overtake its request. */
  const requests = new Map<unknown, Promise<void>>()
  const endpoint = Promise.withResolvers<string>()
  let identity = options.identity
  let ended: ConnectionEnd | undefined
  let body: Dispatcher.ResponseData['body'] | undefined
  let isPaused = false
  let hasEndpoint = false
  // Nothing waits for it when the connection ends before anything is sent.
  endpoint.promise.catch(() => {})

  function end(reason: string, refusal?: Refusal): void {
    if (ended) return
    ended = { reason, ...(refusal && { refusal }) }
    aborter.abort()
    endpoint.reject(new Error(reason))
    onEnd(ended)
    gone.resolve()
  }

  function failed(reason: string, refusal: Refusal = AWAY): void {
    if (ended) return
    onFailure(reason, refusal.status)
    end(reason, refusal)
  }

  function request(options: Pick<Dispatcher.RequestOptions, 'method' | 'path' | 'headers' | 'body'>) {
    const limits = { headersTimeout: timeoutSeconds * 1000, bodyTimeout: 0 }
    return pool.request({ ...options, ...limits, signal: aborter.signal })
  }

  async function listen(): Promise<void> {
    const response = await request({
      method: 'GET',
      path: url.pathname + url.search,
      headers: { ...identity, accept: 'text/event-stream', 'cache-control': 'no-cache' },
    })
    body = response.body
    // Ending while it is read is told once, by `end`.
    body.on('error', () => {})
    const wrong = problemOf(response.statusCode) ?? problemOfStream(response.statusCode, response.headers)
    if (wrong) return failed(...wrong)
    const parser = createParser({
      onEvent: take,
      onError: ({ type }) => type === 'max-buffer-size-exceeded' && failed('an event is too long', NOT_RIGHT),
      maxBufferSize: MAX_EVENT_LENGTH,
    })
    body.setEncoding('utf8')
    const lineEnds = createLineEnds()
    body.on('data', (text: string) => void (ended || parser.feed(lineEnds(text))))
    body.once('close', () => failed('its event stream has ended'))
    if (isPaused) body.pause()
  }

  function take({ event, data }: EventSourceMessage): void {
    if (ended) return
    if (event === 'endpoint') takeEndpoint(data)
    else if (event === undefined || event === 'message') {
      const problem = receive(data, options)
      if (problem) onFailure(`an event is ${problem}`)
    }
  }

  function takeEndpoint(data: string): void {
    const target = URL.canParse(data, url.href) ? new URL(data, url) : undefined
    if (hasEndpoint) {
      failed('it named an endpoint twice', NOT_RIGHT)
    } else if (target?.origin !== url.origin || target.username || target.password) {
      failed('its endpoint is of another origin', NOT_RIGHT)
    } else {
      hasEndpoint = true
      endpoint.resolve(target.pathname + target.search)
    }
  }

  async function post(message: object, headers: Opening['identity'], before?: Promise<void>): Promise<void> {
    const { id, method } = message as { id?: unknown; method?: unknown }
    // An answer has the id of a question of the server, not of a request.
    const refuse = (reason: string, refusal: Refusal) => {
      if (ended) return
      onFailure(reason, refusal.status)
      if (method !== undefined) onRefused(id, refusal)
    }
    try {
      const path = await endpoint.promise
      await before
      const response = await request({
        method: 'POST',
        path,
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(message),
      })
      const { statusCode } = response
      response.body.on('error', () => {})
      void response.body.dump({ limit: MAX_ACCEPTED_BYTES, signal: aborter.signal }).catch(() => {})
      // It has forgotten the session; a new one is needed, on a new connection.
      if (statusCode === 404) return failed('the target answered 404 to a message')
      const wrong = problemOf(statusCode)
      if (wrong) refuse(...wrong)
    } catch (error) {
      const [reason, refusal] = problemOfError(error)
      refuse(`a message could not be sent: ${reason}`, refusal)
    }
  }

  listen().catch(error => failed(...problemOfError(error)))

  return {
    get ended() {
      return ended
    },
    gone: gone.promise,
    send(message, headers = identity) {
      if (ended) return
      identity = headers
      const { id, method, params } = message as { id?: unknown; method?: string; params?: { requestId?: unknown } }
      const isRequest = id !== undefined && method !== undefined
      const before = method === 'notifications/cancelled' ? requests.get(params?.requestId) : undefined
      const sent = post(message, headers, before)
      if (isRequest) {
        requests.set(id, sent)
        void sent.then(() => requests.delete(id))
      } else {
        posts.add(sent)
        void sent.then(() => posts.delete(sent))
      }
    },
    // Requests are waited for by their answers.
    drained: () => Promise.all(posts).then(() => {}),
    pause() {
      isPaused = true
      body?.pause()
    },
    resume() {
      isPaused = false
      body?.resume()
    },
    async stop() {
      end('stopped')
    },
  }
}

type Problem = [reason: string, refusal: Refusal]

function problemOfError(error: unknown): Problem {
  const wrong = unaskedInterim(error) ?? unreadableAnswer(error)
  if (wrong) return [wrong, NOT_RIGHT]
  const { code = 'failed' } = error as NodeJS.ErrnoException
  return [code, LATE.has(code) ? TOO_SLOW : AWAY]
}

function problemOf(status: number): Problem | undefined {
  if (status < 300) return undefined
  const reason = `the target answered ${status}`
  if (status === 401 || status === 407) return [reason, WANTS_CREDENTIALS]
  return status < 400 ? [`${reason}, a redirect`, REDIRECTS] : [reason, REFUSES]
}

function problemOfStream(status: number, headers: Headers): Problem | undefined {
  const type = String(headers['content-type'])
  if (status !== 200 || !/^text\/event-stream\s*(;|$)/i.test(type)) {
    return ['the target answered with something else than an event stream', NOT_RIGHT]
  }
  if (headers['content-encoding'] === undefined) return undefined
  return ['the target compressed its event stream although nobody asked for it', NOT_RIGHT]
}

const LATE = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])

const failure = (status: number, message: string): Refusal => ({
  status,
  code: INTERNAL_ERROR,
  message: `The MCP server behind this gateway ${message}`,
})
const AWAY = failure(502, 'does not answer.')
const TOO_SLOW = failure(504, 'took too long to answer.')
const REDIRECTS = failure(502, 'answered with a redirect, which is not followed.')
const REFUSES = failure(502, 'refused the message.')
const NOT_RIGHT = failure(502, 'gave an answer that cannot be right.')
const WANTS_CREDENTIALS = failure(
  502,
  'does not accept the gateway. Signing in again does not help; its operator has to act.',
)
