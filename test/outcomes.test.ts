import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { github } from '../adapters/github/index.ts'
import { google } from '../adapters/google/index.ts'
import { userinfo } from '../adapters/userinfo/index.ts'
import type { AdapterContext } from '../src/adapter.ts'
import { createIntrospectionValidator } from '../src/engines/introspection.ts'
import { createJwtValidator } from '../src/engines/jwt.ts'
import type { TokenValidator } from '../src/token-validator.ts'
import {
  CLAIMS,
  createContext,
  createKey,
  createProvider,
  type Handler,
  ISSUER,
  mint,
  NOW,
  RESOURCE,
  refusalOf,
} from './engines/support.ts'

const METADATA = `${ISSUER}/.well-known/openid-configuration`
const KEYS = `${ISSUER}/jwks`
const INTROSPECTION = `${ISSUER}/introspect`
const USERINFO = `${ISSUER}/userinfo`
const TOKENINFO = 'https://oauth2.googleapis.com/tokeninfo'
const CHECK = 'https://api.github.com/applications/Iv1.a/token'
const GOOGLE_CLIENT = '1-a.apps.googleusercontent.com'

const key = createKey('key-1')
const audience = { audience: [RESOURCE] } as const
const credentials = { method: 'client_secret_basic', clientId: 'mcp-server', clientSecret: 'secret' } as const
const grants = [{ scopes: 'notes:read', to: 'everyone' }]

/** A good provider, whose endpoints can be replaced. */
function world(handlers: Record<string, Handler> = {}) {
  const { fetch } = createProvider({
    [METADATA]: () =>
      Response.json({
        issuer: ISSUER,
        jwks_uri: KEYS,
        introspection_endpoint: INTROSPECTION,
        userinfo_endpoint: USERINFO,
      }),
    [KEYS]: () => Response.json({ keys: [key.jwk] }),
    [INTROSPECTION]: () => Response.json({ active: false }),
    ...handlers,
  })
  const { context, advance } = createContext(
    // As a real one, it gives up at the signal.
    (input, init) => Promise.race([fetch(input, init), rejectedBy(init?.signal)]),
    { timeoutSeconds: 0.02 },
  )
  return { context: { ...context, secret: () => 'secret' } satisfies AdapterContext, advance }
}

function rejectedBy(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
}

const jwt = (context: AdapterContext) =>
  createJwtValidator({ issuer: ISSUER, metadataUrl: METADATA, audience, types: null }, context)
const introspection = (context: AdapterContext) =>
  createIntrospectionValidator({ issuer: ISSUER, metadataUrl: METADATA, audience, credentials }, context)
const googleOf = (context: AdapterContext) =>
  google.create(
    google.options.parse({
      adapter: 'google',
      metadataUrl: 'https://accounts.google.com',
      clientIds: GOOGLE_CLIENT,
      grants,
    }),
    context,
  )
const githubOf = (context: AdapterContext) =>
  github.create(
    github.options.parse({
      adapter: 'github',
      metadataUrl: 'https://github.com/login/oauth',
      clientId: 'Iv1.a',
      clientSecretEnv: 'SECRET',
      grants,
    }),
    context,
  )
const userInfoOf = (context: AdapterContext, options: object = { clientIds: 'client-1' }) =>
  userinfo.create(userinfo.options.parse({ adapter: 'userinfo', metadataUrl: METADATA, grants, ...options }), context)

/** What is asked: the endpoint, and a token that leads there. Some have something to do before. */
const ENDPOINTS: Record<
  string,
  { url: string; create: (context: AdapterContext) => TokenValidator; token: string; warm?: true }
> = {
  metadata: { url: METADATA, create: jwt, token: mint(key) },
  keys: { url: KEYS, create: jwt, token: mint(key) },
  'introspection, at first': { url: INTROSPECTION, create: introspection, token: 'token' },
  'introspection, later': { url: INTROSPECTION, create: introspection, token: 'token', warm: true },
  Google: { url: TOKENINFO, create: googleOf, token: 'ya29.token' },
  GitHub: { url: CHECK, create: githubOf, token: 'gho_token' },
  UserInfo: { url: USERINFO, create: userInfoOf, token: 'token' },
}

const json = (status: number, error: string) => () => Response.json({ error }, { status })
const plain =
  (status: number, body = '', headers = {}) =>
  () =>
    new Response(body, { status, headers })
const failing = (cause: object) => () => Promise.reject(new TypeError('fetch failed', { cause }))

const ANSWERS: Record<string, Handler> = {
  'the connection is refused': failing({ code: 'ECONNREFUSED' }),
  'no answer in time': () => new Promise(() => {}),
  'a proxy refuses us (407)': failing({ code: 0, message: 'Proxy response (407) !== 200 when HTTP Tunneling' }),
  '429': plain(429),
  '500': json(500, 'server_error'),
  '503 with a page': plain(503, '<html>Maintenance</html>'),
  'a redirect for now (302)': () => new Response(null, { status: 302, headers: { location: '/maintenance' } }),
  'a redirect for good (301)': () => new Response(null, { status: 301, headers: { location: '/elsewhere' } }),
  '200 with a page': plain(200, '<html>Sign in</html>'),
  '200 with an empty body': plain(200),
  '200 with JSON that is no object': () => Response.json(['active']),
  '200 with more than a megabyte': () => Response.json({ active: true, padding: 'x'.repeat(1_100_000) }),
  '200 with `active: false`': () => Response.json({ active: false }),
  '200 without `active`': () => Response.json({}),
  '400 with an empty body': plain(400),
  '400 with a page': plain(400, '<html>Bad Request</html>'),
  '400 `invalid_request`': json(400, 'invalid_request'),
  '400 `unsupported_token_type`': json(400, 'unsupported_token_type'),
  '400 `invalid_token`': json(400, 'invalid_token'),
  '400 `invalid_client`': json(400, 'invalid_client'),
  '400 `temporarily_unavailable`': json(400, 'temporarily_unavailable'),
  '401': plain(401),
  '401 with a page': plain(401, '<html>Sign in</html>', { 'content-type': 'text/html' }),
  '403': json(403, 'forbidden'),
  '403 with `Retry-After`': plain(403, '', { 'retry-after': '60' }),
  '404 with JSON': json(404, 'not_found'),
  '404 with something else': plain(404, '<html>Not Found</html>'),
  '408': plain(408),
  '413': plain(413),
  '422': plain(422),
  'the metadata of another issuer': () => Response.json({ issuer: 'https://other.example.com', jwks_uri: KEYS }),
}

async function outcomeOfAnswer(answer: string, column: string): Promise<number> {
  const { url, create, token, warm } = ENDPOINTS[column] ?? expect.fail(`no column ${column}`)
  const handler = ANSWERS[answer] ?? expect.fail(`no answer ${answer}`)
  const { context } = world({
    async [url](request) {
      const asked = warm && new URLSearchParams(await request.clone().text()).get('token')
      return warm && asked !== token ? Response.json({ active: false }) : handler(request)
    },
  })
  const validator = create(context)
  if (warm) await validator.warmUp()
  return (await refusalOf(validator.validate(token))).status
}

const ACTIVE = { active: true, ...CLAIMS, token_type: 'Bearer' }
const INFO = {
  azp: GOOGLE_CLIENT,
  aud: GOOGLE_CLIENT,
  sub: '1',
  scope: 'openid',
  exp: String(NOW + 3600),
  expires_in: '3600',
}
const CHECKED = {
  id: 1,
  scopes: [],
  app: { client_id: 'Iv1.a' },
  user: { id: 583_231, login: 'ada' },
  expires_at: null,
}

/** Validates what an endpoint says about a token that is good but for a change. */
const introspected = (change: object) =>
  introspection(world({ [INTROSPECTION]: () => Response.json({ ...ACTIVE, ...change }) }).context).validate('token')
const informed = (change: object) =>
  googleOf(world({ [TOKENINFO]: () => Response.json({ ...INFO, ...change }) }).context).validate('ya29.token')
const checked = (change: object) =>
  githubOf(world({ [CHECK]: () => Response.json({ ...CHECKED, ...change }) }).context).validate('gho_token')
const described = (change: object, options?: object) => {
  const answer = () => Response.json({ sub: 'user-1', client_id: 'client-1', ...change })
  return userInfoOf(world({ [USERINFO]: answer }).context, options).validate('token')
}
const signed = (claims: object, header: object = {}) =>
  jwt(world().context).validate(mint(key, { ...claims }, { ...header }))
const shown = (create: (context: AdapterContext) => TokenValidator, token: string) =>
  create(world().context).validate(token)

/** A key that was published after the keys were fetched, at a provider that is down since. */
async function signedWhileDown(): Promise<unknown> {
  const handlers: Record<string, Handler> = {}
  let down = false
  handlers[KEYS] = () => (down ? Promise.reject(new TypeError('fetch failed')) : Response.json({ keys: [key.jwk] }))
  const { context, advance } = world(handlers)
  const validator = jwt(context)
  await validator.warmUp()
  down = true
  advance(60)
  return validator.validate(mint(createKey('key-2')))
}

const TOKENS: Record<string, Record<string, () => Promise<unknown>>> = {
  JWT: {
    'of another audience': () => signed({ aud: 'https://other.example.com/mcp' }),
    'without an audience': () => signed({ aud: undefined }),
    'of another client': () =>
      createJwtValidator(
        { issuer: ISSUER, metadataUrl: METADATA, audience: { ...audience, clientIds: ['client-2'] }, types: null },
        world().context,
      ).validate(mint(key)),
    'without a client': () => signed({ client_id: undefined }),
    'without a subject': () => signed({ sub: undefined }),
    'of another issuer': () => signed({ iss: 'https://other.example.com' }),
    expired: () => signed({ exp: NOW - 60 }),
    'not valid yet': () => signed({ nbf: NOW + 600 }),
    'issued in the future': () => signed({ iat: NOW + 600 }),
    'an ID token': () => signed({ nonce: 'n', at_hash: 'h' }, { typ: 'JWT' }),
    'a refresh token': () => signed({ typ: 'Refresh' }, { typ: 'JWT' }),
    'bound to a key, sent as bearer': () => signed({ cnf: { jkt: 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U' } }),
    'signed by somebody else': () => shown(jwt, mint(createKey('key-1'))),
    'signed with a key that is not published': () => shown(jwt, mint(createKey('key-2'))),
    'signed with a new key, while the keys cannot be fetched': signedWhileDown,
    'signed with an algorithm that is not accepted': () => signed({}, { alg: 'ES512' }),
    encrypted: () => shown(jwt, `${Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString('base64url')}..AA.AA.AA`),
    'made up': () => shown(jwt, 'made-up'),
  },
  introspection: {
    'of another audience': () => introspected({ aud: 'https://other.example.com/mcp' }),
    'without an audience': () => introspected({ aud: undefined }),
    'of another client': () =>
      createIntrospectionValidator(
        { issuer: ISSUER, metadataUrl: METADATA, audience: { ...audience, clientIds: ['client-2'] }, credentials },
        world({ [INTROSPECTION]: () => Response.json(ACTIVE) }).context,
      ).validate('token'),
    'without a client': () => introspected({ client_id: undefined }),
    'without a subject': () => introspected({ sub: undefined }),
    'of another issuer': () => introspected({ iss: 'https://other.example.com' }),
    expired: () => introspected({ exp: NOW - 60 }),
    'not valid yet': () => introspected({ nbf: NOW + 600 }),
    'issued in the future': () => introspected({ iat: NOW + 600 }),
    'an ID token': () => introspected({ token_use: 'id' }),
    'a refresh token': () => introspected({ token_use: 'refresh_token' }),
    'bound to a key, sent as bearer': () =>
      introspected({ cnf: { jkt: 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U' } }),
    'made up': () => introspected({ active: false }),
  },
  Google: {
    'of another audience': () => informed({ aud: '2-b.apps.googleusercontent.com' }),
    'without an audience': () => informed({ aud: undefined }),
    'of another client': () => informed({ azp: '2-b.apps.googleusercontent.com' }),
    'without a client': () => informed({ aud: undefined, azp: undefined }),
    'without a subject': () => informed({ sub: undefined }),
    expired: () => informed({ exp: String(NOW - 60) }),
    'an ID token': () => shown(googleOf, mint(key)),
    'a refresh token': () => shown(googleOf, '1//0gRefresh'),
    'made up': () => shown(googleOf, 'made-up'),
  },
  GitHub: {
    'of another client': () => checked({ app: { client_id: 'Iv1.b' } }),
    'without a client': () => checked({ app: undefined }),
    'without a subject': () => checked({ user: undefined }),
    expired: () => checked({ expires_at: '2026-10-31T00:00:00Z' }),
    'a refresh token': () => shown(githubOf, 'ghr_refresh'),
    'made up': () => shown(githubOf, 'made-up'),
  },
  UserInfo: {
    'of another audience': () => described({ aud: 'https://other.example.com/mcp' }, audience),
    'without an audience': () => described({}, audience),
    'of another client': () => described({ client_id: 'client-2' }),
    'without a client': () => described({ client_id: undefined }),
    'without a subject': () => described({ sub: undefined }),
    'of another issuer': () => described({ iss: 'https://other.example.com' }),
    expired: () => described({ exp: NOW - 60 }),
    'made up': () =>
      userInfoOf(world({ [USERINFO]: () => new Response('', { status: 401 }) }).context).validate('made-up'),
  },
}

const page = readFileSync(new URL('../docs/refusals.md', import.meta.url), 'utf8')

/** Cells of the table below a heading of the page: row, column, what stands there. */
function cellsOf(heading: string): [row: string, column: string, outcome: string][] {
  const section = page.split('\n## ').find(text => text.startsWith(heading)) ?? expect.fail(`no section ${heading}`)
  const [head = [], , ...rows] = section
    .split('\n')
    .filter(line => line.startsWith('|'))
    .map(line =>
      line
        .slice(1, -1)
        .split('|')
        .map(cell => cell.trim()),
    )
  return rows.flatMap(([row = '', ...outcomes]) =>
    outcomes.map((outcome, index): [string, string, string] => [row, head[index + 1] ?? '', outcome]),
  )
}

describe('docs/refusals.md, what the provider answers', () => {
  const cells = cellsOf('What the provider answers')

  it('has a row for each answer and a column for each endpoint', () => {
    expect([...new Set(cells.map(([row]) => row))].toSorted()).toEqual(Object.keys(ANSWERS).toSorted())
    expect([...new Set(cells.map(([, column]) => column))]).toEqual(Object.keys(ENDPOINTS))
  })

  it.each(cells)('%s at %s: %s', async (row, column, outcome) => {
    expect(await outcomeOfAnswer(row, column)).toBe(Number(outcome))
  })
})

describe('docs/refusals.md, what is wrong with the token', () => {
  const cells = cellsOf('What is wrong with the token')

  it('has a cell for each case', () => {
    const named = cells.filter(([, , outcome]) => outcome !== '–').map(([row, column]) => `${column}: ${row}`)
    const known = Object.entries(TOKENS).flatMap(([column, cases]) =>
      Object.keys(cases).map(row => `${column}: ${row}`),
    )
    expect(named.toSorted()).toEqual(known.toSorted())
  })

  it.each(cells.filter(([, , outcome]) => outcome !== '–'))('%s, %s: %s', async (row, column, outcome) => {
    const attempt = TOKENS[column]?.[row] ?? expect.fail(`no case ${column}, ${row}`)
    expect((await refusalOf(attempt())).status).toBe(Number(outcome))
  })

  it('is about tokens that are good but for that', async () => {
    await signed({})
    await introspected({})
    await informed({})
    await checked({})
    await described({})
    await described({ aud: RESOURCE }, audience)
  })
})
