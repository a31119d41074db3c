import { basename } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Declarations } from 'idplug'
import type { Environment } from 'idplug/internal'
import { loadDeclarations } from '../declarations.ts'
import { type GatewayTarget, type ResourceGroup, readCredential } from '../gateway/configuration.ts'
import { defaultDeclaration, nameOfUrl } from '../gateway/default-declaration.ts'
import { credentialHeader } from '../gateway/gateway-file.ts'
import type { IdentityChoice } from '../gateway/identity.ts'
import { variableProblem } from '../variable-problem.ts'
import { EXIT } from './exit.ts'

/** Options by which the command line names the server behind a gateway. */
export interface TargetOptions {
  to?: string
  transport?: 'http' | 'sse'
  identity?: 'assertion' | 'headers' | 'environment' | 'none'
  credentialEnv?: string
  credentialHeader?: string
  pass?: string[]
}

/** Adds {@link TargetOptions} to a command. */
export function withTargetOptions(command: Command): Command {
  return command
    .option('--to <url>', 'URL of the MCP endpoint that requests go to', targetUrl)
    .addOption(
      new Option(
        '--transport <kind>',
        'what the server at the URL speaks: Streamable HTTP, or HTTP+SSE of 2024-11-05 (default: http)',
      ).choices(['http', 'sse']),
    )
    .addOption(
      new Option(
        '--identity <kind>',
        'how the server learns who is calling (default: assertion for a URL, none for a command)',
      ).choices(['assertion', 'headers', 'environment', 'none']),
    )
    .option('--credential-env <variable>', 'environment variable with a fixed credential for the server at a URL')
    .option('--credential-header <name>', 'header of that credential (default: authorization)', headerName)
    .option('--pass <variables...>', 'environment variables that the command gets')
}

/** What stands behind `--`; commander does not tell. */
export function wordsBehindDashes(): readonly string[] | undefined {
  const dashes = process.argv.indexOf('--')
  return dashes === -1 ? undefined : process.argv.slice(dashes + 1)
}

type Place = GatewayTarget['place']

const ABOUT_ONE_SERVER = [
  ['identity', '--identity'],
  ['credentialEnv', '--credential-env'],
  ['credentialHeader', '--credential-header'],
  ['pass', '--pass'],
] as const

/**
 * @param run - Command of a server that speaks stdio, with its arguments.
 * @returns `undefined` where neither a URL nor a command is given.
 */
export function placeOf(
  options: TargetOptions,
  run: readonly string[] | undefined,
  command: Command,
): Place | undefined {
  const { to, transport, pass = [], identity } = options
  const refuse = (problem: string) => command.error(`error: ${problem}`, { exitCode: EXIT.usage })
  if (to !== undefined) {
    if (pass.length > 0) refuse('--pass is for a command; a server at a URL has its own environment')
    return { kind: 'url', url: to, ...(transport === 'sse' && { transport }) }
  }
  if (transport !== undefined) refuse('--transport is for a server at a URL, which --to names')
  const [program, ...args] = run ?? []
  if (program === undefined) {
    const useless = ABOUT_ONE_SERVER.find(([name]) => options[name] !== undefined)
    if (useless)
      refuse(`${useless[1]} is for a server that --to or a command names; a file says it for each of its own`)
    return undefined
  }
  const missing = pass.find(variable => process.env[variable] === undefined)
  if (missing !== undefined) refuse(`--pass ${variableProblem(missing)}`)
  const env = Object.fromEntries(pass.map(variable => [variable, process.env[variable] ?? '']))
  const callerEnvironment = identity === 'environment'
  return { kind: 'command', command: [program, ...args], env, processPer: 'session', callerEnvironment }
}

/** How the server of the command line learns who is calling. */
export function identityOf(
  { to, identity, credentialEnv, credentialHeader }: TargetOptions,
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

/**
 * The one group of a gateway without a file: its server is behind every declaration of `AUTH_RESOURCE`.
 *
 * @param name - What the server is called where nothing is declared. Default: after the place.
 */
export function groupOf(
  place: Place,
  options: TargetOptions,
  env: Environment,
  command: Command,
  name = nameOf(place),
): ResourceGroup {
  const declarations: Declarations = env.AUTH_RESOURCE?.trim()
    ? loadDeclarations(env)
    : { mcp: defaultDeclaration(name) }
  const target: GatewayTarget = { place, identity: identityOf(options, env, command) }
  const targets = Object.fromEntries(Object.keys(declarations).map(key => [key, target]))
  return { id: 'command line', env, declarations, targets }
}

/** The name of a command, without what stands before it for npm and its like. */
function nameOf(place: Place): string {
  if (place.kind === 'url') return nameOfUrl(place.url)
  const [program, ...others] = place.command
  const named = /^(npx|uvx|node|python3?|bunx|pnpx)$/.test(nameOfProgram(program))
    ? others.find(word => !word.startsWith('-'))
    : program
  return nameOfProgram(named ?? program).slice(0, 60)
}

/** On Windows `npx` is `npx.cmd`. */
const nameOfProgram = (path: string) => basename(path.replaceAll('\\', '/')).replace(/\.(cmd|bat|exe|ps1)$/i, '')

/** Reads the URL of a server behind a gateway or proxy: within a network of one's own, `http:` will do. */
export function targetUrl(value: string): string {
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
