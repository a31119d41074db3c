import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { reasonOf, saidBy } from './reasons.ts'
import { FORBIDDING_PAGE, NO_CODE } from './token-errors.ts'
import {
  type Identification,
  UpstreamBehindError,
  UpstreamError,
  UpstreamMisconfiguredError,
  UpstreamUnavailableError,
} from './upstream.ts'

/** Whether an error is the person's matter, who then signs in again. */
type PersonRefused = (error: unknown) => boolean

/**
 * Runs a call, and sorts what goes wrong by who has to act: nobody (the upstream is down, or ahead of us), the operator, or the person, who
 * signs in again.
 *
 * @param isPersonRefused - Default: nothing is the person's matter.
 */
export function sorted<T>(call: () => Promise<T>): Promise<T>
export function sorted(call: () => Promise<Identification>, isPersonRefused: PersonRefused): Promise<Identification>
export async function sorted(call: () => Promise<unknown>, isPersonRefused?: PersonRefused): Promise<unknown> {
  try {
    return await call()
  } catch (thrown) {
    const error = unwrapped(thrown)
    // Sorted already.
    if (error instanceof UpstreamError) throw error
    const [reason, said] = [reasonOf(error), saidBy(error)]
    const options = { cause: error, said }
    if (isKeyMissing(error)) throw new UpstreamBehindError(reason, options)
    if (isOutage(error)) throw new UpstreamUnavailableError(reason, options)
    if (isPersonRefused?.(error))
      return { outcome: 'nobody', words: wordsFor(error), reason, said } satisfies Identification
    throw new UpstreamMisconfiguredError(reason, options)
  }
}

/** For the page, where somebody came back with an answer that was not taken. */
export const LATE = 'The sign-in took too long, or was finished already.'
export const FOREIGN = 'What came back does not belong to this sign-in, so it was not used.'

function wordsFor(error: unknown): string | undefined {
  if (error instanceof AuthorizationResponseError) return undefined
  return error instanceof ResponseBodyError ? LATE : FOREIGN
}

/** The library wraps what it does not know. */
function unwrapped(error: unknown): unknown {
  const isWrapped = error instanceof ClientError && error.code === undefined && error.cause instanceof Error
  return isWrapped ? error.cause : error
}

/** Any other error of the token endpoint is one of the bridge, which asked for the code the moment before. */
export const isSignInRefused: PersonRefused = error => {
  if (error instanceof ResponseBodyError) return error.error === 'invalid_grant' || error.error === NO_CODE
  return error instanceof AuthorizationResponseError || isForgery(error) || isMalformed(error)
}

/**
 * Providers call a refresh token that is over by every name: what is not about the client is about the token. But for `invalid_grant`, only
 * the statuses of a refusal count: 404 or 405 are about the address, whether a proxy says so or the provider, and 403 with a page is of a
 * firewall. They would sign everybody out.
 */
export const isRefreshRefused: PersonRefused = error => {
  if (error instanceof ResponseBodyError) {
    if (error.error === 'invalid_grant') return error.status < 500
    return REFUSALS.includes(error.status) && error.error !== FORBIDDING_PAGE && !isClientRefused(error.error)
  }
  // An answer that cannot be read, or that fails a check (a wrong clock is enough), says nothing about the person.
  return isAboutAnother(error)
}

/** The userinfo endpoint speaks of somebody else than the ID token (OpenID Connect Core 1.0 §5.3.2). */
const isAboutAnother = (error: unknown) =>
  error instanceof ClientError && error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED'

const REFUSALS = [400, 401, 403, 409, 410, 422]

/** Whether it is the credentials of the bridge that a provider does not accept (RFC 6749 §5.2). */
export const isClientRefused = (code: string) => code === 'invalid_client' || code === 'unauthorized_client'

/** A key that cannot be had yet: it is fetched anew for each answer that needs it. */
const isKeyMissing = (error: unknown) => error instanceof ClientError && error.code === 'OAUTH_KEY_SELECTION_FAILED'

export function isOutage(error: unknown): boolean {
  if (error instanceof ResponseBodyError) {
    // Who is to ask again later was not refused.
    const isWish = error.error !== 'invalid_grant' && error.response.headers.has('retry-after')
    return isWish || isOutageStatus(error.status) || OUTAGE.test(error.error)
  }
  if (error instanceof AuthorizationResponseError) return OUTAGE.test(error.error)
  if (error instanceof WWWAuthenticateChallengeError) return isOutageStatus(error.status)
  if (error instanceof ClientError) {
    if (error.code === 'OAUTH_TIMEOUT') return true
    return error.cause instanceof Response && isOutageStatus(error.cause.status)
  }
  // What `fetch` throws: no connection, no name, no certificate.
  return error instanceof TypeError && !('code' in error)
}

/** RFC 6749 §4.1.2.1, and what else providers say when they fail or were asked too often. */
const OUTAGE = /unavailable|(server|internal|fatal)_error|too_many_requests|rate_?limit|slow_down/

export const isOutageStatus = (status: number) => status >= 500 || status === 429 || status === 408

/** An ID token that was issued to another client. */
export class ForeignTokenError extends Error {
  override readonly name = 'ForeignTokenError'

  constructor() {
    super('the ID token was issued to another client (azp)')
  }
}

/** A response or an ID token that is not the one that belongs to this sign-in. */
export const isForgery = (error: unknown) =>
  error instanceof ForeignTokenError || (error instanceof ClientError && FORGERIES.has(error.code ?? ''))

const isMalformed = (error: unknown) => error instanceof ClientError && MALFORMED.has(error.code ?? '')

const FORGERIES = new Set([
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
])
const MALFORMED = new Set(['OAUTH_INVALID_RESPONSE', 'OAUTH_PARSE_ERROR'])
