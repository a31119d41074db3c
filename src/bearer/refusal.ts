import type { Refused } from '../auth.ts'
import { type AuthorizationError, outcomeOf, type ValidatorUnavailableError } from '../errors.ts'
import type { ScopeReason } from '../reasons.ts'
import type { PresentationScheme } from '../token-validator.ts'
import type { ProofCheck } from './dpop.ts'

/** What every challenge of this server says. */
export interface ChallengeOptions {
  /** URL of the protected resource metadata (RFC 9728 §5.1). */
  resourceMetadataUrl: string
  /** Scopes that a client should ask for first, as clients request them. Sent with 400 and 401; a 403 names those of the operation. */
  initialScopes: readonly string[]
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

/** What a web page may read of an answer. */
export const EXPOSED_HEADERS =
  'WWW-Authenticate, Retry-After, X-Request-Id, DPoP-Nonce, Mcp-Session-Id, MCP-Protocol-Version'

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
export function refusal(error: unknown, requestId: string, options: ChallengeOptions): Refused {
  const outcome = outcomeOf(error)
  // A bug may throw anything, nothing included.
  const { code, publicMessage, reason } = (error ?? {}) as AuthorizationError
  const { resourceMetadataUrl, initialScopes } = options
  switch (outcome) {
    case 'no_credentials':
      return answer(401, undefined, publicMessage, requestId, {
        'WWW-Authenticate': challengeOf(options, {
          resource_metadata: resourceMetadataUrl,
          scope: initialScopes.join(' '),
        }),
      })
    case 'invalid_request':
    case 'invalid_token':
    case 'invalid_proof':
      return answer(outcome === 'invalid_request' ? 400 : 401, code, publicMessage, requestId, {
        ...(code === 'use_dpop_nonce' && options.dpop?.nonce && { 'DPoP-Nonce': options.dpop.nonce() }),
        'WWW-Authenticate': challengeOf(options, {
          error: code ?? '',
          error_description: publicMessage,
          scope: initialScopes.join(' '),
          resource_metadata: resourceMetadataUrl,
        }),
      })
    case 'insufficient_scope': {
      const { required } = reason as ScopeReason
      const scope = (options.wireScopes?.(required) ?? required).join(' ')
      // A challenge would send the user to sign in again for nothing.
      if (!scope) return answer(403, code, NOT_REQUESTABLE, requestId, {})
      return answer(403, code, publicMessage, requestId, {
        'WWW-Authenticate': challengeOf(options, {
          error: code ?? '',
          error_description: publicMessage,
          scope,
          resource_metadata: resourceMetadataUrl,
        }),
      })
    }
    case 'unavailable': {
      const { retryAfterSeconds } = error as ValidatorUnavailableError
      return answer(503, 'temporarily_unavailable', publicMessage, requestId, {
        'Retry-After': String(retryAfterSeconds),
      })
    }
    case 'misconfigured':
      return answer(500, 'server_error', publicMessage, requestId, {})
    case undefined:
      return answer(500, 'server_error', 'Internal error.', requestId, {})
  }
}

/** A refusal with the headers that every one has. */
export function answer(
  status: number,
  error: string | undefined,
  description: string,
  requestId: string,
  headers: Readonly<Record<string, string>>,
): Refused {
  return {
    outcome: 'refused',
    status,
    headers: { ...refusalHeaders(requestId), ...headers },
    body: { ...(error && { error }), error_description: description, request_id: requestId },
  }
}

export function refusalHeaders(requestId: string): Record<string, string> {
  return {
    'Cache-Control': 'no-store',
    'X-Request-Id': requestId,
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': EXPOSED_HEADERS,
  }
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
