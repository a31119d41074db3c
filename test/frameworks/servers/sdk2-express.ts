import { requireBearerAuth } from '@modelcontextprotocol/express'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express from 'express'
import type { Auth } from 'idplug'
import { authRoutes } from 'idplug/express'

export function createFilesServer(auth: Auth<'files:read' | 'files:write'>) {
  const mcp = createMcpHandler(() => {
    const server = new McpServer({ name: 'files', version: '1.0.0' })
    server.registerTool('whoami', { description: 'Who is signed in' }, ({ http }) => ({
      content: [{ type: 'text', text: String(http?.authInfo?.clientId) }],
    }))
    const scopeChallenge = auth.scopeChallenge('files:write')
    server.registerTool('write_file', { description: 'Change a file', scopeChallenge }, () => ({
      content: [{ type: 'text', text: 'written' }],
    }))
    return server
  })
  const resourceMetadataUrl = new URL(auth.metadataPaths[0] ?? '', auth.resource).href
  const gate = requireBearerAuth({ verifier: auth.validator, requiredScopes: ['files:read'], resourceMetadataUrl })
  const app = express()
  app.use(authRoutes(auth))
  app.use('/mcp', gate, toNodeHandler(mcp))
  return app
}
