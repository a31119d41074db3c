// An MCP server that speaks stdio, for tests: three tools, a resource and a prompt. VALUE of the environment is the name of a tool.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'

const server = new McpServer({ name: 'shelf', title: 'My Shelf', version: '1.0.0' })
const answer = () => ({ content: [{ type: 'text' as const, text: 'done' }] })
server.registerTool('look', { annotations: { readOnlyHint: true } }, answer)
server.registerTool('put', {}, answer)
server.registerTool(`variable_${process.env.VALUE}`, { annotations: { readOnlyHint: false } }, answer)
server.registerResource('book', 'shelf://books/1', {}, ({ href }) => ({ contents: [{ uri: href, text: 'A book' }] }))
server.registerPrompt('summary', {}, () => ({
  messages: [{ role: 'user', content: { type: 'text', text: 'Sum up' } }],
}))
await server.connect(new StdioServerTransport())
