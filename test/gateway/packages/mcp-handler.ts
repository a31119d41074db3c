import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createMcpHandler } from 'mcp-handler'
import { readNote, releaseTool, wait, writeNote } from './notes.ts'

const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })
const handler = createMcpHandler(
  server => {
    server.registerTool(
      readNote.name,
      { description: readNote.description, inputSchema: readNote.input, annotations: { readOnlyHint: true } },
      args => answer(readNote.run(args)),
    )
    server.registerTool(writeNote.name, { description: writeNote.description, inputSchema: writeNote.input }, args =>
      answer(writeNote.run(args)),
    )
    server.registerTool(wait.name, { description: wait.description }, async ({ mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken ?? 0
      const params = { progressToken, progress: 1, total: 2 }
      return answer(await wait.run(() => mcpReq.notify({ method: 'notifications/progress', params })))
    })
    server.registerTool(releaseTool.name, { description: releaseTool.description }, () => answer(releaseTool.run()))
  },
  { serverInfo: { name: 'notes', version: '1.0.0' } },
)
// In Hono, as its README names it; it has no way over stdio.
const app = new Hono()
app.all('/mcp', context => handler(context.req.raw))
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' })
