import { createAuth } from 'idplug'
import { protect } from 'idplug/fetch'
import { callTool, type Env, files, type Handler } from './files.ts'

/** The provider is that of the settings. */
export function createServer(env: Env): Handler {
  return protect(createAuth(files, { env }), callTool)
}
