import { randomUUID } from 'node:crypto'
import { type Answer, json } from './message.ts'
import type { Caller } from './tokens.ts'

/** A JSON-RPC request. */
export interface Rpc {
  readonly id?: unknown
  readonly method: string
  readonly params?: Readonly<Record<string, unknown>>
}

/** What the server does for those who may call it. */
export interface McpParts {
  /** Scopes that each tool needs; the others need those that everybody needs. */
  readonly toolScopes: Readonly<Record<string, readonly string[]>>
  callTool(name: string, caller: Caller): Promise<Readonly<Record<string, unknown>> | undefined>
  /** The session of that id, where it is the caller's. */
  findSession(id: string, caller: Caller): Session | undefined
  /** URL that the tool `fetch` calls. */
  readonly downstream: string | undefined
  readonly sessions: Map<string, Session>
}

export interface Session {
  readonly id: string
  readonly subject: string
}

export function mcpParts(downstream?: string): McpParts {
  const sessions = new Map<string, Session>()
  return {
    sessions,
    downstream,
    toolScopes: { write: ['files:read', 'files:write'] },
    async callTool(name, { subject }) {
      if (name === 'fetch' && downstream !== undefined) await fetch(downstream)
      if (!['whoami', 'write', 'fetch'].includes(name)) return undefined
      return { content: [{ type: 'text', text: name === 'whoami' ? subject : 'done' }] }
    },
    findSession(id, caller) {
      const session = sessions.get(id)
      return session?.subject === caller.subject ? session : undefined
    },
  }
}

const SERVER = { name: 'defective', version: '1.0.0' }
const TOOLS = ['whoami', 'write', 'fetch'].map(name => ({
  name,
  description: name,
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: name === 'whoami' },
}))

/** Serves one message of either generation of the protocol, for a caller who may send it. */
export async function serveRpc(parts: McpParts, rpc: Rpc, caller: Caller, sessionId?: string): Promise<Answer> {
  const { id, method } = rpc
  const isModern = '_meta' in (rpc.params ?? {})
  if (!isModern && method !== 'initialize' && sessionId !== undefined && !parts.findSession(sessionId, caller)) {
    return json(404, { jsonrpc: '2.0', id: id ?? null, error: { code: -32001, message: 'There is no such session.' } })
  }
  if (id === undefined) return { status: 202, headers: {}, body: '' }
  const respond = (result: unknown, headers = {}) => json(200, { jsonrpc: '2.0', id, result }, headers)
  const capabilities = { tools: {} }
  switch (method) {
    case 'initialize': {
      const session = { id: randomUUID(), subject: caller.subject }
      parts.sessions.set(session.id, session)
      const protocolVersion = '2025-11-25'
      return respond({ protocolVersion, capabilities, serverInfo: SERVER }, { 'mcp-session-id': session.id })
    }
    case 'server/discover':
      return respond({ supportedVersions: ['2026-07-28'], capabilities, serverInfo: SERVER })
    case 'ping':
      return respond({})
    case 'tools/list':
      return respond({ tools: TOOLS })
    case 'tools/call': {
      const result = await parts.callTool(String(rpc.params?.name), caller)
      if (result) return respond(result)
      return json(200, { jsonrpc: '2.0', id, error: { code: -32602, message: 'There is no such tool.' } })
    }
    default:
      return json(200, { jsonrpc: '2.0', id, error: { code: -32601, message: 'There is no such method.' } })
  }
}
