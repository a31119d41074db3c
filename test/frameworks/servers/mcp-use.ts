import type { Auth, AuthInfo } from 'idplug'
import { protect } from 'idplug/fetch'
import { MCPServer } from 'mcp-use'
import { oauthCustomProvider } from 'mcp-use/oauth'

export async function createFilesServer(auth: Auth) {
  const server = new MCPServer({
    name: 'files',
    version: '1.0.0',
    oauth: oauthCustomProvider({
      resource: auth.resource,
      oauthMetadata: (await auth.validator.serverMetadata?.()) as never,
      createTokenVerifier: () => auth.validator,
      mapAuthInfo: info => ({ ...(info as AuthInfo).extra, user: { id: info.clientId }, payload: {}, permissions: [] }),
    }),
  })
  server.tool({ name: 'whoami', description: 'Who is signed in' }, async (_args, { auth }) => ({
    content: [{ type: 'text', text: String(auth.user.id) }],
  }))
  server.tool({ name: 'write_file', description: 'Change a file' }, async () => ({
    content: [{ type: 'text', text: 'written' }],
  }))
  return { fetch: protect(auth, request => server.fetch(request)) }
}
