import { MCPServer } from 'mcp-use'
import { createJwtVerifier, oauthCustomProvider } from 'mcp-use/oauth'
import { issuer, issuerMetadata, jwksUri, port, resource } from './setting.ts'

// As the reference of oauthCustomProvider builds it, with its createJwtVerifier.

const answer = (text: unknown) => ({ content: [{ type: 'text' as const, text: String(text) }] })
const server = new MCPServer<{ id: string }>({
  name: 'notes',
  version: '1.0.0',
  oauth: oauthCustomProvider({
    resource,
    requiredScopes: ['notes:read'],
    scopesSupported: ['notes:read', 'notes:write'],
    oauthMetadata: await issuerMetadata(),
    createTokenVerifier: to => createJwtVerifier({ issuer, jwksUrl: jwksUri, resource: to }),
    mapAuthInfo: ({ clientId, extra }) => ({
      user: { id: String((extra?.payload as { sub?: string } | undefined)?.sub ?? clientId) },
      payload: {},
      permissions: [],
    }),
  }),
})
server.tool({ name: 'whoami', description: 'Who is signed in' }, async (_args, { auth }) => answer(auth.user.id))
server.tool({ name: 'purge_notes', description: 'Deletes every note' }, async (_args, { auth }) =>
  auth.scopes.includes('notes:write')
    ? answer('deleted')
    : { ...answer('insufficient_scope: purge_notes requires notes:write'), isError: true },
)
await server.listen(port)
