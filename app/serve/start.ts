import type { Server } from 'node:http'
import type { Logger } from 'pino'
import { createProviders } from '../../auth/providers.ts'
import { openLinkFile } from '../../config/links-file.ts'
import type { Configuration, Environment } from '../../config/load.ts'
import type { Settings } from '../../config/settings.ts'
import type { RedisStores } from '../../demo-as/redis-store.ts'
import type { AuthorizationServer } from '../../demo-as/server.ts'
import { createProofCheck, type ProofCheck } from '../../src/bearer/dpop.ts'
import type { ProofMemory } from '../../src/bearer/proof-memory.ts'
import { toSdkError } from '../../src/edges/sdk-errors.ts'
import { MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import { createProviderFetch } from '../../src/provider-fetch.ts'
import { createNoteStore, linkedNoteStore } from '../notes/notes.ts'
import { createNotesCatalog } from '../notes/notes-catalog.ts'
import { defaultScopes } from '../notes/scopes.ts'
import { createCatalogServers } from '../notes/servers.ts'
import { createSharedNoteStore } from '../notes/shared-notes.ts'
import { auditLog, linksLog, observerLog, shadowLog } from '../observe/log.ts'
import { createMetrics } from '../observe/metrics.ts'
import { createMigrationMetrics } from '../observe/migration-metrics.ts'
import { version } from '../version.ts'
import { connectRedis, createDemoAuthorizationServer, GRACE_MILLISECONDS } from './authorization-server.ts'
import { bridgeLines } from './bridge.ts'
import { createResourceServer } from './http.ts'
import { closeGracefully, createHttpServer } from './http-server.ts'
import { listen } from './listen.ts'
import { createMcpEndpoint } from './mcp/endpoint.ts'
import type { Program } from './program.ts'

export interface Running extends Program {
  /** URL of the MCP endpoint. */
  readonly resource: string
  /** Issuers whose tokens are accepted. */
  readonly issuers: readonly string[]
}

/**
 * Starts the MCP server, and the demo authorization server with it unless that is a process of its own.
 *
 * @throws {ConfigError} A port cannot be listened on.
 */
export async function start(configuration: Configuration, env: Environment, logger: Logger): Promise<Running> {
  const { settings, resource, shadow } = configuration
  const metrics = createMetrics(Date.now)
  const log = observerLog(logger)
  const migration = createMigrationMetrics(metrics.registry, Date.now)
  const logObservation = shadowLog(logger, shadow?.adapter.name)
  const { validator, wireScopes, ...providers } = createProviders(
    configuration.providers,
    {
      resource,
      fetch: await createProviderFetch(env),
      now: Date.now,
      cacheSeconds: settings.TOKEN_CACHE_SECONDS,
      cacheMaxEntries: settings.TOKEN_CACHE_ENTRIES,
      clockToleranceSeconds: settings.CLOCK_TOLERANCE_SECONDS,
      timeoutSeconds: settings.PROVIDER_TIMEOUT_SECONDS,
      observer: { ...metrics.observer, warning: log.warning },
      sdkError: toSdkError,
    },
    shadow && {
      configuration: shadow,
      onObservation(observation) {
        migration.observation(observation)
        logObservation(observation)
      },
    },
  )
  migration.watch(providers.all)

  const reportBug = (error: unknown, operation?: string) => logger.error({ event: 'bug', err: error, operation })
  const redis = await connectRedis(settings, logger)
  const links = settings.AUTH_LINKS === undefined ? undefined : openLinkFile(settings.AUTH_LINKS, linksLog(logger))
  const store = redis ? createSharedNoteStore(redis.stores('Notes')) : createNoteStore()
  const notes = links ? linkedNoteStore(store, links.resolve) : store
  const servers = createCatalogServers(createNotesCatalog(notes, version), reportBug)
  const endpoint = createMcpEndpoint({
    servers,
    now: Date.now,
    sessions: settings.MCP_SESSIONS,
    sessionIdleSeconds: settings.MCP_SESSION_IDLE_SECONDS,
    maxSessions: settings.MCP_MAX_SESSIONS,
    onError: error => logger.debug({ event: 'protocol_error', message: error.message }),
  })
  metrics.sessions(() => endpoint.sessionCount)

  const usesDemo = configuration.providers.some(({ adapter }) => adapter.name === 'demo')
  const authorizationServer =
    !usesDemo || settings.AUTH_MODE === 'separate'
      ? undefined
      : await createDemoAuthorizationServer(configuration, env, logger, redis)

  const audit = auditLog(logger)
  const app = createResourceServer({
    resource,
    name: 'Notes',
    validator,
    dpop: proofCheck(settings, resource, redis),
    endpoint,
    scopesSupported: servers.scopesSupported,
    defaultScopes,
    wireScopes,
    allowedHosts: settings.ALLOWED_HOSTS,
    allowedOrigins: settings.ALLOWED_ORIGINS,
    bodyLimit: settings.BODY_LIMIT_BYTES,
    onDecision(decision) {
      metrics.decision(decision)
      if (decision.outcome === 'accepted' && decision.token) migration.accepted(providers.nameOf(decision.token))
      audit(decision)
    },
    onValidation: metrics.validation,
    onError: reportBug,
    metrics: metrics.registry,
    checkReady: redis?.ping,
    before: settings.AUTH_MODE === 'embedded' && authorizationServer ? embedded(authorizationServer) : undefined,
  })

  const listening: Server[] = []
  const close = async () => {
    links?.close()
    const closed = Promise.all(listening.map(server => closeGracefully(server, GRACE_MILLISECONDS)))
    // Connections are cut after the grace period; a tool that goes on all the same is not waited for.
    await Promise.race([endpoint.close(), closed])
    await closed
    await redis?.close()
  }
  try {
    if (settings.AUTH_MODE === 'beside' && authorizationServer) {
      const server = createHttpServer(authorizationServer.handler)
      listening.push(server)
      await listen(server, settings.AUTH_SERVER_PORT, settings.HOST, 'AUTH_SERVER_PORT')
    }
    const server = createHttpServer(app)
    listening.push(server)
    await listen(server, settings.PORT, settings.HOST, 'PORT')
  } catch (error) {
    await close()
    throw error
  }

  // A provider that is late is no reason not to start: requests get 503 until it answers, one in the shadow is not needed at all.
  for (const late of [
    validator,
    ...providers.all.filter(({ role }) => role === 'shadow').map(({ validator }) => validator),
  ]) {
    late.warmUp().catch((error: Error) => {
      const level = error instanceof MisconfigurationError ? 'error' : 'warn'
      logger[level]({ event: 'provider_not_ready', issuers: late.issuers, reason: error.message })
    })
  }
  const { issuers } = validator
  return {
    resource,
    issuers,
    facts: { resource, issuers },
    banner: [
      `MCP endpoint          ${resource}`,
      `Sign-in               ${issuers.join(', ')}`,
      ...bridgeLines(configuration),
      `How to connect        ${new URL('/', resource).href}`,
    ]
      .map(line => `  ${line}`)
      .join('\n'),
    close,
  }
}

function proofCheck(
  { DPOP, DPOP_NONCE_SECRET }: Settings,
  resource: string,
  redis: RedisStores | undefined,
): ProofCheck | undefined {
  if (DPOP === 'off') return undefined
  const nonceSecret = DPOP_NONCE_SECRET === undefined ? undefined : Buffer.from(DPOP_NONCE_SECRET)
  const memory = redis && sharedProofMemory(redis.stores('Proof'))
  return createProofCheck({ resource, required: DPOP === 'required', nonceSecret, memory })
}

/** Proofs that all processes remember together. */
function sharedProofMemory(store: ReturnType<RedisStores['stores']>): ProofMemory {
  return {
    async add(key, until) {
      try {
        return await store.add(key, true, Math.max(1, until - Date.now() / 1000))
      } catch (error) {
        throw new ValidatorUnavailableError({ kind: 'proof_memory_unreachable', detail: (error as Error).message })
      }
    },
  }
}

/** Lets the authorization server answer for its own paths. */
function embedded(authorizationServer: AuthorizationServer) {
  return (req: { path: string }, res: object, next: () => void) => {
    if (authorizationServer.handles(req.path)) authorizationServer.handler(req as never, res as never)
    else next()
  }
}
