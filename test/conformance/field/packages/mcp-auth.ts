import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { MCPAuth, MCPAuthBearerAuthError } from 'mcp-auth'
import { issuer, port, resource } from './setting.ts'

// As its sample "todo-manager" builds it, at /mcp, with a scope for everything; the verification of tokens is its own.

const answer = (text: unknown) => ({ content: [{ type: 'text' as const, text: String(text) }] })

function createServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ authInfo }) => answer(authInfo?.subject))
  server.registerTool('purge_notes', { description: 'Deletes every note' }, ({ authInfo }) => {
    if (!authInfo?.scopes.includes('notes:write')) throw new MCPAuthBearerAuthError('missing_required_scopes')
    return answer('deleted')
  })
  return server
}

const auth = new MCPAuth({
  protectedResources: {
    metadata: {
      resource: resource.href,
      authorizationServers: [{ issuer, type: 'oidc' }],
      scopesSupported: ['notes:read', 'notes:write'],
    },
  },
})
const app = express()
app.use(auth.protectedResourceMetadataRouter())
app.use(auth.bearerAuth('jwt', { resource: resource.href, audience: resource.href, requiredScopes: ['notes:read'] }))
app.post('/mcp', async (request, response) => {
  const server = createServer()
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await server.connect(transport)
  await transport.handleRequest(request, response, request.body)
  response.on('close', () => {
    void transport.close()
    void server.close()
  })
})
app.listen(port)
