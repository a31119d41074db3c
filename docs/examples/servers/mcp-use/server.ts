import { serve } from '@hono/node-server'
import { createAuth } from 'idplug'
import { protect } from 'idplug/fetch'
import { MCPServer } from 'mcp-use'
import { oauthCustomProvider } from 'mcp-use/oauth'
import { files } from './files.ts'
import { addTools } from './tools.ts'

const auth = createAuth(files)
const server = new MCPServer({
  name: 'files',
  version: '1.0.0',
  oauth: oauthCustomProvider({
    resource: auth.resource,
    oauthMetadata: (await auth.validator.serverMetadata?.()) as never,
    createTokenVerifier: () => auth.validator,
    mapAuthInfo: ({ clientId, extra }) => ({ ...extra, user: { id: clientId }, payload: {}, permissions: [] }),
  }),
})
addTools(server)
const guarded = protect(auth, request => server.fetch(request))
serve({ fetch: request => guarded(request), port: Number(process.env.PORT ?? 3232) })
