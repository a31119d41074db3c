import { type ApiKeysFile, openApiKeysFile } from '../config/api-keys-file.ts'
import { openLinkFile } from '../config/links-file.ts'
import {
  type Configuration,
  type ConfiguredResource,
  type Environment,
  loadConfiguration,
  type ResourceConfiguration,
} from '../config/load.ts'
import type { ConfiguredProvider } from '../config/providers.ts'
import type { Auth, AuthObserver } from '../src/auth.ts'
import { ConfigError, type ConfigProblem } from '../src/config-error.ts'
import type { IdentityResolver } from '../src/identity-links.ts'
import { createProviderFetch } from '../src/provider-fetch.ts'
import { resourceProblem } from '../src/resource.ts'
import { assembleAuth } from './auth-from.ts'
import { declarationProblems, type ResourceDeclaration } from './declaration.ts'
import { combineObservers } from './observers.ts'
import { otherPort } from './other-port.ts'
import {
  createOwnServer,
  fetchThrough,
  isOwnPath,
  misplacedServer,
  type OwnServer,
  serverPackageProblem,
} from './own-server.ts'
import { proofCheckOf } from './proof-check.ts'
import { createProviders } from './providers.ts'
import { type SharedStores, sharedStores } from './shared-stores.ts'
import { signInScopes } from './sign-in-scopes.ts'
import { stderrObserver } from './stderr-observer.ts'
import { unreadEnvFile } from './unread-env-file.ts'
import { markedFetch, startWatching, type Watching } from './watching.ts'

/** Options of {@link createAuth}: everything that is not part of the declaration. */
export interface AuthOptions {
  /**
   * Settings (docs/settings.md): `AUTH_PROVIDER` and the like. Read once, while `createAuth` runs. Default: `process.env`; no
   * `.env` file is read. `{}` ignores the environment.
   */
  readonly env?: Environment
  /** Providers whose tokens are accepted, instead of `AUTH_PROVIDER`, `AUTH_CONFIG` and `AUTH_METADATA_URL`; setting both is an error. */
  readonly providers?: readonly ConfiguredProvider[]
  /**
   * Providers that no list can spell out, instead of {@link providers} and the settings that name one: looked up for each issuer
   * (docs/own-server.md, "Tenants"). Only providers that issue JWTs.
   */
  readonly tenants?: Tenants
  /** Used for every request to a provider. Default: the platform's `fetch`, through the proxy that `env` names. */
  readonly fetch?: typeof globalThis.fetch
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: () => number
  /** Receives decisions and warnings. Default: errors of the server itself go to standard error, each cause at most once a minute. */
  readonly observer?: AuthObserver | readonly AuthObserver[]
  /**
   * Abort it when the process is told to stop, some seconds before it closes its port: {@link Auth.ready} rejects from then on, and so says
   * `/ready` of our own authorization server on a port of its own, so that a load balancer sends nothing more. Requests are still answered.
   * Default: none.
   */
  readonly stopping?: AbortSignal
}

/** Who may issue tokens, where that is a matter of tenants. */
export interface Tenants {
  /**
   * The provider of a tenant.
   *
   * @param issuer - `iss` of a token, unverified: whatever a stranger wrote there. Compare it with those that you know.
   * @returns `undefined` for an issuer that is no tenant's. Throws when it cannot be said now: then the answer is 503.
   */
  find(issuer: string): ConfiguredProvider | undefined | Promise<ConfiguredProvider | undefined>
  /** Issuers to name in the metadata, where clients learn where to sign in. Default: none. */
  readonly issuers?: readonly string[]
}

/** Declarations, keyed by names of your choice. */
export type Declarations = Readonly<Record<string, ResourceDeclaration>>

/** One {@link Auth} for each declaration. */
export type Auths<D extends Declarations> = { readonly [Name in keyof D]: Auth<keyof D[Name]['scopes'] & string> }

/**
 * Sign-in for one MCP server. Synchronous; its only I/O is reading the files that settings name. Wrong settings are reported now;
 * whatever needs the network waits for {@link Auth.ready} or the first request.
 *
 * @throws {ConfigError} Lists every problem at once: in the declaration, in the settings, and between the two (such as a rule that grants
 *   an undeclared scope).
 */
export function createAuth<const Scope extends string>(
  declaration: ResourceDeclaration<Scope>,
  options: AuthOptions = {},
): Auth<Scope> {
  return compose({ server: declaration }, options).server as Auth<Scope>
}

/**
 * Sign-in for several MCP servers in one process. They share settings and our own authorization server; each refuses tokens for
 * the others.
 *
 * @throws {ConfigError} As {@link createAuth}; also when two declare the same `resource`.
 */
export function createAuths<const D extends Declarations>(declarations: D, options: AuthOptions = {}): Auths<D> {
  return compose(declarations, options) as unknown as Auths<D>
}

/** A provider with its options, for configuration in code: `configure(auth0, { metadataUrl: 'https://tenant.eu.auth0.com' })`. */
export function configure(
  adapter: ConfiguredProvider['adapter'],
  options: ConfiguredProvider['options'],
): ConfiguredProvider {
  return { adapter, options }
}

function compose(declarations: Declarations, options: AuthOptions): Record<string, Auth> {
  const env = options.env ?? globalThis.process?.env ?? {}
  const configuration = configurationOf(declarations, env, options)
  const { mode, resources, settings, usesOwnServer } = configuration
  const { now = Date.now, fetch = createProviderFetch(env), stopping } = options
  const observer = combineObservers(options.observer ?? stderrObserver())
  for (const { setting, problem } of configuration.warnings) observer.warning?.(`${setting} ${problem}.`, {})

  const isDemo = usesOwnServer && !configuration.bridge && settings.AUTH_PROVIDER.length === 0
  const unread = isDemo && !options.env ? unreadEnvFile() : undefined
  if (unread) observer.warning?.(unread, {})
  if (settings.PUBLIC_URL.length === 0) {
    for (const { resource } of resources) {
      const problem = otherPort(resource, env.PORT)
      if (problem) observer.warning?.(problem, {})
    }
  }

  const runsHere = usesOwnServer && mode !== 'separate'
  const watching = settings.AUTH_WATCH === undefined ? undefined : startWatching(settings.AUTH_WATCH, observer)
  const own = runsHere
    ? createOwnServer({ configuration, declarations, env, fetch, observer, stopping, watching })
    : undefined
  const stores = sharedStores(configuration, own, observer)
  const keysFile = settings.AUTH_API_KEYS_FILE
  const scopes = Object.values(declarations).map(({ scopes }) => scopes)
  const apiKeys = keysFile === undefined ? undefined : openApiKeysFile(keysFile, observer, scopes)
  const links = settings.AUTH_LINKS === undefined ? undefined : openLinkFile(settings.AUTH_LINKS, observer)
  const shared: Shared = {
    fetch: own ? fetchThrough(own, fetch) : watching && usesOwnServer ? markedFetch(fetch) : fetch,
    now,
    observer,
    own,
    stores,
    apiKeys,
    resolveIdentity: links?.resolve,
    stopping,
    watching,
    async close() {
      links?.close()
      apiKeys?.close()
      await Promise.all([own?.close(), stores?.close()])
      await watching?.close()
    },
  }
  return Object.fromEntries(
    resources.map(resource => [
      resource.key,
      authOf(declarations[resource.key] as ResourceDeclaration, resource, configuration, shared, options.tenants),
    ]),
  )
}

const BOTH: ConfigProblem = {
  setting: 'tenants',
  problem: 'and providers are both given; keep one',
  see: 'docs/own-server.md',
}

/** @throws {ConfigError} With the problems of the declarations and those of the settings together. */
function configurationOf(
  declarations: Declarations,
  env: Environment,
  options: Pick<AuthOptions, 'providers' | 'tenants'>,
): Configuration {
  const providers = options.tenants ? [] : options.providers
  const entries = Object.entries(declarations)
  const place = (key: string) => (entries.length > 1 ? `${key}.` : '')
  const problems = entries.flatMap(([key, declaration]) => declarationProblems(declaration, place(key)))
  if (entries.length === 0) problems.push({ setting: 'declarations', problem: 'must hold at least one declaration' })
  if (options.tenants && options.providers) problems.push(BOTH)
  if (options.providers?.length === 0) {
    problems.push({ setting: 'providers', problem: 'must hold at least one provider', see: 'docs/providers.md' })
  }
  const misplaced = misplacedServer(env, providers)
  // What else is wrong is not worth setting right.
  if (misplaced) throw new ConfigError([...problems, misplaced])
  let configuration: Configuration | undefined
  let hints: readonly ConfigProblem[] = []
  try {
    const resources = problems.length === 0 ? declarations : Object.fromEntries(entries.map(readablePart))
    configuration = loadConfiguration(env, { resources, isLibrary: true, providers })
    if (configuration.usesOwnServer && configuration.mode !== 'separate') {
      const missing = serverPackageProblem(configuration.bridge ? 'AUTH_BRIDGE' : 'AUTH_PROVIDER')
      if (missing) problems.push(missing)
      if (configuration.mode === 'embedded') problems.push(...shadowedEndpoints(configuration))
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const known = new Set(problems.map(({ setting }) => setting))
    problems.push(...error.problems.filter(({ setting }) => !known.has(setting)))
    hints = error.hints
  }
  if (problems.length > 0 || !configuration) throw new ConfigError(problems, hints)
  return configuration
}

/** Endpoints that nobody could reach, because our own authorization server answers at their paths. */
function shadowedEndpoints({ resources, demoIssuer }: Configuration): ConfigProblem[] {
  return resources.flatMap(({ resource, key }) => {
    const { pathname } = new URL(resource)
    if (!isOwnPath(pathname, demoIssuer)) return []
    const problem = `is ${resource}, where our own authorization server answers: choose a path outside of /oauth/`
    return [{ setting: resources.length > 1 ? `${key}.resource` : 'resource', problem }]
  })
}

/** What settings can be checked against although something else in the declaration is wrong. */
function readablePart([key, declaration]: [string, ResourceDeclaration]): [string, ConfiguredResource] {
  const { resource, publicUrls, scopes } = declaration ?? {}
  const isUsable = {
    resource: typeof resource === 'string',
    publicUrls: Array.isArray(publicUrls) && publicUrls.every(url => resourceProblem(String(url)) === undefined),
    scopes: typeof scopes === 'object' && scopes !== null && !Array.isArray(scopes),
  }
  return [
    key,
    {
      ...(isUsable.resource && { resource }),
      ...(isUsable.publicUrls && { publicUrls }),
      ...(isUsable.scopes && { scopes }),
    },
  ]
}

/** What the auths of one process have in common. */
interface Shared {
  readonly fetch: typeof globalThis.fetch
  readonly now: () => number
  readonly observer: AuthObserver
  readonly own: OwnServer | undefined
  readonly stores: SharedStores | undefined
  readonly apiKeys: ApiKeysFile | undefined
  readonly resolveIdentity: IdentityResolver | undefined
  readonly stopping: AbortSignal | undefined
  readonly watching: Watching | undefined
  close(): Promise<void>
}

function authOf(
  declaration: ResourceDeclaration,
  resource: ResourceConfiguration,
  { settings, mode, usesOwnServer, demoIssuer }: Configuration,
  { fetch, now, observer, own, stores, apiKeys, resolveIdentity, stopping, watching, close }: Shared,
  tenants: Tenants | undefined,
): Auth {
  const { validator, wireScopes, nameOf, all } = createProviders(
    resource.providers,
    {
      resource: resource.resource,
      furtherResources: resource.furtherResources,
      fetch,
      now,
      cacheSeconds: settings.TOKEN_CACHE_SECONDS,
      cacheMaxEntries: settings.TOKEN_CACHE_ENTRIES,
      clockToleranceSeconds: settings.CLOCK_TOLERANCE_SECONDS,
      timeoutSeconds: settings.PROVIDER_TIMEOUT_SECONDS,
      insecureHosts: settings.AUTH_INSECURE_HOSTS,
      observer,
    },
    {
      shadow: resource.shadow && { configuration: resource.shadow, onObservation: seen => observer.shadow?.(seen) },
      findApiKey: apiKeys?.find,
      tenants: tenants && { ...tenants, load: resource.loadTenant },
    },
  )
  observer.providers?.(all)
  const scopes = Object.keys(declaration.scopes)
  return assembleAuth(declaration, resource.resource, validator, {
    observer,
    now,
    dpop: proofCheckOf(settings, resource, now, stores?.get),
    furtherResources: resource.furtherResources,
    allowedHosts: settings.ALLOWED_HOSTS,
    allowedOrigins: settings.ALLOWED_ORIGINS,
    trustedProxies: settings.TRUSTED_PROXIES,
    bodyLimit: settings.BODY_LIMIT_BYTES,
    signInScopes: signInScopes(scopes, settings.AUTH_SIGN_IN_SCOPES),
    extraScopes: settings.AUTH_EXTRA_SCOPES,
    wireScopes,
    providerOf: nameOf,
    recheckSeconds: settings.TOKEN_CACHE_SECONDS,
    identityOf: resolveIdentity,
    acceptsApiKeys: apiKeys !== undefined,
    tokenHeader: settings.AUTH_TOKEN_HEADER,
    authorizationServer: mode === 'embedded' ? own : undefined,
    watch: watching?.resource({
      resource: resource.resource,
      name: declaration.name,
      trustedProxies: settings.TRUSTED_PROXIES,
      ownIssuer: usesOwnServer ? demoIssuer : undefined,
    }),
    async ready() {
      stopping?.throwIfAborted()
      await own?.ready()
      await stores?.check()
    },
    close,
  })
}
