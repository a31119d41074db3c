import { type Claims, scopesFrom } from '../../src/engines/claim-judge.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import type { TokenReason } from '../../src/reasons.ts'
import { clip } from '../../src/text.ts'
import { type EntraAuthority, tenantOf } from './authority.ts'

/** Audiences that every client gets a token for; only Microsoft can verify one. */
const MICROSOFT_APIS: Readonly<Record<string, string>> = {
  '00000003-0000-0000-c000-000000000000': 'Microsoft Graph',
  'https://graph.microsoft.com': 'Microsoft Graph',
  'https://graph.microsoft.com/': 'Microsoft Graph',
  '00000002-0000-0000-c000-000000000000': 'Azure AD Graph',
}

/**
 * Refuses what Entra ID signs with the same keys for the same audience, but not for calling an API.
 *
 * @throws {InvalidTokenError}
 */
export function refuseOtherKinds(claims: Claims): void {
  // Where client and API share a registration, an ID token has the API's audience and may carry roles.
  if ((claims.azp ?? claims.appid ?? undefined) === undefined) {
    throw new InvalidTokenError({ kind: 'id_token', detail: 'neither azp nor appid: only access tokens name a client' })
  }
  // Every client of the tenant is issued such a token, whether anybody allowed it anything or not.
  if (scopesFrom(claims, ['scp']).length === 0 && scopesFrom(claims, ['roles']).length === 0) {
    throw new InvalidTokenError({
      kind: 'azure.no_permissions',
      detail: 'the token carries neither scp nor roles',
      cure: 'Assign the client an app role of the API: App registrations > the client > API permissions > Application permissions, then grant admin consent.',
    })
  }
  if (typeof claims.oid !== 'string' || claims.oid === '')
    throw new InvalidTokenError({ kind: 'claim_missing', claim: 'oid' })
}

export function keyRefusal({ issuer }: Claims, tenant: string): InvalidTokenError {
  return new InvalidTokenError({
    kind: 'azure.key_of_other_issuer',
    detail: `the key signs for ${clip(issuer)}, the token is of tenant ${tenant}`,
    cure: 'None: Microsoft does not sign so. Tell your security team.',
  })
}

export interface RefusalContext {
  readonly authority: EntraAuthority
  readonly appIdUri: string
  /** Whether an issuer is one whose tokens are accepted. */
  answersFor(issuer: string): boolean
}

/** Entra's own reason for a refusal, with the setting that cures it. Sees claims that are not verified. */
export function entraReason(
  reason: TokenReason,
  { header, claims }: { readonly header: Claims; readonly claims: Claims },
  { authority, appIdUri, answersFor }: RefusalContext,
): TokenReason | undefined {
  if (reason.kind === 'token_opaque') return opaqueReason(appIdUri)
  const microsoftApi =
    MICROSOFT_APIS[String(claims.aud)] ?? (header.nonce === undefined ? undefined : 'Microsoft Graph or a like API')
  if (microsoftApi) {
    return {
      kind: 'azure.token_for_microsoft_api',
      detail: `this token is for ${microsoftApi}, which alone can verify it`,
      cure: scopeCure(appIdUri),
    }
  }
  if (reason.kind === 'issuer_mismatch') {
    const issuer = String(claims.iss)
    return answersFor(issuer) ? undefined : issuerReason(issuer, authority)
  }
  if (reason.kind !== 'audience_mismatch') return undefined
  return {
    kind: 'azure.wrong_audience',
    detail: `the token is for ${reason.actual.join(' ')}; expected one of ${reason.expected.join(' ')}`,
    cure: `Set AZURE_CLIENT_ID to the Application (client) ID of the API, and let clients request its scopes: ${appIdUri}/ and the name of the scope.${claims.ver === '1.0' ? ` If they do: ${VERSION_CURE}` : ''}`,
  }
}

function opaqueReason(appIdUri: string): TokenReason {
  return {
    kind: 'azure.opaque_token',
    detail: 'for your own API Entra ID issues JWTs; others are for APIs of Microsoft',
    cure: scopeCure(appIdUri),
  }
}

const scopeCure = (appIdUri: string) =>
  `Request a scope of your API: ${appIdUri}/ and the name of the scope (App registrations > the API > Expose an API).`

const VERSION_CURE =
  'Set requestedAccessTokenVersion to 2 (App registrations > the API > Manifest); then aud is always the client id.'

function issuerReason(iss: string, authority: EntraAuthority): TokenReason | undefined {
  const tenant = tenantOf(authority, iss)
  if (tenant !== undefined) {
    return {
      kind: 'azure.tenant_not_allowed',
      detail: `the token is of tenant ${tenant}`,
      cure: authority.shared
        ? 'Add the tenant to AZURE_ALLOWED_TENANTS if its users may sign in.'
        : `Sign in at tenant ${authority.tenant}; to accept several tenants, set AZURE_TENANT_ID=organizations and list them in AZURE_ALLOWED_TENANTS.`,
    }
  }
  if (!/^https:\/\/sts\.[a-z.]+\/[0-9a-f-]{36}\/$/.test(iss)) return undefined
  return { kind: 'azure.v1_token', detail: `a v1 token of ${clip(iss)}`, cure: VERSION_CURE }
}
