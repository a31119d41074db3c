import type { ServerResponse } from 'node:http'
import { idOf } from './message.ts'
import { errorResponse } from './rpc-error.ts'

/** An answer of the gateway itself. */
export interface Problem {
  readonly status: 400 | 404 | 405 | 429 | 500 | 502 | 503 | 504
  /** JSON-RPC error code. */
  readonly code: number
  /** For the client. */
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Answers with a JSON-RPC error: with the id of the request, so that clients give it to whoever waits. Cuts an answer under way.
 *
 * @param text - The body as JSON, where there is one.
 */
export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  body: unknown,
  requestId: string,
  text?: string,
): void {
  if (response.headersSent) return void response.destroy()
  const { status, code, message, headers } = problem
  const answer = JSON.stringify(errorResponse(idOf(body, text), message, requestId, code))
  response
    .writeHead(status, {
      'Cache-Control': 'no-store',
      'X-Request-Id': requestId,
      ...headers,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(answer),
    })
    .end(answer)
}
