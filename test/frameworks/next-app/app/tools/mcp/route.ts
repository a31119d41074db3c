import { createMcpHandler } from 'mcp-handler'
import { protect } from '../../../../../../src/edges/next.ts'
import { planOfRequest } from '../../../plan.ts'

const handler = createMcpHandler(server => {
  server.registerTool('whoami', { description: 'Who is signed in' }, async ({ http }) => ({
    content: [{ type: 'text', text: String(http?.authInfo?.clientId) }],
  }))
  server.registerTool('write_file', { description: 'Change a file' }, async () => ({
    content: [{ type: 'text', text: 'written' }],
  }))
})

const route = (request: Request) => {
  const [mounted] = planOfRequest().mounted
  if (!mounted) throw new Error('nothing is mounted')
  return protect(mounted.auth, handler)(request)
}

export { route as DELETE, route as GET, route as OPTIONS, route as POST }
