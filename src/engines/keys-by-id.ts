import { LRUCache } from 'lru-cache'
import type { CompleteContext } from '../context.ts'
import { InvalidTokenError, ValidatorUnavailableError } from '../errors.ts'
import { clip } from '../text.ts'
import { createAllowance } from './allowance.ts'
import { createCallGate } from './call-gate.ts'
import type { KeySet, KeySetOptions } from './key-set.ts'
import type { SigningKey, WantedKey } from './key-table.ts'
import { askProvider, type ProviderAnswer, refusedRequest, unusable } from './provider-request.ts'
import { importParameters, SIGNATURE_ALGORITHMS } from './signature.ts'

/** Stands for the id in the URL of a key. */
export const KEY_ID_PLACE = '{kid}'

/** Ids become part of a URL, so nothing in them may change where it leads. */
const KEY_ID = /^[A-Za-z0-9_-]{1,100}$/
/** Fetches that unknown ids may cause: so many in a row, then one per second. */
const FETCHES = { inARow: 10, everySeconds: 1 }
const MAX_KEYS = 100
const MAX_BYTES = 16_384

interface KnownKey {
  readonly signing: SigningKey
  /** Milliseconds since the Unix epoch. */
  readonly loadedAt: number
}

/**
 * Keys that are published one by one, each as PEM (`PUBLIC KEY`) at a URL with its id, as AWS load balancers do. Elliptic curves only.
 *
 * A key is fetched again after `vanishedKeySeconds`, so a withdrawn one is refused that much later. While the endpoint is down, the last
 * answer counts for `maxStaleSeconds`. Unknown ids cause ten fetches in a row at most, then one per second; others are 503 meanwhile.
 *
 * @param url - With {@link KEY_ID_PLACE} in place of the id.
 */
export function createKeysById(
  url: string,
  { vanishedKeySeconds = 600, maxStaleSeconds = 86_400 }: KeySetOptions,
  context: CompleteContext,
): KeySet {
  const { now, observer } = context
  const keys = new LRUCache<string, KnownKey>({ max: MAX_KEYS })
  const pending = new Map<string, Promise<SigningKey>>()
  const allowance = createAllowance(FETCHES, now)
  const throughGate = createCallGate(now)

  async function fetchKey(keyId: string, name: string, wanted: WantedKey): Promise<SigningKey> {
    const request = { operation: 'jwks', url: url.replace(KEY_ID_PLACE, keyId), maxBytes: MAX_BYTES } as const
    try {
      const der = await throughGate(() => askProvider(context, request, answer => readPem(answer, keyId)))
      const signing = await importPem(der, wanted)
      keys.set(name, { signing, loadedAt: now() })
      observer?.keysRefreshed?.(now())
      return signing
    } catch (error) {
      if (error instanceof InvalidTokenError) keys.delete(name)
      throw error
    } finally {
      pending.delete(name)
    }
  }

  async function load(
    keyId: string,
    name: string,
    wanted: WantedKey,
    known: KnownKey | undefined,
  ): Promise<SigningKey> {
    const joined = pending.get(name)
    if (joined) return joined
    const waitSeconds = known ? 0 : allowance.take()
    if (waitSeconds > 0) {
      throw new ValidatorUnavailableError(
        { kind: 'key_not_fetched', keyId: clip(keyId) },
        { retryAfterSeconds: waitSeconds },
      )
    }
    const loading = fetchKey(keyId, name, wanted)
    pending.set(name, loading)
    return loading
  }

  return {
    async warmUp() {},
    async find(wanted) {
      const { algorithm, keyId } = wanted
      if (keyId === undefined || !KEY_ID.test(keyId)) throw unknown(keyId)
      if (SIGNATURE_ALGORITHMS[algorithm].kty !== 'EC') throw mismatch(keyId, `does not fit ${algorithm}`)
      const name = `${algorithm} ${keyId}`
      const known = keys.get(name)
      const ageSeconds = known ? (now() - known.loadedAt) / 1000 : 0
      if (known && ageSeconds < vanishedKeySeconds) return known.signing
      try {
        return await load(keyId, name, wanted, known)
      } catch (error) {
        if (!known || ageSeconds >= maxStaleSeconds || !(error instanceof ValidatorUnavailableError)) throw error
        observer?.warning?.('A signing key cannot be renewed; the last good one is used.', {
          reason: error.message,
          ageSeconds: Math.round(ageSeconds),
        })
        return known.signing
      }
    },
    // A key is never replaced under its id.
    findReplacement: async () => undefined,
  }
}

/** Both 403 and 404 say that there is no such key: file stores such as S3 answer either. */
function readPem(answer: ProviderAnswer, keyId: string): Buffer {
  const { endpoint, status, text } = answer
  if (status === 403 || status === 404) throw unknown(keyId)
  if (status !== 200) throw refusedRequest(answer)
  const base64 = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(text)?.[1]
  if (base64 === undefined) throw unusable(endpoint, 'no public key in PEM')
  return Buffer.from(base64, 'base64')
}

async function importPem(der: Buffer, { algorithm, keyId }: WantedKey): Promise<SigningKey> {
  try {
    const key = await crypto.subtle.importKey('spki', der, importParameters(algorithm), false, ['verify'])
    return { key, jwk: Object.freeze({ kid: keyId }) }
  } catch {
    throw mismatch(keyId, `does not fit ${algorithm}, or cannot be imported`)
  }
}

function unknown(keyId: string | undefined): InvalidTokenError {
  return new InvalidTokenError({ kind: 'key_unknown', keyId: clip(keyId) })
}

function mismatch(keyId: string | undefined, detail: string): InvalidTokenError {
  return new InvalidTokenError({ kind: 'key_mismatch', keyId: clip(keyId), detail })
}
