import { basename } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Declarations } from 'idplug'
import { type Environment, knownNames } from 'idplug/internal'
import { loadDeclarations } from '../declarations.ts'
import {
  type GatewayTarget,
  type ResourceGroup,
  readCredential,
  readGatewayFile,
  watchGatewayFile,
} from '../gateway/configuration.ts'
import { defaultDeclaration, nameOfUrl } from '../gateway/default-declaration.ts'
import { credentialHeader } from '../gateway/gateway-file.ts'
import type { IdentityChoice } from '../gateway/identity.ts'
import { declarationOf, describeScan, ScanError, scanTarget, writeDeclaration } from '../gateway/scan.ts'
import { type GatewayStartOptions, startGateway } from '../gateway/start.ts'
import { runProgram } from '../serve/program.ts'
import { EXIT } from './exit.ts'

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

interface GatewayCommandOptions {
  to?: string
  transport?: 'http' | 'sse'
  name?: string
  timeout?: number
  identity?: 'assertion' | 'headers' | 'environment' | 'none'
  credentialEnv?: string
  credentialHeader?: string
  force?: boolean
  pass?: string[]
  scan?: string
}

export function registerGateway(program: Command): void {
  program
    .command('gateway')
    .description('put sign-in in front of an MCP server')
    .usage('[options] --to URL | FILE | -- COMMAND...')
    .argument('[file]', 'file with several resources; or, after --, the command of a server that speaks stdio')
    .argument('[words...]')
    .option('--to <url>', 'URL of the MCP endpoint that requests go to', targetUrl)
    .addOption(
      new Option(
        '--transport <kind>',
        'what the server at the URL speaks: Streamable HTTP, or HTTP+SSE of 2024-11-05 (default: http)',
      ).choices(['http', 'sse']),
    )
    .option('--name <text>', 'what the server is called on the consent page (default: after the target)')
    .option('--timeout <seconds>', 'how long an answer may take to begin (default: 300)', seconds)
    .addOption(
      new Option(
        '--identity <kind>',
        'how the server learns who is calling (default: assertion for a URL, none for a command)',
      ).choices(['assertion', 'headers', 'environment', 'none']),
    )
    .option('--credential-env <variable>', 'environment variable with a fixed credential for the server at a URL')
    .option('--credential-header <name>', 'header of that credential (default: authorization)', headerName)
    .option('--pass <variables...>', 'environment variables that the command gets')
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
  const { name, timeout: timeoutSeconds, scan } = options
  const place = placeOf(file, words, options, command)
  if (scan !== undefined) {
    if (!place) command.error('error: --scan needs --to or a command', { exitCode: EXIT.usage })
    return writeScan(place as Place, identityOf(options, process.env, command), scan, options.force)
  }
  const groupsOf = (env: Environment): readonly ResourceGroup[] => {
    if (!place) return readGatewayFile(file as string, env).groups
    const declarations: Declarations = env.AUTH_RESOURCE?.trim()
      ? loadDeclarations(env)
      : { mcp: defaultDeclaration(name ?? nameOf(place)) }
    const target: GatewayTarget = { place, identity: identityOf(options, env, command) }
    const targets = Object.fromEntries(Object.keys(declarations).map(key => [key, target]))
    return [{ id: 'command line', env, declarations, targets }]
  }
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

type Place = GatewayTarget['place']

/** @returns `undefined` where a file says it. */
function placeOf(
  file: string | undefined,
  words: readonly string[],
  { to, transport, pass = [], identity }: GatewayCommandOptions,
  command: Command,
): Place | undefined {
  const refuse = (problem: string) => command.error(`error: ${problem}`, { exitCode: EXIT.usage })
  // Commander does not tell what stood behind it.
  const isCommand = process.argv.includes('--')
  if (to !== undefined && file !== undefined) refuse('--to and a file or command are both given; keep one')
  if (to !== undefined) return { kind: 'url', url: to, ...(transport === 'sse' && { transport }) }
  if (transport !== undefined) refuse('--transport is for a server at a URL, which --to names')
  if (file === undefined) refuse('give --to URL, a file, or a command after --')
  if (!isCommand && /^https?:\/\//i.test(file as string))
    refuse(`a URL stands behind --to: idplug gateway --to ${file}`)
  if (!isCommand) {
    if (words.length > 0)
      refuse(`give one file; a command stands behind --: idplug gateway -- ${[file, ...words].join(' ')}`)
    return undefined
  }
  const missing = pass.find(variable => process.env[variable] === undefined)
  if (missing !== undefined) refuse(`--pass names ${missing}, which is not set`)
  const env = Object.fromEntries(pass.map(variable => [variable, process.env[variable] ?? '']))
  const callerEnvironment = identity === 'environment'
  return { kind: 'command', command: [file as string, ...words], env, processPer: 'session', callerEnvironment }
}

/** How the server of the command line learns who is calling. */
function identityOf(
  { to, identity, credentialEnv, credentialHeader }: GatewayCommandOptions,
  env: Environment,
  command: Command,
): IdentityChoice {
  const refuse = (problem: string) => command.error(`error: ${problem}`, { exitCode: EXIT.usage })
  if (credentialHeader && !credentialEnv) refuse('--credential-header needs --credential-env')
  if (credentialEnv === undefined) {
    const kind = identity ?? (to === undefined ? 'none' : 'assertion')
    if (to === undefined && kind !== 'none' && kind !== 'environment') {
      refuse(`--identity ${kind} is for a server at a URL; a command has environment`)
    }
    if (to !== undefined && kind === 'environment') refuse('--identity environment is for a command')
    return { kind: kind === 'environment' ? 'none' : kind }
  }
  if (identity) refuse('--identity and --credential-env are both given; keep one')
  if (to === undefined) refuse('--credential-env is for a server at a URL; a command gets variables by --pass')
  return readCredential(credentialEnv, credentialHeader, env, problem => refuse(`--credential-env ${problem}`))
}

async function writeScan(place: Place, identity: IdentityChoice, path: string, overwrite?: boolean): Promise<void> {
  const headers = identity.kind === 'credential' ? { [identity.header]: identity.value } : {}
  try {
    const scan = await scanTarget(
      place.kind === 'url' ? { url: place.url, headers } : { command: place.command, env: place.env },
    )
    await writeDeclaration(path, declarationOf(scan), overwrite)
    console.log(describeScan(scan).join('\n'))
    console.log(`\nWrote ${path}. Read it, change it, then start the gateway with AUTH_RESOURCE=${path}.`)
  } catch (error) {
    if (!(error instanceof ScanError)) throw error
    console.error(`error: ${error.message}`)
    process.exitCode = EXIT.found
  }
}

/** The name of a command, without what stands before it for npm and its like. */
function nameOf(place: Place): string {
  if (place.kind === 'url') return nameOfUrl(place.url)
  const [program, ...others] = place.command
  const named = /^(npx|uvx|node|python3?|bunx|pnpx)$/.test(basename(program))
    ? others.find(word => !word.startsWith('-'))
    : program
  return basename(named ?? program).slice(0, 60)
}

function targetUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError('Expected an absolute URL, like http://127.0.0.1:8000/mcp.')
  }
  if (url.username || url.password || url.hash) {
    throw new InvalidArgumentError('It must have no user, no password and no fragment.')
  }
  return url.href
}

function headerName(value: string): string {
  const parsed = credentialHeader.safeParse(value)
  if (!parsed.success) throw new InvalidArgumentError(`It ${parsed.error.issues[0]?.message}.`)
  return parsed.data
}

function seconds(value: string): number {
  const number = Number(value)
  if (!(number > 0 && number <= 86_400)) throw new InvalidArgumentError('Expected seconds, up to 86400.')
  return number
}
