import { insufficientScope, OAuthAuthorizationServer, OAuthResourceServer } from '@cloudflare/workers-oauth-provider'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'

// As its page "Resource servers" builds both roles in one Worker, with its example for the authorization endpoint, which approves at
// once. A second resource is declared for tokens that are for somebody else.

interface Env {
  readonly ORIGIN: string
}

const answer = (text: unknown) => ({ content: [{ type: 'text' as const, text: String(text) }] })
const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ http }) =>
    answer(http?.authInfo?.extra?.subject),
  )
  server.registerTool('purge_notes', { description: 'Deletes every note' }, () => answer('deleted'))
  return server
})

function createRoles(origin: string) {
  const authorizationServer = new OAuthAuthorizationServer<Env>({
    issuer: origin,
    resources: [`${origin}/mcp`, `${origin}/other`],
    scopesSupported: ['notes:read', 'notes:write'],
    clientRegistrationEndpoint: `${origin}/oauth/register`,
  })
  const resourceServer = new OAuthResourceServer<Env, { userId: string }>({
    resourceMetadata: { resource: `${origin}/mcp`, authorization_servers: [origin] },
    requiredScopes: ['notes:read'],
    validateToken: env => (resource, token) => authorizationServer.validateToken(resource, token, env),
    handler: {
      async fetch(request, _env, { auth, props }) {
        const needed = (await toolsOf(request)).includes('purge_notes') ? ['notes:read', 'notes:write'] : ['notes:read']
        if (!needed.every(scope => auth.scope.includes(scope))) return insufficientScope(auth, needed)
        const authInfo = { token: '', clientId: String(auth.clientId), scopes: auth.scope }
        return mcp.fetch(request, { authInfo: { ...authInfo, extra: { subject: props.userId } } })
      },
    },
  })
  return { authorizationServer, resourceServer }
}

/** What a request calls; the library leaves to the handler how it finds out. */
async function toolsOf(request: Request): Promise<(string | undefined)[]> {
  type Message = { method?: string; params?: { name?: string } } | null
  const json = request.clone().json() as Promise<Message | Message[]>
  const body = await json.catch(() => null)
  return [body].flat().map(message => (message?.method === 'tools/call' ? message.params?.name : undefined))
}

let roles: ReturnType<typeof createRoles> | undefined

export default {
  async fetch(request: Request, env: Env, context: Parameters<OAuthResourceServer['fetch']>[2]): Promise<Response> {
    roles ??= createRoles(env.ORIGIN)
    const { pathname } = new URL(request.url)
    if (/^\/(mcp|\.well-known\/oauth-protected-resource)(\/|$)/.test(pathname)) {
      return roles.resourceServer.fetch(request, env, context)
    }
    if (pathname !== '/authorize') return roles.authorizationServer.fetch(request, env, context)
    const oauth = roles.authorizationServer.getOAuthApi(env)
    const asked = await oauth.parseAuthRequest(request)
    const user = { userId: 'user-123', metadata: {}, props: { userId: 'user-123' } }
    const { redirectTo } = await oauth.completeAuthorization({ ...user, request: asked, scope: asked.scope })
    return Response.redirect(redirectTo, 302)
  },
}
