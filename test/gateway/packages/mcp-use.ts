import { MCPServer } from 'mcp-use'
import { readNote, releaseTool, wait, writeNote } from './notes.ts'

const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })
// As its README starts it, but without its log of requests, which holds every answer back until it is whole.
// It has no way over stdio, and keeps no sessions.
const server = new MCPServer({ name: 'notes', version: '1.0.0', logging: { enabled: false } })
server.tool(
  {
    name: readNote.name,
    description: readNote.description,
    inputSchema: readNote.input,
    annotations: { readOnlyHint: true },
  },
  async args => answer(readNote.run(args)),
)
server.tool({ name: writeNote.name, description: writeNote.description, inputSchema: writeNote.input }, async args =>
  answer(writeNote.run(args)),
)
server.tool({ name: wait.name, description: wait.description }, async (_args, { reportProgress }) =>
  answer(await wait.run(() => reportProgress(1, 2))),
)
server.tool({ name: releaseTool.name, description: releaseTool.description }, async () => answer(releaseTool.run()))
await server.listen(Number(process.env.PORT), { host: '127.0.0.1' })
