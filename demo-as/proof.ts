import { calculateJwkThumbprint, EmbeddedJWK, type JWTVerifyResult, jwtVerify } from 'jose'
import type Provider from 'oidc-provider'
import { errors, type TokenEndpointGrantContext } from 'oidc-provider'

/** Signature algorithms of proofs: asymmetric ones. */
export const PROOF_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'] as const

/** How far `iat` of a proof may be off, before and after, in seconds; as the library has it for its own grants. */
const WINDOW_SECONDS = 300

/**
 * The key that the token of a token request is to be bound to: RFC 7638 thumbprint of the one in the request's DPoP proof
 * (RFC 9449 §5); `undefined` without a proof. The library checks proofs for its own grants only. A proof is good once.
 *
 * @throws {errors.InvalidDpopProof} Not a proof for this request, made just now.
 * @throws {errors.InvalidGrant} It was used before, or the client is registered for bound tokens and sent none.
 */
export async function provenKey(provider: Provider, ctx: TokenEndpointGrantContext): Promise<string | undefined> {
  const { client } = ctx.oidc
  const proof = await checkProof(ctx)
  if (!proof) {
    if (client.dpopBoundAccessTokens) throw new errors.InvalidGrant('DPoP proof JWT not provided')
    return undefined
  }
  const isNew = await provider.ReplayDetection.unique(client.clientId, proof.id, proof.issuedAt + WINDOW_SECONDS + 1)
  if (!isNew) throw new errors.InvalidGrant('the proof was used before')
  return proof.thumbprint
}

/** A DPoP proof that was checked. */
interface Proof {
  /** Of its key, by RFC 7638. */
  thumbprint: string
  /** Its `jti`. */
  id: string
  /** Seconds since the Unix epoch. */
  issuedAt: number
}

/**
 * Checks the proof of a request, and not whether it is new.
 *
 * @returns `undefined` without a proof.
 * @throws {errors.InvalidDpopProof} Not a proof for this request, made just now.
 */
export async function checkProof(ctx: TokenEndpointGrantContext): Promise<Proof | undefined> {
  const text = ctx.get('DPoP')
  if (!text) return undefined
  const { payload, protectedHeader } = await verify(text)
  if (payload.htm !== ctx.method) throw new errors.InvalidDpopProof('the proof is for another method')
  if (locationOf(payload.htu) !== ctx.oidc.urlFor('token')) {
    throw new errors.InvalidDpopProof('the proof is for another URL')
  }
  const issuedAt = Number(payload.iat)
  if (!(Math.abs(Date.now() / 1000 - issuedAt) <= WINDOW_SECONDS)) {
    throw new errors.InvalidDpopProof('the proof was not made just now')
  }
  return { thumbprint: await calculateJwkThumbprint(protectedHeader.jwk as object), id: String(payload.jti), issuedAt }
}

async function verify(proof: string): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(proof, EmbeddedJWK, {
      algorithms: [...PROOF_ALGORITHMS],
      typ: 'dpop+jwt',
      requiredClaims: ['jti', 'iat'],
    })
  } catch (cause) {
    throw new errors.InvalidDpopProof('the proof cannot be verified', { cause })
  }
}

/** Query and fragment count for nothing (RFC 9449 §4.2). */
function locationOf(htu: unknown): string | undefined {
  const url = typeof htu === 'string' ? URL.parse(htu) : null
  return url ? `${url.origin}${url.pathname}` : undefined
}
