import type { ServerResponse } from 'node:http'
import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  PerRequestHTTPServerTransport,
  type PerRequestMessageExtra,
  ProtocolErrorCode,
  type TransportSendOptions,
} from '@modelcontextprotocol/server'
import { EventStream } from './event-stream.ts'

/**
 * The SDK's transport for one exchange, answering on the `node:http` response: with JSON, or with an event stream when
 * notifications precede the response.
 */
export class ModernTransport extends PerRequestHTTPServerTransport {
  readonly #revision: string
  readonly #request: JSONRPCRequest
  readonly #res: ServerResponse
  readonly #served = Promise.withResolvers<boolean>()
  #state: 'dispatching' | 'handling' | 'answered' = 'dispatching'
  #stream: EventStream | undefined

  constructor(revision: string, request: JSONRPCRequest, res: ServerResponse) {
    super({ classification: { era: 'modern', revision } })
    this.#revision = revision
    this.#request = request
    this.#res = res
  }

  /**
   * Resolves when the answer is complete or the client is gone, which also aborts the handler.
   *
   * @returns False when the server objected before any handler ran. Nothing was sent then; the SDK's own handler knows which
   * answer that wants.
   */
  serve(extra: PerRequestMessageExtra): Promise<boolean> {
    // The server's objections come within this call, handlers run after it.
    this.onmessage?.(this.#request, { ...extra, classification: { era: 'modern', revision: this.#revision } })
    this.#state = 'handling'
    const close = () => {
      if (!this.#res.writableFinished) void this.close()
      this.#served.resolve(true)
    }
    if (this.#res.closed) close()
    else this.#res.once('close', close)
    return this.#served.promise
  }

  override async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (this.#state === 'dispatching') {
      this.#served.resolve(false)
      return
    }
    const isResponse = !('method' in message)
    // After the response there is nowhere to send anything; nor is there for what belongs to no request.
    if (this.#state === 'answered' || (!isResponse && options?.relatedRequestId !== this.#request.id)) return
    if (isResponse) this.#state = 'answered'
    if (isResponse && !this.#stream) {
      this.#sendJson(message)
      return
    }
    this.#stream ??= new EventStream(this.#res)
    this.#stream.send(message)
    if (isResponse) this.#stream.end()
  }

  override async close(): Promise<void> {
    this.#state = 'answered'
    this.#stream?.end()
    await super.close()
  }

  #sendJson(message: JSONRPCMessage): void {
    // The one error of a handler that has a status of its own.
    const isLackingCapability =
      'error' in message && message.error.code === ProtocolErrorCode.MissingRequiredClientCapability
    const body = JSON.stringify(message)
    this.#res
      .writeHead(isLackingCapability ? 400 : 200, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
      })
      .end(body)
  }
}
