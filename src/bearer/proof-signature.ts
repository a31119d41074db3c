import { hash } from 'node:crypto'
import type { Claims } from '../engines/claim-judge.ts'
import { normalizedType, parsePart, signedParts } from '../engines/jws.ts'
import { fits, importPublicKey, isPublicSignatureKey } from '../engines/key-table.ts'
import { type SignatureAlgorithm, verifySignature } from '../engines/signature.ts'
import { InvalidTokenError } from '../errors.ts'
import { clip } from '../text.ts'

export interface VerifiedProof {
  readonly payload: Claims
  /** Of the key that signed it (RFC 7638, SHA-256). */
  readonly thumbprint: string
}

/** A DPoP proof, as far as type, signature and lifetime are about it (RFC 9449 §4.3). `now` is in milliseconds since the Unix epoch. */
export async function verifyProof(
  proof: string,
  algorithms: readonly SignatureAlgorithm[],
  now: number,
): Promise<VerifiedProof | { readonly problem: string }> {
  try {
    const [headerPart, payloadPart, signature] = signedParts(proof.split('.'))
    const header = parsePart(headerPart, 'header')
    const payload = parsePart(payloadPart, 'payload')
    const algorithm = algorithms.find(name => name === header.alg)
    if (!algorithm) return { problem: `signed by ${clip(header.alg)}` }
    if (normalizedType(header.typ) !== 'dpop+jwt') return { problem: `of the type ${clip(header.typ)}` }
    // We understand none (RFC 7515 §4.1.11).
    if (header.crit !== undefined) return { problem: 'has critical header parameters' }
    const { jwk } = header
    if (!isPublicSignatureKey(jwk) || !fits(jwk, algorithm)) return { problem: `brings no public key for ${algorithm}` }
    const { key } = await importPublicKey(jwk, algorithm)
    if (!(await verifySignature(proof, signature, key, algorithm)))
      return { problem: 'not signed by the key it brings' }
    if (!isWithinLifetime(payload, now / 1000)) return { problem: 'expired, or not valid yet' }
    return { payload, thumbprint: thumbprintOf(jwk) }
  } catch (error) {
    // The key comes with the proof: what is wrong with it lies in what the client sent.
    if (!(error instanceof InvalidTokenError)) throw error
    const { kind, detail = kind } = error.reason as { kind: string; detail?: string }
    return { problem: detail }
  }
}

/** `exp` and `nbf`, which no proof needs. */
function isWithinLifetime({ exp = Number.POSITIVE_INFINITY, nbf = 0 }: Claims, now: number): boolean {
  return typeof exp === 'number' && typeof nbf === 'number' && nbf <= now && now < exp
}

/** The required members of the key, in the order of RFC 7638 §3.2. */
function thumbprintOf({ kty, crv, e, n, x, y }: Claims): string {
  const members = kty === 'RSA' ? { e, kty, n } : kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x }
  return hash('sha256', JSON.stringify(members), 'base64url')
}
