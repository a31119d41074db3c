import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'

/** The same tools with SDK 1.x, where each request has a server of its own. */
export function createServer(): McpServer {
  const server = new McpServer({ name: 'files', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: String(authInfo?.clientId) }],
  }))
  server.registerTool('write_file', { description: 'Change a file' }, () => ({
    content: [{ type: 'text', text: 'written' }],
  }))
  return server
}
