import { type Command, InvalidArgumentError } from 'commander'
import { type Environment, knownNames } from 'idplug/internal'
import { type GatewayTarget, type ResourceGroup, readGatewayFile, watchGatewayFile } from '../gateway/configuration.ts'
import { declarationOf, describeScan, SCAN_LIMITS, ScanError, scanTarget, writeDeclaration } from '../gateway/scan.ts'
import { type GatewayStartOptions, startGateway } from '../gateway/start.ts'
import { runProgram } from '../serve/program.ts'
import { EXIT } from './exit.ts'
import {
  groupOf,
  identityOf,
  placeOf,
  type TargetOptions,
  withTargetOptions,
  wordsBehindDashes,
} from './gateway-target.ts'

const HELP = `
Examples:
  idplug gateway --to http://127.0.0.1:8000/mcp
  idplug gateway --to http://127.0.0.1:8000/sse --transport sse
  idplug gateway -- npx -y @modelcontextprotocol/server-memory
  idplug gateway gateway.json
  AUTH_PROVIDER=auth0 idplug gateway --to http://127.0.0.1:8000/mcp
  idplug gateway --to http://127.0.0.1:8000/mcp --scan files.json

Without settings, people sign in at the demo sign-in. The settings are those of
the server (docs/settings.md): AUTH_PROVIDER, PUBLIC_URL, PORT and the others.
AUTH_RESOURCE names a file with the scopes of each tool, which --scan writes;
without one, one scope is needed for everything.
Exit codes: 0 stopped, 1 wrong settings, a port that is taken, or a server that
cannot be scanned, 2 wrong arguments.`

interface GatewayCommandOptions extends TargetOptions {
  name?: string
  timeout?: number
  force?: boolean
  scan?: string
}

export function registerGateway(program: Command): void {
  withTargetOptions(
    program
      .command('gateway')
      .description('put sign-in in front of an MCP server')
      .usage('[options] --to URL | FILE | -- COMMAND...')
      .argument('[file]', 'file with several resources; or, after --, the command of a server that speaks stdio')
      .argument('[words...]'),
  )
    .option('--name <text>', 'what the server is called on the consent page (default: after the target)')
    .option('--timeout <seconds>', 'how long an answer may take to begin (default: 300)', seconds)
    .option('--scan <file>', 'ask the server for its tools, write a declaration for you to edit, and stop')
    .option('--force', 'let --scan replace the file')
    .addHelpText('after', HELP)
    .action(gateway)
}

async function gateway(
  file: string | undefined,
  words: readonly string[],
  options: GatewayCommandOptions,
  command: Command,
): Promise<void> {
  const { name, timeout: timeoutSeconds, scan, force } = options
  const refuse = (problem: string) => command.error(`error: ${problem}`, { exitCode: EXIT.usage })
  if (options.to !== undefined && file !== undefined) refuse('--to and a file or command are both given; keep one')
  const run = wordsBehindDashes()
  if (run && file !== undefined && words.length >= run.length) refuse('a file and a command are both given; keep one')
  const place = placeOf(options, run, command)
  if (!place && file === undefined) refuse('give --to URL, a file, or a command after --')
  if (!place && /^https?:\/\//i.test(file ?? '')) refuse(`a URL stands behind --to: idplug gateway --to ${file}`)
  if (!place && words.length > 0)
    refuse(`give one file; a command stands behind --: idplug gateway -- ${[file, ...words].join(' ')}`)
  if (scan !== undefined) {
    if (!place) return refuse('--scan needs --to or a command')
    return writeScan(place, identityOf(options, process.env, command), scan, name, force)
  }
  if (force) refuse('--force is for --scan')
  if (!place && name !== undefined) refuse('--name is for one server; a file names each of its own')
  const groupsOf = (env: Environment): readonly ResourceGroup[] =>
    place ? [groupOf(place, options, env, command, name)] : readGatewayFile(file as string, env).groups
  let groups: readonly ResourceGroup[] = []
  let settings: Environment = {}
  const watch: GatewayStartOptions['watch'] = handlers => watchGatewayFile(file as string, settings, handlers)
  await runProgram(surroundings => startGateway(surroundings, groups, { timeoutSeconds, ...(!place && { watch }) }), {
    fixed(env) {
      settings = env
      groups = groupsOf(env)
      return { ...without(env), ...leading(groups).env }
    },
    declarations: () => leading(groups).declarations,
  })
}

/** The process has the settings of the group that people sign in to here; else those of the first. */
function leading(groups: readonly ResourceGroup[]): ResourceGroup {
  return groups.find(({ env }) => knownNames(env).usesOwnServer) ?? (groups[0] as ResourceGroup)
}

const without = (env: Environment): Environment => Object.fromEntries(Object.keys(env).map(name => [name, undefined]))

async function writeScan(
  place: GatewayTarget['place'],
  identity: GatewayTarget['identity'],
  path: string,
  name?: string,
  overwrite?: boolean,
): Promise<void> {
  const headers = identity.kind === 'credential' ? { [identity.header]: identity.value } : {}
  try {
    const found = await scanTarget(
      place.kind === 'url' ? { url: place.url, headers } : { command: place.command, env: place.env },
      SCAN_LIMITS,
      text => console.error(text),
    )
    const scan = name === undefined ? found : { ...found, name }
    await writeDeclaration(path, declarationOf(scan), overwrite)
    console.log(describeScan(scan).join('\n'))
    console.log(`\nWrote ${path}. Read it, change it, then start the gateway with AUTH_RESOURCE=${path}.`)
  } catch (error) {
    if (!(error instanceof ScanError)) throw error
    console.error(`error: ${error.message}`)
    process.exitCode = EXIT.found
  }
}

function seconds(value: string): number {
  const number = Number(value)
  if (!(number > 0 && number <= 86_400)) throw new InvalidArgumentError('Expected seconds, up to 86400.')
  return number
}
