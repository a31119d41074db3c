import type { Logger } from 'pino'
import type { Configuration, Environment } from '../../config/load.ts'
import type { Settings } from '../../config/settings.ts'
import type { RedisStores } from '../../demo-as/redis-store.ts'
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  type ClientMetadata,
  createAuthorizationServer,
} from '../../demo-as/server.ts'
import { ConfigError } from '../../src/errors.ts'
import { defaultScopes, scopeDescriptions } from '../notes/scopes.ts'
import { bridgeLines, createBridge } from './bridge.ts'
import { closeGracefully, createHttpServer } from './http-server.ts'
import { listen } from './listen.ts'
import type { Program } from './program.ts'

/** How long requests in flight may take to finish once the process is told to stop. */
export const GRACE_MILLISECONDS = 10_000

type Log = NonNullable<AuthorizationServerOptions['log']>

/**
 * The demo authorization server for the notes server, as configured; not listening yet.
 *
 * @param redis - Where it remembers; absent: in memory.
 */
export async function createDemoAuthorizationServer(
  configuration: Configuration,
  env: Environment,
  logger: Logger,
  redis: RedisStores | undefined,
): Promise<AuthorizationServer> {
  const { settings, resource, demoIssuer, demoClientSecret } = configuration
  return createAuthorizationServer({
    stores: redis?.stores,
    revokedBefore: settings.REVOKE_BEFORE,
    ...(await createBridge(configuration, env)),
    issuer: demoIssuer,
    resources: [
      {
        resource,
        name: 'Notes',
        scopes: scopeDescriptions,
        defaultScopes,
        clientId: settings.DEMO_RS_CLIENT_ID,
        clientSecret: demoClientSecret,
      },
    ],
    clients: [...configuration.clients] as ClientMetadata[],
    accessTokenFormat: settings.ACCESS_TOKEN_FORMAT,
    registration: settings.REGISTRATION === 'on' && {
      perAddress: settings.REGISTRATION_LIMIT,
      trustedProxies: settings.TRUSTED_PROXIES,
    },
    clientDocuments: settings.CIMD === 'on' && {
      allowedHosts: settings.CIMD_ALLOWED_HOSTS,
      privateHosts: settings.CIMD_PRIVATE_HOSTS,
      proxy: env.HTTPS_PROXY || env.https_proxy,
    },
    log: authorizationServerLog(logger),
  })
}

/** What went wrong by our own fault is an error, what we depend on and miss a warning; refusals are the day's work. */
function authorizationServerLog(logger: Logger): Log {
  return (event, { error, ...facts }) => {
    if (event === 'server_error') logger.error({ ...facts, event, err: error })
    else if (WARNINGS.has(event) || error === 'temporarily_unavailable') logger.warn({ ...facts, event, error })
    else logger.info({ ...facts, event, error })
  }
}

const WARNINGS = new Set(['store_unreachable', 'upstream_unavailable', 'signing_keys_not_loaded'])

/**
 * The Redis in which processes remember together; `undefined` where each is to remember by itself.
 *
 * @throws {ConfigError} Redis cannot be reached.
 */
export async function connectRedis(settings: Settings, logger: Logger): Promise<RedisStores | undefined> {
  const { REDIS_URL: url, REDIS_PREFIX: prefix } = settings
  if (url === undefined) return undefined
  // Not loaded where there is no use for it.
  const { connectRedisStores } = await import('../../demo-as/redis-store.ts')
  try {
    return await connectRedisStores({ url, prefix, log: authorizationServerLog(logger) })
  } catch (error) {
    const { message, error_detail: detail } = error as Error & { error_detail?: string }
    throw new ConfigError([
      {
        setting: 'REDIS_URL',
        problem: `names a Redis that cannot be used (${detail ?? message})`,
        see: 'docs/settings.md',
      },
    ])
  }
}

/**
 * The demo authorization server as a process of its own.
 *
 * @throws {ConfigError} Its port cannot be listened on.
 */
export async function startDemoAuthorizationServer(
  configuration: Configuration,
  env: Environment,
  logger: Logger,
): Promise<Program> {
  const { settings, resource, demoIssuer } = configuration
  const redis = await connectRedis(settings, logger)
  const { handler } = await createDemoAuthorizationServer(configuration, env, logger, redis)
  const server = createHttpServer(handler)
  await listen(server, settings.AUTH_SERVER_PORT, settings.HOST, 'AUTH_SERVER_PORT')
  return {
    facts: { issuer: demoIssuer, access_tokens: settings.ACCESS_TOKEN_FORMAT, resource },
    banner: [`Authorization server  ${demoIssuer}`, `Issues tokens for     ${resource}`, ...bridgeLines(configuration)]
      .map(line => `  ${line}`)
      .join('\n'),
    async close() {
      await closeGracefully(server, GRACE_MILLISECONDS)
      await redis?.close()
    },
  }
}
