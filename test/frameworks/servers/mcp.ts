import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'

/** The tools, with SDK 2.x. */
export const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: 'files', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ http }) => ({
    content: [{ type: 'text', text: String(http?.authInfo?.clientId) }],
  }))
  server.registerTool('write_file', { description: 'Change a file' }, () => ({
    content: [{ type: 'text', text: 'written' }],
  }))
  return server
})
