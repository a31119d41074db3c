import { StreamableHTTPTransport } from '@hono/mcp'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/hono'
import { files } from './files.ts'
import { createServer } from './tools.ts'

const auth = createAuth(files)
const app = new Hono()
app.use(authRoutes(auth))
app.all('/mcp', protect(auth), async c => {
  const transport = new StreamableHTTPTransport()
  await createServer().connect(transport)
  return transport.handleRequest(c)
})
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) })
