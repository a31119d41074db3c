import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { InvalidProofError, InvalidTokenError } from '../errors.ts'
import type { ProofReason } from '../reasons.ts'
import type { Confirmation } from '../token-validator.ts'
import { createProofMemory, type ProofMemory } from './proof-memory.ts'
import { type VerifiedProof, verifyProof } from './proof-signature.ts'

export interface DpopOptions {
  /** URL of the endpoint as clients know it. Proofs are made for it, whatever the Host and X-Forwarded headers say. */
  resource: string
  /** Further URLs of the same endpoint. Default: none. */
  furtherResources?: readonly string[]
  /** Whether plain bearer tokens are refused. Default: false, both are taken. */
  required?: boolean
  /** How far `iat` of a proof may be off, before and after, in seconds. Default 60. */
  windowSeconds?: number
  /**
   * Secret from which nonces are made, 32 bytes at least, the same in all processes. With it every proof needs one of them, and
   * so cannot be made ahead of time (RFC 9449 §9). Default: no nonces.
   */
  nonceSecret?: Uint8Array
  /** Where used proofs are remembered. Default: in the memory of this process. */
  memory?: ProofMemory
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  now?: () => number
}

/** A request with a DPoP proof, and the token that it presents. */
export interface PresentedProof {
  /** Value of the `DPoP` header. */
  proof: string | undefined
  method: string
  /** Raw access token. */
  token: string
  /** The key that the token is bound to; absent where it is bound to none. */
  confirmation: Confirmation | undefined
}

export interface ProofCheck {
  /** Signature algorithms of proofs that are taken, for metadata and challenges. */
  readonly algorithms: readonly string[]
  readonly required: boolean
  /**
   * @throws {InvalidTokenError} The token is not bound, or to another key than that of the proof.
   * @throws {InvalidProofError} The proof is not good for this request.
   * @throws {ValidatorUnavailableError} There is no room to remember another proof.
   */
  check(presented: PresentedProof): Promise<void>
  /** A nonce to make proofs with; absent where none is needed. */
  readonly nonce?: () => string
}

/** Asymmetric ones, each with a key of its own kind. */
const ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256'] as const

/** A nonce is good for one to two times as long. */
const NONCE_SECONDS = 120

const MAX_PROOF_LENGTH = 8_192

/**
 * Checks proofs of possession at a resource server (RFC 9449 §4.3, §7): one JWT of type `dpop+jwt`, signed by the public key in
 * its header, made for this method and URL and this token, just now, used once, by the key that the token is bound to. Query
 * and fragment of `htu` count for nothing (§4.2), nor does a slash at its end.
 *
 * @throws {TypeError} The nonce secret is too short.
 */
export function createProofCheck(options: DpopOptions): ProofCheck {
  const { windowSeconds = 60, nonceSecret, now = Date.now, memory = createProofMemory({ now }) } = options
  if (nonceSecret && nonceSecret.length < 32) throw new TypeError('nonceSecret must have 32 bytes at least')
  const targets = [options.resource, ...(options.furtherResources ?? [])].map(locationOf)
  const nonces = nonceSecret && createNonces(nonceSecret, now)

  function checkClaims({ payload }: VerifiedProof, { method, token }: PresentedProof): { jti: string; iat: number } {
    const { htm, htu, ath, iat, jti, nonce } = payload
    if (typeof jti !== 'string' || jti === '') throw malformed('no jti')
    if (typeof iat !== 'number') throw malformed('no iat')
    if (htm !== method) throw refused({ kind: 'proof_mismatch', claim: 'htm' })
    if (typeof htu !== 'string' || !targets.includes(locationOf(htu)))
      throw refused({ kind: 'proof_mismatch', claim: 'htu' })
    if (ath !== hash('sha256', token, 'base64url')) throw refused({ kind: 'proof_mismatch', claim: 'ath' })
    const seconds = Math.floor(now() / 1000)
    if (Math.abs(seconds - iat) > windowSeconds) throw refused({ kind: 'proof_stale', issuedAt: iat, now: seconds })
    if (nonces) checkNonce(nonce, nonces)
    return { jti, iat }
  }

  return {
    algorithms: ALGORITHMS,
    required: options.required ?? false,
    nonce: nonces?.current,
    async check(presented) {
      if (!presented.confirmation) throw new InvalidTokenError({ kind: 'not_sender_constrained' })
      const verified = await verify(presented.proof, now())
      const { thumbprint } = verified
      if (thumbprint !== presented.confirmation.jkt) throw new InvalidTokenError({ kind: 'proof_key_mismatch' })
      const { jti, iat } = checkClaims(verified, presented)
      // Last, so that only whoever holds token and key can fill the memory.
      const key = hash('sha256', `${thumbprint} ${jti}`, 'base64url')
      if (!(await memory.add(key, iat + windowSeconds + 1))) throw refused({ kind: 'proof_replayed' })
    },
  }
}

async function verify(proof: string | undefined, now: number): Promise<VerifiedProof> {
  if (!proof) throw refused({ kind: 'proof_missing' })
  if (proof.length > MAX_PROOF_LENGTH) throw malformed(`longer than ${MAX_PROOF_LENGTH} characters`)
  const verified = await verifyProof(proof, ALGORITHMS, now)
  if ('problem' in verified) throw malformed(verified.problem)
  return verified
}

/** Scheme, host and path of a URL; `undefined` when it is none. */
function locationOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname.replace(/\/$/, '')}`
}

interface Nonces {
  current(): string
  isKnown(nonce: string): boolean
}

/** Nonces that nobody has to remember: each stands for a span of time. */
function createNonces(secret: Uint8Array, now: () => number): Nonces {
  const span = () => Math.floor(now() / 1000 / NONCE_SECONDS)
  const nonceOf = (index: number) => createHmac('sha256', secret).update(`dpop-nonce ${index}`).digest('base64url')
  return {
    current: () => nonceOf(span()),
    isKnown: nonce => [span(), span() - 1].some(index => sameText(nonce, nonceOf(index))),
  }
}

function checkNonce(nonce: unknown, nonces: Nonces): void {
  if (nonce === undefined) throw refused({ kind: 'proof_nonce', detail: 'absent' })
  if (typeof nonce !== 'string' || !nonces.isKnown(nonce)) {
    throw refused({ kind: 'proof_nonce', detail: 'not one of ours, or too old' })
  }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function refused(reason: ProofReason): InvalidProofError {
  return new InvalidProofError(reason)
}

function malformed(detail: string): InvalidProofError {
  return refused({ kind: 'proof_malformed', detail })
}
