import { createServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express, { type Express } from 'express'
import { type Auth, createAuth, type ResourceDeclaration } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { onTestFinished } from 'vitest'
import { freePort, listen } from '../support/http.ts'

export const FILES = {
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const satisfies ResourceDeclaration

/** Tools, and nothing about sign-in. */
export const mcp = toNodeHandler(
  createMcpHandler(() => {
    const server = new McpServer({ name: 'files', version: '1.0.0' })
    const answer = () => ({ content: [{ type: 'text' as const, text: 'done' }] })
    server.registerTool('list_files', { description: 'Lists your files' }, answer)
    server.registerTool('write_file', { description: 'Changes a file' }, answer)
    return server
  }),
)

export interface OwnServer {
  readonly origin: string
  readonly auth: Auth
  /** What it wrote to standard error. */
  told(): string
}

/** How the two functions of the library are used: right, unless a mistake says otherwise. */
export function mounted(app: Express, auth: Auth, path = '/mcp'): void {
  app.use(authRoutes(auth))
  app.all(path, protect(auth), (request, response) => mcp(request, response, request.body))
}

/**
 * The server of somebody who follows the README, with the demo sign-in.
 *
 * @param mount - Puts the functions of the library into the server. Default: {@link mounted}.
 */
export async function ownServer({
  mount = mounted,
  declared = {},
  env = {},
}: {
  mount?: (app: Express, auth: Auth) => void
  declared?: Partial<ResourceDeclaration>
  env?: Record<string, string>
} = {}): Promise<OwnServer> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const lines: string[] = []
  const auth = createAuth(
    { ...FILES, resource: `${origin}/mcp`, ...declared },
    {
      env,
      observer: {
        warning: (message, facts) => void lines.push(`${message} ${JSON.stringify(facts)}`),
        decision: decision => void lines.push(JSON.stringify(decision)),
      },
    },
  )
  const app = express()
  mount(app, auth)
  const { close } = await listen(createServer(app), port)
  onTestFinished(async () => {
    await close()
    await auth.close()
  })
  return { origin, auth, told: () => lines.join('\n') }
}
