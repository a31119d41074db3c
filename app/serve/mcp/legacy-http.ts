import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { RequestId } from '@modelcontextprotocol/sdk/types.js'
import type { McpServers } from '../../notes/servers.ts'
import type { AuthenticatedRequest } from './authenticated-request.ts'
import { LegacyTransport } from './legacy-transport.ts'
import { createSessionStore, type SessionStoreOptions } from './session-store.ts'
import { sendRpcError } from './web-response.ts'

/** Serves clients that speak 2025-11-25 or older, through SDK 1.x. */
export interface LegacyHttp {
  readonly sessionCount: number
  handle(req: AuthenticatedRequest, res: ServerResponse): Promise<void>
  /** Ends every session and its streams. */
  close(): Promise<void>
}

/**
 * One server and one transport per session. A session belongs to `(issuer, subject, clientId)`: for any other identity it
 * does not exist. A refreshed token of the same identity goes on with it.
 */
export function createLegacySessions(servers: McpServers, options: SessionStoreOptions): LegacyHttp {
  const sessions = createSessionStore<LegacyTransport>(options)

  async function open(req: AuthenticatedRequest, res: ServerResponse): Promise<void> {
    const { auth, body, token } = req
    const transport = new LegacyTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => void sessions.add(id, token, transport),
      eventStore: servers.createEventStore?.(),
    })
    transport.onclose = () => {
      if (transport.sessionId) sessions.delete(transport.sessionId)
    }
    await servers.createLegacy().connect(transport)
    await transport.serve(req, res, auth, body)
    if (!transport.sessionId) await transport.close()
  }

  return {
    get sessionCount() {
      return sessions.size
    },
    async handle(req, res) {
      const { auth, body, token } = req
      const id = req.headers['mcp-session-id']
      if (id === undefined) {
        if (req.method === 'POST' && isInitialize(body)) return open(req, res)
        return sendRpcError(res, 400, -32000, 'Bad Request: Mcp-Session-Id header is required')
      }
      const found = await sessions.use(String(id), token, async transport => {
        await transport.serve(req, res, auth, body)
        for (const requestId of cancelledRequests(body)) await transport.cancel(requestId)
      })
      if (!found) sendRpcError(res, 404, -32001, 'Session not found')
    },
    close: () => sessions.close(),
  }
}

/** One server and one transport per request: nothing is kept, so that any process can answer any request. */
export function createLegacyStateless(servers: McpServers): LegacyHttp {
  return {
    sessionCount: 0,
    async handle(req, res) {
      if (req.method !== 'POST') return sendRpcError(res, 405, -32000, 'Method not allowed.', { Allow: 'POST' })
      const transport = new LegacyTransport({ sessionIdGenerator: undefined })
      await servers.createLegacy().connect(transport)
      await transport.serve(req, res, req.auth, req.body)
      await transport.close()
    },
    close: async () => {},
  }
}

function isInitialize(body: unknown): boolean {
  return messagesIn(body).some(message => message?.method === 'initialize')
}

function cancelledRequests(body: unknown): RequestId[] {
  return messagesIn(body).flatMap(message => {
    const id = message?.method === 'notifications/cancelled' ? message.params?.requestId : undefined
    return typeof id === 'string' || typeof id === 'number' ? [id] : []
  })
}

type MaybeMessage = { method?: unknown; params?: { requestId?: unknown } | null } | null | undefined

function messagesIn(body: unknown): MaybeMessage[] {
  return (Array.isArray(body) ? body : [body]) as MaybeMessage[]
}
