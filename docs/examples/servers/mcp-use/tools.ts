import type { MCPServer } from 'mcp-use'
import { z } from 'zod'

const contents = new Map([['a.txt', 'Hello']])
const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })

export function addTools(server: MCPServer): void {
  server.tool({ name: 'whoami', description: 'Who is signed in' }, async (_args, { auth }) =>
    answer(auth?.user?.id ?? 'nobody'),
  )
  server.tool(
    { name: 'read_file', description: 'Read a file', inputSchema: z.object({ path: z.string() }) },
    async ({ path }) => answer(contents.get(path) ?? 'no such file'),
  )
  const file = z.object({ path: z.string(), text: z.string() })
  server.tool({ name: 'write_file', description: 'Change a file', inputSchema: file }, async ({ path, text }) => {
    contents.set(path, text)
    return answer(`wrote ${path}`)
  })
}
