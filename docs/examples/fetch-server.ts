import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { bearerFetch, type TokenValidator } from '../../index.ts'

export function createNotesServer(validator: TokenValidator, resource: string) {
  const mcp = createMcpHandler(() => {
    const server = new McpServer({ name: 'notes', version: '1.0.0' })
    server.registerTool('whoami', { description: 'Who is signed in' }, ctx => ({
      content: [{ type: 'text', text: String(ctx.http?.authInfo?.clientId) }],
    }))
    return server
  })
  return {
    fetch: bearerFetch({ validator, resource, requiredScopes: ['notes:read'] }, (request, { authInfo }) =>
      mcp.fetch(request, { authInfo }),
    ),
  }
}
