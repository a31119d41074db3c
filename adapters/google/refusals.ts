import { type Claims, scopesFrom } from '../../src/engines/claim-judge.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import type { TokenReason } from '../../src/reasons.ts'
import { clip } from '../../src/text.ts'
import { isServiceAccount } from './people.ts'
import { inFull } from './tokeninfo.ts'

/** Beginnings of access tokens, refresh tokens, codes and client secrets. */
export const SECRET_PREFIXES = ['ya29.', '1//', '4/0', 'GOCSPX-'] as const

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
  if (token.startsWith('1//')) {
    throw refused(
      'refresh_token',
      'this is a refresh token',
      'Send access_token of the token response, not refresh_token.',
    )
  }
  throw refused('other_token', 'the token does not begin with ya29.', 'Send an access token of Google.')
}

export interface AccessTokenRules {
  readonly clientIds: readonly string[]
  readonly requiredGoogleScopes: readonly string[]
}

/** @throws {InvalidTokenError} */
export function checkAccessToken(claims: Claims, rules: AccessTokenRules, resource: string): void {
  const { aud, azp, sub } = claims
  // Only their ID tokens are compared with the list of accounts.
  if ((typeof aud === 'string' && /^\d+$/.test(aud)) || isServiceAccount(claims)) {
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

export function refused(what: string, detail: string, cure: string): InvalidTokenError {
  return new InvalidTokenError(reasonOf(what, detail, cure))
}

export function reasonOf(what: string, detail: string, cure: string): TokenReason {
  return { kind: `google.${what}`, detail, cure }
}
