import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import fastify from 'fastify'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/fastify'
import { files } from './files.ts'
import { createServer } from './tools.ts'

const auth = createAuth(files)
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
await app.listen({ port: Number(process.env.PORT ?? 3000) })
