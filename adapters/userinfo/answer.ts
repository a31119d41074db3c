import { type Claims, PERSONAL_CLAIMS } from '../../src/engines/claim-judge.ts'
import { oauthErrorCode, type ProviderAnswer, refusedRequest, unusable } from '../../src/engines/provider-request.ts'
import { InvalidTokenError, MisconfigurationError } from '../../src/errors.ts'
import { scopeMissing } from './refusals.ts'

/**
 * What UserInfo says about a token (OpenID Connect Core §5.3.2), or why it does not (§5.3.3, RFC 6750 §3.1).
 *
 * @throws {InvalidTokenError} 401; 400 and 403 that name an error of the token.
 * @throws {MisconfigurationError} The answer is signed or encrypted, or the request is refused for another reason.
 * @throws {ValidatorUnavailableError} The answer says nothing about the token, or is of something in front of the endpoint.
 */
export function readUserInfo(answer: ProviderAnswer): Claims {
  const { status, headers } = answer
  if (status >= 200 && status < 300) return readClaims(answer)
  const challenge = headers.get('www-authenticate')
  const error = challengeError(challenge) ?? oauthErrorCode(answer)
  if ((status === 401 || status === 403) && error === 'insufficient_scope') throw scopeMissing()
  const isRefusal = (status === 400 || status === 403) && error === 'invalid_token'
  // Of something in front of the endpoint, which wants somebody to sign in.
  const isPage =
    /^text\/html\b/i.test(headers.get('content-type') ?? '') || /^(basic|negotiate)\b/i.test(challenge ?? '')
  if (status === 401 && error === undefined && isPage)
    throw unusable(answer.endpoint, 'status 401, not about the token')
  if (status === 401 || isRefusal) throw new InvalidTokenError({ kind: 'inactive' })
  throw refusedRequest(answer, error)
}

const SIGNED_CURE =
  'have the provider answer in JSON: take userinfo_signed_response_alg and userinfo_encrypted_response_alg out of the registration of the MCP clients'

/** An answer that has none of these is about no token. */
const MEMBERS = ['sub', 'client_id', 'azp', 'aud', ...PERSONAL_CLAIMS] as const

function readClaims(answer: ProviderAnswer): Claims {
  const { endpoint, status, headers } = answer
  const type = headers.get('content-type') ?? ''
  if (/^application\/jwt\s*(;|$)/i.test(type)) {
    throw new MisconfigurationError({
      kind: 'answer_unsupported',
      endpoint,
      actual: 'application/jwt',
      expected: 'application/json',
      cure: SIGNED_CURE,
    })
  }
  if (status !== 200) throw unusable(endpoint, `status ${status}`)
  const claims = answer.json()
  // Some servers answer errors with 200.
  if (claims.error === 'invalid_token') throw new InvalidTokenError({ kind: 'inactive' })
  if (!MEMBERS.some(name => Object.hasOwn(claims, name))) throw unusable(endpoint, 'neither a user nor a client')
  return claims
}

/** `error` of a challenge (RFC 6750 §3), quoted or not. Parameters are read in order, so that none is found in the text of another. */
function challengeError(challenge: string | null): string | undefined {
  const parameters = challenge?.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g) ?? []
  for (const [, name, quoted, bare] of parameters) {
    const value = quoted ?? bare
    if (name?.toLowerCase() === 'error' && value && /^[a-z_]{1,40}$/.test(value)) return value
  }
  return undefined
}
