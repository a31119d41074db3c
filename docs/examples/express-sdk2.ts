import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express from 'express'
import {
  bearerAuth,
  protectedResourceMetadata,
  protectedResourceMetadataUrl,
  type TokenValidator,
} from '../../index.ts'

export function createNotesServer(validator: TokenValidator, resource: string) {
  const mcp = createMcpHandler(() => {
    const server = new McpServer({ name: 'notes', version: '1.0.0' })
    server.registerTool('whoami', { description: 'Who is signed in' }, ctx => ({
      content: [{ type: 'text', text: String(ctx.http?.authInfo?.clientId) }],
    }))
    return server
  })
  const app = express()
  app.get(new URL(protectedResourceMetadataUrl(resource)).pathname, (_req, res) => {
    res.json(
      protectedResourceMetadata({ resource, authorizationServers: validator.issuers, scopesSupported: ['notes:read'] }),
    )
  })
  app.use('/mcp', bearerAuth({ validator, resource, requiredScopes: ['notes:read'] }), toNodeHandler(mcp))
  return app
}
