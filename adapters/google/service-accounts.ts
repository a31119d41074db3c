import type { ValidatorContext } from '../../src/context.ts'
import type { Claims } from '../../src/engines/claim-judge.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import { resourceSpellings } from '../../src/resource.ts'
import { clip } from '../../src/text.ts'
import type { TokenValidator } from '../../src/token-validator.ts'
import { refused } from './refusals.ts'

export interface ServiceAccountOptions {
  issuer: string
  metadataUrl?: string
  /** Addresses or unique ids; no other account is accepted. */
  accounts: readonly string[]
}

/** The one signature algorithm of Google's ID tokens. */
export const ACCEPTED_ALGORITHMS = ['RS256'] as const

/** As in Google's own library. */
const CLOCK_TOLERANCE_SECONDS = 300
const LONGEST_LIFE_SECONDS = 86_400

/** Validates ID tokens that service accounts had made for this server: the one kind of ID token whose audience is ours. */
export function createServiceAccountValidator(
  { issuer, metadataUrl, accounts }: ServiceAccountOptions,
  context: ValidatorContext,
): TokenValidator {
  // Google's ID tokens may leave out the scheme; its own library takes both.
  const answersFor = (iss: string) => iss === issuer || iss === new URL(issuer).host
  return createJwtValidator(
    {
      issuer: { issuers: [issuer], answersFor, accepts: answersFor, canonical: () => issuer },
      metadataUrl,
      audience: { audience: resourceSpellings(context) },
      algorithms: ACCEPTED_ALGORITHMS,
      types: null,
      tokenKind: null, // ID tokens are what is wanted
      clientId: ({ azp, sub }) => azp ?? sub,
      principalType: () => 'service',
      scopes: () => [],
      check: claims => checkIdToken(claims, accounts),
    },
    { ...context, clockToleranceSeconds: CLOCK_TOLERANCE_SECONDS },
  )
}

/** @throws {InvalidTokenError} Not the ID token of a service account that is listed. */
function checkIdToken(claims: Claims, accounts: readonly string[]): void {
  const { email, email_verified, sub, iat, exp } = claims
  if (typeof email !== 'string' || !email.endsWith('.gserviceaccount.com')) {
    throw refused(
      'user_id_token',
      'the token is an ID token of a user: it says who that is, and permits nothing',
      'Send access_token of the token response, not id_token.',
    )
  }
  if (email_verified !== true || !(accounts.includes(email) || (typeof sub === 'string' && accounts.includes(sub)))) {
    throw refused(
      'service_account_refused',
      `the service account ${clip(email)} is not listed`,
      'List the account in serviceAccountIdTokens (GOOGLE_SERVICE_ACCOUNTS).',
    )
  }
  if (typeof iat !== 'number') throw new InvalidTokenError({ kind: 'claim_missing', claim: 'iat' })
  if (typeof exp === 'number' && exp - iat > LONGEST_LIFE_SECONDS) {
    throw new InvalidTokenError({ kind: 'claim_invalid', claim: 'exp', detail: 'more than 24 hours after iat' })
  }
}
