import { type Command, Option } from 'commander'
import { runProgram } from '../serve/program.ts'
import { type ForwardedIdentity, forwardAuthSettings, protectedServers, startForwardAuth } from './start.ts'

const HELP = `
Settings come from the environment and from .env (docs/settings.md), above all:
  PUBLIC_URL       URL of the proxy, as clients reach it
  AUTH_PROVIDER    who signs people in (default: demo)
  AUTH_RESOURCE    JSON file with names, scopes and rules of the MCP server
                   (default: each valid token may do everything at /mcp)
  TRUSTED_PROXIES  addresses of your proxies (default: this machine)
  HOST, PORT       where to listen for them (default: 127.0.0.1:3232)

Example:
  PUBLIC_URL=https://mcp.example.com AUTH_PROVIDER=auth0 … idplug forward-auth

Configurations of nginx, Caddy, Traefik and Envoy: docs/proxies/README.md.
It runs until Ctrl+C.
Exit codes: 0 stopped, 1 the settings cannot work, 2 wrong arguments.`

export function registerForwardAuth(program: Command): void {
  program
    .command('forward-auth')
    .description('sign-in for an MCP server behind nginx, Caddy, Traefik or Envoy')
    .addOption(
      new Option('--identity <kind>', 'how the server is told who is calling')
        .choices(['headers', 'assertion'] satisfies ForwardedIdentity[])
        .default('headers'),
    )
    .addHelpText('after', HELP)
    .action(({ identity }: { identity: ForwardedIdentity }) =>
      runProgram(surroundings => startForwardAuth(surroundings, identity), {
        declarations: protectedServers,
        fixed: forwardAuthSettings,
      }),
    )
}
