/** `npm run demo-as`: the demo authorization server as a process of its own. */
import type { Environment } from 'idplug/internal'
import { loadDeclarations } from '../declarations.ts'
import { startAuthorizationServer } from './authorization-server.ts'
import { runProgram } from './program.ts'

await runProgram(startAuthorizationServer, {
  declarations: loadDeclarations,
  fixed: env => ({ AUTH_MODE: 'separate', ...portOfPlatform(env) }),
  isAuthorizationServer: true,
})

/** Platforms give every process its port as `PORT`. The one in `.env` is that of the MCP server. */
function portOfPlatform({ AUTH_SERVER_PORT }: Environment): Environment {
  const { PORT } = process.env
  return AUTH_SERVER_PORT?.trim() || !/^\d+$/.test(PORT ?? '') ? {} : { AUTH_SERVER_PORT: PORT, PORT: undefined }
}
