import { randomBytes } from 'node:crypto'
import { createEmulator, type Emulator, type EmulatorOptions, formOf } from './core/emulator.ts'
import { createKeyRing, type JsonObject, type KeyRing, signJwt } from './core/keys.ts'
import { type Client, createSignIn, type Grant, OAuthFailure, type User } from './core/sign-in.ts'

export interface GoogleUser extends User {
  /** Digits. */
  readonly sub: string
  readonly email: string
  readonly emailVerified: boolean
  /** Of a Workspace account; in ID tokens and at UserInfo, not at tokeninfo. */
  readonly hostedDomain?: string
}

export interface GoogleClient extends Client {
  /** Google demands one of every client, PKCE or not. */
  readonly clientSecret: string
  /** A desktop client takes any port and path on 127.0.0.1 and has no list; a web client takes what is registered. */
  readonly type: 'desktop' | 'web'
}

export interface GoogleEmulatorOptions extends EmulatorOptions {
  clients?: readonly [GoogleClient, ...GoogleClient[]]
  users?: readonly [GoogleUser, ...GoogleUser[]]
}

export interface GoogleEmulator extends Emulator {
  readonly keys: KeyRing
  /**
   * An access token of a user.
   *
   * @param info - What tokeninfo says about it otherwise; `undefined` leaves a member out. `exp` counts. `hd` is said at UserInfo only;
   *   default: that of the first user, for another address its domain.
   */
  mint(info?: JsonObject, scopes?: readonly string[]): string
  /** An access token of a service account (`ya29.c.`): tokeninfo names a number for client and nobody for user. */
  mintForServiceAccount(): string
  /** An ID token of a service account for an audience, `claims` and `header` changed; `undefined` leaves a member out. */
  mintIdToken(audience: string, claims?: JsonObject, header?: JsonObject): Promise<string>
  /** An ID token of a user for the first client. */
  mintUserIdToken(): Promise<string>
  revoke(accessToken: string): void
}

export const googleDefaults = {
  client: {
    clientId: '123456789012-emulator.apps.googleusercontent.com',
    clientSecret: 'GOCSPX-emulator',
    type: 'desktop',
  },
  users: [
    {
      login: 'ada',
      sub: '110000000000000000001',
      email: 'ada@example.com',
      emailVerified: true,
      hostedDomain: 'example.com',
    },
    { login: 'ben', sub: '110000000000000000002', email: 'ben@gmail.com', emailVerified: true },
  ],
  serviceAccount: { id: '120000000000000000003', email: 'robot@project.iam.gserviceaccount.com' },
} as const

const SCOPES: Readonly<Record<string, string>> = {
  openid: 'openid',
  email: 'https://www.googleapis.com/auth/userinfo.email',
  profile: 'https://www.googleapis.com/auth/userinfo.profile',
}
const LIFE_SECONDS = 3599

/** Google Accounts with its token endpoint and tokeninfo, which the real one has on other hosts. */
export function createGoogleEmulator(options: GoogleEmulatorOptions = {}): GoogleEmulator {
  const clients = options.clients ?? [googleDefaults.client]
  const users = options.users ?? googleDefaults.users
  const keys = createKeyRing({ keyId: () => randomBytes(20).toString('hex') })
  /** What tokeninfo says, by access token. */
  const tokens = new Map<string, JsonObject>()
  const consents = new Set<string>()
  const isReal = () => emulator.origin === 'https://accounts.google.com'
  const at = (host: string, path: string) => (isReal() ? `https://${host}` : emulator.origin) + path
  const nowSeconds = () => Math.floor(emulator.now() / 1000)

  function issueAccessToken(info: JsonObject, prefix = 'ya29.a0'): string {
    const token = prefix + randomBytes(90).toString('base64url')
    const all = { exp: String(nowSeconds() + LIFE_SECONDS), access_type: 'online', ...info }
    tokens.set(token, JSON.parse(JSON.stringify(all)) as JsonObject) // drops members that are undefined
    return token
  }

  function infoOf(client: Client, user: GoogleUser, scopes: readonly string[], accessType = 'online'): JsonObject {
    const knowsUser = Object.values(SCOPES).some(scope => scopes.includes(scope))
    return {
      azp: client.clientId,
      aud: client.clientId,
      ...(knowsUser && { sub: user.sub, hd: user.hostedDomain }),
      scope: scopes.join(' '),
      ...(scopes.includes(SCOPES.email as string) && {
        email: user.email,
        email_verified: String(user.emailVerified),
      }),
      access_type: accessType,
    }
  }

  function signIdToken(claims: JsonObject, header: JsonObject = {}): Promise<string> {
    const { kid, privateKey } = keys.current
    const issuedAt = nowSeconds()
    return signJwt(
      { alg: 'RS256', kid, typ: 'JWT', ...header },
      emulator.without('id_token', { iss: emulator.origin, iat: issuedAt, exp: issuedAt + 3600, ...claims }),
      privateKey,
    )
  }

  function userIdToken({ clientId }: Client, user: GoogleUser, nonce?: string): Promise<string> {
    return signIdToken({
      azp: clientId,
      aud: clientId,
      sub: user.sub,
      ...(user.hostedDomain && { hd: user.hostedDomain }),
      email: user.email,
      email_verified: user.emailVerified,
      nonce,
    })
  }

  const signIn = createSignIn({
    rotateRefreshTokens: options.rotateRefreshTokens,
    clients,
    users,
    now: () => emulator.now(),
    pkce: 'optional',
    redirectAllowed(uri, client) {
      if ((client as GoogleClient).type === 'web') return client.redirectUris?.includes(uri) ?? false
      return /^http:\/\/127\.0\.0\.1(:\d+)?(\/|$)/.test(uri)
    },
    // `resource` is ignored. Scopes are Google's own; offline_access is not among them.
    grant(requested) {
      const foreign = requested.scopes.find(scope => !SCOPES[scope] && !/^https:\/\/www\.googleapis\.com\//.test(scope))
      if (foreign !== undefined)
        throw new OAuthFailure('invalid_scope', `Some requested scopes were invalid: ${foreign}`)
      return { ...requested, scopes: [...new Set(requested.scopes.map(scope => SCOPES[scope] ?? scope))] }
    },
    async issue(grant) {
      const { client, scopes, parameters } = grant
      const user = grant.user as GoogleUser
      return {
        access_token: issueAccessToken(infoOf(client, user, scopes, parameters.get('access_type') ?? undefined)),
        expires_in: LIFE_SECONDS,
        scope: scopes.join(' '),
        token_type: 'Bearer',
        ...(scopes.includes('openid') && {
          id_token: await userIdToken(client, user, parameters.get('nonce') ?? undefined),
        }),
      }
    },
    refreshable: offlineAccess,
    // Sent since 2026-02. The metadata does not say so.
    responseIssuer: () => emulator.origin,
  })

  /** A second refresh token of the same user and client takes `prompt=consent`. */
  function offlineAccess({ grantType, client, user, parameters }: Grant): boolean {
    if (grantType === 'refresh_token') return true
    if (parameters.get('access_type') !== 'offline') return false
    const consent = `${client.clientId} ${user?.login}`
    const isFirst = !consents.has(consent)
    consents.add(consent)
    return isFirst || parameters.get('prompt') === 'consent'
  }

  async function tokenEndpoint(request: Request): Promise<Response> {
    const form = await formOf(request.clone())
    if (!form.has('client_secret') && !request.headers.has('authorization')) {
      const body = { error: 'invalid_request', error_description: 'client_secret is missing.' }
      return Response.json(body, { status: 400 })
    }
    return signIn.token(request, {})
  }

  function accessTokenOf(request: Request): string {
    const bearer = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    return bearer ?? new URL(request.url).searchParams.get('access_token') ?? ''
  }

  function validInfo(request: Request): JsonObject | undefined {
    const info = tokens.get(accessTokenOf(request))
    return Number(info?.exp) <= nowSeconds() ? undefined : info
  }

  function tokenInfo(request: Request): Response {
    const info = validInfo(request)
    if (!info) return Response.json({ error: 'invalid_token', error_description: 'Invalid Value' }, { status: 400 })
    const left = Number(info.exp) - nowSeconds()
    const { hd: _, ...said } = info
    return Response.json({ ...said, ...(Number.isFinite(left) && { expires_in: String(left) }) })
  }

  function userInfo(request: Request): Response {
    const info = validInfo(request)
    if (!info)
      return Response.json({ error: 'invalid_request', error_description: 'Invalid Credentials' }, { status: 401 })
    const { sub, email, hd } = info
    return Response.json({ sub, email, email_verified: info.email_verified === 'true', hd })
  }

  const emulator = createEmulator(
    {
      origins: ['https://oauth2.googleapis.com', 'https://openidconnect.googleapis.com', 'https://www.googleapis.com'],
      routes: {
        'GET /.well-known/openid-configuration': () =>
          Response.json({
            issuer: emulator.origin,
            authorization_endpoint: `${emulator.origin}/o/oauth2/v2/auth`,
            device_authorization_endpoint: at('oauth2.googleapis.com', '/device/code'),
            token_endpoint: at('oauth2.googleapis.com', '/token'),
            userinfo_endpoint: at('openidconnect.googleapis.com', '/v1/userinfo'),
            revocation_endpoint: at('oauth2.googleapis.com', '/revoke'),
            jwks_uri: at('www.googleapis.com', '/oauth2/v3/certs'),
            response_types_supported: ['code'],
            subject_types_supported: ['public'],
            id_token_signing_alg_values_supported: ['RS256'],
            scopes_supported: ['openid', 'email', 'profile'],
            token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
            code_challenge_methods_supported: ['plain', 'S256'],
          }),
        'GET /oauth2/v3/certs': () =>
          Response.json({ keys: keys.published() }, { headers: { 'cache-control': 'public, max-age=21600' } }),
        'GET /o/oauth2/v2/auth': signIn.authorize,
        'POST /o/oauth2/v2/auth': signIn.authorize,
        'POST /token': tokenEndpoint,
        'GET /tokeninfo': tokenInfo,
        'POST /tokeninfo': tokenInfo,
        'GET /v1/userinfo': userInfo,
        async 'POST /revoke'(request) {
          const token = (await formOf(request.clone())).get('token') ?? ''
          if (tokens.delete(token)) return new Response('{}')
          return signIn.revoke(request, {})
        },
      },
      documents: {
        'GET /.well-known/openid-configuration': 'discovery',
        'GET /oauth2/v3/certs': 'jwks',
        'POST /token': 'token',
        'GET /tokeninfo': 'tokeninfo',
        'POST /tokeninfo': 'tokeninfo',
        'GET /v1/userinfo': 'userinfo',
      },
    },
    options,
  )

  return Object.assign(emulator, {
    keys,
    mint: (info: JsonObject = {}, scopes: readonly string[] = ['openid', SCOPES.email as string]) =>
      issueAccessToken({
        ...infoOf(clients[0], users[0], scopes),
        ...('email' in info && { hd: domainOf(info.email) }),
        ...info,
      }),
    mintForServiceAccount() {
      const { id } = googleDefaults.serviceAccount
      const scope = 'https://www.googleapis.com/auth/cloud-platform'
      return issueAccessToken({ azp: id, aud: id, scope }, 'ya29.c.c0')
    },
    mintIdToken(audience: string, claims: JsonObject = {}, header: JsonObject = {}) {
      const { id, email } = googleDefaults.serviceAccount
      return signIdToken({ aud: audience, azp: id, sub: id, email, email_verified: true, ...claims }, header)
    },
    mintUserIdToken: () => userIdToken(clients[0], users[0]),
    revoke: (accessToken: string) => void tokens.delete(accessToken),
  })
}

/** Workspace domain of an address; private accounts have none. */
function domainOf(email: unknown): string | undefined {
  const domain = String(email ?? '').replace(/^.*@/s, '')
  return domain === '' || domain === 'gmail.com' ? undefined : domain
}
