import { serve } from '@hono/node-server'
import { createAuth } from 'idplug'
import { protect } from 'idplug/fetch'
import { MCPServer } from 'mcp-use'
import { oauthCustomProvider } from 'mcp-use/oauth'
import { z } from 'zod'
import { files } from './files.ts'

const auth = createAuth(files)
const contents = new Map([['a.txt', 'Hello']])
const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })
const server = new MCPServer({
  name: 'files',
  version: '1.0.0',
  oauth: oauthCustomProvider({
    resource: auth.resource,
    oauthMetadata: { issuer: auth.validator.issuers[0] ?? '' } as never, // protect serves the whole
    createTokenVerifier: () => auth.validator,
    mapAuthInfo: ({ clientId, extra }) => ({ ...extra, user: { id: clientId }, payload: {}, permissions: [] }),
  }),
})
server.tool({ name: 'whoami', description: 'Who is signed in' }, async (_args, { auth }) => answer(auth.user.id))
server.tool(
  { name: 'read_file', description: 'Read a file', inputSchema: z.object({ path: z.string() }) },
  async ({ path }) => answer(contents.get(path) ?? 'no such file'),
)
server.tool(
  { name: 'write_file', description: 'Change a file', inputSchema: z.object({ path: z.string(), text: z.string() }) },
  async ({ path, text }) => {
    contents.set(path, text)
    return answer(`wrote ${path}`)
  },
)
const guarded = protect(auth, request => server.fetch(request))
serve({ fetch: guarded, port: Number(process.env.PORT ?? 3000) })
