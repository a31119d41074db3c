/**
 * One class per outcome that a client can see, one tagged reason per cause.
 *
 * `reason` and `cause` are for the log. The response carries `publicMessage`, the same for every cause of a class:
 * what exactly was wrong with a token helps whoever forged it. Neither a token nor a secret may be put into a reason.
 */

/** Reasons for `400 invalid_request` (RFC 6750 §3.1). */
export type RequestReason =
  | { kind: 'authorization_malformed'; detail: string }
  | { kind: 'token_in_query' }
  | { kind: 'several_credentials' }

/** Reasons for a refusal that is not about credentials: 403 for whom the request addresses or comes from, 4xx for its body. */
export type ExchangeReason =
  | { kind: 'host_not_served'; host: string }
  | { kind: 'origin_not_served'; origin: string }
  | { kind: 'body_refused'; detail: string }

/** Reasons for `401 invalid_token`. Values that stem from the token are clipped by {@link clip}. */
export type TokenReason =
  | { kind: 'token_malformed'; detail: string }
  | { kind: 'token_encrypted' }
  /** No JWT, where only those can be verified. */
  | { kind: 'token_opaque' }
  | { kind: 'header_unsupported'; parameter: string }
  | { kind: 'algorithm_refused'; actual: string; expected: readonly string[] }
  | { kind: 'type_mismatch'; actual: string; expected: readonly string[] }
  | { kind: 'key_unknown'; keyId: string }
  | { kind: 'key_mismatch'; keyId: string; detail: string }
  | { kind: 'signature_invalid' }
  | { kind: 'issuer_mismatch'; actual: string; expected: readonly string[] }
  | { kind: 'issuer_unknown'; actual: string; expected: readonly string[] }
  | { kind: 'audience_missing'; expected: readonly string[] }
  | { kind: 'audience_mismatch'; actual: readonly string[]; expected: readonly string[] }
  | { kind: 'client_refused'; actual: string; expected: readonly string[] }
  /** The token does not say who it belongs to. `personalClaim` points to a person, so the token is not the client's own either. */
  | { kind: 'subject_missing'; claim: string; personalClaim?: string; cure?: string }
  | { kind: 'claim_missing'; claim: string }
  | { kind: 'claim_invalid'; claim: string; detail: string }
  | { kind: 'expired'; expiredAt: number; now: number }
  | { kind: 'not_yet_valid'; notBefore: number; now: number }
  | { kind: 'inactive' }
  | { kind: 'id_token'; detail: string }
  /** Bound to a key, and presented without a proof of it or bound in a way that cannot be checked. */
  | { kind: 'sender_constrained'; confirmation: string }
  /** A plain bearer token, where only bound ones are taken or a proof came along. */
  | { kind: 'not_sender_constrained' }
  /** The proof was made with another key than the one that the token is bound to. */
  | { kind: 'proof_key_mismatch' }
  /** An adapter's own reason. `kind` is `provider.what_happened`; `cure` names the console setting that ends it. */
  | { kind: `${string}.${string}`; detail: string; cure: string }

/** Reasons for `401 invalid_dpop_proof` and `401 use_dpop_nonce` (RFC 9449 §7.1, §9). */
export type ProofReason =
  | { kind: 'proof_missing' }
  | { kind: 'proof_malformed'; detail: string }
  | { kind: 'proof_mismatch'; claim: 'htm' | 'htu' | 'ath' }
  | { kind: 'proof_stale'; issuedAt: number; now: number }
  | { kind: 'proof_replayed' }
  | { kind: 'proof_nonce'; detail: 'absent' | 'not one of ours, or too old' }

/** Reasons for `503`. */
export type UnavailableReason =
  | { kind: 'provider_unreachable'; endpoint: string; detail: string }
  | { kind: 'provider_timeout'; endpoint: string; seconds: number }
  | { kind: 'provider_throttled'; endpoint: string; status: number }
  | { kind: 'provider_failing'; endpoint: string; status: number }
  | { kind: 'provider_answer_unusable'; endpoint: string; detail: string }
  | { kind: 'too_many_unknown_tokens'; endpoint: string; waiting: number }
  | { kind: 'keys_too_old'; endpoint: string; ageSeconds: number }
  /** No room to remember another proof, and one that is not remembered could be used twice. */
  | { kind: 'too_many_proofs'; remembered: number }
  | { kind: 'proof_memory_unreachable'; detail: string }

/** Reasons for `500`: the provider works, our settings do not. */
export type MisconfigurationReason =
  | { kind: 'own_credentials_refused'; endpoint: string; status: number; error?: string }
  /** `cure` says which of the two has to change. */
  | { kind: 'metadata_mismatch'; endpoint: string; expected: string; actual: string; cure?: string }
  | { kind: 'metadata_incomplete'; endpoint: string; member: string }
  | { kind: 'endpoint_refused_request'; endpoint: string; status: number; error?: string }

export interface NoCredentialsReason {
  kind: 'no_credentials'
}

export interface ScopeReason {
  kind: 'scope_missing'
  required: readonly string[]
  granted: readonly string[]
}

export type RefusalReason =
  | NoCredentialsReason
  | ExchangeReason
  | RequestReason
  | TokenReason
  | ProofReason
  | ScopeReason
  | UnavailableReason
  | MisconfigurationReason

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
  readonly publicMessage = 'The access token is expired, revoked, malformed or not meant for this resource.'
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

/** The provider could not be asked: 503 with `Retry-After`. The token may be perfectly good. */
export class ValidatorUnavailableError extends AuthorizationError<UnavailableReason> {
  static override readonly outcome = 'unavailable'
  readonly code = undefined
  readonly status = 503
  readonly publicMessage =
    'The identity provider cannot be reached at the moment. Your sign-in is not affected; try again.'
  /** Seconds, for the `Retry-After` header. Always a whole number from 1 to 300. */
  readonly retryAfterSeconds: number

  /** @param retryAfterSeconds - What the provider asked for, in seconds. Default 5. */
  constructor(reason: UnavailableReason, options?: ErrorOptions & { retryAfterSeconds?: number }) {
    super(reason, options)
    const asked = options?.retryAfterSeconds
    this.retryAfterSeconds = Math.min(
      300,
      Math.max(1, Math.ceil(asked === undefined || Number.isNaN(asked) ? 5 : asked)),
    )
  }
}

/** The provider answers and says that this server is set up wrongly: 500, logged loudly. Never the client's fault. */
export class MisconfigurationError extends AuthorizationError<MisconfigurationReason> {
  static override readonly outcome = 'misconfigured'
  readonly code = undefined
  readonly status = 500
  readonly publicMessage = 'This server is set up wrongly for its identity provider. Its operator has been told.'
}

/** One thing wrong with the configuration. */
export interface ConfigProblem {
  /** Setting as the user wrote it: an environment variable, or a path in the configuration file. */
  setting: string
  /** What is wrong and what to do, in one sentence. Never the value of a secret. */
  problem: string
  /** Page that explains the setting, relative to the repository. */
  see?: string
}

/** The configuration cannot work. Stops the start; lists every problem at once. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(
      `${problems.length === 1 ? 'One setting is' : `${problems.length} settings are`} wrong:\n${problems
        .map(({ setting, problem, see }) => `  ${setting}: ${problem}${see ? ` (${see})` : ''}`)
        .join('\n')}`,
    )
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/**
 * Makes a value that stems from a token or a provider fit for a log line: text only, at most 200 characters, no control
 * characters.
 */
export function clip(value: unknown): string {
  const text =
    typeof value === 'string' ? value : value === undefined ? '(absent)' : (JSON.stringify(value) ?? typeof value)
  const printable = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable
}

/** The reason in one line: its kind, then what was expected and what was seen. */
export function describeReason(reason: RefusalReason): string {
  const { kind, ...facts } = reason
  const text = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? `[${value.join(', ')}]` : value}`)
    .join('; ')
  return text ? `${kind}: ${text}` : kind
}
