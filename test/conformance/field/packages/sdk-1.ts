import { randomUUID } from 'node:crypto'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import type { Request, Response } from 'express'
import { issuerMetadata, port, resource } from './setting.ts'
import { authInfoOf, verify } from './verify.ts'

// As its example simpleStreamableHttp starts with --oauth-strict: sessions, the gate on every method, metadata.

function createServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ authInfo }) => answer(authInfo?.extra?.subject))
  server.registerTool('purge_notes', { description: 'Deletes every note' }, ({ authInfo }) =>
    authInfo?.scopes.includes('notes:write')
      ? answer('deleted')
      : { ...answer('insufficient_scope: purge_notes requires notes:write'), isError: true },
  )
  return server
}

const answer = (text: unknown) => ({ content: [{ type: 'text' as const, text: String(text) }] })

const app = createMcpExpressApp()
app.use(
  mcpAuthMetadataRouter({
    oauthMetadata: await issuerMetadata(),
    resourceServerUrl: resource,
    scopesSupported: ['notes:read', 'notes:write'],
  }),
)
const gate = requireBearerAuth({
  verifier: {
    async verifyAccessToken(token) {
      const payload = await verify(token)
      if (!payload) throw new InvalidTokenError('The token is not valid')
      return { ...authInfoOf(token, payload), resource }
    },
  },
  requiredScopes: ['notes:read'],
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
  expectedResource: resource,
})

const transports = new Map<string, StreamableHTTPServerTransport>()

async function post(request: Request, response: Response): Promise<void> {
  const id = request.get('mcp-session-id')
  let transport = id === undefined ? undefined : transports.get(id)
  if (!transport && id === undefined && isInitializeRequest(request.body)) {
    const created = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: session => void transports.set(session, created),
    })
    created.onclose = () => void transports.delete(created.sessionId ?? '')
    await createServer().connect(created)
    transport = created
  }
  if (transport) return transport.handleRequest(request, response, request.body)
  const [status, message] =
    id === undefined ? [400, 'Bad Request: No valid session ID provided'] : [404, 'Session not found']
  response.status(status as number).json({ jsonrpc: '2.0', error: { code: -32000, message }, id: null })
}

async function ofSession(request: Request, response: Response): Promise<void> {
  const id = request.get('mcp-session-id')
  if (id === undefined) return void response.status(400).send('Missing session ID')
  const transport = transports.get(id)
  if (transport) return transport.handleRequest(request, response)
  response.status(404).json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null })
}

app.post('/mcp', gate, post)
app.get('/mcp', gate, ofSession)
app.delete('/mcp', gate, ofSession)
app.listen(port)
