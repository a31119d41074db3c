import type { Logger } from 'pino'
import { Pool } from 'undici'
import type { MapMessage } from '../sessions/answers.ts'
import { createSessionTarget } from '../sessions/target.ts'
import type { Target } from '../target.ts'
import { openSseConnection } from './connection.ts'

export interface SseTargetOptions {
  /** The event stream of the target. */
  readonly url: URL
  /** For the log. */
  readonly name: string
  readonly logger: Logger
  readonly mapMessage?: MapMessage
  /** How long a call may take; then 504, and the server is told that it is cancelled. Default 300. */
  readonly timeoutSeconds?: number
  /** Seconds without a request or an open stream after which a session ends. Default 1,800. */
  readonly sessionIdleSeconds?: number
  /** Most sessions of all people together; more are refused with 503. Default: 10,000. */
  readonly maxSessions?: number
  /** Most sessions of one person; more are refused with 503. Default: 100. */
  readonly maxSessionsPerPerson?: number
  /** Told about errors that are bugs: what `mapMessage` threw. */
  readonly onError?: (error: unknown) => void
}

/**
 * An MCP server that speaks only the HTTP+SSE transport of 2024-11-05. Each session has an event stream of its own there. The server
 * gets the headers that say who is calling, and no other header of the client.
 */
export function createSseTarget(options: SseTargetOptions): Target {
  const { url, name, logger, timeoutSeconds = 300, mapMessage } = options
  const pool = new Pool(url.origin, { connections: null, pipelining: 1, allowH2: false })
  return createSessionTarget({
    connect: ({ identity }, handlers) =>
      openSseConnection({
        ...handlers,
        url,
        pool,
        identity,
        timeoutSeconds,
        onFailure: (reason, status) => logger.warn({ event: 'target_failed', target: name, reason, status }),
      }),
    onClosed: () => void pool.destroy(),
    connectionPer: 'session',
    // Nothing that old knows them.
    takesSessionless: false,
    idleSeconds: options.sessionIdleSeconds ?? 1_800,
    callTimeoutSeconds: timeoutSeconds,
    maxPerPerson: options.maxSessionsPerPerson ?? 100,
    maxTotal: options.maxSessions ?? 10_000,
    maxOpenRequests: 100,
    mapMessage,
    onError: options.onError ?? (() => {}),
  })
}
