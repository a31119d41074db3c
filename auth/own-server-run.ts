// What starts our own authorization server. Loaded when it is needed, so that servers without one do not hold it.
import type { Configuration } from '../config/load.ts'
import { ConfigError } from '../src/config-error.ts'
import { closeGracefully, createHttpServer } from '../src/edges/http-server.ts'
import { listen } from '../src/edges/listen.ts'
import { isLoopback } from '../src/url.ts'
import { createBridge, type Log } from './bridge.ts'
import type { ResourceDeclaration } from './declaration.ts'
import type { OpenStores, OwnServerOptions, ServerPackage } from './own-server.ts'
import { allowsStrangers, isSentFromHere, STRANGER, send } from './own-server-refusals.ts'
import { signInScopes } from './sign-in-scopes.ts'
import type { NodeHandler, ServerWatch } from './watching.ts'

/** Our own authorization server, started. */
export interface Running {
  readonly server: Awaited<ReturnType<ServerPackage['createAuthorizationServer']>>
  /** Of {@link server}, for requests from outside. */
  readonly handler: NodeHandler
  readonly fetchInProcess: ServerPackage['fetchInProcess']
  readonly stores: OpenStores | undefined
  close(): Promise<void>
}

/** @param proxy - Through which metadata documents of clients are fetched. */
export async function run(
  serverPackage: ServerPackage,
  options: OwnServerOptions,
  proxy: string | undefined,
): Promise<Running> {
  const { configuration, observer } = options
  const watch = (await options.watching?.loaded)?.server(configuration)
  const log: Log = (event, facts) => {
    observer.authorizationServer?.(event, facts)
    watch?.event(event, facts)
  }
  checkRedirectUris(serverPackage, configuration)
  const stores = await openStores(serverPackage, configuration, log)
  try {
    return await runOn(stores, serverPackage, options, proxy, log, watch)
  } catch (error) {
    await stores?.close()
    if (!(error instanceof serverPackage.SealedWithOtherKeyError)) throw error
    throw new ConfigError([
      { setting: 'BRIDGE_KEYS', problem: `has other keys (${error.message})`, see: 'docs/bridge.md' },
    ])
  }
}

async function runOn(
  stores: OpenStores | undefined,
  serverPackage: ServerPackage,
  { configuration, declarations, fetch, observer, stopping, beside }: OwnServerOptions,
  proxy: string | undefined,
  log: Log,
  watch: ServerWatch | undefined,
): Promise<Running> {
  const { settings, mode, demoIssuer, demoClientSecret } = configuration
  const server = await serverPackage.createAuthorizationServer({
    stores: stores?.stores,
    checkStores: stores?.check,
    encryptionKeys: encryptionKeysOf(configuration, stores),
    revokedBefore: settings.REVOKE_BEFORE,
    ...createBridge(serverPackage, configuration, fetch, log),
    lifetimes: lifetimesOf(configuration),
    issuer: demoIssuer,
    internalUrl: settings.AUTH_SERVER_INTERNAL_URL,
    resources: configuration.resources.map(({ key, resource, furtherResources, demoClientId }) => {
      const { name, scopes, access, initialScopes = access?.otherwise ?? [] } = declarations[key] as ResourceDeclaration
      return {
        resource,
        aliases: furtherResources,
        name,
        scopes,
        defaultScopes: initialScopes,
        signInScopes: signInScopes(Object.keys(scopes), settings.AUTH_SIGN_IN_SCOPES),
        clientId: demoClientId,
        clientSecret: demoClientSecret,
      }
    }),
    clients: [...configuration.clients] as never,
    redirects: { hosts: settings.CLIENT_REDIRECT_HOSTS, schemes: settings.CLIENT_REDIRECT_SCHEMES },
    branding: configuration.branding,
    accessTokenFormat: settings.ACCESS_TOKEN_FORMAT,
    registration: settings.REGISTRATION === 'on',
    limits: { registrations: { perAddress: { times: settings.REGISTRATION_LIMIT, seconds: 600 } } },
    clientDocuments: settings.CIMD === 'on' && {
      allowedHosts: settings.CIMD_ALLOWED_HOSTS,
      privateHosts: settings.CIMD_PRIVATE_HOSTS,
      proxy,
    },
    stopping,
    trustedProxies: settings.TRUSTED_PROXIES,
    log,
    onCall: observer.authorizationServerCall?.bind(observer),
  })
  const { fetchInProcess } = serverPackage
  const handler = watch ? watch.handler(server.handler) : server.handler
  if (mode === 'embedded') return { server, handler, fetchInProcess, stores, close: async () => stores?.close() }
  const takesAll = allowsStrangers(configuration)
  const listening = createHttpServer((request, response) => {
    if (beside?.handles(request.url ?? '')) beside.handler(request, response)
    else if (takesAll || isSentFromHere(request)) handler(request, response)
    else send(response, STRANGER, request.headers.accept ?? '')
  }, stopping)
  const host = settings.AUTH_SERVER_HOST ?? (isLoopback(new URL(demoIssuer).hostname) ? '127.0.0.1' : '::')
  await listen(listening, settings.AUTH_SERVER_PORT, host, 'AUTH_SERVER_PORT')
  return {
    server,
    handler,
    fetchInProcess,
    stores,
    async close() {
      await closeGracefully(listening, GRACE_MILLISECONDS)
      await stores?.close()
    },
  }
}

/** Clients, people and provider sessions are remembered for as long as a refresh may still come, and for 90 days at least. */
function lifetimesOf({ bridge, settings }: Configuration) {
  const { SIGN_IN_IDLE_SECONDS: idle, SIGN_IN_MAX_SECONDS: most } = settings
  return {
    ...(bridge && { accessToken: settings.BRIDGE_RECHECK_SECONDS }),
    refreshToken: idle,
    grant: Math.max(idle, 90 * 86_400),
    ...(most !== undefined && { grantMax: most }),
  }
}

/** @throws {ConfigError} A client that the operator set up has a redirect URI that the server would refuse. */
function checkRedirectUris({ redirectUriProblem }: ServerPackage, { clients, demoIssuer }: Configuration): void {
  const problems = clients.flatMap(({ client_id, redirect_uris }) =>
    redirect_uris.flatMap(uri => {
      const problem = redirectUriProblem(uri, new URL(demoIssuer), 'operator')
      const setting = `AUTH_CLIENTS_FILE: ${client_id}`
      return problem === undefined
        ? []
        : [{ setting, problem: `has the redirect URI ${uri}, which ${problem}`, see: 'docs/clients.md' }]
    }),
  )
  if (problems.length > 0) throw new ConfigError(problems)
}

/** How long requests in flight may take to finish once the process is told to stop. */
export const GRACE_MILLISECONDS = 10_000

/**
 * What outlives this process; `undefined` where nothing does.
 *
 * @throws {ConfigError} It cannot be opened, or cannot do what is needed.
 */
export async function openStores(
  serverPackage: ServerPackage,
  { store }: Configuration,
  log: Log,
): Promise<OpenStores | undefined> {
  if (store.kind === 'memory') return undefined
  try {
    return await serverPackage.openStores(store, log)
  } catch (error) {
    const { message, error_detail: detail } = error as Error & { error_detail?: string }
    throw new ConfigError([
      {
        setting: store.setting,
        problem: `${NAMES[store.kind]} (${detail ?? message}). ${CURES[store.kind]}`,
        see: 'docs/runbooks/store-lost.md',
      },
    ])
  }
}

const NAMES = {
  redis: 'names a Redis that does not work',
  sqlite: 'names a folder that does not work',
  postgres: 'names a database that does not work',
}

const START_OR_CORRECT = 'If it does not run, start it; if the URL is wrong, correct it'

const CURES = {
  redis: START_OR_CORRECT,
  sqlite: 'Name one that this process may write to',
  postgres: START_OR_CORRECT,
}

/** Keys that encrypt what is stored, the one in use first. Without any, one of the moment does for a process that stores nothing. */
export function encryptionKeysOf({ encryptionKeys }: Configuration, stores: OpenStores | undefined) {
  const all = [...encryptionKeys.map(key => Buffer.from(key)), ...(stores?.key ? [stores.key] : [])]
  const [current, ...previous] = all
  return current && ([current, ...previous] as const)
}
