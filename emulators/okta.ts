import { randomBytes } from 'node:crypto'
import { createEmulator, type Emulator, type EmulatorOptions, formOf, type Route } from './core/emulator.ts'
import { createKeyRing, type JsonObject, type KeyRing, signJwt } from './core/keys.ts'
import { type Client, createSignIn, type Grant, OAuthFailure, type User } from './core/sign-in.ts'

/** `id` is the immutable one, `login` the login name. `scopes` are those that the access policy lets the user have. */
export interface OktaUser extends User {
  readonly id: string
  readonly scopes?: readonly string[]
  /** Further claims at the userinfo endpoint: `email`, `groups`. */
  readonly claims?: JsonObject
}

export interface OktaEmulatorOptions extends EmulatorOptions {
  /** Id of the custom authorization server. Default `default`. */
  authorizationServerId?: string
  /** Its audience, one fixed text. Default `https://mcp.example.com/mcp`; Okta's own for `default` is `api://default`. */
  audience?: string
  /** Its custom scopes, marked publicly discoverable. Default `notes:read` and `notes:write`. */
  scopes?: readonly string[]
  /** Default: `ada@example.com`, who may have every scope, and `cleo@example.com`, who may have `notes:read`. */
  users?: readonly OktaUser[]
  /** Default: `native`, public, `machine` and `introspector`, which have `{client id}-secret`. */
  clients?: readonly Client[]
}

export interface OktaTokenOptions {
  /**
   * Whose it is, and made by which authorization server. `agent`: got by token exchange, `org`: by the org authorization
   * server. Default `user`.
   */
  kind?: 'user' | 'service' | 'agent' | 'org'
  /** Default: the first user. */
  login?: string
  /** Default `native`, for a service `machine`. */
  clientId?: string
  /** Default: all custom scopes. */
  scopes?: readonly string[]
  /** Changes: members are replaced, `undefined` ones removed. */
  header?: JsonObject
  claims?: JsonObject
}

export interface OktaEmulator extends Emulator {
  /** Issuer of the custom authorization server. */
  issuer(): string
  /** Of the custom authorization server. */
  readonly keys: KeyRing
  /** Header and claims of an access token as Okta would sign it. */
  accessToken(options?: OktaTokenOptions): {
    header: JsonObject & { kid: string; alg: string }
    claims: JsonObject & { iss: string; exp: number }
  }
  /** Signs an access token, which introspection then knows. */
  mint(options?: OktaTokenOptions): Promise<string>
  mintIdToken(claims?: JsonObject): Promise<string>
  /** Introspection answers `active: false` from now on. */
  revoke(token: string): void
}

const OIDC_SCOPES = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access']
const KEYS_MAX_AGE = 3_853_217

/** An Okta org with its own authorization server and one custom one: metadata, keys, sign-in, tokens and introspection. */
export function createOktaEmulator(options: OktaEmulatorOptions = {}): OktaEmulator {
  const {
    authorizationServerId = 'default',
    audience = 'https://mcp.example.com/mcp',
    scopes: customScopes = ['notes:read', 'notes:write'],
    users = DEFAULT_USERS,
    clients = DEFAULT_CLIENTS,
    now = Date.now,
  } = options
  const seconds = () => Math.floor(now() / 1000)
  const keyRing = () =>
    createKeyRing({
      keyId: () => randomBytes(32).toString('base64url'),
      publish: ({ alg, kid }, { kty, n, e }) => ({ kty, alg, kid, use: 'sig', e, n }),
    })
  const keys = keyRing()
  // The org publishes the keys of its ID tokens. Those of its access tokens are other ones, and nowhere to be had.
  const orgIdTokenKeys = keyRing()
  const orgAccessTokenKeys = keyRing()
  const introspectable = new Map<string, { claims: JsonObject; issuer: string }>()

  const customPath = `/oauth2/${authorizationServerId}`
  const issuer = () => emulator.origin + customPath

  function grant(known: readonly string[]) {
    return (requested: Grant): Grant => {
      const unknown = requested.scopes.find(scope => !OIDC_SCOPES.includes(scope) && !known.includes(scope))
      if (unknown !== undefined) {
        throw new OAuthFailure(
          'invalid_scope',
          'One or more scopes are not configured for the authorization server resource.',
        )
      }
      const allowed = (requested.user as OktaUser | undefined)?.scopes ?? known
      if (requested.scopes.some(scope => known.includes(scope) && !allowed.includes(scope))) {
        throw new OAuthFailure('access_denied', 'no_matching_policy')
      }
      return requested
    }
  }

  const signInAt = (kind: 'custom' | 'org') =>
    createSignIn({
      rotateRefreshTokens: options.rotateRefreshTokens,
      clients,
      users,
      now,
      grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
      // Ports count, on loopback too.
      redirectAllowed: (uri, client) => client.redirectUris?.includes(uri) === true,
      grant: grant(kind === 'custom' ? customScopes : []),
      refreshable: ({ scopes }) => scopes.includes('offline_access'),
      async issue({ client, user, scopes, parameters }) {
        const accessToken = await emulator.mint({
          kind: kind === 'org' ? 'org' : user ? 'user' : 'service',
          login: user?.login,
          clientId: client.clientId,
          scopes,
        })
        const idToken =
          user && scopes.includes('openid')
            ? await signIdToken(user as OktaUser, client.clientId, kind, {
                nonce: parameters.get('nonce') ?? undefined,
              })
            : undefined
        return {
          token_type: 'Bearer',
          expires_in: 3600,
          access_token: accessToken,
          scope: scopes.join(' '),
          id_token: idToken,
        }
      },
    })
  const custom = signInAt('custom')
  const org = signInAt('org')

  function signIdToken(user: OktaUser, clientId: string, kind: 'custom' | 'org', changes: JsonObject = {}) {
    const { kid, alg, privateKey } = (kind === 'org' ? orgIdTokenKeys : keys).current
    const claims = {
      sub: user.id,
      ver: 1,
      iss: kind === 'org' ? emulator.origin : issuer(),
      aud: clientId,
      iat: seconds(),
      exp: seconds() + 3600,
      jti: `ID.${randomBytes(32).toString('base64url')}`,
      amr: ['pwd'],
      idp: '00o1a2b3c4d5e6f7g8h9',
      auth_time: seconds(),
      ...changes,
    }
    return signJwt({ kid, alg }, emulator.without('id_token', claims), privateKey)
  }

  /** A token of one authorization server is unknown to the other. */
  const userInfo: Route = request => {
    const token = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
    const id = introspectable.get(token)?.claims.uid
    const user = users.find(candidate => candidate.id === id)
    if (!user)
      return new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
    return Response.json({ sub: user.id, preferred_username: user.login, ...user.claims })
  }

  function introspect(signIn: typeof custom, issuerOf: () => string): Route {
    return async request => {
      const form = await formOf(request)
      try {
        await signIn.authenticate(request, form)
      } catch {
        const body = { error: 'invalid_client', error_description: 'No client credentials found.' }
        return Response.json(body, { status: 401 })
      }
      const found = introspectable.get(form.get('token') ?? '')
      if (found?.issuer !== issuerOf() || Number(found.claims.exp) <= seconds()) return Response.json({ active: false })
      const { cid, scp, scope, ...claims } = found.claims
      return Response.json({
        active: true,
        scope: Array.isArray(scp) ? scp.join(' ') : scope,
        username: claims.uid === undefined ? undefined : claims.sub,
        exp: claims.exp,
        iat: claims.iat,
        sub: claims.sub,
        aud: claims.aud,
        iss: claims.iss,
        jti: claims.jti,
        token_type: 'Bearer',
        client_id: cid,
        uid: claims.uid,
        ...(claims.cnf ? { cnf: claims.cnf } : {}),
      })
    }
  }

  const keySet = (ring: KeyRing): Route => {
    const headers = { 'cache-control': `max-age=${KEYS_MAX_AGE}, must-revalidate` }
    return () => Response.json({ keys: ring.published() }, { headers })
  }
  const oidcDocument: Route = () => Response.json(metadata(emulator.origin, customPath, customScopes))
  const orgDocument = () => metadata(emulator.origin, '', [])

  const core = createEmulator(
    {
      routes: {
        [`GET ${customPath}/.well-known/openid-configuration`]: oidcDocument,
        [`GET ${customPath}/.well-known/oauth-authorization-server`]: oidcDocument,
        [`GET /.well-known/oauth-authorization-server${customPath}`]: oidcDocument,
        [`GET ${customPath}/v1/keys`]: keySet(keys),
        [`GET ${customPath}/v1/authorize`]: custom.authorize,
        [`POST ${customPath}/v1/authorize`]: custom.authorize,
        [`POST ${customPath}/v1/token`]: custom.token,
        [`GET ${customPath}/v1/userinfo`]: userInfo,
        [`POST ${customPath}/v1/revoke`]: custom.revoke,
        [`POST ${customPath}/v1/introspect`]: introspect(custom, issuer),
        'GET /.well-known/openid-configuration': () => Response.json(orgDocument()),
        'GET /.well-known/oauth-authorization-server': () => {
          const { jwks_uri: _, ...document } = orgDocument()
          return Response.json({ ...document, scopes_supported: ['okta.users.read', 'okta.clients.manage'] })
        },
        'GET /oauth2/v1/keys': keySet(orgIdTokenKeys),
        'GET /oauth2/v1/authorize': org.authorize,
        'POST /oauth2/v1/authorize': org.authorize,
        'POST /oauth2/v1/token': org.token,
        'GET /oauth2/v1/userinfo': userInfo,
        'POST /oauth2/v1/revoke': org.revoke,
        'POST /oauth2/v1/introspect': introspect(org, () => emulator.origin),
        // Administrators only. That anonymous clients are refused is documented; how, is not.
        'POST /oauth2/v1/clients': () => failure('E0000005', 'Invalid session', 403),
      },
      documents: {
        [`GET ${customPath}/.well-known/openid-configuration`]: 'discovery',
        [`GET ${customPath}/.well-known/oauth-authorization-server`]: 'discovery',
        [`GET /.well-known/oauth-authorization-server${customPath}`]: 'discovery',
        'GET /.well-known/openid-configuration': 'discovery',
        'GET /.well-known/oauth-authorization-server': 'discovery',
        [`GET ${customPath}/v1/keys`]: 'jwks',
        'GET /oauth2/v1/keys': 'jwks',
        [`POST ${customPath}/v1/token`]: 'token',
        'POST /oauth2/v1/token': 'token',
        [`GET ${customPath}/v1/userinfo`]: 'userinfo',
        'GET /oauth2/v1/userinfo': 'userinfo',
        [`POST ${customPath}/v1/introspect`]: 'introspection',
        'POST /oauth2/v1/introspect': 'introspection',
      },
      notFound: () => failure('E0000007', 'Not found: Resource not found', 404),
    },
    options,
  )

  const emulator: OktaEmulator = Object.assign(core, {
    issuer,
    keys,
    accessToken({ kind = 'user', scopes = customScopes, login, header, ...token }: OktaTokenOptions = {}) {
      const user = users.find(candidate => candidate.login === login) ?? users[0]
      const { clientId = kind === 'service' ? 'machine' : 'native' } = token
      const { kid, alg } = (kind === 'org' ? orgAccessTokenKeys : keys).current
      return {
        header: { kid, alg, ...header },
        claims: {
          ver: 1,
          jti: `AT.${randomBytes(32).toString('base64url')}`,
          iss: kind === 'org' ? emulator.origin : issuer(),
          aud: kind === 'org' ? emulator.origin : audience,
          iat: seconds(),
          exp: seconds() + 3600,
          ...(kind === 'agent'
            ? {
                scope: scopes.join('+'),
                sub: user?.login,
                sub_profile: 'user',
                act: { sub: clientId },
                delegated_through: [clientId],
                origin: emulator.origin,
              }
            : kind === 'service'
              ? { cid: clientId, scp: scopes, sub: clientId }
              : { cid: clientId, uid: user?.id, scp: scopes, auth_time: seconds(), sub: user?.login }),
          ...token.claims,
        },
      }
    },
    async mint(token: OktaTokenOptions = {}) {
      const { header, claims } = emulator.accessToken(token)
      const ring = token.kind === 'org' ? orgAccessTokenKeys : keys
      const jwt = await signJwt(header, claims, ring.current.privateKey)
      introspectable.set(jwt, {
        claims: claims as JsonObject,
        issuer: token.kind === 'org' ? emulator.origin : issuer(),
      })
      return jwt
    },
    mintIdToken: (claims: JsonObject = {}) => signIdToken(users[0] as OktaUser, 'native', 'custom', claims),
    revoke: (token: string) => void introspectable.delete(token),
  })
  return emulator
}

/** The registration endpoint is the org's for every authorization server. There is no `iss` parameter. */
function metadata(origin: string, path: string, customScopes: readonly string[]) {
  const base = `${origin}${path || '/oauth2'}/v1`
  const authMethods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none']
  return {
    issuer: origin + path,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    userinfo_endpoint: `${base}/userinfo`,
    registration_endpoint: `${origin}/oauth2/v1/clients`,
    jwks_uri: `${base}/keys`,
    response_types_supported: [
      'code',
      'id_token',
      'code id_token',
      'code token',
      'id_token token',
      'code id_token token',
    ],
    response_modes_supported: ['query', 'fragment', 'form_post', 'okta_post_message'],
    grant_types_supported: ['authorization_code', 'implicit', 'refresh_token', 'password', 'client_credentials'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: [...customScopes, ...OIDC_SCOPES],
    token_endpoint_auth_methods_supported: authMethods,
    code_challenge_methods_supported: ['S256'],
    introspection_endpoint: `${base}/introspect`,
    introspection_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint: `${base}/revoke`,
    end_session_endpoint: `${base}/logout`,
  }
}

function failure(errorCode: string, errorSummary: string, status: number): Response {
  const errorId = `oae${randomBytes(16).toString('base64url')}`
  return Response.json({ errorCode, errorSummary, errorLink: errorCode, errorId, errorCauses: [] }, { status })
}

const DEFAULT_USERS: readonly OktaUser[] = [
  { login: 'ada@example.com', id: '00u1ada2b3c4d5e6f7g8' },
  { login: 'cleo@example.com', id: '00u1cleo3c4d5e6f7g8h', scopes: ['notes:read'] },
]

const DEFAULT_CLIENTS: readonly Client[] = [
  { clientId: 'native', redirectUris: ['http://localhost:8766/callback'] },
  { clientId: 'machine', clientSecret: 'machine-secret' },
  { clientId: 'introspector', clientSecret: 'introspector-secret' },
]
