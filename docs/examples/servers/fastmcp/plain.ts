import { FastMCP } from 'fastmcp'
import { z } from 'zod'

const contents = new Map([['a.txt', 'Hello']])
const server = new FastMCP<Record<string, unknown>>({
  name: 'files',
  version: '1.0.0',
})
server.addTool({
  name: 'whoami',
  description: 'Who is signed in',
  execute: async (_args, { session }) => String(session?.clientId ?? 'nobody'),
})
server.addTool({
  name: 'read_file',
  description: 'Read a file',
  parameters: z.object({ path: z.string() }),
  execute: async ({ path }) => contents.get(path) ?? 'no such file',
})
server.addTool({
  name: 'write_file',
  description: 'Change a file',
  parameters: z.object({ path: z.string(), text: z.string() }),
  async execute({ path, text }) {
    contents.set(path, text)
    return `wrote ${path}`
  },
})
await server.start({
  transportType: 'httpStream',
  httpStream: { port: Number(process.env.PORT ?? 3000), endpoint: '/mcp', stateless: true },
})
