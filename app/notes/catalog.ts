import type { z } from 'zod'
import type { Caller } from './caller.ts'

/**
 * What an operation knows about the request it serves: the caller of this very request, not of the one that opened the session. The raw
 * access token is deliberately not part of it.
 */
export interface CallContext extends Caller {
  /** Aborts when the client cancels the request or, from 2026-07-28 on, hangs up. */
  readonly signal: AbortSignal
}

/** Hints for clients (MCP `ToolAnnotations`); no promise that a client may build security on. */
export interface ToolAnnotations {
  readonly readOnlyHint?: boolean
  readonly destructiveHint?: boolean
  readonly idempotentHint?: boolean
  readonly openWorldHint?: boolean
}

export interface ToolDefinition<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  readonly name: string
  readonly title: string
  readonly description: string
  /** Checked before the handler runs; the client learns what is wrong from a result with `isError`. */
  readonly inputSchema: I
  readonly outputSchema: O
  readonly annotations: ToolAnnotations
  /** @throws {ToolError} The call failed in a way that the client should read about. */
  handler(args: z.output<I>, context: CallContext): z.output<O> | Promise<z.output<O>>
}

/** Types the handler by its schemas, then lets go of them, so that tools of different shapes fit one list. */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(tool: ToolDefinition<I, O>): ToolDefinition {
  return tool
}

export interface ResourceDefinition {
  readonly uri: string
  readonly name: string
  readonly title: string
  readonly description: string
  readonly mimeType: string
  /** Text of the resource. */
  read(context: CallContext): string | Promise<string>
}

export interface PromptArgument {
  readonly name: string
  readonly description: string
  readonly required: boolean
}

export interface PromptDefinition {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly arguments: readonly PromptArgument[]
  /** Text of the one user message that the prompt consists of. Required arguments are present. */
  render(args: Readonly<Record<string, string>>, context: CallContext): string | Promise<string>
}

/** The one list that clients of every protocol revision are served from. */
export interface Catalog {
  readonly name: string
  readonly title: string
  readonly version: string
  /** How to use this server, for the model. */
  readonly instructions: string
  readonly tools: readonly ToolDefinition[]
  readonly resources: readonly ResourceDefinition[]
  readonly prompts: readonly PromptDefinition[]
}

/** A tool failed, and the client should read why. Any other error is reported as an unspecific failure. */
export class ToolError extends Error {
  override readonly name = 'ToolError'
}

/** Ends a request with a JSON-RPC error. Both SDKs send `code` and `message` as they are. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number
  readonly data?: unknown

  /** @param code - JSON-RPC error code, e.g. -32602 for invalid params. */
  constructor(code: number, message: string, data?: unknown) {
    super(message)
    this.code = code
    this.data = data
  }
}
