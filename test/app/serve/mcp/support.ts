import type { RequestListener } from 'node:http'
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { onTestFinished } from 'vitest'
import { notes } from '../../../../app/notes/declaration.ts'
import { createNoteStore } from '../../../../app/notes/notes.ts'
import { createNotesCatalog } from '../../../../app/notes/notes-catalog.ts'
import { createCatalogServers } from '../../../../app/notes/servers.ts'
import { createMcpEndpoint, type McpEndpoint, type McpEndpointOptions } from '../../../../app/serve/mcp/endpoint.ts'
import { authFrom } from '../../../../auth/auth-from.ts'
import { protect } from '../../../../src/edges/node.ts'
import { InvalidTokenError } from '../../../../src/errors.ts'
import type { TokenValidator, ValidatedToken } from '../../../../src/token-validator.ts'
import { listen } from '../../../support/http.ts'
import { acceptedToken } from '../../../support/tokens.ts'

/** Bearer strings that the stub validator knows, and what they stand for. */
const tokens: Record<string, ValidatedToken> = {
  alice: acceptedToken({ subject: 'alice', scopes: ['notes:read', 'notes:write'] }),
  'alice-refreshed': acceptedToken({
    subject: 'alice',
    scopes: ['notes:read', 'notes:write'],
    expiresAt: 4_000_000_001,
  }),
  'alice-reads': acceptedToken({ subject: 'alice', scopes: ['notes:read'] }),
  'alice-other-client': acceptedToken({
    subject: 'alice',
    clientId: 'client-2',
    scopes: ['notes:read', 'notes:write'],
  }),
  'alice-elsewhere': acceptedToken({
    subject: 'alice',
    issuer: 'https://other.example',
    scopes: ['notes:read', 'notes:write'],
  }),
  bob: acceptedToken({ subject: 'bob', scopes: ['notes:read', 'notes:write'] }),
  admin: acceptedToken({ subject: 'root', scopes: ['notes:admin'] }),
  bare: acceptedToken({ subject: 'carol', scopes: [] }),
}

export interface Served {
  readonly url: URL
  readonly endpoint: McpEndpoint
  readonly errors: unknown[]
  /** What `handle` rejected with; has to stay empty. */
  readonly rejections: unknown[]
}

const validator: TokenValidator = {
  issuers: ['https://issuer.example'],
  warmUp: async () => {},
  async validate(token) {
    const known = tokens[token]
    if (!known) throw new InvalidTokenError({ kind: 'inactive' })
    return known
  },
  verifyAccessToken: () => Promise.reject(new Error('not used here')),
}

/** The endpoint on a free port, behind `protect` with the declaration of the notes server. */
export async function serve(options: Partial<McpEndpointOptions> = {}): Promise<Served> {
  const errors: unknown[] = []
  const rejections: unknown[] = []
  const servers = createCatalogServers(createNotesCatalog(createNoteStore(), '1.2.3'), error => errors.push(error))
  const endpoint = createMcpEndpoint({ servers, now: Date.now, ...options })
  let listener: RequestListener = () => {}
  const http = await listen((req, res) => listener(req, res))
  const url = new URL(`${http.origin}/mcp`)
  const auth = authFrom({ ...notes, resource: url.href }, validator)
  listener = protect(auth, (req, res) => {
    endpoint.handle(req, res).catch(error => {
      rejections.push(error)
      res.destroy()
    })
  })
  onTestFinished(async () => {
    await endpoint.close()
    await auth.close()
    await http.close()
  })
  return { url, endpoint, errors, rejections }
}

/** The part of both official clients that tests use. */
export type AnyClient = Pick<LegacyClient, 'close' | 'getServerVersion'> & {
  callTool(params: { name: string; arguments?: Record<string, unknown> }): Promise<{
    [member: string]: unknown
    content?: unknown
    structuredContent?: unknown
    isError?: unknown
  }>
  listTools(): Promise<{ tools: { name: string; description?: string; _meta?: Record<string, unknown> }[] }>
  listResources(): Promise<{ resources: { uri: string }[] }>
  readResource(params: { uri: string }): Promise<{ contents: unknown[] }>
  listPrompts(): Promise<{ prompts: { name: string }[] }>
  getPrompt(params: { name: string; arguments?: Record<string, string> }): Promise<{ messages: unknown[] }>
}

/** Client of `@modelcontextprotocol/sdk` 1.x, speaking 2025-11-25. `bearer` may be changed between requests. */
export async function connectLegacy(url: URL, as: { bearer: string }): Promise<AnyClient> {
  const client = new LegacyClient({ name: 'test', version: '1' })
  await client.connect(new LegacyTransport(url, { fetch: authorized(as) }))
  onTestFinished(() => client.close())
  return client
}

/** Client of `@modelcontextprotocol/client` 2.x, speaking 2026-07-28. `bearer` may be changed between requests. */
export async function connectModern(url: URL, as: { bearer: string }): Promise<AnyClient> {
  const client = new ModernClient(
    { name: 'test', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await client.connect(new ModernTransport(url, { fetch: authorized(as) }))
  onTestFinished(() => client.close())
  return client
}

function authorized(as: { bearer: string }) {
  return (url: string | URL, init?: RequestInit) => {
    const headers = new Headers(init?.headers)
    headers.set('Authorization', `Bearer ${as.bearer}`)
    return fetch(url, { ...init, headers })
  }
}

export const legacyHeaders = {
  'Content-Type': 'application/json',
  Accept: 'application/json, text/event-stream',
  'MCP-Protocol-Version': '2025-11-25',
}

/** One POST. A string body is sent as it is. */
export function post(url: URL, bearer: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { ...legacyHeaders, Authorization: `Bearer ${bearer}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

export const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}

/** Opens a session by hand and returns its id. */
export async function openSession(url: URL, bearer: string): Promise<string> {
  const response = await post(url, bearer, initialize)
  await response.text()
  const id = response.headers.get('mcp-session-id')
  if (!id) throw new Error(`No session: ${response.status}`)
  return id
}

export function toolCall(id: number | string, name: string, args: Record<string, unknown> = {}) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }
}

/** A tools/call of 2026-07-28: envelope in `_meta`, mirrored in headers. */
export function modernCall(name: string, args: Record<string, unknown> = {}) {
  return {
    headers: { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': name },
    body: {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name,
        arguments: args,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    },
  }
}

export interface RpcMessage {
  id?: unknown
  result?: Record<string, unknown>
  error?: { code: number; message: string }
}

/** JSON-RPC messages of an answer, be it an event stream or plain JSON. */
export async function messagesOf(response: Response): Promise<RpcMessage[]> {
  const text = await response.text()
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return [JSON.parse(text)].flat()
  return text
    .split('\n')
    .filter(line => line.startsWith('data: {'))
    .map(line => JSON.parse(line.slice('data: '.length)))
}
