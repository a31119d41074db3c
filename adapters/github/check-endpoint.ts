import type { CompleteContext } from '../../src/context.ts'
import type { Claims } from '../../src/engines/claim-judge.ts'
import { type ProviderAnswer, refusedRequest, throttled, unusable } from '../../src/engines/provider-request.ts'
import { MisconfigurationError } from '../../src/errors.ts'
import { notOurs } from './refusals.ts'

/** Base of the REST API, without a slash at the end. */
export function apiOf(issuer: string): string {
  const { protocol, host, origin } = new URL(issuer)
  if (host === 'github.com') return 'https://api.github.com'
  return host.endsWith('.ghe.com') ? `${protocol}//api.${host}` : `${origin}/api/v3`
}

/**
 * What the check endpoint says about a token.
 *
 * @throws {InvalidTokenError | MisconfigurationError | ValidatorUnavailableError}
 */
export function readCheck(answer: ProviderAnswer, { observer, now }: CompleteContext): Claims {
  const { endpoint, status } = answer
  if (status === 200) {
    const body = answer.json()
    if (body.app === undefined && body.user === undefined) throw unusable(endpoint, 'neither app nor user')
    return readToken(body)
  }
  if (status === 404) {
    // Without JSON it is not the API that does not find something, but a proxy, or another server.
    answer.json()
    throw notOurs()
  }
  // Also the answer to too many requests.
  if (status === 422) throw throttled(answer, now())
  if (status !== 401) throw refusedRequest(answer)
  observer?.warning?.('GitHub refuses the client id or secret of this server.', { endpoint, status })
  throw new MisconfigurationError({ kind: 'own_credentials_refused', endpoint, status })
}

/** Members are picked, not passed on: the answer holds the token, its hash and its end. */
function readToken({ id, scopes, app, user, installation, created_at, expires_at }: Claims): Claims {
  const { client_id, name } = membersOf(app)
  const { id: userId, login, type } = membersOf(user)
  return {
    id,
    scopes,
    app: { client_id, name },
    user: { id: userId, login, type },
    installation,
    created_at,
    expires_at,
    exp: secondsOf(expires_at),
  }
}

/** Tokens of OAuth apps never expire. What is there and no time is passed on, and refused where a number is needed. */
function secondsOf(time: unknown): unknown {
  if (time === undefined || time === null) return undefined
  const milliseconds = typeof time === 'string' ? Date.parse(time) : Number.NaN
  return Number.isNaN(milliseconds) ? String(time) : Math.floor(milliseconds / 1000)
}

export function clientIdOf({ app }: Claims): unknown {
  return membersOf(app).client_id
}

function membersOf(value: unknown): Claims {
  return typeof value === 'object' && value !== null ? (value as Claims) : {}
}

/** The login name can be changed, and taken by somebody else. */
export function userIdOf(claims: Claims): string | undefined {
  const { id } = membersOf(claims.user)
  return Number.isSafeInteger(id) && Number(id) > 0 ? String(id) : undefined
}
