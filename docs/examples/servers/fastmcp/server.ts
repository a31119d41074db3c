import { FastMCP } from 'fastmcp'
import { type AuthInfo, createAuth } from 'idplug'
import { authRoutes } from 'idplug/hono'
import { requestHead } from 'idplug/node'
import { z } from 'zod'
import { files } from './files.ts'

type Session = AuthInfo & Record<string, unknown>

const auth = createAuth(files)
const contents = new Map([['a.txt', 'Hello']])
const server = new FastMCP<Session>({
  name: 'files',
  version: '1.0.0',
  async authenticate(request) {
    const access = await auth.authenticate(requestHead(request))
    return access.outcome === 'accepted'
      ? (access.authInfo as Session)
      : Promise.reject(Response.json(access.body, access))
  },
})
server.getApp().use(authRoutes(auth))
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
  canAccess: ({ extra: { token } }) => auth.allows({ token }, 'tool', 'write_file'),
  async execute({ path, text }) {
    contents.set(path, text)
    return `wrote ${path}`
  },
})
await server.start({
  transportType: 'httpStream',
  httpStream: { port: Number(process.env.PORT ?? 3000), endpoint: '/mcp', stateless: true },
})
