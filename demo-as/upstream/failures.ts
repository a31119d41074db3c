import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client'
import { NO_CODE } from './token-errors.ts'
import { type Identification, UpstreamMisconfiguredError, UpstreamUnavailableError } from './upstream.ts'

/** What the refusal of a token request says about the person who came with it. */
type PersonRefused = (error: ResponseBodyError) => boolean

/**
 * Runs a call, and sorts what goes wrong by who has to act: nobody (the upstream is down), the operator, or the person, who
 * signs in again.
 *
 * @param isPersonRefused - Whether a refused token request is the person's matter. Without it, nothing is.
 */
export function sorted<T>(call: () => Promise<T>): Promise<T>
export function sorted(call: () => Promise<Identification>, isPersonRefused: PersonRefused): Promise<Identification>
export async function sorted(call: () => Promise<unknown>, isPersonRefused?: PersonRefused): Promise<unknown> {
  try {
    return await call()
  } catch (error) {
    // Sorted already.
    if (error instanceof UpstreamUnavailableError || error instanceof UpstreamMisconfiguredError) throw error
    const reason = reasonOf(error)
    if (isOutage(error)) throw new UpstreamUnavailableError(reason, { cause: error })
    if (isPersonRefused && isRefusal(error, isPersonRefused))
      return { outcome: 'nobody', reason } satisfies Identification
    throw new UpstreamMisconfiguredError(reason, { cause: error })
  }
}

/** Any other error at a sign-in is one of the bridge, which asked for it the moment before. */
export const isCodeRefused: PersonRefused = ({ error }) => error === 'invalid_grant' || error === NO_CODE

/** Providers call a refresh token that is over by every name: what is not about the client is about the token. */
export const isRefreshRefused: PersonRefused = ({ error, status }) =>
  status >= 400 && status < 500 && !isClientRefused(error)

/** Whether it is the credentials of the bridge that a provider does not accept (RFC 6749 §5.2). */
export const isClientRefused = (code: string) => code === 'invalid_client' || code === 'unauthorized_client'

function isOutage(error: unknown): boolean {
  if (error instanceof ResponseBodyError) return isOutageStatus(error.status) || OUTAGE_ERRORS.has(error.error)
  if (error instanceof AuthorizationResponseError) return OUTAGE_ERRORS.has(error.error)
  if (error instanceof ClientError) {
    // A key that cannot be had yet says nothing about the person.
    if (error.code === 'OAUTH_TIMEOUT' || error.code === 'OAUTH_KEY_SELECTION_FAILED') return true
    return error.cause instanceof Response && isOutageStatus(error.cause.status)
  }
  // What `fetch` throws: no connection, no name, no certificate.
  return error instanceof TypeError && !('code' in error)
}

const OUTAGE_ERRORS = new Set(['temporarily_unavailable', 'server_error'])

export const isOutageStatus = (status: number) => status >= 500 || status === 429 || status === 408

function isRefusal(error: unknown, isPersonRefused: PersonRefused): boolean {
  if (error instanceof ResponseBodyError) return isPersonRefused(error)
  return (
    error instanceof AuthorizationResponseError || (error instanceof ClientError && FORGERIES.has(error.code ?? ''))
  )
}

/** Checks that fail when a response or an ID token is not the one that belongs to this sign-in. */
const FORGERIES = new Set([
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_PARSE_ERROR',
])

/** For the log: codes and claim names, never values. */
function reasonOf(error: unknown): string {
  if (error instanceof ResponseBodyError && error.error === NO_CODE) return `${NO_CODE} (status ${error.status})`
  if (error instanceof ResponseBodyError || error instanceof AuthorizationResponseError) return error.error
  const { code, message, cause } = error as { code?: string; message: string; cause?: unknown }
  const status = cause instanceof Response ? ` (status ${cause.status})` : ''
  const claim = (cause as { cause?: { claim?: unknown } } | undefined)?.cause?.claim
  return `${code ?? message}${status}${typeof claim === 'string' ? ` (${claim})` : ''}`
}
