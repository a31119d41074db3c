import { StreamableHTTPTransport } from '@hono/mcp'
import { bearerAuth, simpleMcpAuthRouter } from '@hono/mcp/auth'
import { serve } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { Hono } from 'hono'
import { issuer, port, resource } from './setting.ts'
import { verify } from './verify.ts'

// As its README and its page about tokens build it: the router for a provider of somebody else, and its bearerAuth. What it verified
// does not reach a tool.

const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })
const app = new Hono()
app.route('/', await simpleMcpAuthRouter({ issuer, resourceServerUrl: resource }))
app.use('/mcp', bearerAuth({ verifyToken: async token => (await verify(token)) !== undefined }))
app.all('/mcp', async context => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, () => answer('somebody'))
  const transport = new StreamableHTTPTransport()
  await server.connect(transport)
  return transport.handleRequest(context)
})
serve({ fetch: app.fetch, port })
