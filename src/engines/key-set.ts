import type { webcrypto } from 'node:crypto'
import type { CompleteContext } from '../context.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../errors.ts'
import { clip } from '../text.ts'
import type { Claims } from './claim-judge.ts'
import { askProvider, type ProviderAnswer, unusable } from './provider-request.ts'
import { createRemoteValue, type RemoteValue } from './remote-value.ts'
import { importParameters, SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from './signature.ts'

/** Periods in seconds. */
export interface KeySetOptions {
  /** Least time between two fetches that unknown key ids cause. Default 30. */
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
   * @throws {InvalidTokenError} `key_unknown`, or `key_mismatch` when the key does not fit the algorithm.
   * @throws {ValidatorUnavailableError} There are no keys, they are too old, or an unknown id cannot be looked up.
   * @throws {MisconfigurationError} The key set's address is wrong.
   */
  find(algorithm: SignatureAlgorithm, keyId: string | undefined): Promise<SigningKey>
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
  readonly current: readonly Entry[]
}

const MAX_BYTES = 1_048_576
const MAX_KEYS = 100
/** Freshness without `Cache-Control`, and the bounds of what it may ask for, in seconds. */
const FRESH_SECONDS = { default: 600, least: 60, most: 3600 }
/** Front ends of one provider serve different sets, and a key that vanishes may be back within hours. */
const RETENTION_SECONDS = 86_400
const MIN_RSA_BITS = 2048

/**
 * A provider's signing keys by JWKS (RFC 7517 §5).
 *
 * - Fetched on first use, renewed in the background; unknown key ids cause one fetch per cool-down for everybody.
 * - Answers are merged: a key is dropped a day after it was last seen, not when one answer lacks it.
 * - While the provider is down the last good keys serve on, and an unknown id is an outage: it may be the new key's.
 *
 * @param jwksUri - Where the set is; asked before each fetch.
 */
export function createKeySet(
  jwksUri: () => Promise<string>,
  { cooldownSeconds = 30, maxStaleSeconds = 86_400 }: KeySetOptions,
  context: CompleteContext,
): KeySet {
  const { now, observer } = context
  const remote: RemoteValue<KeyTable> = createRemoteValue(
    async () => {
      const init = { headers: { accept: 'application/jwk-set+json, application/json' } }
      const request = { operation: 'jwks', url: await jwksUri(), init, maxBytes: MAX_BYTES } as const
      const result = await askProvider(context, request, answer => ({
        value: merge(remote.state?.value, readKeys(answer), now()),
        freshSeconds: freshSeconds(answer.headers.get('cache-control')),
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
    return ageSeconds() <= maxStaleSeconds ? remote.get() : renewOld()
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

  return {
    async warmUp() {
      await table()
    },
    async find(algorithm, keyId) {
      const known = select(await table(), algorithm, keyId)
      if (known) return await importKey(known, algorithm)
      if (remote.failure !== undefined || ageSeconds() >= cooldownSeconds) {
        const renewed = select(await remote.refresh(), algorithm, keyId)
        if (renewed) return await importKey(renewed, algorithm)
      }
      throw new InvalidTokenError({ kind: 'key_unknown', keyId: clip(keyId) })
    },
  }
}

/** @throws {InvalidTokenError} The key id is known, but no key under it fits the algorithm. */
function select(table: KeyTable, algorithm: SignatureAlgorithm, keyId: string | undefined): Entry | undefined {
  if (keyId === undefined) {
    const suitable = table.current.filter(({ jwk }) => fits(jwk, algorithm))
    return suitable.length === 1 ? suitable[0] : undefined
  }
  const named = table.byKeyId.get(keyId)
  const suitable = named?.find(({ jwk }) => fits(jwk, algorithm))
  if (named && !suitable) throw mismatch(named[0]?.jwk.kid, `does not fit ${algorithm}`)
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

function merge(previous: KeyTable | undefined, keys: readonly Claims[], now: number): KeyTable {
  const kept = [...(previous?.entries ?? [])].filter(([, { lastSeen }]) => now - lastSeen < RETENTION_SECONDS * 1000)
  const entries = new Map(kept)
  for (const jwk of keys) {
    const { kid, kty, crv, alg } = jwk
    const identity = JSON.stringify([kid, kty, crv, alg])
    const known = entries.get(identity)
    if (known && JSON.stringify(known.jwk) === JSON.stringify(jwk)) known.lastSeen = now
    else entries.set(identity, { jwk: Object.freeze(jwk), imported: new Map(), lastSeen: now })
  }
  const newest = [...entries].sort(([, a], [, b]) => b.lastSeen - a.lastSeen).slice(0, MAX_KEYS)
  const values = newest.map(([, entry]) => entry)
  return {
    entries: new Map(newest),
    byKeyId: Map.groupBy(values, ({ jwk }) => jwk.kid ?? undefined),
    current: values.filter(({ lastSeen }) => lastSeen === now),
  }
}

/** `max-age` (RFC 9111 §5.2.2.1) within our bounds. */
function freshSeconds(cacheControl: string | null): number {
  const maxAge = /\bmax-age=(\d+)/i.exec(cacheControl ?? '')?.[1]
  const asked = maxAge === undefined ? FRESH_SECONDS.default : Number(maxAge)
  return Math.min(FRESH_SECONDS.most, Math.max(FRESH_SECONDS.least, asked))
}
