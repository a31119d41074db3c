import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import fastify from 'fastify'
import { createServer } from './tools.ts'

const app = fastify()
app.all('/mcp', async (request, reply) => {
  reply.hijack()
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createServer().connect(transport)
  await transport.handleRequest(request.raw, reply.raw, request.body)
})
await app.listen({ port: Number(process.env.PORT ?? 3000) })
