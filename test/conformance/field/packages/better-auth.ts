import { createMcpProtectedRequestHandler } from '@better-auth/mcp'
import { oauthProviderResourceClient } from '@better-auth/oauth-provider/resource-client'
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { createAuthClient } from 'better-auth/client'
import { createInsufficientScopeError } from 'better-auth/oauth2'
import { Hono } from 'hono'
import { issuer, jwksUri, port, resource } from './setting.ts'

// As the section "Remote MCP Server" of its page builds it: an MCP server apart from the authorization server.

const answer = (text: unknown) => ({ content: [{ type: 'text' as const, text: String(text) }] })
const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ http }) =>
    answer(http?.authInfo?.extra?.subject),
  )
  server.registerTool('purge_notes', { description: 'Deletes every note' }, () => answer('deleted'))
  return server
})

const guarded = createMcpProtectedRequestHandler(
  { issuer, audience: resource.href, jwksUrl: jwksUri.href, requiredScopes: ['notes:read'] },
  async (request, claims) => {
    const scopes = String(claims.scope ?? '').split(' ')
    if ((await toolsOf(request)).includes('purge_notes') && !scopes.includes('notes:write')) {
      throw createInsufficientScopeError(['notes:write'])
    }
    const authInfo = { token: '', clientId: String(claims.client_id), scopes, extra: { subject: claims.sub } }
    return mcp.fetch(request, { authInfo })
  },
)

/** What a request calls; its page leaves to the handler how it finds out. */
async function toolsOf(request: Request): Promise<(string | undefined)[]> {
  type Message = { method?: string; params?: { name?: string } } | null
  const json = request.clone().json() as Promise<Message | Message[]>
  const body = await json.catch(() => null)
  return [body].flat().map(message => (message?.method === 'tools/call' ? message.params?.name : undefined))
}

const client = createAuthClient({ baseURL: issuer, plugins: [oauthProviderResourceClient()] })
const scopes = ['notes:read', 'notes:write']
const metadata = await client.getProtectedResourceMetadata(
  { resource: resource.href, authorization_servers: [issuer], scopes_supported: scopes },
  { externalScopes: scopes },
)
const app = new Hono()
app.get('/.well-known/oauth-protected-resource/mcp', context => context.json(metadata))
app.all('/mcp', context => guarded(context.req.raw))
serve({ fetch: app.fetch, port })
