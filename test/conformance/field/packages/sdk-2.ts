import {
  createMcpExpressApp,
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
  requireBearerAuth,
} from '@modelcontextprotocol/express'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer, OAuthError, OAuthErrorCode, requireScopes } from '@modelcontextprotocol/server'
import { issuerMetadata, port, resource } from './setting.ts'
import { authInfoOf, verify } from './verify.ts'

// As its page "Require authorization" builds it, with expectedResource and a scope for one tool.

const answer = (text: unknown) => ({ content: [{ type: 'text' as const, text: String(text) }] })
const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ http }) =>
    answer(http?.authInfo?.extra?.subject),
  )
  server.registerTool(
    'purge_notes',
    { description: 'Deletes every note', scopeChallenge: requireScopes('notes:read', 'notes:write') },
    () => answer('deleted'),
  )
  return server
})
const gate = requireBearerAuth({
  verifier: {
    async verifyAccessToken(token) {
      const payload = await verify(token)
      if (!payload) throw new OAuthError(OAuthErrorCode.InvalidToken, 'The token is not valid')
      return { ...authInfoOf(token, payload), resource }
    },
  },
  requiredScopes: ['notes:read'],
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
  expectedResource: resource,
})
const app = createMcpExpressApp()
app.use(
  mcpAuthMetadataRouter({
    oauthMetadata: await issuerMetadata(),
    resourceServerUrl: resource,
    scopesSupported: ['notes:read', 'notes:write'],
  }),
)
const node = toNodeHandler(handler)
app.all('/mcp', gate, (request, response) => void node(request, response, request.body))
app.listen(port)
