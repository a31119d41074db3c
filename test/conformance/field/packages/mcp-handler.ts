import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createMcpHandler, metadataCorsOptionsRequestHandler, protectedResourceHandler, withMcpAuth } from 'mcp-handler'
import { issuer, port, resource } from './setting.ts'
import { authInfoOf, verify } from './verify.ts'

// As its page "Authorization" builds it, in Hono, which its README names.

const answer = (text: unknown) => ({ content: [{ type: 'text' as const, text: String(text) }] })
const handler = createMcpHandler(server => {
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ http }) =>
    answer(http?.authInfo?.extra?.subject),
  )
  server.registerTool('purge_notes', { description: 'Deletes every note' }, ({ http }) =>
    http?.authInfo?.scopes.includes('notes:write')
      ? answer('deleted')
      : { ...answer('insufficient_scope: purge_notes requires notes:write'), isError: true },
  )
})
const guarded = withMcpAuth(
  handler,
  async (_request, token) => {
    const payload = token === undefined ? undefined : await verify(token)
    return payload && authInfoOf(token ?? '', payload)
  },
  {
    required: true,
    requiredScopes: ['notes:read'],
    resourceMetadataPath: '/.well-known/oauth-protected-resource/mcp',
    resourceUrl: resource.origin,
  },
)
const metadata = protectedResourceHandler({ authServerUrls: [issuer], resourceUrl: resource.href })
const preflight = metadataCorsOptionsRequestHandler()
const app = new Hono()
app.get('/.well-known/oauth-protected-resource/mcp', context => metadata(context.req.raw))
app.options('/.well-known/oauth-protected-resource/mcp', () => preflight())
app.all('/mcp', context => guarded(context.req.raw))
serve({ fetch: app.fetch, port })
