import { randomInt } from 'node:crypto'
import { createEmulator, type Emulator, type EmulatorOptions, formOf, type Route } from './core/emulator.ts'
import type { JsonObject } from './core/keys.ts'
import { type Client, createSignIn, type Grant, type User } from './core/sign-in.ts'

export interface GithubUser extends User {
  readonly id: number
  readonly emails?: readonly { readonly email: string; readonly verified: boolean; readonly primary: boolean }[]
  readonly organizations?: readonly { readonly id: number; readonly login: string }[]
  readonly teams?: readonly { readonly id: number; readonly slug: string }[]
}

export interface GithubApp extends Client {
  /** GitHub demands it of every client, PKCE or not. */
  readonly clientSecret: string
  /** A GitHub App's tokens live for eight hours and have no scopes; an OAuth app's never end. */
  readonly kind: 'oauth' | 'github'
}

export interface GithubEmulatorOptions extends EmulatorOptions {
  clients?: readonly [GithubApp, ...GithubApp[]]
  users?: readonly [GithubUser, ...GithubUser[]]
}

export interface GithubEmulator extends Emulator {
  /**
   * A token of the first user.
   *
   * @param answer - What the check endpoint says about it otherwise; `undefined` leaves a member out. `expires_at` counts.
   * @param clientId - Default: the first app.
   */
  mint(answer?: JsonObject, clientId?: string): string
  revoke(token: string): void
}

export const githubDefaults = {
  clients: [
    {
      clientId: 'Ov23liEmulatedOAuth0',
      clientSecret: 'e'.repeat(40),
      kind: 'oauth',
      redirectUris: ['http://127.0.0.1/callback'],
    },
    {
      clientId: 'Iv23liEmulatedApp000',
      clientSecret: 'a'.repeat(40),
      kind: 'github',
      redirectUris: ['http://127.0.0.1/callback'],
    },
  ],
  users: [
    { login: 'ada', id: 1001 },
    { login: 'ben', id: 1002 },
  ],
} as const

const APP_TOKEN_SECONDS = 28_800
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

interface Issued {
  readonly app: GithubApp
  readonly user: GithubUser
  readonly answer: JsonObject
}

/** github.com or an Enterprise Server: sign-in, the check endpoint, and `GET /user`. The API is also below `/api/v3`. */
export function createGithubEmulator(options: GithubEmulatorOptions = {}): GithubEmulator {
  const apps: readonly GithubApp[] = options.clients ?? githubDefaults.clients
  const users: readonly GithubUser[] = options.users ?? githubDefaults.users
  const issued = new Map<string, Issued>()
  /** Scopes once granted stay granted, by app and user. */
  const granted = new Map<string, ReadonlySet<string>>()
  const isoTime = (secondsAhead = 0) =>
    new Date(emulator.now() + secondsAhead * 1000).toISOString().replace(/\.\d+Z$/, 'Z')

  function issueToken(app: GithubApp, user: GithubUser, scopes: readonly string[], changes: JsonObject = {}): string {
    const token = `${app.kind === 'github' ? 'ghu' : 'gho'}_${randomText(36)}`
    const answer = {
      id: issued.size + 1,
      url: `${emulator.origin}/authorizations/${issued.size + 1}`,
      scopes: app.kind === 'github' ? [] : scopes,
      token,
      token_last_eight: token.slice(-8),
      hashed_token: `sha256-of-${token.slice(-8)}`,
      app: { client_id: app.clientId, name: 'Emulated app', url: `${emulator.origin}/apps/emulated` },
      note: null,
      note_url: null,
      created_at: isoTime(),
      updated_at: isoTime(),
      fingerprint: null,
      expires_at: app.kind === 'github' ? isoTime(APP_TOKEN_SECONDS) : null,
      user: { login: user.login, id: user.id, type: 'User', url: `${emulator.origin}/users/${user.login}` },
      ...(app.kind === 'github' && { installation: { permissions: { contents: 'read' } } }),
      ...changes,
    }
    issued.set(token, { app, user, answer: JSON.parse(JSON.stringify(answer)) as JsonObject })
    return token
  }

  const signIn = createSignIn({
    clients: apps,
    users,
    now: () => emulator.now(),
    pkce: 'optional',
    redirectAllowed,
    // `resource` is ignored.
    grant(requested) {
      const key = `${requested.client.clientId} ${requested.user?.login}`
      const scopes = new Set([...(granted.get(key) ?? []), ...requested.scopes])
      granted.set(key, scopes)
      return { ...requested, scopes: [...scopes] }
    },
    issue({ client, user, scopes }) {
      const app = client as GithubApp
      return {
        access_token: issueToken(app, user as GithubUser, scopes),
        token_type: 'bearer',
        ...(isGithubApp(app)
          ? { scope: '', expires_in: APP_TOKEN_SECONDS, refresh_token_expires_in: 15_811_200 }
          : { scope: scopes.join(',') }),
      }
    },
    refreshable: ({ client }: Grant) => isGithubApp(client),
    // Sent since about 2026-08, after a first try in 2026-04 was taken back. The metadata is not known to say so.
    responseIssuer: () => `${emulator.origin}/login/oauth`,
    rotateRefreshTokens: true,
    answer: spellAnswer,
  })

  /** Refresh tokens carry their prefix on the wire only. */
  async function tokenEndpoint(request: Request): Promise<Response> {
    const form = await formOf(request.clone())
    form.set('refresh_token', (form.get('refresh_token') ?? '').replace(/^ghr_/, ''))
    const { url, headers } = request
    return signIn.token(new Request(url, { method: 'POST', headers, body: form.toString() }), {})
  }

  async function checkToken(request: Request, { clientId }: Readonly<Record<string, string>>): Promise<Response> {
    const basic = /^Basic (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
    const [id, shown] = Buffer.from(basic, 'base64').toString().split(':')
    const app = apps.find(candidate => candidate.clientId === id && candidate.clientSecret === shown)
    if (!app) return message(401, 'Bad credentials')
    const { access_token } = (await request.json()) as { access_token?: unknown }
    if (typeof access_token !== 'string' || access_token === '' || access_token.length > 4096) {
      return message(422, 'Validation Failed')
    }
    const found = valid(access_token)
    if (found?.app !== app || clientId !== id) return message(404, 'Not Found')
    return Response.json(found.answer, { headers: rateLimit() })
  }

  /** What the caller's token stands for; nothing for an account that is gone. */
  function callerOf(request: Request): Issued | undefined {
    const token = /^(?:Bearer|token) (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
    const found = valid(token)
    return found && users.includes(found.user) ? found : undefined
  }

  /** A list about the caller, by pages. */
  function list(scope: string, entriesOf: (user: GithubUser) => readonly object[] | undefined): Route {
    return request => {
      const found = callerOf(request)
      if (!found) return message(401, 'Bad credentials')
      if (!isGithubApp(found.app) && !(found.answer.scopes as string[]).includes(scope)) {
        return message(404, 'Not Found')
      }
      const query = new URL(request.url).searchParams
      const size = Number(query.get('per_page') ?? 30)
      const start = (Number(query.get('page') ?? 1) - 1) * size
      return Response.json((entriesOf(found.user) ?? []).slice(start, start + size), { headers: rateLimit() })
    }
  }

  const lists = {
    '/user/emails': list('user:email', ({ emails }) => emails),
    '/user/orgs': list('read:org', ({ organizations }) => organizations),
    '/user/teams': list('read:org', ({ teams }) => teams),
  }

  async function deleteToken(request: Request, params: Readonly<Record<string, string>>): Promise<Response> {
    const { access_token: token } = (await request.clone().json()) as { access_token?: string }
    const checked = await checkToken(request, params)
    if (!checked.ok) return checked
    issued.delete(token ?? '')
    return new Response(null, { status: 204, headers: rateLimit() })
  }

  function getUser(request: Request): Response {
    const found = callerOf(request)
    if (!found) return message(401, 'Bad credentials')
    const scopes = (found.answer.scopes as string[]).join(', ')
    const headers = { ...rateLimit(), ...(!isGithubApp(found.app) && { 'x-oauth-scopes': scopes }) }
    return Response.json(found.answer.user, { headers })
  }

  function valid(token: string): Issued | undefined {
    const found = issued.get(token)
    const end = found?.answer.expires_at
    return typeof end === 'string' && Date.parse(end) <= emulator.now() ? undefined : found
  }

  /** Every answer of the API says how much is left, and when it starts anew. */
  function rateLimit(): Record<string, string> {
    const reset = String(Math.floor(emulator.now() / 1000) + 3600)
    return { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': reset }
  }

  const message = (status: number, text: string) =>
    Response.json(
      { message: text, documentation_url: 'https://docs.github.com/rest', status: String(status) },
      { status, headers: rateLimit() },
    )

  const emulator = createEmulator(
    {
      origins: ['https://api.github.com'],
      routes: {
        'GET /.well-known/oauth-authorization-server/login/oauth': () =>
          Response.json({
            issuer: `${emulator.origin}/login/oauth`,
            authorization_endpoint: `${emulator.origin}/login/oauth/authorize`,
            token_endpoint: `${emulator.origin}/login/oauth/access_token`,
            response_types_supported: ['code'],
            grant_types_supported: ['authorization_code', 'refresh_token'],
            code_challenge_methods_supported: ['S256'],
          }),
        'GET /login/oauth/authorize': signIn.authorize,
        'POST /login/oauth/authorize': signIn.authorize,
        'POST /login/oauth/access_token': tokenEndpoint,
        // There is no client registration; this is what clients get that try.
        'POST /register': () => new Response('', { status: 422 }),
        'POST /applications/:clientId/token': checkToken,
        'POST /api/v3/applications/:clientId/token': checkToken,
        'DELETE /applications/:clientId/token': deleteToken,
        'DELETE /api/v3/applications/:clientId/token': deleteToken,
        'GET /user': getUser,
        'GET /api/v3/user': getUser,
        ...Object.fromEntries(
          Object.entries(lists).flatMap(([path, route]) => [
            [`GET ${path}`, route],
            [`GET /api/v3${path}`, route],
          ]),
        ),
      },
      documents: {
        'GET /.well-known/oauth-authorization-server/login/oauth': 'discovery',
        'POST /login/oauth/access_token': 'token',
        'POST /applications/:clientId/token': 'github_check',
        'POST /api/v3/applications/:clientId/token': 'github_check',
        'GET /user': 'github_user',
        'GET /api/v3/user': 'github_user',
      },
    },
    options,
  )

  return Object.assign(emulator, {
    mint(answer: JsonObject = {}, clientId?: string) {
      const app = apps.find(candidate => candidate.clientId === clientId) ?? apps[0]
      const user = users[0]
      if (!app || !user) throw new Error('the emulator has no app or no user')
      return issueToken(app, user, [], answer)
    },
    revoke: (token: string) => void issued.delete(token),
  })
}

function isGithubApp(client: Client): boolean {
  return (client as GithubApp).kind === 'github'
}

/** The host and port must be the registered ones, paths below are allowed; on 127.0.0.1 any port. */
function redirectAllowed(uri: string, { redirectUris = [] }: Client): boolean {
  if (!URL.canParse(uri)) return false
  const asked = new URL(uri)
  return redirectUris.some(text => {
    const known = new URL(text)
    const sameHost = known.hostname === '127.0.0.1' ? asked.hostname === '127.0.0.1' : asked.host === known.host
    return sameHost && asked.protocol === known.protocol && `${asked.pathname}/`.startsWith(`${known.pathname}/`)
  })
}

const ERRORS: Readonly<Record<string, string>> = {
  invalid_client: 'incorrect_client_credentials',
  invalid_grant: 'bad_verification_code',
}

/** Form-encoded unless JSON is asked for; errors have status 200. */
function spellAnswer(body: JsonObject, _status: number, request: Request): Response {
  const members = {
    ...body,
    ...(typeof body.error === 'string' && { error: ERRORS[body.error] ?? body.error }),
    ...(typeof body.refresh_token === 'string' && { refresh_token: `ghr_${body.refresh_token}` }),
  }
  if (request.headers.get('accept')?.includes('application/json')) return Response.json(members)
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(members)) form.set(name, String(value))
  return new Response(form, { headers: { 'content-type': 'application/x-www-form-urlencoded' } })
}

function randomText(length: number): string {
  return Array.from({ length }, () => DIGITS[randomInt(DIGITS.length)]).join('')
}
