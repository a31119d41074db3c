import { randomUUID } from 'node:crypto'
import { createEmulator, type Emulator, type EmulatorOptions, formOf, type Route } from './core/emulator.ts'
import { createKeyRing, type JsonObject, type KeyRing, signJwt } from './core/keys.ts'
import { type Client, createSignIn, type Grant, OAuthFailure, secret, type User } from './core/sign-in.ts'
import { type Product, type ProductName, products, type TokenFacts } from './oidc-products.ts'

export interface OidcUser extends User {
  readonly id: string
  readonly roles?: readonly string[]
  /** Further claims of ID tokens: `email`, `groups`. */
  readonly claims?: JsonObject
}

export interface OidcEmulatorOptions extends EmulatorOptions {
  /** Whose departures it shows. Default `generic`: RFC 8414, RFC 9068, RFC 7662. */
  product?: ProductName
  /** Default: as the product has it, which is `jwt` but for Logto without audience. */
  tokens?: 'jwt' | 'opaque'
  /**
   * What the console has been told to put into `aud`: a mapper, a resource, a project. `null`: nothing. Products that put
   * something of their own there do so all the same. Default `https://mcp.example.com/mcp`.
   */
  audience?: string | null
  /** Scopes that clients may have beside those of OpenID Connect. Default `notes:read` and `notes:write`. */
  scopes?: readonly string[]
  /**
   * Claims of the access token that UserInfo repeats beside what it says about the user: OpenID Connect Core §5.3.2 lets it return
   * claims that are specified nowhere. Default: none.
   */
  userInfoClaims?: readonly string[]
  /** Whether a refresh token is good for once, and its second use ends all that came of it (RFC 9700 §4.14.2). Default false. */
  rotateRefreshTokens?: boolean
  /** How long a used refresh token is still taken, where they rotate (Okta and Auth0 have a setting for it). Default 0. */
  reuseSeconds?: number
  /** Default: `ada` and `cleo`. */
  users?: readonly OidcUser[]
  /** Default: `native`, public, `machine` and `introspector`, which have `{client id}-secret`. */
  clients?: readonly Client[]
}

export interface OidcTokenOptions {
  /** `login` of the user, or `null` for a client's own token. Default: the first user. */
  user?: string | null
  /** Default `native`, for a client's own token `machine`. */
  clientId?: string
  /** Default: all scopes of the emulator. */
  scopes?: readonly string[]
  /** Changes: members are replaced, `undefined` ones removed. */
  header?: JsonObject
  claims?: JsonObject
}

export interface OidcEmulator extends Emulator {
  issuer(): string
  readonly keys: KeyRing
  /** Header and claims of an access token; of an opaque one the claims are what introspection answers. */
  accessToken(options?: OidcTokenOptions): {
    header: JsonObject & { kid: string; alg: string }
    claims: JsonObject & { iss: string; exp: number }
  }
  mint(options?: OidcTokenOptions): Promise<string>
  mintIdToken(claims?: JsonObject): Promise<string>
  /** Introspection answers `active: false` from now on. */
  revoke(token: string): void
}

const OIDC_SCOPES = ['openid', 'profile', 'email', 'offline_access']

/** Any OpenID provider, or one of the products that the generic adapters are used with. */
export function createOidcEmulator(options: OidcEmulatorOptions = {}): OidcEmulator {
  const product: Product = products[options.product ?? 'generic']
  const {
    scopes: ownScopes = ['notes:read', 'notes:write'],
    users = USERS,
    clients = CLIENTS,
    userInfoClaims = [],
    now = Date.now,
  } = options
  const audience = options.audience === undefined ? 'https://mcp.example.com/mcp' : options.audience
  const seconds = () => Math.floor(now() / 1000)
  const issuer = () => emulator.origin + (product.issuerPath ?? product.path)
  const keys = createKeyRing(product.keys)
  const idTokenKeys = product.idTokenKeys ? createKeyRing(product.keys) : keys
  for (const jwk of product.otherKeys ?? []) keys.publishAlso(jwk)
  const active = new Map<string, JsonObject>()

  const signIn = createSignIn({
    clients,
    users,
    now,
    grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    assertionAudiences: () => [issuer(), emulator.origin + product.token],
    refreshable: ({ scopes }) => scopes.includes('offline_access'),
    rotateRefreshTokens: options.rotateRefreshTokens,
    detectReuse: options.rotateRefreshTokens,
    reuseSeconds: options.reuseSeconds,
    responseIssuer: product.metadata?.authorization_response_iss_parameter_supported ? issuer : undefined,
    grant(requested: Grant) {
      const unknown = requested.scopes.find(
        scope => !OIDC_SCOPES.includes(scope) && !ownScopes.includes(scope) && !scope.startsWith('urn:zitadel:iam:'),
      )
      if (unknown !== undefined) throw new OAuthFailure('invalid_scope')
      return requested
    },
    async issue({ client, user, scopes, parameters }) {
      const { clientId } = client
      const accessToken = await emulator.mint({ user: user?.login ?? null, clientId, scopes })
      const nonce = parameters.get('nonce') ?? undefined
      const idToken =
        user && scopes.includes('openid') ? await signIdToken(user as OidcUser, clientId, { nonce }) : undefined
      const scope = scopes.join(' ')
      return { access_token: accessToken, token_type: 'Bearer', expires_in: 3600, scope, id_token: idToken }
    },
  })

  function factsOf({ user: login, clientId, scopes = ownScopes }: OidcTokenOptions): TokenFacts {
    const found = login === null ? undefined : (users.find(user => user.login === login) ?? users[0])
    return {
      issuer: issuer(),
      clientId: clientId ?? (found ? 'native' : 'machine'),
      user: found && { login: found.login, id: found.id, roles: found.roles ?? [] },
      scopes,
      audience,
      now: seconds(),
    }
  }

  function signIdToken(user: OidcUser, clientId: string, changes: JsonObject = {}): Promise<string> {
    const { kid, alg, privateKey } = idTokenKeys.current
    const claims = {
      iss: issuer(),
      sub: user.id,
      aud: clientId,
      iat: seconds(),
      exp: seconds() + 3600,
      ...user.claims,
      ...product.idTokenClaims?.(factsOf({ user: user.login, clientId })),
      ...changes,
    }
    return signJwt({ alg, kid }, emulator.without('id_token', claims), privateKey)
  }

  const introspect: Route = async request => {
    const form = await formOf(request)
    try {
      if ((await signIn.authenticate(request, form)).clientSecret === undefined)
        throw new OAuthFailure('invalid_client')
    } catch {
      const headers = { 'www-authenticate': 'Basic realm="introspection"' }
      return Response.json({ error: 'invalid_client' }, { status: 401, headers })
    }
    const claims = active.get(form.get('token') ?? '')
    if (!claims || Number(claims.exp) <= seconds()) return Response.json({ active: false })
    return Response.json({ active: true, token_type: 'Bearer', ...claims })
  }

  /** OpenID Connect Core 1.0 §5.3, errors as in RFC 6750 §3.1. */
  const userInfo: Route = request => {
    const token = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
    const claims = active.get(token)
    const user = users.find(({ id }) => id === claims?.sub)
    if (!user || Number(claims?.exp) <= seconds()) {
      const headers = { 'www-authenticate': 'Bearer error="invalid_token"' }
      return Response.json({ error: 'invalid_token' }, { status: 401, headers })
    }
    const repeated = Object.fromEntries(userInfoClaims.map(name => [name, claims?.[name]]))
    return Response.json({ sub: user.id, ...user.claims, ...repeated })
  }

  const metadata: Route = () => {
    const at = (path: string | undefined) => path && emulator.origin + path
    return Response.json({
      issuer: issuer(),
      authorization_endpoint: at(product.authorization),
      token_endpoint: at(product.token),
      jwks_uri: at(product.jwks),
      introspection_endpoint: at(product.introspection),
      revocation_endpoint: at(product.revocation),
      userinfo_endpoint: at(product.userInfo),
      registration_endpoint: at(product.registration),
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [keys.current.alg],
      scopes_supported: [...OIDC_SCOPES, ...ownScopes],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
      code_challenge_methods_supported: ['S256'],
      ...product.metadata,
    })
  }

  const core = createEmulator(
    {
      routes: {
        [`GET ${product.path}/.well-known/openid-configuration`]: metadata,
        ...(product.rfc8414 ? { [`GET /.well-known/oauth-authorization-server${product.path}`]: metadata } : {}),
        [`GET ${product.jwks}`]: () => {
          const others = idTokenKeys === keys ? [] : idTokenKeys.published()
          return Response.json({ keys: [...keys.published(), ...others] })
        },
        [`GET ${product.authorization}`]: signIn.authorize,
        [`POST ${product.authorization}`]: signIn.authorize,
        [`POST ${product.token}`]: signIn.token,
        ...(product.revocation ? { [`POST ${product.revocation}`]: signIn.revoke } : {}),
        ...(product.introspection ? { [`POST ${product.introspection}`]: introspect } : {}),
        ...(product.userInfo ? { [`GET ${product.userInfo}`]: userInfo } : {}),
      },
      documents: {
        [`GET ${product.path}/.well-known/openid-configuration`]: 'discovery',
        [`GET /.well-known/oauth-authorization-server${product.path}`]: 'discovery',
        [`GET ${product.jwks}`]: 'jwks',
        [`POST ${product.token}`]: 'token',
        [`POST ${product.introspection}`]: 'introspection',
        [`GET ${product.userInfo}`]: 'userinfo',
      },
    },
    options,
  )

  const emulator: OidcEmulator = Object.assign(core, {
    issuer,
    keys,
    accessToken(token: OidcTokenOptions = {}) {
      const facts = factsOf(token)
      const { kid, alg } = keys.current
      return {
        header: { alg, kid, ...product.header?.(keys.current), ...token.header },
        claims: {
          iss: facts.issuer,
          sub: facts.user?.id ?? facts.clientId,
          client_id: facts.clientId,
          scope: facts.scopes.join(' '),
          iat: facts.now,
          exp: facts.now + 3600,
          jti: randomUUID(),
          ...product.claims?.(facts),
          ...token.claims,
        },
      }
    },
    async mint(token: OidcTokenOptions = {}) {
      const { header, claims } = emulator.accessToken(token)
      const opaque = options.tokens ? options.tokens === 'opaque' : product.opaque?.(factsOf(token))
      const text = opaque ? secret() : await signJwt(header, claims, keys.current.privateKey)
      active.set(text, claims)
      return text
    },
    mintIdToken: (claims: JsonObject = {}) => signIdToken(users[0] as OidcUser, 'native', claims),
    revoke: (token: string) => void active.delete(token),
  })
  return emulator
}

const USERS: readonly OidcUser[] = [
  { login: 'ada', id: '7b9f2c64-0000-4000-8000-000000000001', roles: ['notes-editor'] },
  { login: 'cleo', id: '7b9f2c64-0000-4000-8000-000000000003' },
]

const CLIENTS: readonly Client[] = [
  { clientId: 'native', redirectUris: ['http://localhost:8766/callback'] },
  { clientId: 'machine', clientSecret: 'machine-secret' },
  { clientId: 'introspector', clientSecret: 'introspector-secret' },
]
