import { LRUCache } from 'lru-cache'
import type Provider from 'oidc-provider'
import type { Adapter } from 'oidc-provider'

type Client = InstanceType<Provider['Client']>

const MAX_CLIENTS = 5000

/**
 * Keeps clients that registered as oidc-provider has made them, which takes it as long as a fifth of a refresh; it keeps a hundred by
 * itself. The record is read each time, and a client whose record is another one by now is made anew.
 *
 * @param records - Where registered clients are.
 * @param isRegistered - Whether a client with this id would be there.
 */
export function rememberClients(provider: Provider, records: Adapter, isRegistered: (id: string) => boolean): void {
  const find = provider.Client.find.bind(provider.Client)
  const made = new LRUCache<string, { record: string; client: Client }>({ max: MAX_CLIENTS })

  provider.Client.find = async id => {
    if (typeof id !== 'string' || !isRegistered(id)) return find(id)
    const record = JSON.stringify(await records.find(id))
    const known = made.get(id)
    if (known && known.record === record) return known.client
    const client = await find(id)
    if (client && record) made.set(id, { record, client })
    return client
  }
}
