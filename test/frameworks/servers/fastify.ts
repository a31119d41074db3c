import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import fastify from 'fastify'
import type { Auth } from 'idplug'
import { authRoutes, protect } from 'idplug/fastify'
import { createServer } from './mcp-sdk1.ts'

export function createFilesServer(auth: Auth) {
  const app = fastify()
  app.register(authRoutes(auth))
  app.register(async scope => {
    scope.register(protect(auth)) // every route of this scope
    scope.all('/mcp', async (request, reply) => {
      reply.hijack()
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await createServer().connect(transport)
      await transport.handleRequest(request.raw, reply.raw, request.body)
    })
  })
  return app
}
