import { isHostWithin } from '../../src/adapter-options.ts'
import type { Claims } from '../../src/engines/claim-judge.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import type { TokenReason } from '../../src/reasons.ts'
import { clip } from '../../src/text.ts'

/** Public and private cloud. Custom domains cannot be told by their host. */
export const AUTH0_HOSTS = ['auth0.com', 'auth0app.com'] as const

/**
 * A reason with the setting in Auth0's console that cures it, where there is one.
 *
 * @param accepted - Issuer and API in force.
 */
export function explainRefusal(
  reason: TokenReason,
  { header, claims }: { readonly header: Claims; readonly claims: Claims },
  { issuer, api }: { readonly issuer: string; readonly api: string },
): TokenReason | undefined {
  switch (reason.kind) {
    case 'token_opaque':
      return noApiRequested(api)
    case 'token_encrypted':
      return explainEncrypted(header, api)
    case 'audience_mismatch':
      return explainAudience(reason.actual, reason.expected, api)
    case 'issuer_mismatch':
      return explainIssuer(claims, issuer)
    default:
      return undefined
  }
}

/** Such a token is opaque, or encrypted for Auth0 itself. */
function noApiRequested(api: string): TokenReason {
  return {
    kind: 'auth0.no_api_requested',
    detail: 'no API audience was requested, so the token is for /userinfo only',
    cure: `have the client send audience=${api}; for MCP clients, which send resource, turn on Settings > Advanced > Resource Parameter Compatibility Profile`,
  }
}

function explainEncrypted({ alg }: Claims, api: string): TokenReason | undefined {
  if (alg === 'dir') return noApiRequested(api)
  if (alg !== 'RSA-OAEP-256') return undefined
  return {
    kind: 'auth0.api_token_encrypted',
    detail: 'the API has its tokens encrypted',
    cure: 'turn JSON Web Encryption off for this API (Applications > APIs > Settings)',
  }
}

function explainAudience(actual: readonly string[], expected: readonly string[], api: string): TokenReason {
  return {
    kind: actual.some(isManagementApi) ? 'auth0.management_api_token' : 'auth0.other_api',
    detail: `the token is for ${actual.join(', ')}; accepted is ${expected.join(', ')}`,
    cure: `create an API whose Identifier is ${api}, character for character (Applications > APIs; it cannot be changed later), or set AUTH0_AUDIENCE to the one that there is`,
  }
}

function explainIssuer({ iss }: Claims, issuer: string): TokenReason | undefined {
  if (typeof iss !== 'string' || !URL.canParse(iss)) return undefined
  const other = new URL(iss)
  if (!isHostWithin(other, ...AUTH0_HOSTS) || other.hostname === new URL(issuer).hostname) return undefined
  return {
    kind: 'auth0.other_domain',
    detail: `the user signed in at ${clip(other.hostname)}; accepted is ${issuer}`,
    cure: 'if both domains are yours, set AUTH0_DOMAIN to the one at which users sign in, or add the other to AUTH0_FURTHER_ISSUERS',
  }
}

/**
 * Both kinds have `typ: "JWT"`. An ID token is for the client itself; an access token names the client beside its audience.
 *
 * @throws {InvalidTokenError}
 */
export function refuseIdTokens({ aud, azp, client_id }: Claims): void {
  const client = client_id ?? azp ?? undefined
  const audience = Array.isArray(aud) ? aud : [aud]
  if (client !== undefined && !audience.every(value => value === client)) return
  throw new InvalidTokenError({
    kind: 'id_token',
    detail: 'it names no client beside its audience, as access tokens do',
  })
}

/** The API of the tenant itself. */
export function isManagementApi(audience: string): boolean {
  return /^https?:\/\/[^/]+\/api\/v2\/?$/.test(audience)
}
