/** `npm run demo-as`: the demo authorization server as a process of its own. */
import { loadDeclarations } from '../declarations.ts'
import { startAuthorizationServer } from './authorization-server.ts'
import { runProgram } from './program.ts'

await runProgram(startAuthorizationServer, {
  declarations: loadDeclarations,
  fixed: { AUTH_MODE: 'separate' },
  isAuthorizationServer: true,
})
