import type { webcrypto } from 'node:crypto'

/**
 * Signature algorithms by JWA name (RFC 7518 §3.1, RFC 8037 §3.1): the keys that fit, and the parameters of WebCrypto.
 * HMAC and `none` are not in it: what a provider publishes is no secret.
 */
export const SIGNATURE_ALGORITHMS = {
  RS256: { kty: 'RSA', crv: undefined, parameters: { name: 'RSASSA-PKCS1-v1_5' } },
  RS384: { kty: 'RSA', crv: undefined, parameters: { name: 'RSASSA-PKCS1-v1_5' } },
  RS512: { kty: 'RSA', crv: undefined, parameters: { name: 'RSASSA-PKCS1-v1_5' } },
  PS256: { kty: 'RSA', crv: undefined, parameters: { name: 'RSA-PSS', saltLength: 32 } },
  PS384: { kty: 'RSA', crv: undefined, parameters: { name: 'RSA-PSS', saltLength: 48 } },
  PS512: { kty: 'RSA', crv: undefined, parameters: { name: 'RSA-PSS', saltLength: 64 } },
  ES256: { kty: 'EC', crv: 'P-256', parameters: { name: 'ECDSA', hash: 'SHA-256' } },
  ES384: { kty: 'EC', crv: 'P-384', parameters: { name: 'ECDSA', hash: 'SHA-384' } },
  ES512: { kty: 'EC', crv: 'P-521', parameters: { name: 'ECDSA', hash: 'SHA-512' } },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', parameters: { name: 'Ed25519' } },
  Ed25519: { kty: 'OKP', crv: 'Ed25519', parameters: { name: 'Ed25519' } },
} as const

export type SignatureAlgorithm = keyof typeof SIGNATURE_ALGORITHMS
export const signatureAlgorithms = Object.keys(SIGNATURE_ALGORITHMS) as [SignatureAlgorithm, ...SignatureAlgorithm[]]

/** What is accepted where nothing else is configured. */
export const DEFAULT_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const

/** With what WebCrypto imports a key for an algorithm, so that it can be used for no other. */
export function importParameters(algorithm: SignatureAlgorithm) {
  const { kty, crv, parameters } = SIGNATURE_ALGORITHMS[algorithm]
  if (kty === 'RSA') return { name: parameters.name, hash: `SHA-${algorithm.slice(2)}` }
  return { name: parameters.name, namedCurve: crv }
}

/**
 * Verifies the signature of a compact JWS (RFC 7515 §5.2), and nothing else: header and claims are the caller's.
 * By WebCrypto, off the main thread. jose's `compactVerify` reads header and payload once more, which doubles what a
 * validation costs the main thread.
 *
 * @param key - Imported for this algorithm; an RSA key brings its hash along.
 * @param signature - The third part, decoded.
 */
export async function verifySignature(
  token: string,
  signature: Uint8Array,
  key: webcrypto.CryptoKey,
  algorithm: SignatureAlgorithm,
): Promise<boolean> {
  const { kty, parameters } = SIGNATURE_ALGORITHMS[algorithm]
  // RFC 8017 §8.1.2 step 1. OpenSSL takes an RSA-PSS signature that lost its leading zeros.
  if (kty === 'RSA' && signature.length !== octetsOf(key)) return false
  const input = Buffer.from(token.slice(0, token.lastIndexOf('.')))
  try {
    return await crypto.subtle.verify(parameters, key, signature, input)
  } catch {
    return false // WebCrypto may throw rather than deny when a signature has an impossible form.
  }
}

/** Length of an RSA key's modulus, and so of its signatures. */
function octetsOf(key: webcrypto.CryptoKey): number {
  return Math.ceil((key.algorithm as webcrypto.RsaHashedKeyAlgorithm).modulusLength / 8)
}
