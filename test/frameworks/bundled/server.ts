import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { z } from 'zod'

// A server as people put it into one file for a function or an image. SDK, zod and idplug meet in it.

const auth = createAuth({
  name: 'Files',
  resource: `http://localhost:${process.env.PORT}/mcp`,
  scopes: { 'files:read': 'Read your files' },
  initialScopes: ['files:read'],
})
const app = express()
app.use(authRoutes(auth))
app.all('/mcp', protect(auth), async (req, res) => {
  const server = new McpServer({ name: 'files', version: '1.0.0' })
  server.registerTool('read_file', { inputSchema: { path: z.string() } }, () => ({ content: [] }))
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await server.connect(transport)
  await transport.handleRequest(req, res, req.body)
})
app.listen(Number(process.env.PORT), () => console.log('listening'))
