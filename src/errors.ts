/**
 * One class per outcome that a client can see, one tagged reason per cause.
 *
 * `reason` and `cause` are for the log. The response carries `publicMessage`, the same for every cause of a class:
 * what exactly was wrong with a token helps whoever forged it. Neither a token nor a secret may be put into a reason.
 */

import {
  describeReason,
  type MisconfigurationReason,
  type NoCredentialsReason,
  type ProofReason,
  type RefusalReason,
  type RequestReason,
  type ScopeReason,
  type TokenReason,
  type UnavailableReason,
} from './reasons.ts'

/** What a client can see of an {@link AuthorizationError}; one for each class. */
export type Outcome =
  | 'no_credentials'
  | 'invalid_request'
  | 'invalid_token'
  | 'invalid_proof'
  | 'insufficient_scope'
  | 'unavailable'
  | 'misconfigured'

/** Registered, so that two copies of this package in one process recognize each other's errors. */
const OUTCOME: unique symbol = Symbol.for('idplug.outcome') as never

/** The outcome that an error stands for; `undefined` for anything that is not an {@link AuthorizationError}: a bug. */
export function outcomeOf(error: unknown): Outcome | undefined {
  return typeof error === 'object' && error !== null ? (error as { [OUTCOME]?: Outcome })[OUTCOME] : undefined
}

/**
 * Base of everything that ends a request for reasons of authorization. `instanceof` goes by a brand, so it also recognizes errors
 * of another copy of this package.
 */
export abstract class AuthorizationError<R extends RefusalReason = RefusalReason> extends Error {
  /** Undefined on the base, which stands for every outcome. */
  static readonly outcome: Outcome | undefined
  readonly [OUTCOME]: Outcome
  /** OAuth error code for the challenge (RFC 6750 §3.1); `undefined` where the RFC wants none. */
  abstract readonly code:
    | 'invalid_request'
    | 'invalid_token'
    | 'invalid_dpop_proof'
    | 'use_dpop_nonce'
    | 'insufficient_scope'
    | undefined
  /** HTTP status of the answer. */
  abstract readonly status: 400 | 401 | 403 | 500 | 503
  /** What the client is told. Holds no detail about the cause. */
  abstract readonly publicMessage: string
  readonly reason: R

  constructor(reason: R, options?: ErrorOptions) {
    super(describeReason(reason), options)
    this.name = new.target.name
    this.reason = reason
    this[OUTCOME] = (new.target as typeof AuthorizationError).outcome as Outcome
  }
}

Object.defineProperty(AuthorizationError, Symbol.hasInstance, {
  value(this: { outcome: Outcome | undefined }, value: unknown): boolean {
    const outcome = outcomeOf(value)
    return outcome !== undefined && (this.outcome === undefined || this.outcome === outcome)
  },
})

/** The request carries no credentials: 401 with a bare challenge (RFC 6750 §3.1). */
export class MissingTokenError extends AuthorizationError<NoCredentialsReason> {
  static override readonly outcome = 'no_credentials'
  readonly code = undefined
  readonly status = 401
  readonly publicMessage = 'This resource needs an access token.'

  constructor() {
    super({ kind: 'no_credentials' })
  }
}

/** The credentials are presented in a wrong way: 400 `invalid_request`. */
export class InvalidRequestError extends AuthorizationError<RequestReason> {
  static override readonly outcome = 'invalid_request'
  readonly code = 'invalid_request'
  readonly status = 400
  readonly publicMessage =
    'The access token must be sent once, in the Authorization header, as "Bearer" followed by the token.'
}

/** The token is not good for this server: 401 `invalid_token`. */
export class InvalidTokenError extends AuthorizationError<TokenReason> {
  static override readonly outcome = 'invalid_token'
  readonly code = 'invalid_token'
  readonly status = 401
  readonly publicMessage: string

  /** @param publicMessage - Default: the same for whatever is wrong with a token. */
  constructor(reason: TokenReason, options?: ErrorOptions & { publicMessage?: string }) {
    super(reason, options)
    this.publicMessage =
      options?.publicMessage ?? 'The access token is expired, revoked, malformed or not meant for this resource.'
  }
}

/** The proof of possession that came with the token is not good: 401 `invalid_dpop_proof`, or `use_dpop_nonce`. */
export class InvalidProofError extends AuthorizationError<ProofReason> {
  static override readonly outcome = 'invalid_proof'
  readonly status = 401

  get code(): 'invalid_dpop_proof' | 'use_dpop_nonce' {
    return this.reason.kind === 'proof_nonce' ? 'use_dpop_nonce' : 'invalid_dpop_proof'
  }

  get publicMessage(): string {
    return this.reason.kind === 'proof_nonce'
      ? 'The DPoP proof must carry the nonce of the DPoP-Nonce header.'
      : 'The DPoP proof must be fresh, used once, and made for this request and this token with the key of the token.'
  }
}

/** The token is good, the operation needs more: 403 `insufficient_scope` naming every scope that it needs. */
export class InsufficientScopeError extends AuthorizationError<ScopeReason> {
  static override readonly outcome = 'insufficient_scope'
  readonly code = 'insufficient_scope'
  readonly status = 403
  readonly publicMessage = 'The access token does not carry every scope that this operation needs.'

  /**
   * @param required - Every scope of the operation, those already granted included (MCP authorization, step-up).
   * @param granted - Scopes of the token.
   */
  constructor(required: readonly string[], granted: readonly string[]) {
    super({ kind: 'scope_missing', required, granted })
  }
}

/** Whether the token is good cannot be known now, because something that says so is away: 503 with `Retry-After`. */
export class ValidatorUnavailableError extends AuthorizationError<UnavailableReason> {
  static override readonly outcome = 'unavailable'
  readonly code = undefined
  readonly status = 503
  readonly publicMessage = 'The access token cannot be checked right now. Your sign-in is not affected; try again.'
  /** Seconds, for the `Retry-After` header. Always a whole number from 1 to 300. */
  readonly retryAfterSeconds: number
  /** What the provider asked for, in seconds, in any range; `undefined` if it asked for nothing. */
  readonly askedSeconds: number | undefined

  /** @param retryAfterSeconds - When to try again, in seconds; as the provider asked, if it did. Default 5. */
  constructor(reason: UnavailableReason, options?: ErrorOptions & { retryAfterSeconds?: number }) {
    super(reason, options)
    const asked = options?.retryAfterSeconds
    this.askedSeconds = Number.isNaN(asked) ? undefined : asked
    this.retryAfterSeconds = Math.min(300, Math.max(1, Math.ceil(this.askedSeconds ?? 5)))
  }
}

/** The provider answers and says that this server is set up wrongly: 500, logged loudly. Never the client's fault. */
export class MisconfigurationError extends AuthorizationError<MisconfigurationReason> {
  static override readonly outcome = 'misconfigured'
  readonly code = undefined
  readonly status = 500
  readonly publicMessage = 'This server is not set up correctly for its identity provider. Its operator has been told.'
}
