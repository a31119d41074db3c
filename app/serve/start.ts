import type { Server } from 'node:http'
import { ConfigError, createAuth, MisconfigurationError, type ObservedProvider } from 'idplug'
import {
  bridgeLines,
  type Configuration,
  closeGracefully,
  createHttpServer,
  type Environment,
  GRACE_MILLISECONDS,
  listen,
  loadServerPackage,
  openStores,
} from 'idplug/internal'
import { notes } from '../notes/declaration.ts'
import { createNoteStore } from '../notes/notes.ts'
import { createNotesCatalog } from '../notes/notes-catalog.ts'
import { createCatalogServers } from '../notes/servers.ts'
import { createSharedNoteStore } from '../notes/shared-notes.ts'
import { jsonLines } from '../observe/log.ts'
import { prometheus } from '../observe/metrics.ts'
import { version } from '../version.ts'
import { createHttpApp } from './http.ts'
import { createMcpEndpoint } from './mcp/endpoint.ts'
import { createMetricsEndpoint } from './metrics.ts'
import type { Program, Surroundings } from './program.ts'

export interface Running extends Program {
  /** URL of the MCP endpoint. */
  readonly resource: string
  /** Issuers whose tokens are accepted. */
  readonly issuers: readonly string[]
}

/**
 * Starts the notes server, and our own authorization server with it unless that is a process of its own.
 *
 * @throws {ConfigError} A port cannot be listened on, or the store does not work.
 */
export async function start({ configuration, env, logger, stopping }: Surroundings): Promise<Running> {
  const { settings, mode, usesOwnServer } = configuration
  const reportBug = (error: unknown, operation?: string) => logger.error({ event: 'bug', err: error, operation })
  const metrics = prometheus()
  const metricsEndpoint = createMetricsEndpoint(metrics.registry, configuration, reportBug)
  const log = jsonLines(logger, configuration.shadow?.name)
  const documentation = new URL('/', configuration.resource).href
  const shadows: ObservedProvider[] = []
  const auth = createAuth(
    { ...notes, documentation },
    {
      // `npm start` has its own defaults for where the server is reached and where the authorization server runs.
      env: {
        ...env,
        PUBLIC_URL: publicUrls(configuration),
        AUTH_MODE: mode,
        ...storeSettings(configuration),
        AUTH_SERVER_HOST: settings.AUTH_SERVER_HOST ?? settings.HOST,
      },
      stopping,
      observer: [
        metrics.observer,
        log,
        { providers: all => void shadows.push(...all.filter(({ role }) => role === 'shadow')) },
      ],
    },
  )
  const { resource } = auth

  const stores =
    configuration.store.kind === 'memory'
      ? undefined
      : await openStores(await loadServerPackage(configuration.store.setting), configuration, (event, facts) =>
          log.authorizationServer?.(event, facts),
        )
  const store = stores ? createSharedNoteStore(stores.stores('Notes')) : createNoteStore()
  const endpoint = createMcpEndpoint({
    servers: createCatalogServers(createNotesCatalog(store, version), reportBug),
    now: Date.now,
    sessions: settings.MCP_SESSIONS,
    sessionIdleSeconds: settings.MCP_SESSION_IDLE_SECONDS,
    maxSessions: settings.MCP_MAX_SESSIONS,
    onError: error => logger.debug({ event: 'protocol_error', message: error.message }),
  })
  metrics.sessions(() => endpoint.sessionCount)
  const app = createHttpApp({
    auth,
    name: notes.name,
    handle: endpoint.handle,
    onError: reportBug,
    stopping,
    metrics: metricsEndpoint,
  })

  let listening: Server | undefined
  const close = async () => {
    const closed = listening ? closeGracefully(listening, GRACE_MILLISECONDS) : Promise.resolve()
    // Connections are cut after the grace period; a tool that goes on all the same is not waited for.
    await Promise.race([endpoint.close(), closed])
    await Promise.all([closed, auth.close()])
    await metricsEndpoint.close()
    await stores?.close()
  }
  const report = (error: Error, { issuers }: { readonly issuers: readonly string[] } = auth.validator) => {
    if (error instanceof ConfigError) throw error
    const level = error instanceof MisconfigurationError ? 'error' : 'warn'
    logger[level]({ event: 'provider_not_ready', issuers, reason: error.message })
  }
  try {
    const server = createHttpServer(app, stopping)
    await listen(server, settings.PORT, settings.HOST, 'PORT')
    listening = server
    await metricsEndpoint.open()
    const ready = auth.ready().catch(error => report(error))
    // Nobody needs the one in the shadow to start, but its operator wants to know.
    for (const { validator } of shadows) validator.warmUp().catch(error => report(error, validator))
    // Our own authorization server has a port to listen on. A real provider that is late is no reason not to start: requests get 503
    // until it answers.
    if (usesOwnServer && mode !== 'separate') await ready
    else ready.catch(reportBug)
  } catch (error) {
    await close()
    throw error
  }
  const { issuers } = auth.validator
  return {
    resource,
    issuers,
    facts: { resource, issuers },
    banner: [
      `MCP endpoint          ${resource}`,
      `Sign-in               ${issuers.join(', ')}`,
      ...bridgeLines(configuration),
      ...(stores ? [`State                 ${stores.place}`] : []),
      `How to connect        ${new URL('/', resource).href}`,
    ]
      .map(line => `  ${line}`)
      .join('\n'),
    close,
  }
}

function publicUrls({ settings, resources }: Configuration): string {
  return settings.PUBLIC_URL.length > 0 ? settings.PUBLIC_URL.join(',') : resources[0].publicUrl
}

/** As configured here: the library has a different default, and leaves the database of a server alone. */
function storeSettings({ store }: Configuration): Environment {
  return { AUTH_STORE: store.kind, ...(store.kind === 'sqlite' && { AUTH_DATA_DIR: store.folder }) }
}
