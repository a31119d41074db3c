import type { Claims } from '../../src/engines/claim-judge.ts'
import { type ProviderAnswer, refusedRequest, throttled, unusable } from '../../src/engines/provider-request.ts'
import { InvalidTokenError } from '../../src/errors.ts'

/** Aliases that clients may request; tokens name the scope in full. */
const ALIASES: Readonly<Record<string, string>> = {
  email: 'https://www.googleapis.com/auth/userinfo.email',
  profile: 'https://www.googleapis.com/auth/userinfo.profile',
}

export function inFull(scope: string): string {
  return ALIASES[scope] ?? scope
}

/**
 * What tokeninfo says: every value is a string there. 400 is its answer to expired, revoked and made-up tokens.
 *
 * @param now - Milliseconds since the Unix epoch.
 * @throws {InvalidTokenError | MisconfigurationError | ValidatorUnavailableError}
 */
export function readTokenInfo(answer: ProviderAnswer, now: number): Claims {
  const { endpoint, status } = answer
  if (status === 403) throw throttled(answer, now)
  const body = status === 200 || status === 400 ? answer.json() : {}
  if (status === 400 && body.error === 'invalid_token') throw new InvalidTokenError({ kind: 'inactive' })
  if (status !== 200) throw refusedRequest(answer)
  // Every version of the endpoint says these; a document without them is about no token.
  if (body.aud === undefined && body.exp === undefined && body.expires_in === undefined) {
    throw unusable(endpoint, 'neither aud nor exp')
  }
  return {
    ...body,
    exp: seconds(body.exp),
    expires_in: seconds(body.expires_in),
    email_verified: body.email_verified === 'true' || body.email_verified === true,
  }
}

/** What is no number stays as it is, and is refused where a number is needed. */
function seconds(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
}
