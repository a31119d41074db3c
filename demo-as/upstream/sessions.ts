import type { Store, StoreFactory } from '../stores/store.ts'
import type { Seal } from './sealed.ts'

/** Upstream sessions of grants, encrypted. One grant has one, and one person may have several grants. */
export interface UpstreamSessions {
  /** For the time until there is a grant. */
  pack(session: unknown): string
  unpack(packed: string): unknown
  keep(grantId: string, accountId: string, session: unknown): Promise<void>
  /** @returns `undefined` when there is none, or it was sealed with a key that is gone. */
  find(grantId: string): Promise<unknown>
  /**
   * Forgets.
   *
   * @returns The session, and whether the person has another one; `undefined` when there was none.
   */
  remove(grantId: string): Promise<{ session: unknown; hasOthers: boolean } | undefined>
}

interface Entry {
  accountId: string
  sealed: string
}

/** @param seconds - How long a session is kept after it was last asked about. */
export function createUpstreamSessions(stores: StoreFactory, seal: Seal, seconds: number): UpstreamSessions {
  const entries = stores('UpstreamSession')
  const grantsOf = stores('UpstreamGrants')

  const open = (sealed: string, place: string): unknown => {
    const text = seal.open(sealed, place)
    return text === undefined ? undefined : JSON.parse(text)
  }

  return {
    pack: session => seal.seal(JSON.stringify(session), PACKED),
    unpack: packed => open(packed, PACKED),

    async keep(grantId, accountId, session) {
      const sealed = seal.seal(JSON.stringify(session), grantId)
      await entries.set(grantId, { accountId, sealed } satisfies Entry, seconds)
      await change(grantsOf, accountId, seconds, grants => grants.add(grantId))
    },

    async find(grantId) {
      const entry = await entries.get<Entry>(grantId)
      return entry && open(entry.sealed, grantId)
    },

    async remove(grantId) {
      const entry = await entries.take<Entry>(grantId)
      if (!entry) return undefined
      const others = await change(grantsOf, entry.accountId, seconds, grants => grants.delete(grantId))
      const session = open(entry.sealed, grantId)
      if (session === undefined) return undefined
      const alive = await Promise.all(others.map(id => entries.get(id)))
      return { session, hasOthers: alive.some(Boolean) }
    },
  }
}

/** Not atomic: what two changes at once lose is the knowledge that a person has another session, nothing else. */
async function change(store: Store, key: string, seconds: number, apply: (ids: Set<string>) => unknown) {
  const ids = new Set(await store.get<string[]>(key))
  apply(ids)
  const left = [...ids].slice(-MOST_GRANTS)
  await store.set(key, left, seconds)
  return left
}

const MOST_GRANTS = 100
const PACKED = 'packed'
