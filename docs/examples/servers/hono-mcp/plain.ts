import { StreamableHTTPTransport } from '@hono/mcp'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createServer } from './tools.ts'

const app = new Hono()
app.all('/mcp', async c => {
  const transport = new StreamableHTTPTransport()
  await createServer().connect(transport)
  return transport.handleRequest(c)
})
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) })
