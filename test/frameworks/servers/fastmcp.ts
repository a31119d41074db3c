import { FastMCP } from 'fastmcp'
import type { Auth, AuthInfo } from 'idplug'
import { requestHead } from 'idplug/node'

type Session = AuthInfo & Record<string, unknown>

export function createFilesServer(auth: Auth) {
  const server = new FastMCP<Session>({
    name: 'files',
    version: '1.0.0',
    async authenticate(request) {
      const access = await auth.authenticate(requestHead(request))
      if (access.outcome !== 'accepted') throw Response.json(access.body, access)
      return access.authInfo as Session
    },
  })
  server.addTool({
    name: 'whoami',
    description: 'Who is signed in',
    execute: async (_args, { session }) => String(session?.clientId),
  })
  server.addTool({
    name: 'write_file',
    description: 'Change a file',
    canAccess: ({ extra: { token } }) => auth.allows({ token }, 'tool', 'write_file'),
    execute: async () => 'written',
  })
  return server
}
