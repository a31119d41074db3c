import type { ProtectedHandler } from 'idplug/fetch'

/** Answers one request, and is told what the runtime hands over beside it. */
export type Handler = (request: Request, ...further: readonly unknown[]) => Response | Promise<Response>

/** Environment variables of a server. */
export type Env = Readonly<Record<string, string>>

export const files = {
  name: 'Files',
  resource: 'https://mcp.example.com/mcp',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const

/** The least that answers tools/call: every tool says who is calling. */
export const callTool: ProtectedHandler<readonly unknown[]> = (_request, { token, parsedBody }) => {
  const { id } = parsedBody as { id: number }
  return Response.json({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: token?.subject }] } })
}
