import { type Command, InvalidArgumentError } from 'commander'
import { loadDeclarations } from '../declarations.ts'
import { defaultDeclaration } from '../gateway/default-declaration.ts'
import { createHttpTarget } from '../gateway/http-target.ts'
import { type Resource, startGateway } from '../gateway/start.ts'
import { runProgram } from '../serve/program.ts'

const HELP = `
Examples:
  idplug gateway --to http://127.0.0.1:8000/mcp
  AUTH_PROVIDER=auth0 idplug gateway --to http://127.0.0.1:8000/mcp

Without settings, people sign in at the demo sign-in. The settings are those of
the server (docs/settings.md): AUTH_PROVIDER, PUBLIC_URL, PORT and the others.
AUTH_RESOURCE names a file with the scopes of each tool; without one, one scope
is needed for everything.
Exit codes: 0 stopped, 1 wrong settings or a port that is taken, 2 wrong arguments.`

interface GatewayCommandOptions {
  to: URL
  name?: string
  timeout?: number
}

export function registerGateway(program: Command): void {
  program
    .command('gateway')
    .description('put sign-in in front of an MCP server')
    .requiredOption('--to <url>', 'URL of the MCP endpoint that requests go to', targetUrl)
    .option('--name <text>', 'what the server is called on the consent page (default: the host of the target)')
    .option('--timeout <seconds>', 'how long an answer may take to begin (default: 300)', seconds)
    .addHelpText('after', HELP)
    .showHelpAfterError()
    .action(gateway)
}

async function gateway({ to, name, timeout }: GatewayCommandOptions): Promise<void> {
  const target: Resource = {
    name: to.host + to.pathname,
    identity: NOBODY,
    open: ({ logger, configuration: { settings } }) =>
      createHttpTarget({
        url: to,
        name: to.host + to.pathname,
        logger,
        owns: NOBODY.owns,
        tokenHeader: settings.AUTH_TOKEN_HEADER,
        timeoutSeconds: timeout,
        sessionIdleSeconds: settings.MCP_SESSION_IDLE_SECONDS,
        maxSessions: settings.MCP_MAX_SESSIONS,
      }),
  }
  const declarations = (env: Readonly<Record<string, string | undefined>>) =>
    env.AUTH_RESOURCE?.trim() ? loadDeclarations(env) : { mcp: defaultDeclaration(name ?? to.host) }
  await runProgram(
    surroundings => {
      const declared = declarations(surroundings.env)
      const [key = 'mcp'] = Object.keys(declared)
      return startGateway(surroundings, declared, { [key]: target })
    },
    { declarations },
  )
}

/** The target is told nothing about the caller. */
const NOBODY = { headersFor: async () => ({}), owns: () => false, close: async () => {} }

function targetUrl(value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError('Expected an absolute URL, like http://127.0.0.1:8000/mcp.')
  }
  if (url.username || url.password || url.hash) {
    throw new InvalidArgumentError('It must have no user, no password and no fragment.')
  }
  return url
}

function seconds(value: string): number {
  const number = Number(value)
  if (!(number > 0 && number <= 86_400)) throw new InvalidArgumentError('Expected seconds, up to 86400.')
  return number
}
