import { createHash, randomBytes } from 'node:crypto'
import { createAssertionCheck, type FederatedCredential } from './client-assertion.ts'
import { formOf, type Route } from './emulator.ts'
import type { JsonObject } from './keys.ts'
import { escaped, page } from './page.ts'

/** Somebody who can sign in. Members beside `login` are the provider's own: whatever its tokens are made from. */
export interface User {
  /** Picked by `login_hint`, or on the page. */
  readonly login: string
  readonly [member: string]: unknown
}

/** A client as it is registered in the provider's console. Members beside these are the provider's own. */
export interface Client {
  readonly clientId: string
  /** Has to be shown at the token endpoint. Default: none, a public client. */
  readonly clientSecret?: string
  /** Public keys of which it signs with one, instead of showing a secret (private_key_jwt). */
  readonly jwks?: readonly JsonObject[]
  /** The platform whose tokens it shows instead of a secret. */
  readonly federated?: FederatedCredential
  readonly redirectUris?: readonly string[]
  readonly [member: string]: unknown
}

export type GrantType = 'authorization_code' | 'refresh_token' | 'client_credentials'

/** What is about to be granted, or was. */
export interface Grant {
  readonly grantType: GrantType
  readonly client: Client
  /** Absent for `client_credentials`. */
  readonly user?: User
  readonly scopes: readonly string[]
  /** Of the authorization request; for `client_credentials` of the token request. */
  readonly parameters: URLSearchParams
  /** Where that request came to, without a slash at the end: one of the provider's origins. */
  readonly origin: string
  /** Seconds since the Unix epoch. */
  readonly authTime: number
}

/** Ends a request with an OAuth error (RFC 6749 §4.1.2.1 and §5.2). */
export class OAuthFailure extends Error {
  readonly error: string
  readonly status: number

  /** @param status - At the token endpoint. Default 400, for `invalid_client` 401. */
  constructor(error: string, description = '', status = error === 'invalid_client' ? 401 : 400) {
    super(description)
    this.error = error
    this.status = status
  }
}

/** How one provider signs users in: what it demands, and what it answers. */
export interface SignInRules {
  readonly clients: readonly Client[]
  /** Refresh tokens of somebody who is taken out are good no more. */
  readonly users: readonly User[]
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Default: `authorization_code` and `refresh_token`. */
  readonly grantTypes?: readonly GrantType[]
  /** `optional` lets requests without a challenge through; a challenge that was sent is checked either way. Default `required`. */
  readonly pkce?: 'required' | 'optional'
  /** Default: exactly a registered one, or one that differs in the port on loopback (RFC 8252 §7.3). */
  redirectAllowed?(uri: string, client: Client): boolean
  /**
   * What of a request is granted: the place for scopes, audiences and consent rules. Asked for each new grant and, with the
   * scopes that are left, for each refresh.
   *
   * @throws {OAuthFailure}
   */
  grant?(requested: Grant): Grant
  /** Members of the token response. */
  issue(grant: Grant): JsonObject | Promise<JsonObject>
  /** Whether a refresh token goes with it. Default: never. */
  refreshable?(grant: Grant): boolean
  /** Whether a refresh token is good for once. Default false. */
  readonly rotateRefreshTokens?: boolean
  /** How long a used refresh token is still taken, for clients that lost the answer, where they rotate. Default 0. */
  readonly reuseSeconds?: number
  /** Whether a refresh token that is used again ends all that came of it (RFC 9700 §4.14.2), where they rotate. Default false. */
  readonly detectReuse?: boolean
  /** `iss` of authorization responses (RFC 9207). Default: they have none. */
  responseIssuer?(): string
  /** What client assertions may be made out to. Default: the URL that was asked. */
  assertionAudiences?(request: Request): readonly string[]
  /** How the token endpoint spells answers and errors. Default: JSON (RFC 6749 §5.1 and §5.2). */
  answer?(body: JsonObject, status: number, request: Request): Response
}

export interface SignIn {
  /**
   * Authorization endpoint. Approves at once for the user of `login_hint`; otherwise shows a page with a button for each.
   * Takes GET, and POST from that page.
   */
  readonly authorize: Route
  /** Token endpoint (POST). */
  readonly token: Route
  /** Revocation endpoint (RFC 7009, POST) for refresh tokens. */
  readonly revoke: Route
  /**
   * The client that a request authenticates as, by `Authorization: Basic`, in the form (RFC 6749 §2.3.1), or by a signed assertion.
   *
   * @throws {OAuthFailure} `invalid_client`
   */
  authenticate(request: Request, form: URLSearchParams): Promise<Client>
}

const CODE_SECONDS = 60

interface Code {
  readonly grant: Grant
  readonly redirectUri: string
  readonly challenge: string | null
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number
}

export function createSignIn(rules: SignInRules): SignIn {
  const codes = new Map<string, Code>()
  const refreshTokens = new Map<string, Grant>()
  /** Used refresh tokens that are still taken; milliseconds since the Unix epoch. */
  const usedUntil = new Map<string, number>()
  /** By used refresh token: the one that came of it. */
  const successors = new Map<string, string>()
  const grantTypes = rules.grantTypes ?? ['authorization_code', 'refresh_token']
  const decide = rules.grant ?? (grant => grant)
  const redirectAllowed = rules.redirectAllowed ?? isRegistered
  const checkAssertion = createAssertionCheck(rules.now)
  const authTime = () => Math.floor(rules.now() / 1000)

  const authorize: Route = async request => {
    const parameters = await formOf(request)
    const client = rules.clients.find(({ clientId }) => clientId === parameters.get('client_id'))
    const redirectUri = parameters.get('redirect_uri') ?? ''
    if (!client) return page('<h1>Unknown client</h1><p>There is no client with this <code>client_id</code>.</p>', 400)
    const always = { state: parameters.get('state'), iss: rules.responseIssuer?.() ?? null }
    if (!redirectAllowed(redirectUri, client)) {
      const registered = (client.redirectUris ?? []).map(uri => `<li>${escaped(uri)}</li>`).join('')
      return page(
        `<h1>Unknown redirect URI</h1><p>This redirect_uri is not registered: <strong>${escaped(redirectUri)}</strong></p><p>Registered:</p><ul>${registered || '<li>none</li>'}</ul><p>Start the emulator with <code>--redirect-uri</code> to register another.</p>`,
        400,
      )
    }
    try {
      const challenge = readChallenge(parameters)
      const login = parameters.get('user') ?? parameters.get('login_hint')
      const user = rules.users.find(candidate => candidate.login === login)
      if (!user) return choosePage(request, parameters)
      const scopes = scopesOf(parameters)
      const grant = decide({
        grantType: 'authorization_code',
        client,
        user,
        scopes,
        parameters,
        origin: new URL(request.url).origin,
        authTime: authTime(),
      })
      const code = secret()
      codes.set(code, { grant, redirectUri, challenge, expiresAt: rules.now() + CODE_SECONDS * 1000 })
      return redirect(redirectUri, { code, ...always })
    } catch (error) {
      if (!(error instanceof OAuthFailure)) throw error
      return redirect(redirectUri, {
        error: error.error,
        error_description: error.message || null,
        ...always,
      })
    }
  }

  function readChallenge(parameters: URLSearchParams): string | null {
    if (parameters.get('response_type') !== 'code') throw new OAuthFailure('unsupported_response_type')
    const challenge = parameters.get('code_challenge')
    if (challenge === null && rules.pkce !== 'optional') {
      throw new OAuthFailure('invalid_request', 'Parameter code_challenge is required.')
    }
    if (challenge !== null && parameters.get('code_challenge_method') !== 'S256') {
      throw new OAuthFailure('invalid_request', 'code_challenge_method must be S256.')
    }
    return challenge
  }

  function choosePage(request: Request, parameters: URLSearchParams): Response {
    const hidden = [...parameters]
      .filter(([name]) => name !== 'login_hint')
      .map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`)
    const buttons = rules.users.map(
      ({ login }) => `<button name="user" value="${escaped(login)}">${escaped(login)}</button>`,
    )
    const action = escaped(new URL(request.url).pathname)
    return page(
      `<h1>Sign in to the emulator</h1><form method="post" action="${action}">${hidden.join('')}${buttons.join(' ')}</form>`,
    )
  }

  const token: Route = async request => {
    try {
      const form = await formOf(request)
      return answer(await exchange(request, form), 200, request)
    } catch (error) {
      if (!(error instanceof OAuthFailure)) throw error
      const description = error.message ? { error_description: error.message } : {}
      return answer({ error: error.error, ...description }, error.status, request)
    }
  }

  async function exchange(request: Request, form: URLSearchParams): Promise<JsonObject> {
    const client = await authenticate(request, form)
    const grantType = grantTypes.find(type => type === form.get('grant_type'))
    switch (grantType) {
      case undefined:
        throw new OAuthFailure('unsupported_grant_type')
      case 'client_credentials': {
        if (isPublic(client)) throw new OAuthFailure('unauthorized_client')
        const { origin } = new URL(request.url)
        const scopes = scopesOf(form)
        return rules.issue(decide({ grantType, client, scopes, parameters: form, origin, authTime: authTime() }))
      }
      case 'authorization_code':
        return respond(redeemCode(form, client))
      case 'refresh_token':
        return respond(redeemRefreshToken(form, client), form.get('refresh_token'))
    }
  }

  function redeemCode(form: URLSearchParams, client: Client): Grant {
    const code = form.get('code') ?? ''
    const found = codes.get(code)
    codes.delete(code)
    const verifier = form.get('code_verifier')
    const fits =
      found?.grant.client === client &&
      found.redirectUri === form.get('redirect_uri') &&
      found.expiresAt > rules.now() &&
      found.challenge === (verifier === null ? null : createHash('sha256').update(verifier).digest('base64url'))
    if (!found || !fits) throw new OAuthFailure('invalid_grant')
    return found.grant
  }

  function redeemRefreshToken(form: URLSearchParams, client: Client): Grant {
    const refreshToken = form.get('refresh_token') ?? ''
    if ((usedUntil.get(refreshToken) ?? Number.POSITIVE_INFINITY) <= rules.now()) refreshTokens.delete(refreshToken)
    const grant = refreshTokens.get(refreshToken)
    if (rules.detectReuse && !grant) endSuccessors(refreshToken)
    if (!grant || grant.client !== client || isRemoved(grant)) throw new OAuthFailure('invalid_grant')
    const scopes = form.has('scope') ? scopesOf(form).filter(scope => grant.scopes.includes(scope)) : grant.scopes
    if (rules.rotateRefreshTokens && !usedUntil.has(refreshToken)) {
      if (rules.reuseSeconds) usedUntil.set(refreshToken, rules.now() + rules.reuseSeconds * 1000)
      else refreshTokens.delete(refreshToken)
    }
    return decide({ ...grant, grantType: 'refresh_token', scopes })
  }

  function endSuccessors(refreshToken: string): void {
    for (let next = successors.get(refreshToken); next !== undefined; next = successors.get(next))
      refreshTokens.delete(next)
  }

  const isRemoved = ({ user }: Grant) => user !== undefined && !rules.users.includes(user)

  const revoke: Route = async request => {
    const form = await formOf(request)
    try {
      const client = await authenticate(request, form)
      const refreshToken = form.get('token') ?? ''
      if (refreshTokens.get(refreshToken)?.client === client) refreshTokens.delete(refreshToken)
      return new Response(null)
    } catch (error) {
      if (!(error instanceof OAuthFailure)) throw error
      return answer({ error: error.error }, error.status, request)
    }
  }

  /** @param refreshToken - The one that was used, which stays good unless they rotate. */
  async function respond(grant: Grant, refreshToken: string | null = null): Promise<JsonObject> {
    const body = await rules.issue(grant)
    if (!rules.refreshable?.(grant)) return body
    if (!rules.rotateRefreshTokens && refreshToken !== null) return body
    const fresh = secret()
    refreshTokens.set(fresh, grant)
    if (refreshToken !== null) successors.set(refreshToken, fresh)
    return { ...body, refresh_token: fresh }
  }

  async function authenticate(request: Request, form: URLSearchParams): Promise<Client> {
    const basic = /^Basic (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    const [id, shown] = basic
      ? Buffer.from(basic, 'base64').toString().split(/:(.*)/s).map(decodeForm)
      : [form.get('client_id'), form.get('client_secret')]
    const client = rules.clients.find(({ clientId }) => clientId === id)
    if (!client) throw new OAuthFailure('invalid_client', 'Unknown client')
    if (client.jwks ?? client.federated) {
      const [url = ''] = request.url.split('?')
      await checkAssertion(client, form, rules.assertionAudiences?.(request) ?? [url])
    }
    if (client.clientSecret !== undefined && client.clientSecret !== shown) throw new OAuthFailure('invalid_client')
    return client
  }

  function answer(body: JsonObject, status: number, request: Request): Response {
    if (rules.answer) return rules.answer(body, status, request)
    return Response.json(body, { status, headers: { 'cache-control': 'no-store' } })
  }

  return { authorize, token, revoke, authenticate }
}

const isPublic = ({ clientSecret, jwks, federated }: Client) => (clientSecret ?? jwks ?? federated) === undefined

/** An unguessable value: a code, a refresh token, an opaque access token. */
export function secret(): string {
  return randomBytes(32).toString('base64url')
}

function isRegistered(uri: string, { redirectUris = [] }: Client): boolean {
  if (redirectUris.includes(uri)) return true
  return isLoopback(uri) && redirectUris.some(other => isLoopback(other) && portless(other) === portless(uri))
}

function isLoopback(uri: string): boolean {
  return URL.canParse(uri) && /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])([:/]|$)/.test(uri)
}

function portless(uri: string): string {
  const url = new URL(uri)
  url.port = ''
  return url.href
}

function scopesOf(parameters: URLSearchParams): string[] {
  return (parameters.get('scope') ?? '').split(' ').filter(Boolean)
}

function redirect(uri: string, parameters: Record<string, string | null>): Response {
  const location = new URL(uri)
  for (const [name, value] of Object.entries(parameters)) if (value !== null) location.searchParams.set(name, value)
  return new Response(null, { status: 302, headers: { location: location.href } })
}

/** Id and secret are form-encoded before they become Basic credentials (RFC 6749 §2.3.1). */
function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}
