import { createAuth } from 'idplug'
import { protect } from 'idplug/fetch'
import { callTool, type Env, files, type Handler } from './files.ts'

/** Without settings: the demo sign-in, in the same process. */
export function createServer(env: Env): Handler {
  return protect(createAuth({ ...files, resource: 'http://localhost:3232/mcp' }, { env }), callTool)
}
