import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader, EmbeddedJWK } from 'jose'
import type { Refusal, Request } from './message.ts'
import type { Caller, Claims } from './tokens.ts'

/** What the server checks of a DPoP proof (RFC 9449 §4.3), one question each. */
export interface ProofParts {
  readonly algorithms: readonly string[]
  /** What a proof must repeat. `undefined`: none is given. */
  readonly nonce: string | undefined
  /** The only proof of the request, verified with the key that it shows. */
  read(this: ProofParts, proofs: readonly string[]): Promise<Proof | undefined>
  typeIsGood(typ: unknown): boolean
  keyIsPublic(jwk: Claims): boolean
  methodIsGood(htm: unknown, request: Request): boolean
  urlIsGood(htu: unknown, request: Request): boolean
  timeIsGood(iat: unknown): boolean
  hashIsGood(ath: unknown, token: string): boolean
  keyIsOfToken(thumbprint: string, caller: Caller): boolean
  isNew(jti: string): boolean
}

export interface Proof {
  readonly claims: Claims
  readonly thumbprint: string
}

const WINDOW_SECONDS = 300

export function proofParts(nonce?: string): ProofParts {
  const used = new Set<string>()
  return {
    algorithms: ['ES256', 'RS256'],
    nonce,
    async read([proof, ...others]) {
      if (proof === undefined || others.length > 0) return undefined
      try {
        const header = decodeProtectedHeader(proof)
        if (!this.typeIsGood(header.typ) || !this.keyIsPublic(header.jwk as Claims)) return undefined
        const { payload } = await compactVerify(proof, EmbeddedJWK, { algorithms: [...this.algorithms] })
        const claims = JSON.parse(new TextDecoder().decode(payload)) as Claims
        return { claims, thumbprint: await calculateJwkThumbprint(header.jwk as object) }
      } catch {
        return undefined
      }
    },
    typeIsGood: typ => typ === 'dpop+jwt',
    keyIsPublic: jwk => !('d' in jwk),
    methodIsGood: (htm, { method }) => htm === method,
    urlIsGood: (htu, { url }) => URL.canParse(String(htu)) && bare(new URL(String(htu))) === bare(url),
    timeIsGood: iat => typeof iat === 'number' && Math.abs(Date.now() / 1000 - iat) <= WINDOW_SECONDS,
    hashIsGood: (ath, token) => ath === createHash('sha256').update(token).digest('base64url'),
    keyIsOfToken: (thumbprint, caller) => thumbprint === caller.thumbprint,
    isNew(jti) {
      if (used.has(jti)) return false
      used.add(jti)
      return true
    },
  }
}

/** @returns `undefined`: the caller has shown that the key is theirs. */
export async function checkProof(parts: ProofParts, caller: Caller, request: Request): Promise<Refusal | undefined> {
  const refusal: Refusal = {
    status: 401,
    error: 'invalid_dpop_proof',
    description: 'A proof is needed.',
    scheme: 'DPoP',
  }
  const proof = await parts.read(request.all('dpop'))
  if (!proof) return refusal
  const { htm, htu, iat, ath, jti, nonce } = proof.claims
  if (parts.nonce !== undefined && nonce !== parts.nonce) return { ...refusal, error: 'use_dpop_nonce' }
  const isGood =
    parts.methodIsGood(htm, request) &&
    parts.urlIsGood(htu, request) &&
    parts.timeIsGood(iat) &&
    parts.hashIsGood(ath, caller.token) &&
    parts.keyIsOfToken(proof.thumbprint, caller) &&
    typeof jti === 'string' &&
    parts.isNew(jti)
  return isGood ? undefined : refusal
}

const bare = (url: URL) => `${url.origin}${url.pathname}`
