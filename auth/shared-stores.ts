import type { Configuration } from '../config/load.ts'
import type { AuthObserver } from '../src/auth.ts'
import { loadRun, loadServerPackage, type OpenStores, type OwnServer, serverPackageProblem } from './own-server.ts'

/** What is remembered outside of this process. Opened at the first use. */
export interface SharedStores {
  get(): Promise<OpenStores | undefined>
  /** @throws {Error} It does not answer. */
  check(): Promise<void>
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
  const { settings, store } = configuration
  const { DPOP } = settings
  if (store.kind === 'memory' || DPOP === 'off') return undefined
  if (own) return { get: own.stores, check: async () => {}, close: async () => {} }
  const { setting } = store
  if (DPOP !== 'required' && serverPackageProblem(setting)) return undefined
  const log = (event: string, facts: Readonly<Record<string, unknown>>) => observer.authorizationServer?.(event, facts)
  let connected: Promise<OpenStores | undefined> | undefined
  const get = () => {
    connected ??= connect().catch(error => {
      connected = undefined
      throw error
    })
    return connected
  }
  async function connect() {
    const serverPackage = await loadServerPackage(setting)
    const { openStores } = await loadRun()
    return await openStores(serverPackage, configuration, log)
  }
  return {
    get,
    check: async () => (await get())?.check(),
    close: async () => (await connected?.catch(() => undefined))?.close(),
  }
}
