import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import type { Auth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'

export function createFilesServer(auth: Auth) {
  const app = express()
  app.use(authRoutes(auth))
  app.all('/mcp', protect(auth), async (req, res) => {
    const server = new McpServer({ name: 'files', version: '1.0.0' })
    server.registerTool('whoami', { description: 'Who is signed in' }, ({ authInfo }) => ({
      content: [{ type: 'text', text: String(authInfo?.clientId) }],
    }))
    server.registerTool('write_file', { description: 'Change a file' }, () => ({
      content: [{ type: 'text', text: 'written' }],
    }))
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await server.connect(transport)
    await transport.handleRequest(req, res, req.body)
  })
  return app
}
