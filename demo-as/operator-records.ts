import type Provider from 'oidc-provider'
import type { AdapterPayload } from 'oidc-provider'
import type { ClientKinds } from './clients/client-kinds.ts'
import { LIST_LIMIT, type Store, type StoreFactory } from './stores/store.ts'

/** What `Store.list` finds grants under. */
export const wordsOfGrant = {
  person: (subject: string) => `person:${subject}`,
  client: (clientId: string) => `client:${clientId}`,
  all: ({ accountId = '', clientId = '' }: AdapterPayload) => [
    wordsOfGrant.person(accountId),
    wordsOfGrant.client(clientId),
  ],
}

/** Ids of clients that have had a grant, however they are known. */
export interface ClientsWithGrants {
  add(clientId: string, seconds: number): Promise<void>
  list(): AsyncGenerator<string>
}

export function clientsWithGrants(stores: StoreFactory): ClientsWithGrants {
  const ids = stores('ClientWithGrants')
  return {
    add: (clientId, seconds) => ids.set(clientId, true, seconds, [ALL]),
    list: () => pages(ids, ALL),
  }
}

/**
 * Keeps a grant so that it is found by its person and its client.
 *
 * @param stores - Where grants are as well.
 */
export function grantKeeper(stores: StoreFactory) {
  const grants = stores('Grant')
  const clients = clientsWithGrants(stores)
  return async (id: string, payload: AdapterPayload, seconds: number): Promise<void> => {
    const words = wordsOfGrant.all(payload)
    await Promise.all([grants.set(id, payload, seconds, words), clients.add(payload.clientId ?? '', seconds)])
  }
}

/** Who does not want a client any more, and since when, in seconds since the Unix epoch. */
export interface Revocation {
  readonly at: number
  readonly by: string
}

/** Clients that the operator does not let in. */
export interface RevokedClients {
  find(clientId: string): Promise<Revocation | undefined>
  add(clientId: string, revocation: Revocation): Promise<void>
  /** @returns Whether it was among them. */
  remove(clientId: string): Promise<boolean>
  list(): AsyncGenerator<string>
}

export function revokedClients(stores: StoreFactory): RevokedClients {
  const ids = stores('RevokedClient')
  return {
    find: clientId => ids.get<Revocation>(clientId),
    // The first one counts, and it stays where a store runs out of room.
    add: async (clientId, revocation) => void (await ids.add(clientId, revocation, TEN_YEARS, [ALL])),
    remove: async clientId => (await ids.take(clientId)) !== undefined,
    list: () => pages(ids, ALL),
  }
}

/** Keeps clients out that publish themselves: of others, the record is gone or stands in the operator's own file. */
export function refuseRevokedClients({ Client }: Provider, { kindOf }: ClientKinds, { find }: RevokedClients): void {
  const findClient = Client.find.bind(Client)
  Client.find = async id => {
    const isRevoked = typeof id === 'string' && kindOf(id) === 'document' && (await find(id)) !== undefined
    return isRevoked ? undefined : findClient(id)
  }
}

/** All keys under a word. */
export async function* pages(store: Store, word: string): AsyncGenerator<string> {
  let after: string | undefined
  do {
    const page: readonly string[] = await store.list(word, after === undefined ? {} : { after })
    yield* page
    after = page.length < LIST_LIMIT ? undefined : page.at(-1)
  } while (after !== undefined)
}

const ALL = 'all'
const TEN_YEARS = 10 * 365 * 24 * 3600
