import { withExactNumbers } from '../message.ts'
import { errorResponse, HEADER_MISMATCH, INTERNAL_ERROR, TRANSPORT_ERROR } from '../rpc-error.ts'
import type { Call } from '../target.ts'
import { type Flow, GetAnswer, type MapMessage, over, PostAnswer, type Refusal, refuse } from './answers.ts'
import type { Connection, ConnectionEnd, ConnectionHandlers } from './connection.ts'
import {
  isId,
  isMessage,
  isNotification,
  isRequest,
  isResponse,
  type Message,
  type Params,
  type Request,
  type RequestId,
} from './messages.ts'

export interface ServerOptions {
  /** @throws {Error} There cannot be one, for example because of a value that no environment can hold. */
  readonly connect: (handlers: ConnectionHandlers) => Connection
  readonly timeoutSeconds: number
  /** Of all channels together. */
  readonly maxOpenRequests: number
  readonly mapMessage: MapMessage | undefined
  /** The connection has ended without having been told to. */
  readonly onDeath: () => void
}

/** How a server answered `initialize`, or why it did not. */
export interface Introduction {
  readonly message: Message
  /** Of HTTP. */
  readonly status: number
}

/** One client's conversation with a server that may have several. */
export interface Channel {
  readonly number: number
  /** Whether it outlives a request. 2026-07-28 has no sessions, and its servers ask no questions. */
  readonly isSession: boolean
  readonly headers: Readonly<Record<string, string>>
  /** By the client's ids. */
  readonly open: Map<RequestId, OpenRequest>
  /** Messages for a stream that is not there yet. */
  readonly queue: Message[]
  stream: GetAnswer | undefined
}

interface OpenRequest {
  /** On the connection. */
  readonly id: number
  /** As it was parsed; what requests are found by. */
  readonly clientId: RequestId
  /** The same as the client wrote it, for `JSON.stringify`: not all numbers fit into those of JavaScript. */
  readonly writtenId: RequestId
  readonly channel: Channel
  readonly method: string
  readonly answer: PostAnswer | undefined
  /** As it stands on the connection. */
  readonly progressToken: string | undefined
  readonly timer: NodeJS.Timeout | undefined
  readonly correlationId: string
  respond(message: Message, status: number): void
}

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId'
const MAX_QUEUED = 100
/** Errors of a server of 2026-07-28 that have an HTTP status of their own. */
const MODERN_STATUS = new Map([
  [-32601, 404],
  [HEADER_MISMATCH, 400],
  [-32021, 400],
  [-32022, 400],
])

/**
 * A server, and the clients that talk to it. Each client uses ids and progress tokens as it likes, so they are others on the
 * connection; what comes back goes to the client and to the stream that it belongs to.
 */
export class SharedServer {
  readonly #options: ServerOptions
  readonly #connection: Connection
  readonly #channels = new Set<Channel>()
  readonly #open = new Map<number, OpenRequest>()
  readonly #byToken = new Map<string, OpenRequest>()
  /** Answers to these may still come, and are then nobody's. */
  readonly #cancelled = new Set<number>()
  /** Requests of the server, and who answers them. */
  readonly #asked = new Map<RequestId, Channel>()
  readonly #flow: Flow
  #lastId = 0
  #lastChannel = 0
  #draining = 0
  #isClosed = false
  #initialize: Promise<Introduction> | undefined
  #isInitialized = false

  constructor(options: ServerOptions) {
    this.#options = options
    this.#connection = options.connect({
      onMessage: message => this.#receive(message as Message),
      onMalformed: value => this.#receiveMalformed(value),
      onEnd: end => this.#end(end),
      onRefused: (id, refusal) => this.#refused(id, refusal),
    })
    let paused = 0
    this.#flow = {
      pause: () => {
        if (paused++ === 0) this.#connection.pause()
      },
      resume: () => {
        if (--paused === 0) this.#connection.resume()
      },
    }
  }

  get ended(): ConnectionEnd | undefined {
    return this.#connection.ended
  }

  get gone(): Promise<void> {
    return this.#connection.gone
  }

  /** @param headers - For every answer. */
  openChannel(isSession: boolean, headers: Readonly<Record<string, string>> = {}): Channel {
    const channel: Channel = {
      number: ++this.#lastChannel,
      isSession,
      headers,
      open: new Map(),
      queue: [],
      stream: undefined,
    }
    this.#channels.add(channel)
    return channel
  }

  /** Ends the requests and the stream of a channel. */
  closeChannel(channel: Channel, refusal: Refusal): void {
    for (const request of channel.open.values()) this.#cancel(request, refusal)
    for (const [id, asked] of this.#asked) {
      if (asked === channel) this.#answerServer(id, 'The client has gone.')
    }
    channel.stream?.end()
    this.#channels.delete(channel)
  }

  /**
   * Introduces the client to the server. A server that is shared is asked once: those who share it say the same.
   *
   * @returns The response, which has the id of the client that was first.
   */
  initialize(channel: Channel, call: Call, request: Request): Promise<Introduction> {
    this.#initialize ??= new Promise(resolve => {
      this.#ask(channel, call, request, request, undefined, (message, status) => resolve({ message, status }))
    })
    return this.#initialize
  }

  /** Answers a POST. Resolves when its answer has ended, or the client is gone. */
  async post(channel: Channel, call: Call): Promise<void> {
    const { body } = call
    const isBatch = Array.isArray(body)
    const messages: unknown[] = isBatch ? body : [body]
    if (messages.length === 0 || !messages.every(isKnown)) {
      return refuse(call, { status: 400, code: -32600, message: 'Invalid Request: not a JSON-RPC 2.0 message.' })
    }
    if (this.ended) return refuse(call, died(this.ended))
    const requests = messages.filter(isRequest)
    const ids = requests.map(({ id }) => id)
    if (new Set(ids).size < ids.length || ids.some(id => channel.open.has(id))) {
      return refuse(call, { status: 400, code: -32600, message: 'Invalid Request: the id of a request in flight.' })
    }
    // Answers to the server and cancellations are let through: they make room.
    const { maxOpenRequests } = this.#options
    if ((ids.length && this.#open.size + ids.length > maxOpenRequests) || this.#draining >= maxOpenRequests) {
      const message = 'Too many requests wait for this MCP server. Try again when some of them have been answered.'
      return refuse(call, { status: 503, message, headers: { 'Retry-After': '1' } })
    }
    const ended = over(call)
    const { mapMessage } = this.#options
    const answer = ids.length
      ? new PostAnswer({ call, mapMessage, flow: this.#flow, headers: channel.headers }, ids, isBatch)
      : undefined
    // Decided by what was parsed, sent with numbers as the client wrote them: not all of them fit into those of JavaScript.
    const exact = call.text === undefined ? body : withExactNumbers(call.text, body)
    const written = (isBatch ? exact : [exact]) as Message[]
    for (const [index, message] of messages.entries()) {
      const sent = written[index] as Message
      if (isRequest(message)) this.#ask(channel, call, message, sent, answer)
      else if (isNotification(message)) this.#notify(channel, call, message, sent)
      else this.#reply(channel, call, message.id as RequestId, sent)
    }
    if (!answer) await this.#accept(channel, call)
    await ended
    if (channel.isSession) return
    // Closing the stream is how clients of 2026-07-28 cancel.
    for (const request of channel.open.values()) this.#cancel(request, { status: 200, message: 'Cancelled.' })
    this.#channels.delete(channel)
  }

  /** Answers a GET. Resolves when the stream has ended. */
  async get(channel: Channel, call: Call): Promise<void> {
    if (channel.stream) {
      return refuse(call, { status: 409, message: 'Conflict: the session has a stream open already. Close it first.' })
    }
    const ended = over(call)
    const { mapMessage } = this.#options
    const stream = new GetAnswer({ call, mapMessage, flow: this.#flow, headers: channel.headers })
    channel.stream = stream
    for (const message of channel.queue.splice(0)) stream.send(message)
    await ended
    if (channel.stream === stream) channel.stream = undefined
  }

  /** Ends everything, and resolves when the connection is gone. Idempotent. */
  close(refusal: Refusal): Promise<void> {
    this.#isClosed = true
    this.#abandon(refusal)
    return this.#connection.stop()
  }

  async #accept(channel: Channel, call: Call): Promise<void> {
    const { timeoutSeconds } = this.#options
    this.#draining++
    const timer = Promise.withResolvers<void>()
    const timeout = setTimeout(timer.resolve, timeoutSeconds * 1000)
    let isTaken = false
    const taken = this.#connection.drained().then(() => {
      isTaken = true
    })
    await Promise.race([taken, over(call), timer.promise])
    clearTimeout(timeout)
    this.#draining--
    if (this.ended) refuse(call, died(this.ended))
    else if (!isTaken) refuse(call, late(timeoutSeconds))
    else if (!call.response.destroyed) call.response.writeHead(202, channel.headers).end()
  }

  /** @param sent - The message as the server gets it, but for its id and its progress token. */
  #ask(
    channel: Channel,
    call: Call,
    message: Request,
    sent: Message,
    answer: PostAnswer | undefined,
    respond: OpenRequest['respond'] = (response, status) => answer?.respond(message.id, response, status),
  ): void {
    const id = ++this.#lastId
    const token = message.params?._meta?.progressToken
    const progressToken = isId(token) ? `${channel.number}/${JSON.stringify(token)}` : undefined
    const { timeoutSeconds } = this.#options
    // That one lasts until somebody ends it.
    const isOpenEnded = message.method === 'subscriptions/listen'
    const timer = isOpenEnded
      ? undefined
      : setTimeout(() => this.#cancel(request, late(timeoutSeconds)), timeoutSeconds * 1000)
    const request: OpenRequest = {
      id,
      clientId: message.id,
      writtenId: sent.id ?? message.id,
      channel,
      method: message.method,
      answer,
      progressToken,
      timer,
      correlationId: call.requestId,
      respond,
    }
    this.#open.set(id, request)
    channel.open.set(message.id, request)
    if (progressToken === undefined) {
      this.#connection.send({ ...sent, id }, call.identity)
      return
    }
    this.#byToken.set(progressToken, request)
    this.#connection.send({ ...sent, id, params: withMeta(sent.params, { progressToken }) }, call.identity)
  }

  /** @param sent - The message as the server gets it. */
  #notify(channel: Channel, call: Call, { method, params }: Message, sent: Message): void {
    if (method === 'notifications/cancelled') {
      const request = isId(params?.requestId) ? channel.open.get(params.requestId) : undefined
      // The answer came meanwhile, or it is the id of somebody else.
      if (request) this.#cancel(request, { status: 200, message: 'Cancelled by the client.' }, params)
      return
    }
    if (method === 'notifications/initialized') {
      if (this.#isInitialized) return
      this.#isInitialized = true
    }
    this.#connection.send(sent, call.identity)
  }

  /** An answer to what the server asked; nobody else may give it. */
  #reply(channel: Channel, call: Call, id: RequestId, sent: Message): void {
    if (this.#asked.get(id) !== channel) return
    this.#asked.delete(id)
    this.#connection.send({ ...sent, id }, call.identity)
  }

  #cancel(request: OpenRequest, refusal: Refusal, params: Params = { reason: refusal.message }): void {
    this.#settle(request)
    // The protocol does not allow it for `initialize`; such a server is of no use to anybody, and is stopped.
    if (request.method !== 'initialize') {
      this.#cancelled.add(request.id)
      const [oldest = 0] = this.#cancelled
      if (this.#cancelled.size > this.#options.maxOpenRequests) this.#cancelled.delete(oldest)
      this.#connection.send({
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { ...params, requestId: request.id },
      })
    }
    fail(request, refusal)
  }

  #settle(request: OpenRequest): void {
    clearTimeout(request.timer)
    this.#open.delete(request.id)
    request.channel.open.delete(request.clientId)
    if (request.progressToken !== undefined) this.#byToken.delete(request.progressToken)
  }

  #receive(message: Message): string | undefined {
    if (this.#isClosed) return undefined
    if (message.method === undefined) return this.#receiveResponse(message)
    if (isRequest(message)) this.#receiveRequest(message)
    else this.#receiveNotification(message)
    return undefined
  }

  /** @returns What is wrong with it. */
  #receiveResponse(message: Message): string | undefined {
    const id = ownId(message.id)
    const request = this.#open.get(id)
    if (!request) return this.#cancelled.delete(id) ? undefined : 'an answer to nothing that was asked'
    this.#settle(request)
    const { writtenId, channel } = request
    const { result, error } = message
    const status = channel.isSession ? 200 : (MODERN_STATUS.get(error?.code ?? 0) ?? 200)
    const restored =
      result?._meta?.[SUBSCRIPTION_ID] === undefined
        ? message
        : { ...message, result: { ...result, _meta: { ...result._meta, [SUBSCRIPTION_ID]: writtenId } } }
    request.respond({ ...restored, id: writtenId }, status)
    return undefined
  }

  /** Nothing else will answer what this was to answer. */
  #receiveMalformed(value: unknown): void {
    for (const message of Array.isArray(value) ? value : [value]) {
      if (!isMessage(message) || typeof message.method === 'string') continue
      const request = this.#open.get(ownId(message.id))
      if (!request) continue
      this.#settle(request)
      fail(request, MALFORMED)
    }
  }

  #receiveRequest(message: Request): void {
    const channel = this.#channelFor()
    if (channel) this.#asked.set(message.id, channel)
    if (!channel || !this.#deliver(channel, message)) this.#answerServer(message.id, 'No client listens.')
  }

  #receiveNotification(message: Message): void {
    const { method, params } = message
    if (method === 'notifications/progress') {
      this.#receiveProgress(message)
      return
    }
    if (method === 'notifications/cancelled') {
      const channel = isId(params?.requestId) ? this.#asked.get(params.requestId) : undefined
      if (!channel) return
      this.#asked.delete(params?.requestId as RequestId)
      this.#deliver(channel, message)
      return
    }
    const subscription = params?._meta?.[SUBSCRIPTION_ID]
    if (subscription !== undefined) {
      const request = this.#open.get(Number(subscription))
      request?.answer?.send({ ...message, params: withMeta(params, { [SUBSCRIPTION_ID]: request.writtenId }) })
      return
    }
    const [only] = this.#open.values()
    if (only && this.#open.size === 1 && !only.channel.isSession) {
      if (only.answer?.takesStream) only.answer.send(message)
      return
    }
    for (const channel of this.#channels) if (channel.isSession) this.#deliver(channel, message)
  }

  #receiveProgress(message: Message): void {
    const token = message.params?.progressToken
    if (typeof token !== 'string') return
    const end = token.indexOf('/')
    const number = Number(token.slice(0, end))
    const original = parse(token.slice(end + 1))
    const restored = { ...message, params: { ...message.params, progressToken: original } }
    const request = this.#byToken.get(token)
    if (request) {
      if (request.answer?.takesStream) request.answer.send(restored)
      else if (request.channel.stream) request.channel.stream.send(restored)
      return
    }
    // A task reports progress also when the call that began it has been answered.
    for (const channel of this.#channels) {
      if (channel.number === number && channel.isSession) this.#deliver(channel, restored)
    }
  }

  /** Whom a question of the server goes to: it does not say which request it belongs to. */
  #channelFor(): Channel | undefined {
    const sessions = [...this.#channels].filter(channel => channel.isSession)
    const asking = [...this.#open.values()].findLast(({ channel }) => channel.isSession)?.channel
    return asking ?? sessions.find(channel => channel.stream) ?? sessions[0]
  }

  /** @returns False when nobody will see the message. */
  #deliver(channel: Channel, message: Message): boolean {
    const listening = [...channel.open.values()].flatMap(({ answer }) =>
      answer?.takesStream && !answer.isOver ? [answer] : [],
    )
    // With one request open, it is likely about that one.
    const answer = listening.length === 1 || !channel.stream ? listening.at(-1) : undefined
    if (answer) answer.send(message)
    else if (channel.stream) channel.stream.send(message)
    else if (channel.queue.length < MAX_QUEUED) channel.queue.push(message)
    else return false
    return true
  }

  #answerServer(id: RequestId, message: string): void {
    this.#asked.delete(id)
    this.#connection.send({ jsonrpc: '2.0', id, error: { code: TRANSPORT_ERROR, message } })
  }

  #refused(id: unknown, refusal: Refusal): void {
    const request = typeof id === 'number' ? this.#open.get(id) : undefined
    if (!request) return
    this.#settle(request)
    fail(request, refusal)
  }

  #end(end: ConnectionEnd): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#abandon(died(end))
    this.#options.onDeath()
  }

  #abandon(refusal: Refusal): void {
    for (const request of [...this.#open.values()]) {
      this.#settle(request)
      fail(request, refusal)
    }
    for (const channel of this.#channels) channel.stream?.end()
    this.#channels.clear()
    this.#asked.clear()
  }
}

/** An id of ours. Some servers make text of every id, and clients of the MCP SDK take it. */
function ownId(id: unknown): number {
  const number = isId(id) ? Number(id) : Number.NaN
  return String(number) === String(id) ? number : Number.NaN
}

function isKnown(value: unknown): value is Message {
  return isMessage(value) && value.jsonrpc === '2.0' && (isRequest(value) || isNotification(value) || isResponse(value))
}

function withMeta(params: Params | undefined, members: Record<string, unknown>): Params {
  return { ...params, _meta: { ...params?._meta, ...members } }
}

function fail(request: OpenRequest, { status, message, code }: Refusal): void {
  request.respond(errorResponse(request.writtenId, message, request.correlationId, code), status)
}

export function died({ reason, refusal }: ConnectionEnd): Refusal {
  return (
    refusal ?? {
      status: 502,
      message: `The MCP server ended (${reason}). Try again; the log of the gateway may say why.`,
    }
  )
}

const MALFORMED: Refusal = {
  status: 502,
  code: INTERNAL_ERROR,
  message: 'The MCP server gave an answer that is not JSON-RPC.',
}

function late(seconds: number): Refusal {
  return { status: 504, message: `The MCP server did not answer within ${seconds} seconds.` }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
