import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { ConfigError, createProviderFetch } from 'idplug'
import { type Configuration, type Environment, proxyUrl } from 'idplug/internal'
import type { Visit } from '../../client/grants.ts'
import { listenForBrowser } from '../../client/visit.ts'
import { type ProgramEnvironment, readEnvironment } from '../../environment.ts'
import { type ResourceGroup, readGatewayFile } from '../../gateway/configuration.ts'
import { variableProblem } from '../../variable-problem.ts'
import { endpointUrl } from '../endpoint-url.ts'
import { EXIT } from '../exit.ts'
import {
  groupOf,
  placeOf,
  type TargetOptions,
  targetUrl,
  withTargetOptions,
  wordsBehindDashes,
} from '../gateway-target.ts'
import { examineGateway, examineServer, examineTargets, examineTenants } from './doctor.ts'
import { findingsText, outlooksText, summaryText } from './report.ts'
import { type StandIn, startStandIn } from './stand-in.ts'
import type { TrialClient } from './trial.ts'

interface DoctorOptions extends TargetOptions {
  idp?: string
  gateway?: string
  clientId?: string
  clientSecretEnv?: string
  redirectUri?: string
  tokenStdin?: boolean
  tool?: string
  standIn?: string
  attack?: boolean
  yes?: boolean
  json?: boolean
}

const usage = { exitCode: EXIT.usage }

const EXAMPLES = `
Examples:
  idplug doctor                                  the settings that are in force
  idplug doctor --idp auth0                      the same, for another provider
  idplug doctor --gateway gateway.json           the servers behind a gateway
  idplug doctor --to http://127.0.0.1:8000/mcp   the same, without a file
  idplug doctor -- npx -y some-server            the same, for a command
  idplug doctor https://mcp.example.com/mcp      a running server, from outside
  idplug doctor --idp auth0 --client-id ID --client-secret-env SECRET
                                                 with a token of a machine
  idplug doctor URL --token-stdin < token        with a token that it accepts
  idplug doctor URL --stand-in http://127.0.0.1:8000/mcp --token-stdin < token
                                                 what the proxy passes on
  idplug doctor URL --attack                     your own server, as an attacker

Exit codes: 0 no error found, 1 at least one, 2 wrong arguments.`

export function registerDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('say what is wrong with the sign-in, and which setting to change')
    .usage('[options] [URL] [-- COMMAND...]')
    .argument('[url]', 'URL of the MCP endpoint of a running server')
    .argument('[words...]', 'after --, the command that idplug gateway starts')
    .option('--idp <name>', 'provider to check, in place of AUTH_PROVIDER')
    .option('--gateway <file>', 'check the servers behind idplug gateway as well')
    .option('--client-id <id>', 'a client of yours, to try the provider with')
    .option('--client-secret-env <name>', 'variable with its secret; asks for a token')
    .option('--redirect-uri <uri>', 'its redirect URI; tries the redirect rules')
    .option('--token-stdin', 'read an access token for the server from standard input')
    .option('--tool <name>', 'call this tool, which that token is not enough for')
    .option('--stand-in <url>', 'look at what a proxy passes on to the server at this URL, in its place', targetUrl)
    .option('--attack', 'try attacks against your own server; registers clients')
    .option('--yes', 'do not ask before --attack')
    .option('--json', 'print the findings as JSON')
  withTargetOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (url: string | undefined, words: string[], options: DoctorOptions, command: Command) => {
      process.exitCode = await doctor(urlOf([...(url === undefined ? [] : [url]), ...words], command), options, command)
    })
}

/** Commander does not tell a URL from the first word of a command. */
function urlOf(words: readonly string[], command: Command): string | undefined {
  const [url, ...others] = words.slice(0, words.length - (wordsBehindDashes()?.length ?? 0))
  if (others.length > 0) command.error('error: give one URL; a command stands behind --', usage)
  try {
    return url === undefined ? undefined : endpointUrl(url)
  } catch (error) {
    return command.error(`error: '${url}': ${(error as Error).message}`, usage)
  }
}

async function doctor(url: string | undefined, options: DoctorOptions, command: Command): Promise<number> {
  const { gateway } = options
  const place = placeOf(options, wordsBehindDashes(), command)
  if (place && gateway !== undefined) command.error('error: --gateway and a server are both given; keep one', usage)
  const looksAtTenant =
    url === undefined || gateway !== undefined || options.idp !== undefined || options.clientId !== undefined
  // A server is looked at from outside: no file has a say in that.
  const { env, file }: ProgramEnvironment = looksAtTenant ? readEnvironment('command') : { env: process.env }
  const client = trialClient(options, env, command)
  if (options.attack && url === undefined) command.error('error: --attack needs the URL of a server', usage)
  if (options.attack && !(await mayAttack(url ?? '', options))) return EXIT.usage
  const token = options.tokenStdin ? (await text(process.stdin)).trim() : undefined
  const fetch = createProviderFetch(env)

  const settings = {
    ...env,
    ...(options.idp && { AUTH_PROVIDER: options.idp, AUTH_CONFIG: undefined, AUTH_SHADOW: undefined }),
  }
  const surroundings = { fetch, now: Date.now, file, loadDocument: documentLoader(env) }
  const groups = (): readonly ResourceGroup[] =>
    place ? [groupOf(place, options, settings, command)] : readGatewayFile(gateway as string, settings).groups
  const isGateway = place !== undefined || gateway !== undefined
  const inside = () =>
    isGateway ? examineGateway(groups, surroundings, client) : examineTenants(settings, surroundings, client)
  // Beside a URL, what the gateway was started with may be set elsewhere than here.
  const behind = () => (place ? examineTargets(groups) : [])
  const tenants = await (looksAtTenant ? inside() : behind())
  const visit = options.attack ? await listenForBrowser({ say: text => console.error(text) }) : undefined
  const attack = visit && { redirectUri: visit.redirectUri, signIn: (url: URL) => codesToo(visit, url) }
  const standIn = await standInFor(url, options, command)
  const trial = { token, tool: options.tool, isTargetKnown: isGateway || standIn !== undefined, standIn }
  const server = url === undefined ? undefined : await examineServer(url, fetch, trial, attack)
  visit?.close()
  await standIn?.close()

  const findings = [...tenants, ...(server?.findings ?? [])]
  const clients = server?.clients ?? []
  if (options.json) console.log(JSON.stringify({ findings, clients }, null, 2))
  else {
    const parts = [findingsText(findings), clients.length > 0 ? outlooksText(clients) : '', summaryText(findings)]
    console.log(parts.filter(Boolean).join('\n\n'))
  }
  return findings.some(({ severity }) => severity === 'error') ? EXIT.found : EXIT.fine
}

async function standInFor(
  url: string | undefined,
  { standIn, tokenStdin }: DoctorOptions,
  command: Command,
): Promise<StandIn | undefined> {
  if (standIn === undefined) return undefined
  if (url === undefined || !tokenStdin) command.error('error: --stand-in needs a URL and --token-stdin', usage)
  try {
    return await startStandIn(standIn)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return command.error(`error: ${error.message}`, usage)
  }
}

/** As the authorization server of this configuration would fetch them. */
function documentLoader(env: Environment) {
  return ({ settings }: Configuration) =>
    async (url: string) => {
      const { createClientDocuments } = await import('../../../demo-as/clients/client-documents.ts')
      const { createMemoryStores } = await import('../../../demo-as/stores/memory.ts')
      const { CIMD_ALLOWED_HOSTS: allowedHosts, CIMD_PRIVATE_HOSTS: privateHosts } = settings
      const proxy = proxyUrl(env.HTTPS_PROXY || env.https_proxy || '')
      const options = { allowedHosts, privateHosts, ...(proxy && { proxy }) }
      await createClientDocuments(createMemoryStores(), options, { take: () => undefined }, () => {}).load(url)
    }
}

/** Where the browser ended up; nobody has to sign in for the other attacks. */
async function codesToo({ go, redirectUri }: Visit, authorizeUrl: URL): Promise<URL> {
  console.error('To have codes and refresh tokens tried as well:')
  const answer = await go(authorizeUrl).catch(() => new URLSearchParams({ error: 'timeout' }))
  return new URL(`${redirectUri}?${answer}`)
}

function trialClient(
  { clientId, clientSecretEnv, redirectUri }: DoctorOptions,
  env: Readonly<Record<string, string | undefined>>,
  command: Command,
): TrialClient | undefined {
  if (!clientId) {
    if (clientSecretEnv || redirectUri) command.error('error: --client-id is needed as well', usage)
    return undefined
  }
  const clientSecret = clientSecretEnv && env[clientSecretEnv]
  if (clientSecretEnv && !clientSecret) {
    command.error(`error: --client-secret-env ${variableProblem(clientSecretEnv)}`, usage)
  }
  return { clientId, clientSecret, redirectUri }
}

/** Asks at the terminal. Without one only `--yes` is a yes. */
async function mayAttack(url: string, { yes }: DoctorOptions): Promise<boolean> {
  if (yes) return true
  if (!process.stdin.isTTY) {
    console.error('--attack asks first, and there is no terminal to ask at. Add --yes if the server is your own.')
    return false
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(
    `This registers clients at ${new URL(url).host} and tries attacks. Is the server your own? [y/N] `,
  )
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}
