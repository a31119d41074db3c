import { StreamableHTTPTransport } from '@hono/mcp'
import { Hono } from 'hono'
import type { Auth } from 'idplug'
import { authRoutes, protect } from 'idplug/hono'
import { createServer } from './mcp-sdk1.ts'

export function createFilesServer(auth: Auth) {
  const app = new Hono()
  app.use(authRoutes(auth))
  app.all('/mcp', protect(auth), async c => {
    const transport = new StreamableHTTPTransport()
    await createServer().connect(transport)
    return transport.handleRequest(c)
  })
  return app
}
