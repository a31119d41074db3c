import type { ServerResponse } from 'node:http'
import { idOf } from '../message.ts'
import { errorResponse, INTERNAL_ERROR } from '../rpc-error.ts'
import type { Call } from '../target.ts'
import { isMessage, isRequest, type Message, type RequestId } from './messages.ts'

/** A message as it goes to a client: changed, or `undefined` for one that the client does not get. */
export type MapMessage = (message: object, call: Call) => object | undefined

/** Told by an answer whose client reads more slowly than the server writes. */
export interface Flow {
  pause(): void
  resume(): void
}

const KEEP_ALIVE_MILLISECONDS = 15_000
/** A client that takes nothing for as long is given up: others may wait behind it. */
const STALLED_MILLISECONDS = 30_000

/** A `text/event-stream` answer. It ends with its token. */
class EventStream {
  readonly #response: ServerResponse
  readonly #flow: Flow
  readonly #keepAlive: NodeJS.Timeout
  #stalled: NodeJS.Timeout | undefined

  constructor({ response, access }: Call, flow: Flow, headers: Readonly<Record<string, string>>) {
    this.#response = response
    this.#flow = flow
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache, no-transform',
      // nginx would collect messages before it sends them.
      'X-Accel-Buffering': 'no',
      ...headers,
    })
    response.flushHeaders()
    this.#keepAlive = setInterval(() => this.#write(': keep-alive\n\n'), KEEP_ALIVE_MILLISECONDS).unref()
    const end = () => void response.end()
    if (access.signal.aborted) end()
    else access.signal.addEventListener('abort', end, { once: true })
    response.once('close', () => {
      clearInterval(this.#keepAlive)
      this.#flowOn()
      access.signal.removeEventListener('abort', end)
      access.done()
    })
  }

  /** @param text - Of the message; JSON. */
  send(text: string): void {
    this.#write(`event: message\ndata: ${text}\n\n`)
  }

  end(): void {
    clearInterval(this.#keepAlive)
    this.#response.end()
  }

  #write(text: string): void {
    const response = this.#response
    if (response.writableEnded || response.destroyed) return
    if (response.write(text) || this.#stalled) return
    this.#flow.pause()
    this.#stalled = setTimeout(() => response.destroy(), STALLED_MILLISECONDS).unref()
    response.once('drain', () => this.#flowOn())
  }

  #flowOn(): void {
    if (!this.#stalled) return
    clearTimeout(this.#stalled)
    this.#stalled = undefined
    this.#flow.resume()
  }
}

export interface AnswerOptions {
  readonly call: Call
  readonly flow: Flow
  readonly mapMessage: MapMessage | undefined
  readonly headers: Readonly<Record<string, string>>
}

/**
 * A message as the client gets it. What is nested too deeply to be written again is read without complaint (`JSON.parse` has no such
 * limit), and must not take down the sessions of others: of a response remains that it failed, of anything else nothing.
 *
 * @returns JSON; `undefined` for a message that the client does not get.
 */
export function textFor(
  message: Message,
  { call, mapMessage }: Pick<AnswerOptions, 'call' | 'mapMessage'>,
): string | undefined {
  try {
    return JSON.stringify(mapMessage ? mapMessage(message, call) : message)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const { id, method } = message
    if (method !== undefined || id === undefined || id === null) return undefined
    return JSON.stringify(errorResponse(id, TOO_DEEP, call.requestId, INTERNAL_ERROR))
  }
}

const TOO_DEEP = 'The answer of the MCP server is nested too deeply.'

/**
 * The answer to the requests of one POST: JSON when nothing but responses comes, else an event stream. What takes long becomes a
 * stream as well, where the client reads one, so that nothing in between gives it up.
 */
export class PostAnswer {
  /** Whether messages can precede the response. */
  readonly takesStream: boolean
  readonly call: Call
  readonly #options: AnswerOptions
  readonly #isBatch: boolean
  readonly #waiting: Set<RequestId>
  readonly #responses: string[] = []
  readonly #patience: NodeJS.Timeout
  #status: number | undefined
  #stream: EventStream | undefined

  /** @param ids - Of the requests that are to be answered. */
  constructor(options: AnswerOptions, ids: readonly RequestId[], isBatch: boolean) {
    const { call } = options
    this.call = call
    this.takesStream = call.request.headers.accept?.includes('text/event-stream') ?? false
    this.#options = options
    this.#isBatch = isBatch
    this.#waiting = new Set(ids)
    this.#patience = setTimeout(() => {
      if (this.takesStream) this.#open()
      else endWithToken(call)
    }, KEEP_ALIVE_MILLISECONDS).unref()
    call.response.once('close', () => clearTimeout(this.#patience))
  }

  get isOver(): boolean {
    const { response } = this.call
    return response.writableEnded || response.destroyed
  }

  /** A notification, or a request of the server. */
  send(message: Message): void {
    const text = textFor(message, this.#options)
    if (text !== undefined && !this.isOver) this.#open().send(text)
  }

  /**
   * @param id - Of the request.
   * @param status - Of HTTP, where no stream has begun and no other response is to follow.
   */
  respond(id: RequestId, message: Message, status: number): void {
    if (this.isOver || !this.#waiting.delete(id)) return
    const written = textFor(message, this.#options)
    if (this.#stream) {
      if (written !== undefined) this.#stream.send(written)
      if (this.#waiting.size === 0) this.#stream.end()
      return
    }
    if (written !== undefined) this.#responses.push(written)
    this.#status = this.#status === undefined || this.#status === status ? status : 200
    if (this.#waiting.size > 0) return
    clearTimeout(this.#patience)
    const { response } = this.call
    const text = this.#isBatch ? `[${this.#responses}]` : this.#responses[0]
    if (text === undefined) return void response.writeHead(202, this.#options.headers).end()
    response
      .writeHead(this.#status, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(text),
        ...this.#options.headers,
        ...(this.#status >= 500 && ofFailure(this.call)),
      })
      .end(text)
  }

  #open(): EventStream {
    if (this.#stream) return this.#stream
    clearTimeout(this.#patience)
    const { call, flow, headers } = this.#options
    this.#stream = new EventStream(call, flow, headers)
    for (const response of this.#responses.splice(0)) this.#stream.send(response)
    return this.#stream
  }
}

/** The stream that a client opens with GET, for what belongs to none of its requests. */
export class GetAnswer {
  readonly #options: AnswerOptions
  readonly #stream: EventStream

  constructor(options: AnswerOptions) {
    this.#options = options
    this.#stream = new EventStream(options.call, options.flow, options.headers)
  }

  send(message: Message): void {
    const text = textFor(message, this.#options)
    if (text !== undefined) this.#stream.send(text)
  }

  end(): void {
    this.#stream.end()
  }
}

/** A response that has not begun cannot say that the token has ended; the next request will be told. */
function endWithToken({ access, response }: Call): void {
  const end = () => void response.destroy()
  if (access.signal.aborted) end()
  else access.signal.addEventListener('abort', end, { once: true })
  response.once('close', () => {
    access.signal.removeEventListener('abort', end)
    access.done()
  })
}

export interface Refusal {
  readonly status: number
  readonly message: string
  readonly code?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Refuses a request before the server sees any of it. */
export function refuse(call: Call, { status, message, code, headers }: Refusal): void {
  const { response, body, requestId, text } = call
  if (response.destroyed || response.writableEnded) return
  if (response.headersSent) return void response.end()
  const id = isMessage(body) && isRequest(body) ? idOf(body, text) : null
  response
    .writeHead(status, { 'Content-Type': 'application/json', ...ofFailure(call), ...headers })
    .end(JSON.stringify(errorResponse(id, message, requestId, code)))
}

/** Headers of an answer that is ours, not the server's. */
function ofFailure({ requestId }: Call): Readonly<Record<string, string>> {
  return { 'Cache-Control': 'no-store', 'X-Request-Id': requestId }
}

/** Resolves when the answer has ended, or the client is gone. */
export function over({ response }: Call): Promise<void> {
  return new Promise(resolve => {
    if (response.closed || response.destroyed) resolve()
    else response.once('close', () => resolve())
  })
}
