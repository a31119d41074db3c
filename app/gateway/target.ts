import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Access } from 'idplug'

/** The MCP server behind a gateway. It sees only requests that are allowed, and never the client's token. */
export interface Target {
  /**
   * Answers a request, also when the server behind it is away (502), too slow (504) or overloaded (503): with a JSON-RPC error and the id
   * of the request, never with a 401.
   *
   * @returns When the answer has ended, or the client is gone. Rejects only because of a bug.
   */
  answer(call: Call): Promise<void>
  /** Ends connections and processes. Idempotent. */
  close(): Promise<void>
}

/** A request that is allowed. */
export interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly access: Access
  /** What was checked: the parsed JSON-RPC message, or an array of them; `undefined` for a request without a body. */
  readonly body: unknown
  /** {@link body} as JSON, its numbers as the client wrote them: what to send on. `undefined` where there is no body. */
  readonly text: string | undefined
  /** Correlation id; stands in the log, and in the errors of the gateway itself. */
  readonly requestId: string
  /** Headers that tell the target who is calling. Names in lower case. */
  readonly identity: Readonly<Record<string, string>>
}
