import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  WebStandardStreamableHTTPServerTransport,
  type WebStandardStreamableHTTPServerTransportOptions,
} from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  JSONRPCRequestSchema,
  type RequestId,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js'
import { isJsonContentType } from '@modelcontextprotocol/server'
import type { AuthInfo } from 'idplug'
import { EventStream } from './event-stream.ts'
import { toWebRequest } from './web-request.ts'
import { sendRpcError, sendWebResponse } from './web-response.ts'

/**
 * The transport of SDK 1.x, with a short way for plain requests: those that it would hand to the server without any
 * objection. They are answered on the `node:http` response, in the same form. Web-standard streams in between, and telling
 * apart messages by failing schemas, take twice the time of everything else in a call. All other traffic (initialize,
 * notifications, responses, batches, GET, DELETE, resumable streams, and whatever is to be refused) goes the SDK's way.
 */
export class LegacyTransport extends WebStandardStreamableHTTPServerTransport {
  readonly #direct = new Map<RequestId, EventStream>()
  readonly #resumable: boolean

  constructor(options: WebStandardStreamableHTTPServerTransportOptions) {
    super(options)
    this.#resumable = options.eventStore !== undefined
  }

  /** Resolves when the answer is complete or the client is gone. */
  async serve(req: IncomingMessage, res: ServerResponse, authInfo: AuthInfo, parsedBody: unknown): Promise<void> {
    const request = this.#resumable ? undefined : plainRequest(req, parsedBody)
    if (!request) {
      return sendWebResponse(await this.handleRequest(toWebRequest(req, res), { authInfo, parsedBody }), res)
    }
    const { id } = request
    if (this.#direct.has(id)) return sendRpcError(res, 400, -32600, 'Invalid Request: id of a request in flight')
    if (res.closed) return
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    res.once('close', resolve)
    this.#direct.set(id, new EventStream(res, this.sessionId ? { 'Mcp-Session-Id': this.sessionId } : {}))
    this.onmessage?.(request, { authInfo })
    await closed
    this.#end(id)
  }

  override async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const isResponse = !('method' in message)
    const id = isResponse ? message.id : options?.relatedRequestId
    const stream = id === undefined ? undefined : this.#direct.get(id)
    if (id === undefined || !stream) return super.send(message, options)
    stream.send(message)
    if (isResponse) this.#end(id)
  }

  /**
   * Ends the stream of a request that the client cancelled. Such a request gets no response, and until it has had one the
   * SDK keeps its stream open and its id in a list that every response searches. So it is handed one that reaches nobody.
   */
  async cancel(id: RequestId): Promise<void> {
    if (this.#end(id)) return
    this.closeSSEStream(id)
    await super.send({ jsonrpc: '2.0', id, result: {} }).catch(() => {})
  }

  override async close(): Promise<void> {
    for (const id of this.#direct.keys()) this.#end(id)
    await super.close()
  }

  #end(id: RequestId): boolean {
    const stream = this.#direct.get(id)
    stream?.end()
    return this.#direct.delete(id)
  }
}

/** A single request that the SDK's transport would pass on to the server; `undefined` leaves it the decision. */
function plainRequest({ method, headers }: IncomingMessage, body: unknown): JSONRPCRequest | undefined {
  const { accept, 'content-type': contentType, 'mcp-protocol-version': version } = headers
  const isPlain =
    method === 'POST' &&
    accept?.includes('application/json') &&
    accept.includes('text/event-stream') &&
    isJsonContentType(contentType) &&
    (version === undefined || SUPPORTED_PROTOCOL_VERSIONS.includes(String(version))) &&
    typeof body === 'object' &&
    body !== null &&
    'id' in body &&
    'method' in body &&
    body.method !== 'initialize'
  return isPlain ? JSONRPCRequestSchema.safeParse(body).data : undefined
}
