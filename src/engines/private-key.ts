import { createPrivateKey, type JsonWebKey, type KeyObject, type webcrypto } from 'node:crypto'

/**
 * A private key for client assertions (RFC 7523) from PEM (PKCS #8, PKCS #1, SEC 1) or JWK. The algorithm follows from the key:
 * RS256, or PS256 where a JWK says so; ES256, ES384 or ES512 by its curve; EdDSA.
 *
 * @returns `keyId` is the `kid` of a JWK.
 * @throws {TypeError} Neither, not a private key, or too weak. The message holds nothing of the text.
 */
export function readPrivateKey(text: string): { privateKey: webcrypto.CryptoKey; keyId?: string } {
  const jwk = readJwk(text)
  let key: KeyObject
  try {
    key = createPrivateKey(jwk ? { key: jwk, format: 'jwk' } : text)
  } catch {
    throw new TypeError('must hold a private key as PEM (BEGIN PRIVATE KEY, without passphrase) or JWK')
  }
  const privateKey = key.toCryptoKey(algorithmOf(key, jwk?.alg), false, ['sign'])
  return { privateKey, keyId: typeof jwk?.kid === 'string' ? jwk.kid : undefined }
}

function readJwk(text: string): JsonWebKey | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as JsonWebKey) : undefined
  } catch {
    return undefined
  }
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

function algorithmOf(key: KeyObject, alg: unknown): webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048) {
    return { name: alg === 'PS256' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  }
  if (key.asymmetricKeyType === 'ec' && CURVES[namedCurve]) return { name: 'ECDSA', namedCurve: CURVES[namedCurve] }
  if (key.asymmetricKeyType === 'ed25519') return { name: 'Ed25519', namedCurve: 'Ed25519' }
  throw new TypeError('must be an RSA key of 2048 bits at least, or one on P-256, P-384, P-521 or Ed25519')
}
