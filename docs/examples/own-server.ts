import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'

const auth = createAuth({
  name: 'Files',
  resource: 'http://localhost:3000/mcp',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
})

function createServer() {
  const server = new McpServer({ name: 'files', version: '1.0.0' })
  server.registerTool('list_files', { description: 'Lists your files' }, () => ({
    content: [{ type: 'text', text: 'budget.xlsx' }],
  }))
  server.registerTool('write_file', { description: 'Changes a file' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: `Written through ${authInfo?.clientId}` }],
  }))
  return server
}

const app = express()
app.use(authRoutes(auth))
app.all('/mcp', protect(auth), async (req, res) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
})
app.listen(Number(process.env.PORT ?? 3000), error => {
  if (error) throw new Error('Set PORT to a port that is free', { cause: error })
  console.log(`Listening at ${auth.resource}`)
})
