import { randomBytes, randomUUID } from 'node:crypto'
import type { JsonObject, KeyRingOptions, SigningKey } from './core/keys.ts'

/** What an access token is made from. */
export interface TokenFacts {
  readonly issuer: string
  readonly clientId: string
  /** Absent for a client's own token. */
  readonly user?: { readonly login: string; readonly id: string; readonly roles: readonly string[] }
  readonly scopes: readonly string[]
  /** As set up in the console; `null` where it is not. */
  readonly audience: string | null
  /** Seconds since the Unix epoch. */
  readonly now: number
}

/** How one product departs from the others. Paths are below its origin. */
export interface Product {
  /** Of the issuer, without a slash at the end; where that is another one, of its metadata. */
  readonly path: string
  /** Of the issuer, where the metadata is at another place. */
  readonly issuerPath?: string
  readonly authorization: string
  readonly token: string
  readonly jwks: string
  readonly introspection?: string
  readonly revocation?: string
  readonly userInfo?: string
  readonly registration?: string
  /** Whether the metadata is at the RFC 8414 places too. Default false: only `{issuer}/.well-known/openid-configuration`. */
  readonly rfc8414?: boolean
  /** Changes to the metadata; `undefined` removes a member. */
  readonly metadata?: JsonObject
  readonly keys?: KeyRingOptions
  /** Whether ID tokens are signed with keys of their own. Default false. */
  readonly idTokenKeys?: boolean
  /** Members of the key set that sign nothing. */
  readonly otherKeys?: readonly JsonObject[]
  header?(key: SigningKey): JsonObject
  /** Beside or in place of `iss sub client_id scope iat exp jti`; `undefined` removes one. */
  claims?(facts: TokenFacts): JsonObject
  idTokenClaims?(facts: TokenFacts): JsonObject
  /** Whether a token is opaque unless the emulator was told otherwise. Default: never. */
  opaque?(facts: TokenFacts): boolean
}

const ENCRYPTION_KEY: JsonObject = {
  kid: 'for-encryption',
  kty: 'RSA',
  alg: 'RSA-OAEP',
  use: 'enc',
  n: randomBytes(256).toString('base64url'),
  e: 'AQAB',
}

const generic: Product = {
  path: '',
  authorization: '/authorize',
  token: '/token',
  jwks: '/jwks',
  introspection: '/introspect',
  revocation: '/revoke',
  userInfo: '/userinfo',
  rfc8414: true,
  header: () => ({ typ: 'at+jwt' }),
  claims: ({ audience }) => ({ aud: audience ?? undefined }),
}

const keycloak: Product = {
  path: '/realms/acme',
  authorization: '/realms/acme/protocol/openid-connect/auth',
  token: '/realms/acme/protocol/openid-connect/token',
  jwks: '/realms/acme/protocol/openid-connect/certs',
  introspection: '/realms/acme/protocol/openid-connect/token/introspect',
  registration: '/realms/acme/clients-registrations/openid-connect',
  rfc8414: true,
  metadata: {
    code_challenge_methods_supported: ['plain', 'S256'],
    authorization_response_iss_parameter_supported: true,
    id_token_signing_alg_values_supported: ['PS384', 'RS384', 'EdDSA', 'ES384', 'HS256', 'HS512', 'ES256', 'RS256'],
  },
  otherKeys: [ENCRYPTION_KEY],
  header: () => ({ typ: 'JWT' }),
  claims: ({ clientId, user, audience }) => ({
    aud: audience === null ? undefined : [audience, 'account'],
    client_id: undefined,
    azp: clientId,
    typ: 'Bearer',
    sid: randomUUID(),
    realm_access: { roles: ['offline_access', ...(user?.roles ?? [])] },
    resource_access: { account: { roles: ['view-profile'] } },
  }),
  idTokenClaims: ({ clientId }) => ({ typ: 'ID', azp: clientId, at_hash: 'oqkmsHGxBoChkrGu7rMzeA' }),
}

const cognito: Product = {
  path: '/eu-central-1_AbCdEfGhI',
  authorization: '/oauth2/authorize',
  token: '/oauth2/token',
  jwks: '/eu-central-1_AbCdEfGhI/.well-known/jwks.json',
  metadata: { code_challenge_methods_supported: undefined },
  keys: { keyId: () => `a/b+${randomBytes(28).toString('base64')}` },
  idTokenKeys: true,
  claims: ({ clientId, user, now }) => ({
    sub: user?.id ?? clientId,
    token_use: 'access',
    auth_time: now,
    version: 2,
    username: user?.login,
  }),
  idTokenClaims: () => ({ token_use: 'id' }),
}

const workos: Product = {
  path: '',
  authorization: '/oauth2/authorize',
  token: '/oauth2/token',
  jwks: '/oauth2/jwks',
  introspection: '/oauth2/introspection',
  rfc8414: true,
  metadata: { client_id_metadata_document_supported: true },
  claims: ({ clientId, audience }) => ({ aud: audience ?? clientId }),
}

const zitadel: Product = {
  path: '',
  authorization: '/oauth/v2/authorize',
  token: '/oauth/v2/token',
  jwks: '/oauth/v2/keys',
  introspection: '/oauth/v2/introspect',
  claims: ({ clientId, scopes, audience }) => {
    const asked = scopes.includes(`urn:zitadel:iam:org:project:id:${audience}:aud`)
    return { aud: asked ? [clientId, audience] : [clientId] }
  },
}

const logto: Product = {
  path: '/oidc',
  authorization: '/oidc/auth',
  token: '/oidc/token',
  jwks: '/oidc/jwks',
  introspection: '/oidc/token/introspection',
  keys: { alg: 'ES384' },
  header: () => ({ typ: 'at+jwt' }),
  claims: ({ audience }) => ({ aud: audience ?? undefined }),
  opaque: ({ audience }) => audience === null,
}

const ping: Product = {
  path: '/5b1f0c2e-0000-4000-8000-000000000001/as',
  authorization: '/5b1f0c2e-0000-4000-8000-000000000001/as/authorize',
  token: '/5b1f0c2e-0000-4000-8000-000000000001/as/token',
  jwks: '/5b1f0c2e-0000-4000-8000-000000000001/as/jwks',
  introspection: '/5b1f0c2e-0000-4000-8000-000000000001/as/introspect',
  claims: ({ audience }) => ({
    aud: [audience ?? 'https://api.pingone.com'],
    env: '5b1f0c2e-0000-4000-8000-000000000001',
    org: '5b1f0c2e-0000-4000-8000-000000000002',
    sid: randomUUID(),
    acr: 'Single_Factor',
  }),
}

const descope: Product = {
  path: '/v1/apps/P2abcdefghij',
  // Only issuer and key set are documented; clients learn these two from the metadata.
  authorization: '/v1/apps/P2abcdefghij/authorize',
  token: '/v1/apps/P2abcdefghij/token',
  jwks: '/P2abcdefghij/.well-known/jwks.json',
  claims: () => ({ aud: 'P2abcdefghij' }),
}

/**
 * Django OAuth Toolkit 1.7. Introspection answers `active`, `scope`, `exp`, `client_id` and, for a person, `username`: neither `sub`
 * nor `aud` nor `iss`. The metadata does not name the endpoint.
 */
const django: Product = {
  path: '/o',
  authorization: '/o/authorize/',
  token: '/o/token/',
  jwks: '/o/.well-known/jwks.json',
  introspection: '/o/introspect/',
  metadata: {
    introspection_endpoint: undefined,
    scopes_supported: undefined,
    code_challenge_methods_supported: undefined,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    claims_supported: ['sub'],
  },
  claims: ({ user }) => ({
    iss: undefined,
    sub: undefined,
    iat: undefined,
    jti: undefined,
    token_type: undefined,
    username: user?.login,
  }),
  opaque: () => true,
}

/**
 * Active Directory Federation Services 2019. Access tokens have another issuer than ID tokens and metadata: [MS-OIDCE] 2.2.3.2 (2025-02),
 * https://github.com/MicrosoftDocs/windowsserverdocs/issues/551. Claims as in https://github.com/snok/django-auth-adfs/blob/master/tests/utils.py;
 * sub comes from an issuance rule.
 */
const adfs: Product = {
  path: '/adfs',
  authorization: '/adfs/oauth2/authorize/',
  token: '/adfs/oauth2/token/',
  jwks: '/adfs/discovery/keys',
  metadata: {
    scopes_supported: ['allatclaims', 'email', 'user_impersonation', 'logon_cert', 'profile', 'openid'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'private_key_jwt'],
    code_challenge_methods_supported: undefined,
  },
  header: () => ({ typ: 'JWT' }),
  claims: ({ issuer, clientId, scopes, audience, now }) => ({
    iss: `${issuer.replace(/^https:/, 'http:')}/services/trust`,
    aud: audience ?? `microsoft:identityserver:${clientId}`,
    client_id: undefined,
    scope: undefined,
    jti: undefined,
    apptype: 'Public',
    appid: clientId,
    authmethod: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
    auth_time: new Date(now * 1000).toISOString(),
    ver: '1.0',
    scp: scopes.join(' '),
  }),
}

/** Azure AD B2C: https://learn.microsoft.com/en-us/azure/active-directory-b2c/tokens-overview (2020-04, 2025-05). */
const b2c: Product = {
  path: '/775527ff-9a37-4307-8b3d-cc311f58d925/b2c_1_signin/v2.0',
  issuerPath: '/775527ff-9a37-4307-8b3d-cc311f58d925/v2.0/',
  authorization: '/775527ff-9a37-4307-8b3d-cc311f58d925/b2c_1_signin/oauth2/v2.0/authorize',
  token: '/775527ff-9a37-4307-8b3d-cc311f58d925/b2c_1_signin/oauth2/v2.0/token',
  jwks: '/775527ff-9a37-4307-8b3d-cc311f58d925/b2c_1_signin/discovery/v2.0/keys',
  metadata: { code_challenge_methods_supported: undefined },
  header: () => ({ typ: 'JWT' }),
  claims: ({ clientId, scopes, audience, now }) => ({
    aud: audience ?? undefined,
    nbf: now,
    client_id: undefined,
    azp: clientId,
    scope: undefined,
    scp: scopes.join(' '),
    jti: undefined,
    ver: '1.0',
    tfp: 'b2c_1_signin',
  }),
  idTokenClaims: ({ now }) => ({ ver: '1.0', tfp: 'b2c_1_signin', auth_time: now }),
}

/** Supabase Auth: https://supabase.com/docs/guides/auth/oauth-server/token-security (2026-11). Tokens name no scope. */
const supabase: Product = {
  path: '/auth/v1',
  authorization: '/auth/v1/oauth/authorize',
  token: '/auth/v1/oauth/token',
  jwks: '/auth/v1/.well-known/jwks.json',
  keys: { alg: 'ES256' },
  header: () => ({ typ: 'JWT' }),
  claims: ({ user, now }) => ({
    aud: 'authenticated',
    role: 'authenticated',
    scope: undefined,
    jti: undefined,
    user_id: user?.id,
    aal: 'aal1',
    amr: [{ method: 'password', timestamp: now }],
    session_id: randomUUID(),
  }),
}

/**
 * Authentik: https://github.com/goauthentik/authentik/blob/main/authentik/providers/oauth2/id_token.py (2026-11). An access token is the
 * ID token with azp and uid: aud is the client in both, and both carry the nonce of the request.
 */
const authentik: Product = {
  path: '/application/o/notes',
  issuerPath: '/application/o/notes/',
  authorization: '/application/o/authorize/',
  token: '/application/o/token/',
  jwks: '/application/o/notes/jwks/',
  introspection: '/application/o/introspect/',
  revocation: '/application/o/revoke/',
  header: () => ({ typ: 'JWT' }),
  claims: ({ clientId, now }) => ({
    aud: clientId,
    azp: clientId,
    client_id: undefined,
    scope: undefined,
    jti: undefined,
    auth_time: now,
    acr: 'goauthentik.io/providers/oauth2/default',
    nonce: 'of-the-request',
    uid: randomUUID(),
  }),
  idTokenClaims: ({ now }) => ({ auth_time: now, acr: 'goauthentik.io/providers/oauth2/default' }),
}

/**
 * Clerk, access tokens as JWTs (the default since 2026-01): @clerk/backend 3.25.0 takes typ at+jwt, client_id, and scp as a list.
 * https://clerk.com/docs/guides/development/machine-auth/token-formats
 */
const clerk: Product = {
  path: '',
  authorization: '/oauth/authorize',
  token: '/oauth/token',
  jwks: '/.well-known/jwks.json',
  rfc8414: true,
  header: () => ({ typ: 'at+jwt' }),
  claims: ({ scopes }) => ({ scope: undefined, scp: scopes, jti: `oat_${randomUUID()}` }),
}

export const products = {
  generic,
  keycloak,
  cognito,
  workos,
  zitadel,
  logto,
  ping,
  descope,
  django,
  adfs,
  b2c,
  supabase,
  authentik,
  clerk,
} as const satisfies Record<string, Product>

export type ProductName = keyof typeof products
