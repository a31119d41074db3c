import { hash, type webcrypto } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { CompleteContext } from '../context.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../errors.ts'
import { clip } from '../text.ts'
import { createAllowance } from './allowance.ts'
import type { Claims } from './claim-judge.ts'
import { askProvider, type ProviderAnswer, unusable } from './provider-request.ts'
import { createRemoteValue, type RemoteValue } from './remote-value.ts'
import { importParameters, SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from './signature.ts'

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

export interface SigningKey {
  readonly key: webcrypto.CryptoKey
  /** The JWK as published, with members that are the provider's own (Entra's `issuer`). */
  readonly jwk: Claims
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

/** What a token says about its key. */
export interface WantedKey {
  readonly algorithm: SignatureAlgorithm
  readonly keyId: string | undefined
  /** The whole token. Its digest is remembered while it has to come again. */
  readonly token: string
}

interface Entry {
  readonly jwk: Claims
  readonly imported: Map<SignatureAlgorithm, Promise<SigningKey>>
  /** Milliseconds since the Unix epoch. */
  lastSeen: number
}

interface KeyTable {
  readonly entries: ReadonlyMap<string, Entry>
  readonly byKeyId: ReadonlyMap<unknown, readonly Entry[]>
  /** Those of the latest answer; a token without key id may mean only these. */
  readonly current: ReadonlySet<Entry>
}

const MAX_BYTES = 1_048_576
const MAX_KEYS = 100
/** Freshness without `Cache-Control`, and the bounds of what it may ask for, in seconds. */
const FRESH_SECONDS = { default: 600, least: 60, most: 3600 }
const MIN_RSA_BITS = 2048
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
  /** By digest of the token: when it first came with a key id that could not be looked up. */
  const postponed = new LRUCache<string, number>({ max: MAX_POSTPONED })

  const remote: RemoteValue<KeyTable> = createRemoteValue(
    async () => {
      const init = { headers: { accept: 'application/jwk-set+json, application/json' } }
      const request = { operation: 'jwks', url: await jwksUri(), init, maxBytes: MAX_BYTES } as const
      const result = await askProvider(context, request, answer => ({
        value: merge(remote.state?.value, readKeys(answer), now(), retention),
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

  function select(from: KeyTable, wanted: WantedKey): Entry | undefined {
    return selectFrom(from, wanted, entry => from.current.has(entry) || now() - entry.lastSeen < retention)
  }

  /**
   * Looks for a key until there is one, or the keys were fetched at `since` or later.
   *
   * @throws {ValidatorUnavailableError} They cannot be fetched now.
   */
  async function lookAgain(wanted: WantedKey, since: number): Promise<Entry | undefined> {
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

/** @throws {InvalidTokenError} The key id is known, but no key under it fits the algorithm. */
function selectFrom(
  table: KeyTable,
  { algorithm, keyId }: WantedKey,
  counts: (entry: Entry) => boolean,
): Entry | undefined {
  if (keyId === undefined) {
    const suitable = [...table.current].filter(({ jwk }) => fits(jwk, algorithm))
    return suitable.length === 1 ? suitable[0] : undefined
  }
  const named = table.byKeyId.get(keyId)?.filter(counts)
  const suitable = named?.find(({ jwk }) => fits(jwk, algorithm))
  if (named?.length && !suitable) throw mismatch(named[0]?.jwk.kid, `does not fit ${algorithm}`)
  return suitable
}

export function fits({ kty, crv, alg }: Claims, algorithm: SignatureAlgorithm): boolean {
  const expected = SIGNATURE_ALGORITHMS[algorithm]
  return (
    kty === expected.kty &&
    (expected.crv === undefined || crv === expected.crv) &&
    ((alg ?? undefined) === undefined || isNameOf(alg, algorithm))
  )
}

function importKey(entry: Entry, algorithm: SignatureAlgorithm): Promise<SigningKey> {
  let imported = entry.imported.get(algorithm)
  if (!imported) {
    imported = importPublicKey(entry.jwk, algorithm)
    entry.imported.set(algorithm, imported)
  }
  return imported
}

export async function importPublicKey(jwk: Claims, algorithm: SignatureAlgorithm): Promise<SigningKey> {
  const { kty, n, e, crv, x, y } = jwk as webcrypto.JsonWebKey
  let key: webcrypto.CryptoKey
  try {
    key = await crypto.subtle.importKey('jwk', { kty, n, e, crv, x, y }, importParameters(algorithm), false, ['verify'])
  } catch {
    throw mismatch(jwk.kid, 'cannot be imported')
  }
  if (kty === 'RSA' && !isSafeExponent(e))
    throw mismatch(jwk.kid, 'has an exponent that is even, below 65537 or too long')
  const { modulusLength = MIN_RSA_BITS } = key.algorithm as { modulusLength?: number }
  if (modulusLength < MIN_RSA_BITS) throw mismatch(jwk.kid, `is shorter than ${MIN_RSA_BITS} bits`)
  return { key, jwk }
}

/**
 * Odd, and from 65537 to 256 bits (FIPS 186-5 §A.1.1). With 1 every message is its own signature; long ones only cost time.
 */
function isSafeExponent(e: unknown): boolean {
  const hex = typeof e === 'string' ? Buffer.from(e, 'base64url').toString('hex') : ''
  const exponent = BigInt(`0x${hex || '0'}`)
  return exponent % 2n === 1n && exponent >= 65_537n && exponent < 1n << 256n
}

/** RFC 9864 §2.2: EdDSA is the old name, and with a key on this curve they mean the same. */
function isNameOf(alg: unknown, algorithm: SignatureAlgorithm): boolean {
  const names: readonly unknown[] = ['EdDSA', 'Ed25519']
  return alg === algorithm || (names.includes(alg) && names.includes(algorithm))
}

const isAbsent = (value: unknown) => value === undefined || value === null

function mismatch(keyId: unknown, detail: string): InvalidTokenError {
  return new InvalidTokenError({ kind: 'key_mismatch', keyId: clip(keyId), detail })
}

/** @throws {ValidatorUnavailableError} Nothing in the answer can verify a signature: keep what there is. */
function readKeys(answer: ProviderAnswer): Claims[] {
  const { endpoint, status } = answer
  if (status !== 200) throw new MisconfigurationError({ kind: 'endpoint_refused_request', endpoint, status })
  const { keys } = answer.json()
  const usable = Array.isArray(keys) ? keys.filter(isPublicSignatureKey) : []
  if (usable.length === 0) throw unusable(endpoint, 'no usable signing key')
  return usable
}

/** False for anything odd, so that one member cannot spoil the set. Keys for encryption share it at some providers. */
export function isPublicSignatureKey(jwk: unknown): jwk is Claims {
  if (typeof jwk !== 'object' || jwk === null) return false
  const { kty, kid, use, key_ops: operations, d } = jwk as Claims
  return (
    (kty === 'RSA' || kty === 'EC' || kty === 'OKP') &&
    (isAbsent(kid) || typeof kid === 'string') &&
    (isAbsent(use) || use === 'sig') &&
    (isAbsent(operations) || (Array.isArray(operations) && operations.includes('verify'))) &&
    isAbsent(d)
  )
}

/** @param retention - How long a key is kept that the answer lacks, in milliseconds. */
function merge(previous: KeyTable | undefined, keys: readonly Claims[], now: number, retention: number): KeyTable {
  const kept = [...(previous?.entries ?? [])].filter(([, { lastSeen }]) => now - lastSeen < retention)
  const entries = new Map(kept)
  const current = new Set<Entry>()
  for (const jwk of keys) {
    const { kid, kty, crv, alg } = jwk
    const identity = JSON.stringify([kid, kty, crv, alg])
    const known = entries.get(identity)
    const isSame = known && JSON.stringify(known.jwk) === JSON.stringify(jwk)
    const entry = isSame ? known : { jwk: Object.freeze(jwk), imported: new Map(), lastSeen: now }
    entry.lastSeen = now
    entries.set(identity, entry)
    current.add(entry)
  }
  const newest = [...entries].sort(([, a], [, b]) => b.lastSeen - a.lastSeen).slice(0, MAX_KEYS)
  const values = newest.map(([, entry]) => entry)
  return {
    entries: new Map(newest),
    byKeyId: Map.groupBy(values, ({ jwk }) => jwk.kid ?? undefined),
    current: new Set(values.filter(entry => current.has(entry))),
  }
}

/** `max-age` (RFC 9111 §5.2.2.1) within our bounds. */
function freshSeconds(cacheControl: string | null): number {
  const maxAge = /\bmax-age=(\d+)/i.exec(cacheControl ?? '')?.[1]
  const asked = maxAge === undefined ? FRESH_SECONDS.default : Number(maxAge)
  return Math.min(FRESH_SECONDS.most, Math.max(FRESH_SECONDS.least, asked))
}
