import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ProtectedRequest } from 'idplug/node'
import type { McpServers } from '../../notes/servers.ts'
import type { AuthenticatedRequest } from './authenticated-request.ts'
import { createLegacySessions, createLegacyStateless } from './legacy-http.ts'
import { createModernHttp } from './modern-http.ts'
import { isLegacy } from './revision.ts'
import { sendRpcError } from './web-response.ts'

/** The MCP endpoint behind the bearer check. Knows of no web framework: `node:http` objects in, an answer out. */
export interface McpEndpoint {
  /** Sessions of 2025-era clients at the moment. */
  readonly sessionCount: number
  /**
   * Answers a request that `protect` let pass. Resolves when the answer is complete or the client is gone, for an event stream much
   * later than it began.
   */
  handle(req: ProtectedRequest, res: ServerResponse): Promise<void>
  /** Refuses new requests with 503, waits for those in flight, then ends sessions and open streams. */
  close(): Promise<void>
}

export interface McpEndpointOptions {
  servers: McpServers
  /** Milliseconds since the Unix epoch. */
  now: () => number
  /** `off` keeps nothing between requests of 2025-era clients. 2026-07-28 has no sessions. Default `on`. */
  sessions?: 'on' | 'off'
  /** Seconds without a request after which a session ends. Default 3,600. */
  sessionIdleSeconds?: number
  /** Most sessions of all users together; the least recently used one makes room. Default 10,000. */
  maxSessions?: number
  /** Most sessions of one user. Default 100. */
  maxSessionsPerUser?: number
  /** Told of requests that the protocol layer refused or failed at. */
  onError?: (error: Error) => void
}

export function createMcpEndpoint(options: McpEndpointOptions): McpEndpoint {
  const { servers, now, onError } = options
  const legacy =
    options.sessions === 'off'
      ? createLegacyStateless(servers)
      : createLegacySessions(servers, {
          now,
          idleSeconds: options.sessionIdleSeconds ?? 3600,
          maxSessions: options.maxSessions ?? 10_000,
          maxSessionsPerUser: options.maxSessionsPerUser ?? 100,
        })
  const modern = createModernHttp(servers, onError)
  const inFlight = new Set<Promise<void>>()
  let closing = false

  return {
    get sessionCount() {
      return legacy.sessionCount
    },
    async handle(req, res) {
      const { body } = req
      if (closing) return sendRpcError(res, 503, -32000, 'The server is shutting down.', { 'Retry-After': '5' })
      if (req.method !== 'POST' && req.method !== 'GET' && req.method !== 'DELETE') {
        return sendRpcError(res, 405, -32000, 'Method not allowed.', { Allow: 'GET, POST, DELETE' })
      }
      if (req.method === 'POST' && body === undefined) {
        return sendRpcError(res, 400, -32700, 'Parse error: the request has no body')
      }
      const exchange = (isLegacy(req, body) ? legacy : modern).handle(req as AuthenticatedRequest, res)
      if (!isOpenEnded(req, body)) inFlight.add(exchange)
      try {
        await exchange
      } finally {
        inFlight.delete(exchange)
      }
    },
    async close() {
      closing = true
      await Promise.allSettled(inFlight)
      await Promise.all([legacy.close(), modern.close()])
    },
  }
}

/** Streams that last until somebody ends them are not waited for when the server closes. */
function isOpenEnded({ method }: IncomingMessage, body: unknown): boolean {
  return method === 'GET' || (body as { method?: unknown } | null | undefined)?.method === 'subscriptions/listen'
}
