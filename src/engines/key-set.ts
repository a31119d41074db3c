import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { CompleteContext } from '../context.ts'
import { InvalidTokenError, ValidatorUnavailableError } from '../errors.ts'
import { clip } from '../text.ts'
import { createAllowance } from './allowance.ts'
import {
  importKey,
  type KeyEntry,
  type KeyTable,
  mergeKeys,
  readKeys,
  type SigningKey,
  selectKey,
  type WantedKey,
} from './key-table.ts'
import { askProvider } from './provider-request.ts'
import { createRemoteValue, type RemoteValue } from './remote-value.ts'

/** Periods in seconds. */
export interface KeySetOptions {
  /**
   * How long a key counts after the provider has stopped publishing it. A withdrawn key is refused that much later at the latest,
   * because the keys are fetched at least as often; not more often than once a minute. Longer where front ends of one provider
   * publish different sets. Default 600.
   */
  vanishedKeySeconds?: number
  /** After a few fetches in a row that unknown key ids caused: the least time between two. Default 5. */
  cooldownSeconds?: number
  /** How long the last good keys are used while the provider cannot be asked. Default 86,400. */
  maxStaleSeconds?: number
}

export interface KeySet {
  /** @throws As `find` does when the keys cannot be had. */
  warmUp(): Promise<void>
  /**
   * The key that a token says it is signed with. A token without key id gets one only where the current set leaves no
   * choice.
   *
   * @throws {InvalidTokenError} `key_unknown`: the set, fetched after the token came, does not hold the key. `key_mismatch`: the
   *   key does not fit the algorithm.
   * @throws {ValidatorUnavailableError} There are no keys, they are too old, or an unknown id cannot be looked up yet.
   * @throws {MisconfigurationError} The key set's address is wrong.
   */
  find(wanted: WantedKey): Promise<SigningKey>
  /**
   * Another key under the same id, where the provider has put one there since: for a token whose signature `refuted` did not
   * make. Some providers number their keys from 1 again, or name none.
   *
   * @returns `undefined` where there is none, or it is not the time to look.
   */
  findReplacement(wanted: WantedKey, refuted: SigningKey): Promise<SigningKey | undefined>
}

const MAX_BYTES = 1_048_576
/** Freshness without `Cache-Control`, and the bounds of what it may ask for, in seconds. */
const FRESH_SECONDS = { default: 600, least: 60, most: 3600 }
/** Fetches that unknown key ids may cause in a row, before the cool-down. */
const FETCHES_IN_A_ROW = 5
/** Most tokens that are remembered because their key could not be looked up yet. */
const MAX_POSTPONED = 10_000

/**
 * A provider's signing keys by JWKS (RFC 7517 §5).
 *
 * - Fetched on first use, renewed in the background. A few fetches in a row may be caused by unknown key ids, then one per
 *   cool-down, for everybody.
 * - An unknown key id is refused only if the keys were fetched after the token had come. Until then it may be the new key's, and
 *   the answer is that we do not know yet.
 * - Answers are merged: a key that one answer lacks counts for a while.
 * - While the provider is down the last good keys serve on, and an unknown id is an outage.
 *
 * @param jwksUri - Where the set is; asked before each fetch.
 */
export function createKeySet(
  jwksUri: () => Promise<string>,
  { vanishedKeySeconds = 600, cooldownSeconds = 5, maxStaleSeconds = 86_400 }: KeySetOptions,
  context: CompleteContext,
): KeySet {
  const { now, observer } = context
  const retention = vanishedKeySeconds * 1000
  const longestFreshSeconds = Math.max(FRESH_SECONDS.least, Math.min(FRESH_SECONDS.most, vanishedKeySeconds))
  const allowance = createAllowance({ inARow: FETCHES_IN_A_ROW, everySeconds: cooldownSeconds }, now)
  /** By digest of the token: when it first came with a key id that could not be looked up. Made when one does: it takes 200 kB. */
  let postponed: LRUCache<string, number> | undefined

  const remote: RemoteValue<KeyTable> = createRemoteValue(
    async () => {
      const init = { headers: { accept: 'application/jwk-set+json, application/json' } }
      const request = { operation: 'jwks', url: await jwksUri(), init, maxBytes: MAX_BYTES } as const
      const result = await askProvider(context, request, answer => ({
        value: mergeKeys(remote.state?.value, readKeys(answer, remote.state !== undefined), now(), retention),
        freshSeconds: Math.min(longestFreshSeconds, freshSeconds(answer.headers.get('cache-control'))),
      }))
      observer?.keysRefreshed?.(now())
      return result
    },
    now,
    error => {
      if (!remote.state) return
      observer?.warning?.('The signing keys cannot be renewed; the last good ones are used.', {
        reason: error instanceof Error ? error.message : 'unknown',
        ageSeconds: Math.round((now() - remote.state.loadedAt) / 1000),
      })
    },
  )

  const ageSeconds = () => (remote.state ? (now() - remote.state.loadedAt) / 1000 : 0)

  function table(): Promise<KeyTable> {
    if (ageSeconds() > maxStaleSeconds) return renewOld()
    if (ageSeconds() > longestFreshSeconds && remote.failure === undefined) {
      // Nobody came for a while. Keys that were withdrawn meanwhile must not pass once more.
      return remote.refresh().catch(() => remote.get())
    }
    return remote.get()
  }

  async function renewOld(): Promise<KeyTable> {
    try {
      return await remote.refresh()
    } catch (error) {
      if (!(error instanceof ValidatorUnavailableError) || !('endpoint' in error.reason)) throw error
      const { retryAfterSeconds, reason } = error
      throw new ValidatorUnavailableError(
        { kind: 'keys_too_old', endpoint: reason.endpoint, ageSeconds: Math.round(ageSeconds()) },
        { retryAfterSeconds },
      )
    }
  }

  function select(from: KeyTable, wanted: WantedKey): KeyEntry | undefined {
    return selectKey(from, wanted, entry => from.current.has(entry) || now() - entry.lastSeen < retention)
  }

  /**
   * Looks for a key until there is one, or the keys were fetched at `since` or later.
   *
   * @throws {ValidatorUnavailableError} They cannot be fetched now.
   */
  async function lookAgain(wanted: WantedKey, since: number): Promise<KeyEntry | undefined> {
    // Without a cool-down, a fetch of the same moment is no reason not to look.
    let isFetched = cooldownSeconds > 0
    for (;;) {
      const { state } = remote
      if (state && isFetched && state.askedAt >= since) return select(state.value, wanted)
      // After a failure it is the back-off that bounds the fetches.
      if (remote.isFree && remote.failure === undefined) {
        const waitSeconds = allowance.take()
        if (waitSeconds > 0) {
          const reason = { kind: 'key_not_fetched', keyId: clip(wanted.keyId) } as const
          throw new ValidatorUnavailableError(reason, { retryAfterSeconds: waitSeconds })
        }
      }
      const found = select(await remote.refresh(), wanted)
      if (found) return found
      isFetched = true
    }
  }

  return {
    async warmUp() {
      await table()
    },
    async find(wanted) {
      const arrivedAt = now()
      const known = select(await table(), wanted)
      if (known) return await importKey(known, wanted.algorithm)
      const digest = hash('sha256', wanted.token, 'base64')
      postponed ??= new LRUCache<string, number>({ max: MAX_POSTPONED })
      const since = postponed.get(digest) ?? arrivedAt
      postponed.set(digest, since)
      const found = await lookAgain(wanted, since)
      postponed.delete(digest)
      if (found) return await importKey(found, wanted.algorithm)
      throw new InvalidTokenError({ kind: 'key_unknown', keyId: clip(wanted.keyId) })
    },
    async findReplacement(wanted, refuted) {
      const isTime = remote.failure === undefined && ageSeconds() >= cooldownSeconds && ageSeconds() > 0
      if (!isTime || (remote.isFree && allowance.take() > 0)) return undefined
      const found = await remote.refresh().then(
        renewed => select(renewed, wanted),
        () => undefined, // says nothing against the signature
      )
      if (!found || found.jwk === refuted.jwk) return undefined
      return await importKey(found, wanted.algorithm)
    },
  }
}

/** `max-age` (RFC 9111 §5.2.2.1) within our bounds. */
function freshSeconds(cacheControl: string | null): number {
  const maxAge = /\bmax-age=(\d+)/i.exec(cacheControl ?? '')?.[1]
  const asked = maxAge === undefined ? FRESH_SECONDS.default : Number(maxAge)
  return Math.min(FRESH_SECONDS.most, Math.max(FRESH_SECONDS.least, asked))
}
