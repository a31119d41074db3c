import { randomBytes } from 'node:crypto'
import { ConfigError, type ConfigProblem } from '../src/errors.ts'
import { canonicalResource, isLoopback } from '../src/resource.ts'
import { type BridgeConfiguration, loadBridge } from './bridge.ts'
import { type ClientEntry, loadClients } from './clients.ts'
import { type Environment, readSecret } from './environment.ts'
import { checkFakeSignIn } from './fake-sign-in.ts'
import { knownNames } from './known-names.ts'
import { checkNames, type SettingsFile } from './name-problems.ts'
import { productionProblems } from './production.ts'
import { loadProviders, type ProviderConfiguration } from './providers.ts'
import { type Settings, secretSettings, settingsSchema } from './settings.ts'

export type { Environment } from './environment.ts'

/** The settings with everything that follows from them worked out. Read-only. */
export interface Configuration {
  readonly settings: Readonly<Settings>
  /** Providers whose tokens are accepted; one at least. */
  readonly providers: readonly ProviderConfiguration[]
  /** The provider that is tried out beside them and decides nothing. */
  readonly shadow?: ProviderConfiguration
  /** Identifier of the MCP server (RFC 8707) and URL of its endpoint. */
  readonly resource: string
  /** Clients of our authorization server that the operator set up. */
  readonly clients: readonly ClientEntry[]
  /** Where our authorization server signs people in; absent: at its fake upstream. */
  readonly bridge?: BridgeConfiguration
  /** Issuer of the demo authorization server, byte for byte as it is published. */
  readonly demoIssuer: string
  /** Secret under which the MCP server introspects at the demo authorization server. */
  readonly demoClientSecret: string
  /** What an operator should know although the server starts. */
  readonly warnings: readonly ConfigProblem[]
}

export interface LoadOptions {
  /** The file that some of the settings were taken from. Default: none. */
  readonly file?: SettingsFile
  /** The process is the authorization server, whichever tokens the MCP server accepts. Default: `false`. */
  readonly isAuthorizationServer?: boolean
}

/** Known to everybody who reads this, and therefore good for two processes of one machine only. */
const LOOPBACK_SECRET = 'for-two-processes-on-localhost-only'

const SEE = 'docs/settings.md'

/**
 * Reads the configuration from the environment.
 *
 * @throws {ConfigError} Lists every problem at once; names settings, never the values of secrets.
 */
export async function loadConfiguration(env: Environment, options: LoadOptions = {}): Promise<Configuration> {
  const { file, isAuthorizationServer = false } = options
  const known = knownNames(env)
  const withheld = file?.withheld.filter(({ setting }) => !(setting in env) && known.read.has(setting)) ?? []
  // Part of the configuration is missing then, so nothing more can be said about it.
  if (withheld.length > 0) throw new ConfigError(withheld)
  const usesOwnServer = known.usesOwnServer || isAuthorizationServer
  const names = checkNames(env, { ...known, usesOwnServer }, file)
  const problems: ConfigProblem[] = [...names.problems]
  const warnings: ConfigProblem[] = [...names.warnings]
  const values = readValues(env, problems)
  const parsed = settingsSchema.safeParse(values)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const setting = String(issue.path[0])
      problems.push({ setting, problem: issue.message, see: SEE })
    }
    throw new ConfigError(problems)
  }
  const settings = parsed.data

  const publicUrl = settings.PUBLIC_URL ?? `http://localhost:${settings.PORT}`
  const resource = attempt(problems, () => canonicalResource(new URL('/mcp', publicUrl).href))
  if (settings.PUBLIC_URL !== undefined && new URL(settings.PUBLIC_URL).pathname !== '/') {
    problems.push({
      setting: 'PUBLIC_URL',
      problem: 'must be an origin without a path; the endpoint is /mcp below it',
      see: SEE,
    })
  }

  const demoIssuer = demoIssuerOf(settings, publicUrl, problems)
  const demoClientSecret = settings.DEMO_RS_CLIENT_SECRET ?? madeSecret(settings, publicUrl, demoIssuer, problems)
  const derived = {
    AUTH_SERVER_URL: demoIssuer,
    ACCESS_TOKEN_FORMAT: settings.ACCESS_TOKEN_FORMAT,
    DEMO_RS_CLIENT_ID: settings.DEMO_RS_CLIENT_ID,
    DEMO_RS_CLIENT_SECRET: demoClientSecret,
    DEMO_RS_CLIENT_SECRET_FILE: undefined,
    MCP_RESOURCE: resource,
  }
  const isBridge = settings.AUTH_BRIDGE === 'on'
  const bridge = isBridge ? loadBridge(settings, env, demoIssuer, problems) : undefined
  if (isBridge && settings.REDIS_URL !== undefined && !settings.BRIDGE_KEYS) {
    problems.push({
      setting: 'BRIDGE_KEYS',
      problem:
        'is not set, nor is BRIDGE_KEYS_FILE: with REDIS_URL every process must be given the same (openssl rand -base64 32 makes one)',
      see: 'docs/bridge.md',
    })
  }
  // Behind the bridge, the tokens are those of our own authorization server.
  const accepted = isBridge
    ? { ...settings, AUTH_PROVIDER: ['demo'], AUTH_CONFIG: [], AUTH_METADATA_URL: shadowOfBridge(settings) }
    : settings
  const loaded = await loadProviders(accepted, env, derived).catch(error => collect(problems, error))
  const clients = loadClients(settings.AUTH_CLIENTS_FILE, env, problems)
  const isProduction = env.NODE_ENV?.trim() === 'production'
  if (usesOwnServer && !isBridge) {
    const { problem, warning } = checkFakeSignIn({ settings, publicUrl, issuer: demoIssuer, isProduction })
    if (problem) problems.push(problem)
    if (warning) warnings.push(warning)
  }
  if (isProduction) {
    const ownIssuer = usesOwnServer ? demoIssuer : undefined
    const reported = new Set(problems.map(({ setting }) => setting))
    const found = productionProblems({ settings, publicUrl, ownIssuer })
    problems.push(...found.filter(({ setting }) => !reported.has(setting)))
  }
  if (problems.length > 0 || resource === undefined || loaded === undefined) throw new ConfigError(problems)
  return { settings, ...loaded, bridge, clients, resource, demoIssuer, demoClientSecret, warnings }
}

/** The metadata URL of the provider behind the bridge, where clients are to go there directly later. */
function shadowOfBridge({ AUTH_PROVIDER, AUTH_SHADOW, AUTH_METADATA_URL }: Settings): string | undefined {
  return AUTH_SHADOW !== undefined && AUTH_PROVIDER.includes(AUTH_SHADOW) ? AUTH_METADATA_URL : undefined
}

function readValues(env: Environment, problems: ConfigProblem[]): Record<string, string> {
  const values: Record<string, string> = {}
  for (const name of Object.keys(settingsSchema.shape)) {
    const value = env[name]?.trim()
    if (value) values[name] = value
  }
  for (const name of secretSettings) {
    const secret = readSecret(name, env, problems)
    if (secret) values[name] = secret
  }
  return values
}

function demoIssuerOf(settings: Settings, publicUrl: string, problems: ConfigProblem[]): string {
  const given = settings.AUTH_SERVER_URL
  if (settings.AUTH_MODE === 'embedded') {
    const origin = new URL(publicUrl).origin
    if (given !== undefined && given !== origin) {
      problems.push({
        setting: 'AUTH_SERVER_URL',
        problem: `must be ${origin} or not set: with AUTH_MODE=embedded the authorization server shares the MCP server's origin`,
        see: SEE,
      })
    }
    return origin
  }
  const issuer = given ?? `http://localhost:${settings.AUTH_SERVER_PORT}`
  attempt(problems, () => canonicalResource(issuer, 'AUTH_SERVER_URL'))
  const url = new URL(issuer)
  if (url.pathname !== '/' || issuer.endsWith('/')) {
    problems.push({
      setting: 'AUTH_SERVER_URL',
      problem: `must be an origin without a path or a slash at the end, like ${url.origin}: clients compare the issuer as a string`,
      see: SEE,
    })
  }
  if (settings.AUTH_MODE === 'beside' && given === undefined && settings.AUTH_SERVER_PORT === settings.PORT) {
    problems.push({
      setting: 'AUTH_SERVER_PORT',
      problem: `is the same as PORT (${settings.PORT}); choose another, or AUTH_MODE=embedded to share one port`,
      see: SEE,
    })
  }
  return issuer
}

function madeSecret(settings: Settings, publicUrl: string, issuer: string, problems: ConfigProblem[]): string {
  if (settings.REDIS_URL !== undefined) {
    problems.push({
      setting: 'DEMO_RS_CLIENT_SECRET',
      problem: 'is needed with REDIS_URL: every process must be given the same (openssl rand -base64 32 makes one)',
      see: SEE,
    })
    return LOOPBACK_SECRET
  }
  if (settings.AUTH_MODE !== 'separate') return randomBytes(32).toString('base64url')
  if (!isLoopback(new URL(publicUrl).hostname) || !isLoopback(new URL(issuer).hostname)) {
    problems.push({
      setting: 'DEMO_RS_CLIENT_SECRET',
      problem: 'is needed: both processes must be given the same secret (openssl rand -base64 32 makes one)',
      see: SEE,
    })
  }
  return LOOPBACK_SECRET
}

/** Runs a check and collects its problems instead of stopping at them. */
function attempt<T>(problems: ConfigProblem[], check: () => T): T | undefined {
  try {
    return check()
  } catch (error) {
    return collect(problems, error)
  }
}

function collect(problems: ConfigProblem[], error: unknown): undefined {
  if (!(error instanceof ConfigError)) throw error
  problems.push(...error.problems.map(problem => ({ see: SEE, ...problem })))
}
