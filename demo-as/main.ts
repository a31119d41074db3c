/** `npm run demo-as`: the demo authorization server as a process of its own. */
import { startDemoAuthorizationServer } from '../src/cli/demo-authorization-server.ts'
import { runProgram } from '../src/cli/program.ts'

await runProgram(startDemoAuthorizationServer, { fixed: { AUTH_MODE: 'separate' }, isAuthorizationServer: true })
