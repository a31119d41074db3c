import { randomBytes } from 'node:crypto'
import { certificateOf } from './core/certificate.ts'
import { createEmulator, type Emulator, type EmulatorOptions, type Route } from './core/emulator.ts'
import { createKeyRing, type JsonObject, type KeyRing, signJwt } from './core/keys.ts'
import { type Client, createSignIn, type Grant, OAuthFailure, secret, type User } from './core/sign-in.ts'

/** https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles */
export type Auth0Dialect = 'access_token' | 'access_token_authz' | 'rfc9068_profile' | 'rfc9068_profile_authz'

/** Applications > APIs. */
export interface Auth0Api {
  readonly identifier: string
  readonly scopes: readonly string[]
  /** Default `access_token`. Those that end in `authz` go with RBAC: users are granted what they have been assigned. */
  readonly dialect?: Auth0Dialect
  /** Default false. */
  readonly allowOfflineAccess?: boolean
  /** Seconds. Default 86,400. */
  readonly tokenLifetime?: number
}

/** User of a database connection. `permissions` are those assigned by role, `org_id` the organization signed in to. */
export interface Auth0User extends User {
  readonly user_id: string
  readonly name: string
  readonly email: string
  readonly permissions?: readonly string[]
  readonly org_id?: string
}

/** `apis`: identifiers that a machine is authorized for (Applications > APIs > Machine to Machine Applications). */
export interface Auth0Client extends Client {
  readonly apis?: readonly string[]
}

export interface Auth0EmulatorOptions extends EmulatorOptions {
  /** Default: one for `https://mcp.example.com/mcp` with the scopes `notes:read` and `notes:write`. */
  apis?: readonly Auth0Api[]
  /** Default: `ada`, who may do everything, and `cleo`, who may read. */
  users?: readonly Auth0User[]
  /** Default: `native`, a public client with a loopback redirect URI, and `machine` with the secret `machine-secret`. */
  clients?: readonly Auth0Client[]
  /** Origin of the custom domain of the tenant, answered by `fetch` beside the tenant's own. */
  customDomain?: string
  /** Signing algorithm of the API. Default RS256. */
  algorithm?: 'RS256' | 'PS256'
  /** Settings > Advanced > Resource Parameter Compatibility Profile. Default `compatibility`, as tenants have it since 2026-07; older ones `audience`. */
  resourceParameterProfile?: 'audience' | 'compatibility'
  /** Settings > Advanced > Dynamic Client Registration. Default false. */
  dynamicRegistration?: boolean
  /** Whether client ID metadata documents are on. Clients that were imported are in `clients`, with their URL as id. Default false. */
  clientIdMetadataDocuments?: boolean
  /** Include Issuer in Authorization Responses. Default false. */
  issuerInResponses?: boolean
  /** What is issued when no API was requested: an encrypted token, or 32 characters as by old tenants. Default `jwe`. */
  opaqueTokens?: 'jwe' | 'short'
}

/** What an access token is minted from. */
export interface Auth0TokenOptions {
  dialect?: Auth0Dialect
  /** `login` of the user, or `null` for a machine's token. Default: the first user. */
  user?: string | null
  /** Default `native`, for a machine's token `machine`. */
  clientId?: string
  /** Default: `openid profile` and all scopes of the first API. */
  scopes?: readonly string[]
  /** Identifier of the API. Default: the first one's. */
  audience?: string
  /** Origin at which the user signed in: the tenant's, or the custom domain. Default: the tenant's. */
  origin?: string
  /** Changes: members are replaced, `undefined` ones removed. */
  header?: JsonObject
  claims?: JsonObject
}

export interface Auth0Emulator extends Emulator {
  readonly keys: KeyRing
  /** Header and claims of a token as the tenant would sign it. */
  accessToken(options?: Auth0TokenOptions): { header: JsonObject & { kid: string; alg: string }; claims: JsonObject }
  mint(options?: Auth0TokenOptions): Promise<string>
  mintIdToken(claims?: JsonObject): Promise<string>
  /** What the tenant issues when no API was requested. */
  mintOpaque(kind?: 'jwe' | 'short', origin?: string): string
}

const OIDC_SCOPES = [
  'openid',
  'profile',
  'offline_access',
  'name',
  'given_name',
  'family_name',
  'nickname',
  'email',
  'email_verified',
  'picture',
  'created_at',
  'identities',
  'phone',
  'address',
]

/** A tenant of Auth0: its metadata, keys, sign-in and tokens, as they are documented. */
export function createAuth0Emulator(options: Auth0EmulatorOptions = {}): Auth0Emulator {
  const apis = options.apis ?? DEFAULT_APIS
  const users = options.users ?? DEFAULT_USERS
  const clients = [...(options.clients ?? DEFAULT_CLIENTS)]
  const now = options.now ?? Date.now
  const seconds = () => Math.floor(now() / 1000)
  const certificates = new Map<string, ReturnType<typeof certificateOf>>()
  const userInfo = new Map<string, Auth0User>()

  const keys = createKeyRing({
    alg: options.algorithm,
    keyId: () => randomBytes(16).toString('base64url').slice(0, 21),
    publish(key, { kty, n, e }) {
      const certificate = certificates.get(key.kid) ?? certificateOf(key, new URL(emulator.origin).host)
      certificates.set(key.kid, certificate)
      const { x5c, x5t } = certificate
      return { alg: key.alg, kty, use: 'sig', x5c, n, e, kid: key.kid, x5t }
    },
  })

  const apiNamed = (identifier: string) => apis.find(api => api.identifier === identifier)

  /** `audience` wins over `resource`, which counts with the compatibility profile only. */
  function requestedApi(parameters: URLSearchParams): string | undefined {
    const resource = options.resourceParameterProfile === 'audience' ? null : parameters.get('resource')
    return parameters.get('audience') ?? resource ?? undefined
  }

  function grant(requested: Grant): Grant {
    const identifier = requestedApi(requested.parameters)
    if (requested.grantType === 'client_credentials') return grantMachine(requested, identifier)
    if (identifier === undefined) return { ...requested, scopes: requested.scopes.filter(isOidc) }
    const api = apiNamed(identifier)
    if (!api) throw new OAuthFailure('access_denied', `Service not found: ${identifier}`)
    const { permissions = [] } = requested.user as Auth0User
    const scopes = requested.scopes.filter(
      scope => isOidc(scope) || (api.scopes.includes(scope) && (!hasRbac(api) || permissions.includes(scope))),
    )
    return { ...requested, scopes }
  }

  function grantMachine(requested: Grant, identifier = ''): Grant {
    const api = apiNamed(identifier)
    if (!api) throw new OAuthFailure('access_denied', `Service not enabled within domain: ${identifier}`, 403)
    const { clientId, apis: authorized = [] } = requested.client as Auth0Client
    if (!authorized.includes(identifier)) {
      const what = `Client "${clientId}" is not authorized to access resource server "${identifier}".`
      throw new OAuthFailure('access_denied', what, 403)
    }
    const asked = requested.scopes.length > 0 ? requested.scopes : api.scopes
    return { ...requested, scopes: asked.filter(scope => api.scopes.includes(scope)) }
  }

  async function issue({ client, user, scopes, parameters, origin }: Grant): Promise<JsonObject> {
    const audience = requestedApi(parameters)
    const { tokenLifetime = 86_400 } = apiNamed(audience ?? '') ?? {}
    const login = user?.login ?? null
    const accessToken =
      audience === undefined
        ? emulator.mintOpaque(undefined, origin)
        : await emulator.mint({ user: login, clientId: client.clientId, scopes, audience, origin })
    if (user) userInfo.set(accessToken, user as Auth0User)
    const idToken =
      user && scopes.includes('openid')
        ? await signIdToken(user as Auth0User, client.clientId, {
            iss: `${origin}/`,
            nonce: parameters.get('nonce') ?? undefined,
          })
        : undefined
    return {
      access_token: accessToken,
      id_token: idToken,
      scope: scopes.length > 0 ? scopes.join(' ') : undefined,
      expires_in: tokenLifetime,
      token_type: 'Bearer',
    }
  }

  const signIn = createSignIn({
    rotateRefreshTokens: options.rotateRefreshTokens,
    clients,
    users,
    now,
    grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    grant,
    issue,
    responseIssuer: options.issuerInResponses ? () => `${emulator.origin}/` : undefined,
    refreshable({ scopes, parameters }) {
      const identifier = requestedApi(parameters)
      // Without an API there is none that could forbid it.
      const isAllowed = identifier === undefined || apiNamed(identifier)?.allowOfflineAccess === true
      return scopes.includes('offline_access') && isAllowed
    },
  })

  function signIdToken(user: Auth0User, clientId: string, claims: JsonObject = {}): Promise<string> {
    const { kid, alg, privateKey } = keys.current
    const base = {
      nickname: user.login,
      name: user.name,
      picture: `https://cdn.auth0.com/avatars/${user.login.slice(0, 2)}.png`,
      updated_at: new Date(now()).toISOString(),
      email: user.email,
      email_verified: true,
      iss: `${emulator.origin}/`,
      aud: clientId,
      sub: user.user_id,
      iat: seconds(),
      exp: seconds() + 36_000,
      sid: randomBytes(24).toString('base64url'),
    }
    return signJwt({ alg, typ: 'JWT', kid }, emulator.without('id_token', { ...base, ...claims }), privateKey)
  }

  const register: Route = async request => {
    if (!options.dynamicRegistration) {
      const message = 'dynamic client registration is disabled'
      return Response.json({ statusCode: 400, error: 'Bad Request', message }, { status: 400 })
    }
    const { client_name, redirect_uris } = (await request.json()) as { client_name?: string; redirect_uris: string[] }
    const clientId = `tpc_${randomBytes(16).toString('base64url')}`
    clients.push({ clientId, redirectUris: redirect_uris })
    const body = { client_name, client_id: clientId, redirect_uris, token_endpoint_auth_method: 'none' }
    return Response.json(body, { status: 201 })
  }

  const describeUser: Route = request => {
    const user = userInfo.get(request.headers.get('authorization')?.replace(/^Bearer /, '') ?? '')
    if (!user) return new Response('Unauthorized', { status: 401 })
    const { user_id, login, name, email } = user
    return Response.json({ sub: user_id, nickname: login, name, email, email_verified: true })
  }

  const metadata: Route = request =>
    Response.json({
      ...metadataOf(new URL(request.url).origin),
      ...(options.clientIdMetadataDocuments && { client_id_metadata_document_supported: true }),
      ...(options.issuerInResponses && { authorization_response_iss_parameter_supported: true }),
    })

  const core = createEmulator(
    {
      routes: {
        'GET /.well-known/openid-configuration': metadata,
        'GET /.well-known/oauth-authorization-server': metadata,
        'GET /.well-known/jwks.json': () => Response.json({ keys: keys.published() }),
        'GET /authorize': signIn.authorize,
        'POST /authorize': signIn.authorize,
        'POST /oauth/token': signIn.token,
        'POST /oauth/revoke': signIn.revoke,
        'POST /oidc/register': register,
        'GET /userinfo': describeUser,
      },
      documents: {
        'GET /.well-known/openid-configuration': 'discovery',
        'GET /.well-known/oauth-authorization-server': 'discovery',
        'GET /.well-known/jwks.json': 'jwks',
        'POST /oauth/token': 'token',
        'GET /userinfo': 'userinfo',
      },
      origins: options.customDomain === undefined ? [] : [options.customDomain],
    },
    options,
  )

  const emulator: Auth0Emulator = Object.assign(core, {
    keys,
    accessToken(token: Auth0TokenOptions = {}) {
      const [first] = apis
      const { audience = first?.identifier ?? '', user: login = users[0]?.login, header, claims } = token
      const { origin = emulator.origin } = token
      const user = login === null ? undefined : users.find(candidate => candidate.login === login)
      const api = apiNamed(audience)
      const { dialect = api?.dialect ?? 'access_token', clientId = user ? 'native' : 'machine' } = token
      const scopes = token.scopes ?? [...(user ? ['openid', 'profile'] : []), ...(api?.scopes ?? [])]
      const isRfc9068 = dialect.startsWith('rfc9068')
      const { kid, alg } = keys.current
      return {
        header: { alg, typ: isRfc9068 ? 'at+jwt' : 'JWT', kid, ...header },
        claims: {
          iss: `${origin}/`,
          sub: user?.user_id ?? `${clientId}@clients`,
          aud: scopes.includes('openid') ? [audience, `${origin}/userinfo`] : audience,
          iat: seconds(),
          exp: seconds() + (api?.tokenLifetime ?? 86_400),
          scope: scopes.length > 0 ? scopes.join(' ') : undefined,
          org_id: user?.org_id,
          ...(isRfc9068
            ? { jti: randomBytes(16).toString('base64url'), client_id: clientId }
            : { gty: user ? undefined : 'client-credentials', azp: clientId }),
          ...(dialect.endsWith('authz') && { permissions: user ? (user.permissions ?? []) : scopes }),
          ...claims,
        },
      }
    },
    mint(token: Auth0TokenOptions = {}) {
      const { header, claims } = emulator.accessToken(token)
      return signJwt(header, claims, keys.current.privateKey)
    },
    mintIdToken: (claims: JsonObject = {}) => signIdToken(users[0] as Auth0User, 'native', claims),
    mintOpaque(kind = options.opaqueTokens ?? 'jwe', origin = emulator.origin) {
      if (kind === 'short') return secret().slice(0, 32)
      const header = JSON.stringify({ alg: 'dir', enc: 'A256GCM', iss: `${origin}/` })
      const parts = [Buffer.from(header), randomBytes(12), randomBytes(150), randomBytes(16)]
      const [head, iv, ciphertext, tag] = parts.map(part => part.toString('base64url'))
      return `${head}..${iv}.${ciphertext}.${tag}`
    },
  })
  return emulator
}

/** Members that are not here are not there: no `introspection_endpoint`, no `iss` parameter, no client id documents. */
function metadataOf(origin: string): JsonObject {
  return {
    issuer: `${origin}/`,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/oauth/token`,
    device_authorization_endpoint: `${origin}/oauth/device/code`,
    userinfo_endpoint: `${origin}/userinfo`,
    mfa_challenge_endpoint: `${origin}/mfa/challenge`,
    jwks_uri: `${origin}/.well-known/jwks.json`,
    // There even when registration is off.
    registration_endpoint: `${origin}/oidc/register`,
    revocation_endpoint: `${origin}/oauth/revoke`,
    scopes_supported: OIDC_SCOPES,
    response_types_supported: ['code', 'token', 'id_token', 'code token', 'code id_token', 'token id_token'],
    code_challenge_methods_supported: ['S256', 'plain'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    id_token_signing_alg_values_supported: ['HS256', 'RS256', 'PS256'],
    dpop_signing_alg_values_supported: ['ES256'],
    request_uri_parameter_supported: false,
    request_parameter_supported: false,
  }
}

function isOidc(scope: string): boolean {
  return OIDC_SCOPES.includes(scope)
}

function hasRbac({ dialect = 'access_token' }: Auth0Api): boolean {
  return dialect.endsWith('authz')
}

const DEFAULT_APIS: readonly Auth0Api[] = [
  { identifier: 'https://mcp.example.com/mcp', scopes: ['notes:read', 'notes:write'], allowOfflineAccess: true },
]

const DEFAULT_USERS: readonly Auth0User[] = [
  {
    login: 'ada',
    user_id: 'auth0|64b6f2a1c0ffee0000000001',
    name: 'Ada Example',
    email: 'ada@example.com',
    permissions: ['notes:read', 'notes:write'],
  },
  {
    login: 'cleo',
    user_id: 'auth0|64b6f2a1c0ffee0000000003',
    name: 'Cleo Example',
    email: 'cleo@example.com',
    permissions: ['notes:read'],
  },
]

const DEFAULT_CLIENTS: readonly Auth0Client[] = [
  { clientId: 'native', redirectUris: ['http://localhost:8766/callback'] },
  { clientId: 'machine', clientSecret: 'machine-secret', apis: ['https://mcp.example.com/mcp'] },
]
