import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { clipped } from '../pages/html.ts'
import { FORBIDDING_PAGE, NO_CODE } from './token-errors.ts'

/** Our names for what the library finds wrong with an answer. */
const NAMES: Readonly<Record<string, string>> = {
  OAUTH_ABORT: 'aborted',
  OAUTH_HTTP_REQUEST_FORBIDDEN: 'insecure_url',
  OAUTH_INVALID_RESPONSE: 'answer_invalid',
  OAUTH_INVALID_SERVER_METADATA: 'metadata_invalid',
  OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED: 'answer_of_another',
  OAUTH_JWT_CLAIM_COMPARISON_FAILED: 'id_token_claim_mismatch',
  OAUTH_JWT_TIMESTAMP_CHECK_FAILED: 'id_token_time_mismatch',
  OAUTH_KEY_SELECTION_FAILED: 'signing_key_unknown',
  OAUTH_MISSING_SERVER_METADATA: 'metadata_incomplete',
  OAUTH_PARSE_ERROR: 'answer_unreadable',
  OAUTH_REQUEST_PROTOCOL_FORBIDDEN: 'insecure_url',
  OAUTH_RESPONSE_IS_NOT_CONFORM: 'unexpected_status',
  OAUTH_RESPONSE_IS_NOT_JSON: 'answer_not_json',
  OAUTH_TIMEOUT: 'timeout',
  OAUTH_UNSUPPORTED_OPERATION: 'algorithm_unsupported',
}

/** Codes whose message of the library names a member or an endpoint, and no value. */
const TELLING = new Set(['OAUTH_INVALID_RESPONSE', 'OAUTH_INVALID_SERVER_METADATA', 'OAUTH_MISSING_SERVER_METADATA'])

/** For the log: a name of ours, or the code of the provider with its own words. Claims and members are named, values are not shown. */
export function reasonOf(error: unknown): string {
  if (error instanceof ResponseBodyError && [NO_CODE, FORBIDDING_PAGE].includes(error.error)) {
    return `${error.error} (status ${error.status})`
  }
  if (error instanceof ResponseBodyError || error instanceof AuthorizationResponseError) {
    const said = saidBy(error)
    const code = clipped(error.error, 100)
    return said === undefined ? code : `${code}: ${said}`
  }
  if (error instanceof WWWAuthenticateChallengeError)
    return named('challenged', `status ${error.status}`, saidBy(error))
  const { code, message, cause } = error as Error & { code?: string }
  const name = code === undefined ? undefined : (NAMES[code] ?? (error instanceof ClientError && 'answer_refused'))
  if (name) return named(name, detailOf(error as LibraryError))
  if (!(error instanceof TypeError) || 'code' in error) return message
  return named('unreachable', String((cause as NodeJS.ErrnoException | undefined)?.code ?? message))
}

/** The library throws its errors as they are, or in one of another class. */
type LibraryError = Error & { code: string }

function detailOf({ code, message, cause }: LibraryError): string | undefined {
  if (cause instanceof Response) return `status ${cause.status}`
  const inner = cause instanceof Error ? cause : { message, cause }
  const { claim, attribute } = (inner.cause ?? {}) as { claim?: unknown; attribute?: unknown }
  const member = [claim, attribute].find(name => typeof name === 'string')
  return member ?? (TELLING.has(code) ? inner.message : undefined)
}

const named = (name: string, ...details: readonly (string | undefined)[]) => {
  const known = details.filter(detail => detail !== undefined)
  return known.length > 0 ? `${name} (${known.join(', ')})` : name
}

/** What the provider itself says about a refusal, for people; `undefined` where it says nothing. */
export function saidBy(error: unknown): string | undefined {
  if (error instanceof ResponseBodyError || error instanceof AuthorizationResponseError) {
    return providerWords(error.error_description)
  }
  if (!(error instanceof WWWAuthenticateChallengeError)) return undefined
  const { error: code, error_description: words } = error.cause[0]?.parameters ?? {}
  return providerWords(words) ?? providerWords(code)
}

/** Anything that long, without a space or a dot, may be a secret; ids (GUIDs of 36 characters) are shorter. */
const SECRET_LIKE = /[\w~+=-]{40,}/g

/** Words of a provider, fit for log and page: one line, not too long, and nothing that may be a token. */
export function providerWords(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  return clipped(text.replace(SECRET_LIKE, '…'), 300) || undefined
}
