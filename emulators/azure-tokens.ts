import { createHash, randomBytes } from 'node:crypto'
import type { JsonObject } from './core/keys.ts'
import type { Client, User } from './core/sign-in.ts'

export interface AzureTenant {
  /** Directory (tenant) ID. */
  readonly id: string
  /** A verified domain; stands for the id in URLs. */
  readonly domain: string
}

/** App registration of the API. */
export interface AzureApi {
  /** Application (client) ID. */
  readonly clientId: string
  /** Expose an API > Application ID URI. */
  readonly appIdUri: string
  /** Expose an API > Scopes, without the URI. */
  readonly scopes: readonly string[]
  /** Of the manifest. Null means 1, as in registrations that nobody changed. */
  readonly requestedAccessTokenVersion: 1 | 2 | null
  /** Whether its tokens are signed with keys of its own, published to those who ask with `?appid=`. Default false. */
  readonly customSigningKeys?: boolean
}

export interface AzureUser extends User {
  /** Object id. */
  readonly oid: string
  readonly name: string
  /** Home tenant. Default: the first one. */
  readonly tid?: string
  /** Object ids of groups, which tokens carry up to {@link MOST_GROUPS}. Default: the API has no groups claim. */
  readonly groups?: readonly string[]
  /** App roles at the API. */
  readonly roles?: readonly string[]
}

/** App registration of a client. */
export interface AzureClient extends Client {
  /** Application permissions at the API that an administrator consented to. */
  readonly roles?: readonly string[]
}

/** What a token says, before it has a version. */
export interface TokenFacts {
  readonly issuer: string
  readonly tid: string
  readonly audience: string
  readonly client: AzureClient
  /** Absent in app-only tokens. */
  readonly user?: AzureUser
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  /** Seconds since the Unix epoch. */
  readonly now: number
}

/** https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference */
export function accessTokenClaims(version: 1 | 2, facts: TokenFacts): JsonObject & { iss: string; exp: number } {
  const { client, user } = facts
  const authenticated = client.clientSecret === undefined ? '0' : '1'
  return {
    aud: facts.audience,
    ...lifetime(facts),
    aio: randomBytes(24).toString('base64'),
    ...(version === 1
      ? { appid: client.clientId, appidacr: authenticated }
      : { azp: client.clientId, azpacr: authenticated }),
    ...personOf(version, user),
    oid: user?.oid ?? servicePrincipalOf(facts),
    rh: `1.${randomBytes(24).toString('base64url')}.`,
    ...(facts.roles.length > 0 && { roles: facts.roles }),
    ...(user?.groups && groupsOf(user, facts.tid)),
    ...(user && { scp: facts.scopes.join(' ') }),
    sub: user ? pairwise(user.oid, facts.audience.replace(/\/$/, '')) : servicePrincipalOf(facts),
    tid: facts.tid,
    uti: randomBytes(16).toString('base64url'),
    ver: `${version}.0`,
  }
}

/** https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference */
export function idTokenClaims(version: 1 | 2, facts: TokenFacts): JsonObject {
  const { client, user } = facts
  return {
    aud: client.clientId,
    ...lifetime(facts),
    aio: randomBytes(24).toString('base64'),
    ...personOf(version, user),
    oid: user?.oid,
    rh: `1.${randomBytes(24).toString('base64url')}.`,
    ...(facts.roles.length > 0 && { roles: facts.roles }),
    ...(user?.groups && groupsOf(user, facts.tid)),
    sub: pairwise(user?.oid ?? '', client.clientId),
    tid: facts.tid,
    uti: randomBytes(16).toString('base64url'),
    ver: `${version}.0`,
  }
}

/** Above this, a JWT says only where the groups can be looked up. */
export const MOST_GROUPS = 200

/** https://learn.microsoft.com/en-us/security/zero-trust/develop/configure-tokens-group-claims-app-roles#group-overages */
function groupsOf({ groups = [], oid }: AzureUser, tid: string): JsonObject {
  if (groups.length <= MOST_GROUPS) return { groups }
  const endpoint = `https://graph.windows.net/${tid}/users/${oid}/getMemberObjects`
  return { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint } } }
}

/** 60 to 90 minutes, at random. */
function lifetime({ issuer, now }: TokenFacts) {
  return { iss: issuer, iat: now, nbf: now, exp: now + 3600 + Math.floor(Math.random() * 1800) }
}

function personOf(version: 1 | 2, user: AzureUser | undefined): JsonObject {
  if (!user) return {}
  const { name, login } = user
  return version === 1 ? { name, unique_name: login, upn: login } : { name, preferred_username: login }
}

/** Another one for each app. */
function pairwise(oid: string, app: string): string {
  return createHash('sha256').update(`${oid} ${app}`).digest('base64url')
}

/** Object id of the client in the tenant. */
function servicePrincipalOf({ client, tid }: TokenFacts): string {
  const digest = createHash('sha256').update(`${client.clientId} ${tid}`).digest('hex')
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
}
