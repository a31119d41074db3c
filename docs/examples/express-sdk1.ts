import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { protectedResourceMetadata, protectedResourceMetadataUrl, type TokenValidator } from '../../index.ts'

export function createNotesServer(validator: TokenValidator, resource: string) {
  const app = express()
  const resourceMetadataUrl = protectedResourceMetadataUrl(resource)
  app.get(new URL(resourceMetadataUrl).pathname, (_req, res) => {
    res.json(protectedResourceMetadata({ resource, authorizationServers: validator.issuers, scopesSupported: [] }))
  })
  app.use('/mcp', requireBearerAuth({ verifier: validator, resourceMetadataUrl }))
  app.post('/mcp', express.json(), async (req, res) => {
    const server = new McpServer({ name: 'notes', version: '1.0.0' })
    server.registerTool('whoami', { description: 'Who is signed in' }, ctx => ({
      content: [{ type: 'text', text: String(ctx.authInfo?.clientId) }],
    }))
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await server.connect(transport)
    await transport.handleRequest(req, res, req.body)
  })
  return app
}
