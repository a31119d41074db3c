import { MCPServer } from 'mcp-use'
import { z } from 'zod'

const contents = new Map([['a.txt', 'Hello']])
const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })
const server = new MCPServer({
  name: 'files',
  version: '1.0.0',
})
server.tool({ name: 'whoami', description: 'Who is signed in' }, async () => answer('nobody'))
server.tool(
  { name: 'read_file', description: 'Read a file', inputSchema: z.object({ path: z.string() }) },
  async ({ path }) => answer(contents.get(path) ?? 'no such file'),
)
server.tool(
  { name: 'write_file', description: 'Change a file', inputSchema: z.object({ path: z.string(), text: z.string() }) },
  async ({ path, text }) => {
    contents.set(path, text)
    return answer(`wrote ${path}`)
  },
)
await server.listen(Number(process.env.PORT ?? 3000))
