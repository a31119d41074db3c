import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

const contents = new Map([['a.txt', 'Hello']])
const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })

/** The tools, with SDK 2.x. */
export const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: 'files', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who is signed in' }, ({ http }) =>
    answer(http?.authInfo?.clientId ?? 'nobody'),
  )
  const one = z.object({ path: z.string() })
  server.registerTool('read_file', { description: 'Read a file', inputSchema: one }, ({ path }) =>
    answer(contents.get(path) ?? 'no such file'),
  )
  const file = z.object({ path: z.string(), text: z.string() })
  server.registerTool('write_file', { description: 'Change a file', inputSchema: file }, ({ path, text }) => {
    contents.set(path, text)
    return answer(`wrote ${path}`)
  })
  return server
})
