import {
  type AuthorizationError,
  InsufficientScopeError,
  InvalidProofError,
  InvalidRequestError,
  InvalidTokenError,
  MisconfigurationError,
  MissingTokenError,
  ValidatorUnavailableError,
} from '../errors.ts'
import type { PresentationScheme } from '../token-validator.ts'
import type { ProofCheck } from './dpop.ts'

/** What every challenge of this server says. */
export interface ChallengeOptions {
  /** URL of the protected resource metadata (RFC 9728 §5.1). */
  resourceMetadataUrl: string
  /** Scopes that a client should ask for at first. Sent with 401 only; a 403 names those of the operation. */
  defaultScopes: readonly string[]
  /**
   * Scopes as clients request them, from the names that tools require. None where requesting them adds nothing. Default: the
   * same.
   */
  wireScopes?: (scopes: readonly string[]) => readonly string[]
  /** What is announced about proofs of possession (RFC 9449 §7.1). Default: nothing. */
  dpop?: Pick<ProofCheck, 'algorithms' | 'required' | 'nonce'>
  /** How the request presented its token; the challenge is of the same scheme. Default: `Bearer`. */
  scheme?: PresentationScheme
}

/** An answer that refuses a request, ready for any HTTP framework. */
export interface Refusal {
  status: number
  headers: Record<string, string>
  body: { error?: string; error_description: string; request_id: string }
}

const EXPOSED_HEADERS = 'WWW-Authenticate, Retry-After, X-Request-Id'

const NOT_REQUESTABLE =
  'This operation needs scopes that the operator of this server has not granted to you. Signing in again does not add them.'

/**
 * Turns an error into its answer. One description per class goes out; the reason stays for the log.
 *
 * | error | status | challenge |
 * | --- | --- | --- |
 * | no credentials | 401 | bare: `resource_metadata`, `scope` (RFC 6750 §3.1: no `error`) |
 * | request malformed | 400 | `invalid_request` |
 * | token not good | 401 | `invalid_token` |
 * | proof of possession not good | 401 | `invalid_dpop_proof`, or `use_dpop_nonce` and a `DPoP-Nonce` |
 * | operation needs more | 403 | `insufficient_scope` with all scopes of the operation; none where no request adds them |
 * | provider out of reach | 503 | none; `Retry-After` |
 * | our settings wrong, or a bug | 500 | none |
 *
 * The challenge is the same for the same cause, byte for byte: SDK 1.x clients compare it to notice that a step-up did not
 * help. That is why the request id stands in the body and in `X-Request-Id` only.
 *
 * @param requestId - Correlation id, also in the log.
 */
export function refusal(error: unknown, requestId: string, options: ChallengeOptions): Refusal {
  const { resourceMetadataUrl, wireScopes = scopes => scopes } = options
  const scopeOf = (scopes: readonly string[]) => wireScopes(scopes).join(' ')
  if (error instanceof MissingTokenError) {
    return answer(error, requestId, {
      'WWW-Authenticate': challengeOf(options, {
        resource_metadata: resourceMetadataUrl,
        scope: scopeOf(options.defaultScopes),
      }),
    })
  }
  if (error instanceof InsufficientScopeError) {
    const scope = scopeOf(error.reason.required)
    // A challenge would send the user to sign in again for nothing.
    if (!scope) return answer({ ...error, publicMessage: NOT_REQUESTABLE }, requestId, {})
    return answer(error, requestId, {
      'WWW-Authenticate': challengeOf(options, {
        error: error.code,
        error_description: error.publicMessage,
        scope,
        resource_metadata: resourceMetadataUrl,
      }),
    })
  }
  if (
    error instanceof InvalidTokenError ||
    error instanceof InvalidProofError ||
    error instanceof InvalidRequestError
  ) {
    return answer(error, requestId, {
      ...(error.code === 'use_dpop_nonce' && nonceHeaders(options)),
      'WWW-Authenticate': challengeOf(options, {
        error: error.code,
        error_description: error.publicMessage,
        scope: scopeOf(options.defaultScopes),
        resource_metadata: resourceMetadataUrl,
      }),
    })
  }
  if (error instanceof ValidatorUnavailableError) {
    return answer(error, requestId, { 'Retry-After': String(error.retryAfterSeconds) }, 'temporarily_unavailable')
  }
  if (error instanceof MisconfigurationError) return answer(error, requestId, {}, 'server_error')
  return answer({ status: 500, code: undefined, publicMessage: 'Internal error.' }, requestId, {}, 'server_error')
}

function answer(
  { status, code, publicMessage }: Pick<AuthorizationError, 'status' | 'code' | 'publicMessage'>,
  requestId: string,
  headers: Record<string, string>,
  bodyError: string | undefined = code,
): Refusal {
  return {
    status,
    headers: {
      'Cache-Control': 'no-store',
      'X-Request-Id': requestId,
      'Access-Control-Expose-Headers': EXPOSED_HEADERS,
      ...headers,
    },
    body: { ...(bodyError && { error: bodyError }), error_description: publicMessage, request_id: requestId },
  }
}

/** The nonce that the next proof needs (RFC 9449 §9), readable for browsers too. */
function nonceHeaders({ dpop }: ChallengeOptions): Record<string, string> {
  if (!dpop?.nonce) return {}
  return { 'DPoP-Nonce': dpop.nonce(), 'Access-Control-Expose-Headers': `${EXPOSED_HEADERS}, DPoP-Nonce` }
}

/**
 * The challenge in the scheme that the request used, so that clients which know one scheme read one. That the other one is taken
 * too stands in the metadata (RFC 9728 §2).
 */
function challengeOf({ dpop, scheme }: ChallengeOptions, parameters: Readonly<Record<string, string>>): string {
  const usesDpop = dpop && (dpop.required || scheme === 'DPoP')
  if (!usesDpop) return challenge('Bearer', parameters)
  return challenge('DPoP', { ...parameters, algs: dpop.algorithms.join(' ') })
}

/** One challenge (RFC 9110 §11.6.1). Empty parameters are left out, values are quoted strings. */
function challenge(scheme: PresentationScheme, parameters: Readonly<Record<string, string>>): string {
  let text: string = scheme
  for (const name in parameters) {
    const value = parameters[name]
    if (value) text += `${text === scheme ? '' : ','} ${name}="${quotable(value)}"`
  }
  return text
}

/** Hardly any value needs a change. */
function quotable(value: string): string {
  if (/^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/.test(value)) return value
  return value.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')
}
