import type { Configuration } from '../config/load.ts'
import type { AuthObserver } from '../src/auth.ts'
import {
  connectRedis,
  loadServerPackage,
  type OwnServer,
  type RedisStores,
  serverPackageProblem,
} from './own-server.ts'

/** What several processes remember together (`REDIS_URL`). Connected at the first use. */
export interface SharedStores {
  get(): Promise<RedisStores | undefined>
  /** @throws {Error} It does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * @returns `undefined` where each process remembers by itself: no store is set, nothing is remembered, or the package that knows
 *   stores is not installed and proofs of possession are not required.
 */
export function sharedStores(
  configuration: Configuration,
  own: OwnServer | undefined,
  observer: AuthObserver,
): SharedStores | undefined {
  const { REDIS_URL, DPOP } = configuration.settings
  if (REDIS_URL === undefined || DPOP === 'off') return undefined
  if (own) return { get: own.stores, ping: async () => {}, close: async () => {} }
  if (DPOP !== 'required' && serverPackageProblem('REDIS_URL')) return undefined
  const log = (event: string, facts: Readonly<Record<string, unknown>>) => observer.authorizationServer?.(event, facts)
  let connected: Promise<RedisStores | undefined> | undefined
  const get = () => {
    connected ??= loadServerPackage('REDIS_URL')
      .then(serverPackage => connectRedis(serverPackage, configuration, log))
      .catch(error => {
        connected = undefined
        throw error
      })
    return connected
  }
  return {
    get,
    ping: async () => (await get())?.ping(),
    close: async () => (await connected?.catch(() => undefined))?.close(),
  }
}
