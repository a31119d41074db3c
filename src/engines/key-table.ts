import type { webcrypto } from 'node:crypto'
import { isAbsent } from '../absent.ts'
import { InvalidTokenError } from '../errors.ts'
import { clip } from '../text.ts'
import type { Claims } from './claim-judge.ts'
import { type ProviderAnswer, refusedRequest, unusable } from './provider-request.ts'
import { importParameters, SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from './signature.ts'

export interface SigningKey {
  readonly key: webcrypto.CryptoKey
  /** The JWK as published, with members that are the provider's own (Entra's `issuer`). */
  readonly jwk: Claims
}

/** What a token says about its key. */
export interface WantedKey {
  readonly algorithm: SignatureAlgorithm
  readonly keyId: string | undefined
  /** The whole token. Its digest is remembered while it has to come again. */
  readonly token: string
}

/** A published key, imported when it is first needed. */
export interface KeyEntry {
  readonly jwk: Claims
  readonly imported: Map<SignatureAlgorithm, Promise<SigningKey>>
  /** Milliseconds since the Unix epoch. */
  lastSeen: number
}

/** The keys of the answers so far. */
export interface KeyTable {
  readonly entries: ReadonlyMap<string, KeyEntry>
  readonly byKeyId: ReadonlyMap<unknown, readonly KeyEntry[]>
  /** Those of the latest answer; a token without key id may mean only these. */
  readonly current: ReadonlySet<KeyEntry>
}

const MAX_KEYS = 100
const MIN_RSA_BITS = 2048

/**
 * The key that a token names, if the table has it.
 *
 * @param counts - Whether a key may still be used.
 * @throws {InvalidTokenError} The key id is known, but no key under it fits the algorithm.
 */
export function selectKey(
  table: KeyTable,
  { algorithm, keyId }: WantedKey,
  counts: (entry: KeyEntry) => boolean,
): KeyEntry | undefined {
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

export function importKey(entry: KeyEntry, algorithm: SignatureAlgorithm): Promise<SigningKey> {
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

function mismatch(keyId: unknown, detail: string): InvalidTokenError {
  return new InvalidTokenError({ kind: 'key_mismatch', keyId: clip(keyId), detail })
}

/**
 * @param hasWorked - Whether there were keys before: then a refusal does not tell that the settings are wrong.
 * @throws {ValidatorUnavailableError} Nothing in the answer can verify a signature: keep what there is.
 */
export function readKeys(answer: ProviderAnswer, hasWorked = false): Claims[] {
  const { endpoint, status } = answer
  if (status !== 200 && hasWorked) throw unusable(endpoint, `status ${status}`)
  if (status !== 200) throw refusedRequest(answer)
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

/**
 * A table with the keys of another answer.
 *
 * @param retention - How long a key is kept that the answer lacks, in milliseconds.
 */
export function mergeKeys(
  previous: KeyTable | undefined,
  keys: readonly Claims[],
  now: number,
  retention: number,
): KeyTable {
  const kept = [...(previous?.entries ?? [])].filter(([, { lastSeen }]) => now - lastSeen < retention)
  const entries = new Map(kept)
  const current = new Set<KeyEntry>()
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
