import type { Auth } from 'idplug'
import { loadServerPackage, openStores } from 'idplug/internal'
import { notes } from '../notes/declaration.ts'
import { createNoteStore } from '../notes/notes.ts'
import { createNotesCatalog } from '../notes/notes-catalog.ts'
import { createCatalogServers } from '../notes/servers.ts'
import { createSharedNoteStore } from '../notes/shared-notes.ts'
import { version } from '../version.ts'
import { protectedEndpoint } from './http.ts'
import { createMcpEndpoint } from './mcp/endpoint.ts'
import type { Surroundings } from './program.ts'
import { type Running, serve } from './serve.ts'

export type { Running } from './serve.ts'

/**
 * Starts the notes server, and our own authorization server with it unless that is a process of its own.
 *
 * @throws {ConfigError} A port cannot be listened on, or the store does not work.
 */
export function start(surroundings: Surroundings): Promise<Running> {
  const { configuration, env, logger } = surroundings
  const { settings } = configuration
  return serve(surroundings, [{ env, declarations: { notes } }], async ({ auths, log, metrics, reportBug }) => {
    const auth = auths.notes as Auth
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
    return {
      servers: [{ auth, name: notes.name, endpoint: protectedEndpoint(auth, endpoint.handle, reportBug) }],
      banner: stores ? [`State                 ${stores.place}`] : [],
      end: () => endpoint.close(),
      close: async () => stores?.close(),
    }
  })
}
