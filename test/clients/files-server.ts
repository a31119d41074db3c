import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express, { type Express } from 'express'
import type { Auth, ResourceDeclaration } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { z } from 'zod'

export const files = {
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const satisfies ResourceDeclaration

/** A small server as a user of the library has it: two tools, one of which needs more than a sign-in gives. */
export function createFilesApp(auth: Auth): Express {
  const handler = filesHandler()
  const app = express()
  app.use(authRoutes(auth))
  app.all('/mcp', protect(auth), (request, response) => handler(request, response, request.body))
  return app
}

/** The same without sign-in, for something in front of it. */
export function createOpenFilesApp(): Express {
  const handler = filesHandler()
  return express().all('/mcp', (request, response) => handler(request, response, request.body))
}

function filesHandler() {
  const contents = new Map([['a.txt', 'Hello']])
  const mcp = createMcpHandler(() => {
    const server = new McpServer({ name: 'files', version: '1.0.0' })
    const path = z.string()
    const answer = (text: string) => ({ content: [{ type: 'text' as const, text }] })
    server.registerTool('read_file', { description: 'Reads a file', inputSchema: z.object({ path }) }, ({ path }) =>
      answer(contents.get(path) ?? 'no such file'),
    )
    server.registerTool(
      'write_file',
      { description: 'Writes a file', inputSchema: z.object({ path, text: z.string() }) },
      ({ path, text }) => {
        contents.set(path, text)
        return answer(`wrote ${path}`)
      },
    )
    return server
  })
  return toNodeHandler(mcp)
}
