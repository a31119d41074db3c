import type { Command } from 'commander'
import type { Environment } from 'idplug/internal'
import { loadDeclarations } from '../declarations.ts'
import { startAuthorizationServer } from '../serve/authorization-server.ts'
import { runProgram } from '../serve/program.ts'

const HELP = `
Examples:
  AUTH_RESOURCE=files.json,mail.json idplug authorization-server
  AUTH_BRIDGE=on AUTH_PROVIDER=google idplug authorization-server

It is the demo, or with AUTH_BRIDGE=on a bridge to your provider, with the
settings of docs/settings.md. AUTH_RESOURCE names the declarations of all
servers that it issues tokens for. Each of those has AUTH_MODE=separate.

Exit codes: 0 stopped, 1 wrong settings or a port that is taken, 2 wrong
arguments.`

export function registerAuthorizationServer(program: Command): void {
  program
    .command('authorization-server')
    .description('run our authorization server as a process of its own')
    .addHelpText('after', HELP)
    .action(() =>
      runProgram(startAuthorizationServer, {
        declarations: loadDeclarations,
        fixed: env => ({ AUTH_MODE: 'separate', ...portOfPlatform(env) }),
        isAuthorizationServer: true,
      }),
    )
}

/** Platforms give every process its port as `PORT`. The one in `.env` is that of the MCP server. */
function portOfPlatform({ AUTH_SERVER_PORT }: Environment): Environment {
  const { PORT } = process.env
  return AUTH_SERVER_PORT?.trim() || !/^\d+$/.test(PORT ?? '') ? {} : { AUTH_SERVER_PORT: PORT, PORT: undefined }
}
