/** `npm run demo-as`: the demo authorization server as a process of its own. */
import { startDemoAuthorizationServer } from './authorization-server.ts'
import { runProgram } from './program.ts'

await runProgram(startDemoAuthorizationServer, { fixed: { AUTH_MODE: 'separate' }, isAuthorizationServer: true })
