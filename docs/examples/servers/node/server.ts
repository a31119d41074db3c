import { createServer as createHttpServer } from 'node:http'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/node'
import { files } from './files.ts'
import { createServer } from './tools.ts'

const auth = createAuth(files)
const routes = authRoutes(auth)
const mcp = protect(auth, async (request, response) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createServer().connect(transport)
  await transport.handleRequest(request, response, request.body)
})
const http = createHttpServer((request, response) => routes(request, response, () => mcp(request, response)))
http.listen(process.env.PORT ?? 3000)
