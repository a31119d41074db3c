import { nowSeconds } from '../clock.ts'
import { TemporarilyUnavailable } from '../errors.ts'
import { insist } from '../insist.ts'
import { LIST_LIMIT, type StoreFactory } from '../stores/store.ts'
import type { Seal } from './sealed.ts'
import { UpstreamBehindError } from './upstream.ts'

/** Upstream sessions of grants, encrypted. One grant has one, and one person may have several grants. */
export interface UpstreamSessions {
  /** For the time until there is a grant. */
  pack(session: unknown): string
  /** @throws {UpstreamBehindError} It was packed with a key that this process does not have. */
  unpack(packed: string): unknown
  keep(grantId: string, accountId: string, session: unknown): Promise<void>
  /**
   * @returns `undefined` when there is none.
   * @throws {UpstreamBehindError} It was sealed with a key that this process does not have.
   */
  find(grantId: string): Promise<KeptSession | undefined>
  /**
   * Marks the session of a grant that ends, so that it can be ended at the upstream in peace, by whichever process comes to it.
   *
   * @throws {TemporarilyUnavailable} The mark could not be set.
   */
  end(grantId: string): Promise<void>
  /** Grants whose sessions are marked, some at a time. */
  ending(): Promise<readonly string[]>
  /** Whether somebody has another session than this one. */
  hasOthers(grantId: string, accountId: string): Promise<boolean>
  forget(grantId: string): Promise<void>
}

export interface KeptSession {
  readonly accountId: string
  readonly session: unknown
  /**
   * Puts another session in its place. Insists: what the upstream gave is given once.
   *
   * @returns `false` when the grant ended in the meantime.
   */
  replace(session: unknown): Promise<boolean>
}

interface Entry {
  accountId: string
  sealed: string
  /** When the upstream was last asked, in seconds since the Unix epoch; administration.ts shows it. */
  usedAt: number
  /** The grant is over. */
  isEnding?: boolean
}

const ENDING = 'ending'

/**
 * @param seconds - How long a session is kept after it was last asked about.
 * @param isShared - Whether other processes, and later ones, have the keys of the seal too.
 */
export function createUpstreamSessions(
  stores: StoreFactory,
  seal: Seal,
  seconds: number,
  isShared: boolean,
): UpstreamSessions {
  const entries = stores('UpstreamSession')
  const entryOf = (grantId: string, accountId: string, session: unknown): Entry => ({
    accountId,
    sealed: seal.seal(JSON.stringify(session), grantId),
    usedAt: nowSeconds(),
  })

  const open = (sealed: string, place: string): unknown => {
    const text = seal.open(sealed, place)
    return text === undefined ? undefined : JSON.parse(text)
  }

  async function swap(grantId: string, before: Entry, next: Entry): Promise<boolean> {
    if (await entries.swap(grantId, before, next, seconds, wordsOf(next))) return true
    // An attempt before this one may have been answered, and the answer lost.
    return (await entries.get<Entry>(grantId))?.sealed === next.sealed
  }

  return {
    pack: session => seal.seal(JSON.stringify(session), PACKED),
    unpack(packed) {
      const session = open(packed, PACKED)
      if (session === undefined) throw new UpstreamBehindError('a sign-in was begun under a key that is not here')
      return session
    },

    async keep(grantId, accountId, session) {
      const entry = entryOf(grantId, accountId, session)
      await entries.set(grantId, entry, seconds, wordsOf(entry))
    },

    async find(grantId) {
      let entry = await entries.get<Entry>(grantId)
      if (!entry) return undefined
      const { accountId } = entry
      const session = open(entry.sealed, grantId)
      if (session === undefined) {
        if (!isShared) return undefined
        throw new UpstreamBehindError(
          `the session of grant ${grantId} was sealed under a key that is not among BRIDGE_KEYS; add the key, or set REVOKE_BEFORE to have everybody sign in again`,
        )
      }
      return {
        accountId,
        session,
        async replace(next) {
          const before = entry as Entry
          const after = entryOf(grantId, accountId, next)
          const isReplaced = await insist(() => swap(grantId, before, after))
          if (isReplaced) entry = after
          return isReplaced
        },
      }
    },

    end: sessionMarker(stores),

    ending: () => entries.list(ENDING, { limit: LIST_LIMIT }),

    async hasOthers(grantId, accountId) {
      const grants = await entries.list(`person:${accountId}`, { limit: LIST_LIMIT })
      const others = await Promise.all(grants.filter(id => id !== grantId).map(id => entries.get<Entry>(id)))
      return others.some(entry => entry && !entry.isEnding)
    },

    forget: grantId => entries.delete(grantId),
  }
}

const wordsOf = ({ accountId, isEnding }: Entry) => [`person:${accountId}`, ...(isEnding ? [ENDING] : [])]

/** {@link UpstreamSessions.end} for somebody who cannot open the seal. */
export function sessionMarker(stores: StoreFactory): UpstreamSessions['end'] {
  const entries = stores('UpstreamSession')
  return async grantId => {
    for (let attempt = 0; attempt < MARKING_ATTEMPTS; attempt++) {
      const entry = await entries.get<Entry>(grantId)
      if (!entry || entry.isEnding) return
      const marked = { ...entry, isEnding: true }
      if (await entries.swap(grantId, entry, marked, ENDING_SECONDS, wordsOf(marked))) return
    }
    throw new TemporarilyUnavailable(
      'this cannot be ended right now; try again in a moment',
      `the session of grant ${grantId} was changed by others ${MARKING_ATTEMPTS} times in a row`,
    )
  }
}

/** Refreshes of the grant may come first, one at a time. */
const MARKING_ATTEMPTS = 20

/** How long the upstream may be away before a session is left to end there by itself. */
const ENDING_SECONDS = 24 * 3600

const PACKED = 'packed'
