import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'

const contents = new Map([['a.txt', 'Hello']])
const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })

/** The tools, with SDK 1.x: each request has a server of its own. */
export function createServer(): McpServer {
  const server = new McpServer({ name: 'files', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ authInfo }) =>
    answer(authInfo?.clientId ?? 'nobody'),
  )
  server.registerTool('read_file', { description: 'Read a file', inputSchema: { path: z.string() } }, ({ path }) =>
    answer(contents.get(path) ?? 'no such file'),
  )
  const file = { path: z.string(), text: z.string() }
  server.registerTool('write_file', { description: 'Change a file', inputSchema: file }, ({ path, text }) => {
    contents.set(path, text)
    return answer(`wrote ${path}`)
  })
  return server
}
