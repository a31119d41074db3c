import { FastMCP } from 'fastmcp'
import { readNote, releaseTool, wait, writeNote } from './notes.ts'

// As its README starts it: over stdio, or over HTTP with sessions.
const server = new FastMCP({ name: 'notes', version: '1.0.0' })
server.addTool({
  name: readNote.name,
  description: readNote.description,
  annotations: { readOnlyHint: true },
  parameters: readNote.input,
  execute: async args => readNote.run(args),
})
server.addTool({
  name: writeNote.name,
  description: writeNote.description,
  parameters: writeNote.input,
  execute: async args => writeNote.run(args),
})
server.addTool({
  name: wait.name,
  description: wait.description,
  execute: async (_args, { reportProgress }) => wait.run(() => reportProgress({ progress: 1, total: 2 })),
})
server.addTool({
  name: releaseTool.name,
  description: releaseTool.description,
  execute: async () => releaseTool.run(),
})
const { PORT } = process.env
await server.start(
  PORT === undefined
    ? { transportType: 'stdio' }
    : { transportType: 'httpStream', httpStream: { port: Number(PORT), host: '127.0.0.1' } },
)
