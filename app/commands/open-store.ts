import { ConfigError } from 'idplug'
import { type Configuration, loadServerPackage, type OpenStores, openStores } from 'idplug/internal'

/**
 * Opens the store that the server uses.
 *
 * @param inMemory - What it means that there is none but the memory of the running server.
 * @throws {ConfigError} There is none, or it does not answer.
 */
export async function openStore(configuration: Configuration, inMemory: string): Promise<OpenStores> {
  const { store } = configuration
  const stores =
    store.kind === 'memory'
      ? undefined
      : await openStores(await loadServerPackage(store.setting), configuration, () => {})
  if (stores) return stores
  throw new ConfigError([{ setting: 'AUTH_STORE', problem: `is memory: ${inMemory}`, see: 'docs/settings.md' }])
}
