/**
 * Why a request is refused: one tagged reason per cause, for the log. Neither a token nor a secret may be put into one.
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

/** Reasons for `401 invalid_token`. Values that stem from the token are clipped. */
export type TokenReason =
  | { kind: 'token_malformed'; detail: string }
  | { kind: 'token_encrypted' }
  /** No JWT, where only those can be verified. */
  | { kind: 'token_opaque' }
  | { kind: 'header_unsupported'; parameter: string }
  | { kind: 'algorithm_refused'; actual: string; expected: readonly string[]; cure?: string }
  | { kind: 'type_mismatch'; actual: string; expected: readonly string[]; cure?: string }
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
  /** The token is good, and its person is not among those that may use this server. */
  | { kind: 'person_not_allowed'; subject: string; allow: readonly string[]; detail?: string }
  | { kind: 'claim_missing'; claim: string; cure?: string }
  | { kind: 'claim_invalid'; claim: string; detail: string }
  | { kind: 'expired'; expiredAt: number; now: number }
  | { kind: 'not_yet_valid'; notBefore: number; now: number }
  /** `iat` lies ahead: one of the two clocks is wrong. */
  | { kind: 'issued_in_future'; issuedAt: number; now: number }
  | { kind: 'inactive' }
  | { kind: 'id_token'; detail: string; cure?: string }
  /** Nothing tells it from an ID token. */
  | { kind: 'maybe_id_token'; detail: string; cure?: string }
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
  | { kind: 'provider_unreachable'; endpoint: string; detail: string; cure?: string }
  | { kind: 'provider_timeout'; endpoint: string; seconds: number }
  | { kind: 'provider_throttled'; endpoint: string; status: number }
  | { kind: 'provider_failing'; endpoint: string; status: number }
  | { kind: 'provider_answer_unusable'; endpoint: string; detail: string }
  | { kind: 'too_many_unknown_tokens'; endpoint: string; waiting: number }
  /** Who may issue for this tenant could not be looked up. */
  | { kind: 'tenant_not_known_yet'; issuer: string; detail: string }
  | { kind: 'keys_too_old'; endpoint: string; ageSeconds: number }
  /** The key may be new. The keys cannot be fetched again yet, because unknown key ids have just caused several fetches. */
  | { kind: 'key_not_fetched'; keyId: string }
  /** No room to remember another proof, and one that is not remembered could be used twice. */
  | { kind: 'too_many_proofs'; remembered: number }
  | { kind: 'proof_memory_unreachable'; detail: string }

/** Reasons for `500`: the provider works, our settings do not. */
export type MisconfigurationReason =
  | { kind: 'own_credentials_refused'; endpoint: string; status: number; error?: string }
  /** `cure` says which of the two has to change. */
  | { kind: 'metadata_mismatch'; endpoint: string; expected: string; actual: string; cure?: string }
  | { kind: 'metadata_moved'; endpoint: string; location: string; cure: string }
  | { kind: 'metadata_incomplete'; endpoint: string; member: string }
  /** The code that looks tenants up returned a provider of another issuer, or one with wrong settings. */
  | { kind: 'tenant_mismatch'; issuer: string; actual: readonly string[] }
  | { kind: 'tenant_misconfigured'; issuer: string; detail: string }
  | { kind: 'endpoint_refused_request'; endpoint: string; status: number; error?: string }
  /** The answer is of a kind that cannot be read here. */
  | { kind: 'answer_unsupported'; endpoint: string; actual: string; expected: string; cure: string }

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

/** The reason in one line: its kind, then what was expected and what was seen. */
export function describeReason(reason: RefusalReason): string {
  const { kind, ...facts } = reason
  const text = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? `[${value.join(', ')}]` : value}`)
    .join('; ')
  return text ? `${kind}: ${text}` : kind
}
