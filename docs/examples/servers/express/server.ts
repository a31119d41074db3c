import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { files } from './files.ts'
import { createServer } from './tools.ts'

const auth = createAuth(files)
const app = express()
app.use(authRoutes(auth))
app.all('/mcp', protect(auth), async (req, res) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
})
app.listen(process.env.PORT ?? 3000)
