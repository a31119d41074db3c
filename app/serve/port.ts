import type { RequestListener, Server } from 'node:http'
import { type Auth, ConfigError, MisconfigurationError, type ObservedProvider } from 'idplug'
import {
  type Configuration,
  closeGracefully,
  createHttpServer,
  type Environment,
  GRACE_MILLISECONDS,
  listen,
} from 'idplug/internal'
import type { MetricsEndpoint } from './metrics.ts'
import { ofOneHost } from './one-host.ts'
import type { Surroundings } from './program.ts'

/** `PORT` of a process, and that of its metrics. */
export interface Port {
  /**
   * Listens, and waits for our own authorization server if it runs in this process.
   *
   * @param options.shadows - Providers that nobody needs to start, but whose operator wants to know.
   * @param options.listening - Called when the first request may come.
   * @throws {ConfigError} A port cannot be listened on, or the store does not work.
   */
  open(auths: readonly Auth[], options?: { shadows?: readonly ObservedProvider[]; listening?(): void }): Promise<void>
  /** Finishes requests in flight. Connections are cut after the grace period. The metrics go on. */
  close(): Promise<void>
}

export function createPort(
  { configuration, logger, stopping }: Omit<Surroundings, 'env'>,
  listener: RequestListener,
  metrics: MetricsEndpoint,
  reportBug: (error: unknown) => void,
): Port {
  const { settings, mode, usesOwnServer } = configuration
  let server: Server | undefined

  function report(error: Error, issuers: readonly string[]): void {
    const level = error instanceof MisconfigurationError || error instanceof ConfigError ? 'error' : 'warn'
    logger[level]({ event: 'provider_not_ready', issuers, reason: error.message })
  }
  return {
    async open(auths, { shadows = [], listening } = {}) {
      const opened = createHttpServer(ofOneHost(listener), stopping)
      await listen(opened, settings.PORT, settings.HOST, 'PORT')
      server = opened
      await metrics.open()
      listening?.()
      const ready = Promise.all(auths.map(auth => auth.ready())).catch(error => {
        if (error instanceof ConfigError) throw error
        report(error, issuersOf(auths))
      })
      for (const { validator } of shadows) validator.warmUp().catch(error => report(error, validator.issuers))
      // Our own authorization server has a port to listen on. A real provider that is late is no reason not to start: requests get 503
      // until it answers.
      if (usesOwnServer && mode !== 'separate') await ready
      else ready.catch(reportBug)
    },
    close: async () => {
      if (server) await closeGracefully(server, GRACE_MILLISECONDS)
    },
  }
}

/** Whose tokens are accepted, by any of them. */
export const issuersOf = (auths: readonly Auth[]): readonly string[] => [
  ...new Set(auths.flatMap(({ validator }) => validator.issuers)),
]

/** The store as it is configured here: the library has a different default, and leaves the database of a server alone. */
export function storeSettings({ store }: Configuration): Environment {
  return { AUTH_STORE: store.kind, ...(store.kind === 'sqlite' && { AUTH_DATA_DIR: store.folder }) }
}
