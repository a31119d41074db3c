import { type Claims, scopesFrom } from '../../src/engines/claim-judge.ts'
import { type ProviderAnswer, throttled } from '../../src/engines/provider-request.ts'
import { clip, InvalidTokenError, MisconfigurationError } from '../../src/errors.ts'

/** Aliases that clients may request; tokens name the scope in full. */
const ALIASES: Readonly<Record<string, string>> = {
  email: 'https://www.googleapis.com/auth/userinfo.email',
  profile: 'https://www.googleapis.com/auth/userinfo.profile',
}

export function inFull(scope: string): string {
  return ALIASES[scope] ?? scope
}

/** Domain of the user's e-mail address, in lower case; `undefined` unless Google has verified the address. */
export function verifiedDomain({ email, email_verified }: Claims): string | undefined {
  if (email_verified !== true || typeof email !== 'string') return undefined
  // Exactly one @ and ASCII only: lower case turns the Kelvin sign into a k.
  return /^[!-?A-~]+@([A-Za-z0-9.-]+)$/.exec(email)?.[1]?.toLowerCase()
}

/** @throws {InvalidTokenError} Not an access token of Google: not to be shown to the check endpoint. */
export function refuseOtherKinds(token: string): void {
  if (token.startsWith('ya29.')) return
  if (token.split('.').length === 3) {
    throw refused(
      'id_token',
      'the token is a JWT, and of those Google issues ID tokens only',
      'Send access_token of the token response, not id_token. Service accounts: list them in serviceAccountIdTokens (GOOGLE_SERVICE_ACCOUNTS).',
    )
  }
  throw refused('other_token', 'the token does not begin with ya29.', 'Send an access token of Google.')
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
  if (status !== 200) throw new MisconfigurationError({ kind: 'endpoint_refused_request', endpoint, status })
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

export interface AccessTokenRules {
  readonly clientIds: readonly string[]
  readonly hostedDomains: readonly string[]
  readonly requiredGoogleScopes: readonly string[]
}

/** @throws {InvalidTokenError} */
export function checkAccessToken(claims: Claims, rules: AccessTokenRules, resource: string): void {
  const { aud, azp, sub } = claims
  if (typeof aud === 'string' && /^\d+$/.test(aud)) {
    throw refused(
      'service_account_token',
      'the token is an access token of a service account: it names neither a client nor a user',
      `Send an ID token of the account with the audience ${resource}, and list the account in serviceAccountIdTokens (GOOGLE_SERVICE_ACCOUNTS).`,
    )
  }
  const other = [aud, azp ?? aud].find(id => typeof id !== 'string' || !rules.clientIds.includes(id))
  if (other !== undefined || aud === undefined) {
    throw refused(
      'other_client',
      `the token was issued to ${clip(other)}, which is not among the accepted clients`,
      'Sign in with a client whose id is in clientIds (GOOGLE_CLIENT_IDS); Cloud console > Google Auth Platform > Clients lists yours.',
    )
  }
  if (typeof sub !== 'string' || sub === '') {
    throw refused('subject_missing', 'Google does not say who the user is', 'Request the scope openid when signing in.')
  }
  checkDomain(claims, rules.hostedDomains)
  const scopes = scopesFrom(claims, ['scope']).map(inFull)
  const missing = rules.requiredGoogleScopes.find(scope => !scopes.includes(inFull(scope)))
  if (missing !== undefined) {
    throw refused(
      'scope_missing',
      `the token lacks the Google scope ${missing}`,
      'Request the scope when signing in, and grant it.',
    )
  }
}

/** `hd` would say it better, but stands in ID tokens only. */
function checkDomain(claims: Claims, hostedDomains: readonly string[]): void {
  if (hostedDomains.length === 0) return
  if (claims.email === undefined) {
    throw refused('email_missing', 'Google does not say the e-mail address', 'Request the scope email when signing in.')
  }
  const domain = verifiedDomain(claims)
  if (domain === undefined) {
    throw refused(
      'email_unverified',
      'the e-mail address is not verified, or not a plain one',
      'Verify the address at Google.',
    )
  }
  if (!hostedDomains.includes(domain)) {
    throw refused(
      'domain_refused',
      `the user is in ${clip(domain)}`,
      'Sign in with an account of one of hostedDomains (GOOGLE_HOSTED_DOMAINS).',
    )
  }
}

export function refused(what: string, detail: string, cure: string): InvalidTokenError {
  return new InvalidTokenError({ kind: `google.${what}`, detail, cure })
}
