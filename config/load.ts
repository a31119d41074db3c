import { ConfigError, type ConfigProblem } from '../src/config-error.ts'
import { canonicalResource } from '../src/resource.ts'
import { isLoopback } from '../src/url.ts'
import { readApiKeys } from './api-keys-file.ts'
import { type BrandingConfiguration, loadBranding } from './branding.ts'
import { type BridgeConfiguration, loadBridge } from './bridge.ts'
import { caFileProblems } from './ca-file.ts'
import { type ClientEntry, loadClients } from './clients.ts'
import { contradictions, contradictionWarnings, portProblems } from './contradictions.ts'
import { type Environment, readSecret } from './environment.ts'
import { checkFakeSignIn } from './fake-sign-in.ts'
import { type KnownNames, knownNames } from './known-names.ts'
import { mootSettings } from './moot-settings.ts'
import { checkNames, isServiceLink, type NameReport, type SettingsFile } from './name-problems.ts'
import { PARSED_ONCE } from './parsed-once.ts'
import { productionProblems } from './production.ts'
import {
  type ConfiguredProvider,
  type LoadedProviders,
  loadConfiguredProviders,
  loadProviders,
  type ProviderConfiguration,
} from './providers.ts'
import { type ResourceNames, type ResourcePlace, resourceNames } from './public-urls.ts'
import { checkGrants, checkScopeRules, type DeclaredScopes } from './scope-rules.ts'
import { insecureHostsWarning, internalUrlProblems } from './secure-urls.ts'
import { decidingSettings, programSettings, type Settings, secretSettings, settingsSchema } from './settings.ts'
import { encryptionKeysOf, loadStore, missingKeys, type StoreConfiguration } from './store.ts'
import { checkValues } from './written-values.ts'

export type { Environment } from './environment.ts'

/** One server of the process, as far as settings decide about it. */
export interface ResourceConfiguration extends ResourceNames, LoadedProviders {
  /** Under which it was declared. */
  readonly key: string
  /**
   * A provider that is looked up while the server runs, checked as the others are.
   *
   * @throws {ConfigError} Lists every problem at once.
   */
  loadTenant(configured: ConfiguredProvider): ProviderConfiguration
  /** Client id and secret under which it introspects at our own authorization server. */
  readonly demoClientId: string
}

/** The settings with everything that follows from them worked out. Read-only. */
export interface Configuration {
  readonly settings: Readonly<Settings>
  /** Where our own authorization server runs. */
  readonly mode: 'beside' | 'embedded' | 'separate'
  /** One at least. */
  readonly resources: readonly [ResourceConfiguration, ...ResourceConfiguration[]]
  /** Providers whose tokens are accepted; one at least. Those of the first resource. */
  readonly providers: readonly ProviderConfiguration[]
  /** The provider that is tried out beside them and decides nothing. */
  readonly shadow?: ProviderConfiguration
  /** Identifier of the MCP server (RFC 8707) and URL of its endpoint. The first of several. */
  readonly resource: string
  /** Whether tokens of our own authorization server are accepted, demo or bridge. */
  readonly usesOwnServer: boolean
  /** Where our authorization server and the programs keep what outlives a process. */
  readonly store: StoreConfiguration
  /** 32 bytes each, the one in use first; they encrypt what is stored. None: the store has one of its own, or one is made at the start. */
  readonly encryptionKeys: readonly Uint8Array[]
  /** Clients of our authorization server that the operator set up. */
  readonly clients: readonly ClientEntry[]
  /** How the pages of our authorization server show whose they are. */
  readonly branding?: BrandingConfiguration
  /** Where our authorization server signs people in; absent: at its fake upstream. */
  readonly bridge?: BridgeConfiguration
  /** Issuer of our own authorization server, byte for byte as it is published. */
  readonly demoIssuer: string
  /** Secret under which the MCP servers introspect there. */
  readonly demoClientSecret: string
  /** What an operator should know although the server starts. */
  readonly warnings: readonly ConfigProblem[]
}

/** What the declaration of a server says that settings are checked against. */
export interface ConfiguredResource extends ResourcePlace {
  /** Every scope of the server. Default: unknown, so that rules may name any. */
  readonly scopes?: Readonly<Record<string, string>>
}

export interface LoadOptions {
  /** The file that some of the settings were taken from. Default: none. */
  readonly file?: SettingsFile
  /** The process is the authorization server, whichever tokens the MCP server accepts. Default: `false`. */
  readonly isAuthorizationServer?: boolean
  /** Servers of the process by key. Default: one at `/mcp`. */
  readonly resources?: Readonly<Record<string, ConfiguredResource>>
  /**
   * The settings stand in the environment of the user's own server: those of our program are not ours to read there. Default: `false`.
   */
  readonly isLibrary?: boolean
  /** Folder in which an authorization server of this process keeps its state unless settings say otherwise. Default: none, memory. */
  readonly dataFolder?: string
  /** Providers configured in code, instead of those that settings name. */
  readonly providers?: readonly ConfiguredProvider[]
}

/** Known to everybody who reads this, and therefore good for two processes of one machine only. */
const LOOPBACK_SECRET = 'for-two-processes-on-localhost-only'

const SEE = 'docs/settings.md'

/**
 * Reads the configuration from the environment.
 *
 * @throws {ConfigError} Lists every problem at once; names settings, never the values of secrets.
 */
export function loadConfiguration(env: Environment, options: LoadOptions = {}): Configuration {
  const { isAuthorizationServer = false, isLibrary = false } = options
  const inCode = options.providers !== undefined
  const known = knownNames(env, options.providers)
  const usesOwnServer = isAuthorizationServer || known.usesOwnServer
  const names = checkedNames(env, { ...known, usesOwnServer }, options.file)
  const problems: ConfigProblem[] = [...names.problems]
  const warnings: ConfigProblem[] = [...names.warnings]
  const { settings, invalid } = readSettings(env, isLibrary, problems, warnings)
  const told = problems.length
  // What is judged about the whole waits until each setting is right.
  const aboutWhole = invalid.size === 0 ? problems : []
  const isDecided = decidingSettings.every(setting => !invalid.has(setting))
  const mode = settings.AUTH_MODE ?? (isLibrary ? 'embedded' : 'beside')

  const places = Object.entries(options.resources ?? { mcp: {} })
  const placed = places.flatMap(([key, declared]) => {
    const place = places.length > 1 ? `${key}.` : ''
    const publicUrls = invalid.has('PUBLIC_URL') ? ['http://localhost'] : settings.PUBLIC_URL
    const found = resourceNames(declared, publicUrls, publicUrlOf(env, settings, isLibrary), place, problems)
    return found ? [{ key, ...found }] : []
  })
  refuseSameResource(placed, problems)
  const publicUrl = placed[0]?.publicUrl ?? settings.PUBLIC_URL[0] ?? 'http://localhost'

  const demoIssuer = demoIssuerOf({ settings, mode, publicUrl, isLibrary }, aboutWhole)
  const demoClientSecret = settings.DEMO_RS_CLIENT_SECRET ?? madeSecret(mode, publicUrl, demoIssuer, aboutWhole)
  const isBridge = settings.AUTH_BRIDGE === 'on' && !inCode
  const scopes = places.map(([, declared]) => declared.scopes)
  const hasScopes = scopes.some(each => each === undefined || Object.keys(each).length > 0)
  // A problem of the bridge names its redirect URI.
  const isBridgeClear = isDecided && !invalid.has('AUTH_SERVER_URL')
  const bridge = isBridge && isBridgeClear ? loadBridge(settings, env, demoIssuer, hasScopes, problems) : undefined

  const isProduction = env.NODE_ENV?.trim() === 'production'
  const runsServer = usesOwnServer && (isAuthorizationServer || mode !== 'separate')
  const dataFolder = runsServer && !isProduction ? options.dataFolder : undefined
  const store = loadStore({ settings, usesOwnServer, isBridge, isLibrary, dataFolder }, aboutWhole)
  const encryptionKeys = encryptionKeysOf(settings, problems)
  const lacksKeys = runsServer ? missingKeys(settings, store, isBridge) : undefined
  if (lacksKeys) (isBridge || isProduction ? problems : warnings).push(lacksKeys)

  if (inCode) refuseProviderSettings(settings, problems)
  const facts: ProviderFacts = { settings, env, scopes, hasScopes, configured: options.providers, isBridge }
  const resources = places.flatMap(([key], index): ResourceConfiguration[] => {
    const names = placed.find(other => other.key === key)
    const demoClientId = index === 0 ? settings.DEMO_RS_CLIENT_ID : `${settings.DEMO_RS_CLIENT_ID}-${key}`
    const derived = {
      // A slash at the end is a problem that was told already.
      AUTH_SERVER_URL: demoIssuer.replace(/\/+$/, ''),
      ACCESS_TOKEN_FORMAT: settings.ACCESS_TOKEN_FORMAT,
      DEMO_RS_CLIENT_ID: demoClientId,
      DEMO_RS_CLIENT_SECRET: demoClientSecret,
      DEMO_RS_CLIENT_SECRET_FILE: undefined,
      // What is wrong with its providers is told, too, where the server itself has no name yet.
      MCP_RESOURCE: names?.resource ?? publicUrl,
    }
    const loaded = isDecided ? attempt(problems, () => loadAccepted(facts, derived)) : undefined
    if (!names || !loaded) return []
    return [{ ...names, ...loaded, demoClientId, loadTenant: configured => loadTenant(configured, facts, derived) }]
  })
  const { providers: inForce = [], shadow: inShadow } = resources[0] ?? {}
  const all = inShadow ? [...inForce, inShadow] : inForce

  const apiKeys = settings.AUTH_API_KEYS_FILE === undefined ? [] : readApiKeys(settings.AUTH_API_KEYS_FILE, problems)
  warnings.push(...insecureHostsWarning(settings.AUTH_INSECURE_HOSTS), ...contradictionWarnings(settings))
  aboutWhole.push(...contradictions(settings, usesOwnServer), ...portProblems(settings))
  problems.push(...caFileProblems(settings.AUTH_CA_FILE), ...internalUrlProblems(settings, mode, usesOwnServer))
  const introspecting = usesOwnServer ? resources.map(({ demoClientId }) => demoClientId) : []
  const clients = loadClients(settings.AUTH_CLIENTS_FILE, env, problems, introspecting)
  const branding = loadBranding(settings.AUTH_BRANDING, problems)
  warnings.push(...mootSettings(settings, all, env))
  checkScopeRules({ settings, bridge, clients, apiKeys, scopes }, problems)
  checkGrants(all, scopes, problems)
  if (usesOwnServer && !isBridge && invalid.size === 0) {
    const publicUrls = placed.flatMap(({ resource, furtherResources }) => [resource, ...furtherResources])
    const found = checkFakeSignIn({ settings, publicUrls, issuer: demoIssuer, isProduction, inCode })
    if (found.problem) problems.push(found.problem)
    if (found.warning) warnings.push(found.warning)
  }
  if (isProduction && invalid.size === 0) {
    const ownIssuer = usesOwnServer ? demoIssuer : undefined
    const reported = new Set(problems.map(({ setting }) => setting))
    const found = productionProblems({ settings, store, mode, publicUrl, ownIssuer })
    problems.push(...found.filter(({ setting }) => !reported.has(setting)))
  }

  const [first, ...others] = resources
  if (problems.length > 0 || !first) {
    // One that is wrong is not missing as well.
    const real = problems.filter(({ setting }, index) => index < told || !invalid.has(setting))
    throw new ConfigError(distinct(real), names.warnings)
  }
  const { providers, shadow, resource } = first
  return {
    settings,
    mode,
    resources: [first, ...others],
    providers,
    shadow,
    resource,
    usesOwnServer,
    bridge,
    store,
    encryptionKeys,
    clients,
    branding,
    demoIssuer,
    demoClientSecret,
    warnings,
  }
}

/** @throws {ConfigError} A part of the configuration is missing, or not what was meant: what follows would hide that. */
function checkedNames(env: Environment, known: KnownNames, file: SettingsFile | undefined): NameReport {
  const withheld = file?.withheld.filter(({ setting }) => !(setting in env) && known.read.has(setting)) ?? []
  const lost = [...(file?.problems ?? []), ...withheld]
  if (lost.length > 0) throw new ConfigError(lost)
  const names = checkNames(env, known, file)
  const unmeant = checkValues(env, known)
  if (unmeant.length > 0) throw new ConfigError([...names.problems, ...unmeant], names.warnings)
  return names
}

/** What the providers of all servers of the process are loaded with. */
interface ProviderFacts {
  readonly settings: Settings
  readonly env: Environment
  /** Of each server. */
  readonly scopes: DeclaredScopes
  readonly hasScopes: boolean
  /** In code, in place of those that settings name. */
  readonly configured: readonly ConfiguredProvider[] | undefined
  readonly isBridge: boolean
}

/** @param derived - Settings of the one server with their defaults worked out. */
function loadAccepted(facts: ProviderFacts, derived: Environment): LoadedProviders {
  const { settings, env, hasScopes, configured } = facts
  if (configured) return loadFromCode(configured, facts, derived)
  // Behind the bridge, the tokens are those of our own authorization server.
  const accepted = facts.isBridge
    ? { ...settings, AUTH_PROVIDER: ['demo'], AUTH_CONFIG: [], AUTH_METADATA_URL: shadowOfBridge(settings) }
    : settings
  return loadProviders(accepted, env, derived, hasScopes)
}

function loadFromCode(configured: readonly ConfiguredProvider[], facts: ProviderFacts, derived: Environment) {
  const { settings, env, hasScopes } = facts
  return loadConfiguredProviders(configured, env, derived, { hasScopes, insecureHosts: settings.AUTH_INSECURE_HOSTS })
}

/** @throws {ConfigError} Lists every problem of the provider at once. */
function loadTenant(configured: ConfiguredProvider, facts: ProviderFacts, derived: Environment): ProviderConfiguration {
  const { providers } = loadFromCode([configured], facts, derived)
  const found: ConfigProblem[] = []
  checkGrants(providers, facts.scopes, found)
  if (found.length > 0) throw new ConfigError(found)
  return providers[0] as ProviderConfiguration
}

/** Of several resources, each reports what is wrong with the providers that they share. */
function distinct(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...new Map(problems.map(problem => [`${problem.setting}\n${problem.problem}`, problem])).values()]
}

/** The metadata URL of the provider behind the bridge, where clients are to go there directly later. */
function shadowOfBridge({ AUTH_PROVIDER, AUTH_SHADOW, AUTH_METADATA_URL }: Settings): string | undefined {
  return AUTH_SHADOW !== undefined && AUTH_PROVIDER.includes(AUTH_SHADOW) ? AUTH_METADATA_URL : undefined
}

/**
 * @param problems - What is wrong with settings is added to it.
 * @returns `invalid`: those that are wrong, and that count as not set.
 */
function readSettings(
  env: Environment,
  isLibrary: boolean,
  problems: ConfigProblem[],
  warnings: ConfigProblem[],
): { settings: Settings; invalid: ReadonlySet<string> } {
  const values: Record<string, string> = {}
  const notOurs = new Set<string>(isLibrary ? programSettings : [])
  for (const name of Object.keys(settingsSchema.shape)) {
    const value = env[name]?.trim()
    if (!value || notOurs.has(name)) continue
    if (!isServiceLink(name, value)) values[name] = value
    else warnings.push({ setting: name, problem: SERVICE_LINK, see: SEE })
  }
  for (const name of secretSettings) {
    if (notOurs.has(name)) continue
    const secret = readSecret(name, env, problems)
    if (secret) values[name] = secret
  }
  const invalid = new Set<string>()
  const parsed = settingsSchema.safeParse(values, PARSED_ONCE)
  for (const issue of parsed.error?.issues ?? []) {
    const setting = String(issue.path[0])
    problems.push({ setting, problem: issue.message, see: SEE })
    invalid.add(setting)
    delete values[setting]
  }
  return { settings: parsed.data ?? settingsSchema.parse(values), invalid }
}

const SERVICE_LINK =
  'is not read: Kubernetes or Docker set it to the address of a service of that name. Rename the service, or set enableServiceLinks: false, to use the setting'

/** Where clients reach the server if nobody says so. A server of the user's own says at most which port it has. */
function publicUrlOf(env: Environment, settings: Settings, isLibrary: boolean): string | undefined {
  if (!isLibrary) return `http://localhost:${settings.PORT}`
  const port = env.PORT?.trim() ?? ''
  // 0 lets the system choose one.
  const isPort = /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) <= 65_535
  return isPort ? `http://localhost:${port}` : undefined
}

function refuseSameResource(placed: readonly (ResourceNames & { key: string })[], problems: ConfigProblem[]): void {
  const taken = new Map<string, string>()
  for (const { key, resource, furtherResources } of placed) {
    for (const name of [resource, ...furtherResources]) {
      const other = taken.get(name)
      if (other !== undefined) {
        const problem = `is ${name}, as ${other}.resource is: give each server a path of its own`
        problems.push({ setting: `${key}.resource`, problem, see: SEE })
      }
      taken.set(name, key)
    }
  }
}

function refuseProviderSettings(settings: Settings, problems: ConfigProblem[]): void {
  const problem = 'is set, but the code passes its own providers; keep one of the two'
  for (const setting of decidingSettings) {
    const isSet = setting === 'AUTH_BRIDGE' ? settings.AUTH_BRIDGE === 'on' : settings[setting]?.length
    if (isSet) problems.push({ setting, problem, see: SEE })
  }
}

interface IssuerFacts {
  readonly settings: Settings
  readonly mode: Configuration['mode']
  readonly publicUrl: string
  readonly isLibrary: boolean
}

function demoIssuerOf(facts: IssuerFacts, problems: ConfigProblem[]): string {
  const { settings, mode, publicUrl, isLibrary } = facts
  const given = settings.AUTH_SERVER_URL
  if (mode === 'embedded') {
    if (given !== undefined && given !== publicUrl) {
      problems.push({
        setting: 'AUTH_SERVER_URL',
        problem: `must be ${publicUrl} or not set: with AUTH_MODE=embedded the authorization server shares the MCP server's public URL`,
        see: SEE,
      })
    }
    return publicUrl
  }
  const issuer = given ?? `http://localhost:${settings.AUTH_SERVER_PORT}`
  attempt(problems, () => canonicalResource(issuer, 'AUTH_SERVER_URL'))
  if (issuer.endsWith('/')) {
    problems.push({
      setting: 'AUTH_SERVER_URL',
      problem: `must not end in a slash, like ${issuer.replace(/\/+$/, '')}: clients compare the issuer as a string`,
      see: SEE,
    })
  }
  if (!isLibrary && mode === 'beside' && given === undefined && settings.AUTH_SERVER_PORT === settings.PORT) {
    problems.push({
      setting: 'AUTH_SERVER_PORT',
      problem: `is the same as PORT (${settings.PORT}); choose another, or AUTH_MODE=embedded to share one port`,
      see: SEE,
    })
  }
  return issuer
}

function madeSecret(mode: Configuration['mode'], publicUrl: string, issuer: string, problems: ConfigProblem[]): string {
  // In one process, the two ask each other without a detour through the network, so each process may have its own.
  if (mode !== 'separate') return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))
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
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems.map(problem => ({ see: SEE, ...problem })))
    return undefined
  }
}
