import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createGithubEmulator } from '../../emulators/github.ts'

const OAUTH_APP = { clientId: 'Ov23liEmulatedOAuth0', clientSecret: 'e'.repeat(40) }
const GITHUB_APP = { clientId: 'Iv23liEmulatedApp000', clientSecret: 'a'.repeat(40) }
const VERIFIER = 'a-verifier-that-has-at-least-forty-three-characters'
const REDIRECT = 'http://127.0.0.1:8766/callback'

function setUp() {
  let now = Date.UTC(2026, 10, 1)
  const github = createGithubEmulator({ origin: 'https://github.com', now: () => now })

  async function authorize(changes: Record<string, string> = {}): Promise<URLSearchParams> {
    const parameters = new URLSearchParams({
      response_type: 'code',
      client_id: OAUTH_APP.clientId,
      redirect_uri: REDIRECT,
      scope: 'read:user repo',
      code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
      code_challenge_method: 'S256',
      login_hint: 'ada',
      ...changes,
    })
    const answer = await github.fetch(`https://github.com/login/oauth/authorize?${parameters}`)
    return new URL(answer.headers.get('location') ?? 'https://no.redirect').searchParams
  }

  const token = (form: Record<string, string>, accept = 'application/json') =>
    github.fetch('https://github.com/login/oauth/access_token', {
      method: 'POST',
      headers: { accept },
      body: new URLSearchParams(form),
    })

  async function codeForm({ clientId, clientSecret } = OAUTH_APP, changes: Record<string, string> = {}) {
    const code = (await authorize({ client_id: clientId, ...changes })).get('code') ?? ''
    return {
      grant_type: 'authorization_code',
      client_id: clientId,
      client_secret: clientSecret,
      code,
      redirect_uri: REDIRECT,
      code_verifier: VERIFIER,
    }
  }

  function check(access_token: unknown, app = OAUTH_APP, path = app.clientId) {
    return github.fetch(`https://api.github.com/applications/${path}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${app.clientId}:${app.clientSecret}`)}` },
      body: JSON.stringify({ access_token }),
    })
  }

  const advance = (seconds: number) => {
    now += seconds * 1000
  }
  return { github, authorize, token, codeForm, check, advance }
}

it('the emulated GitHub names its authorization server in its answers (RFC 9207)', async () => {
  expect((await setUp().authorize()).get('iss')).toBe('https://github.com/login/oauth')
})

const json = async (answer: Promise<Response>) => (await (await answer).json()) as Record<string, unknown>

describe('the emulated metadata of GitHub', () => {
  it('has and lacks what the real document has and lacks', async () => {
    const { github } = setUp()
    const url = 'https://github.com/.well-known/oauth-authorization-server/login/oauth'
    expect(await json(github.fetch(url))).toEqual({
      issuer: 'https://github.com/login/oauth',
      authorization_endpoint: 'https://github.com/login/oauth/authorize',
      token_endpoint: 'https://github.com/login/oauth/access_token',
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
    })
  })

  it.each([
    ['GET', '/login/oauth/.well-known/oauth-authorization-server', 404],
    ['GET', '/.well-known/openid-configuration/login/oauth', 404],
    ['GET', '/login/oauth/.well-known/openid-configuration', 404],
    ['POST', '/register', 422],
  ])('is nowhere else, and nobody registers: %s %s is %i', async (method, path, status) => {
    expect((await setUp().github.fetch(`https://github.com${path}`, { method })).status).toBe(status)
  })
})

describe('the emulated sign-in at GitHub', () => {
  it('answers form-encoded unless JSON is asked for, with commas between scopes', async () => {
    const { token, codeForm } = setUp()
    const form = await token(await codeForm(OAUTH_APP, { resource: 'https://mcp.example.com/mcp' }), '*/*')
    expect(form.headers.get('content-type')).toContain('application/x-www-form-urlencoded')
    const members = new URLSearchParams(await form.text())
    expect(members.get('scope')).toBe('read:user,repo')
    expect(members.get('access_token')).toMatch(/^gho_[A-Za-z0-9]{36}$/)
    expect(await json(token(await codeForm()))).toMatchObject({ scope: 'read:user,repo', token_type: 'bearer' })
  })

  it('keeps scopes that were granted before', async () => {
    const { token, codeForm } = setUp()
    await token(await codeForm())
    expect(await json(token(await codeForm(OAUTH_APP, { scope: 'gist' })))).toMatchObject({
      scope: 'read:user,repo,gist',
    })
  })

  it.each([
    ['without a secret', { client_secret: '' }, 'incorrect_client_credentials'],
    ['with a wrong secret', { client_secret: 'wrong' }, 'incorrect_client_credentials'],
    ['with a made-up code', { code: 'made-up' }, 'bad_verification_code'],
    ['with a wrong verifier', { code_verifier: 'wrong' }, 'bad_verification_code'],
  ])('reports errors with status 200: %s', async (_label, changes, error) => {
    const { token, codeForm } = setUp()
    const answer = await token({ ...(await codeForm()), ...changes })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ error })
  })

  it('gives tokens of a GitHub App eight hours, no scopes and a refresh token for once', async () => {
    const { token, codeForm } = setUp()
    const first = await json(token(await codeForm(GITHUB_APP)))
    expect(first).toMatchObject({
      access_token: expect.stringMatching(/^ghu_/),
      refresh_token: expect.stringMatching(/^ghr_/),
      expires_in: 28_800,
      scope: '',
    })
    const { clientId, clientSecret } = GITHUB_APP
    const form = {
      grant_type: 'refresh_token',
      client_id: clientId,
      client_secret: clientSecret,
      refresh_token: String(first.refresh_token),
    }
    const second = await json(token(form))
    expect(second.access_token).toMatch(/^ghu_/)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(await json(token(form))).toHaveProperty('error')
  })

  it.each([
    ['http://127.0.0.1:1/callback', true],
    ['http://127.0.0.1/callback/below', true],
    ['http://127.0.0.1/callbackelse', false],
    ['http://localhost:8766/callback', false],
    ['https://evil.example/callback', false],
  ])('sends back to %s: %s', async (redirect_uri, allowed) => {
    expect((await setUp().authorize({ redirect_uri })).has('code')).toBe(allowed)
  })
})

describe('the emulated check endpoint', () => {
  it('says whose token it is, and echoes it', async () => {
    const { github, check } = setUp()
    const token = github.mint({ scopes: ['repo'] })
    expect(await json(check(token))).toMatchObject({
      token,
      token_last_eight: token.slice(-8),
      scopes: ['repo'],
      expires_at: null,
      app: { client_id: 'Ov23liEmulatedOAuth0' },
      user: { id: 1001, login: 'ada' },
    })
    const appToken = github.mint({}, GITHUB_APP.clientId)
    expect(await json(check(appToken, GITHUB_APP))).toMatchObject({
      scopes: [],
      expires_at: '2026-11-01T08:00:00Z',
      installation: { permissions: { contents: 'read' } },
    })
  })

  it('answers 404 to unknown, revoked and expired tokens, and to those of another app', async () => {
    const { github, check, advance } = setUp()
    const [revoked, expiring] = [github.mint(), github.mint({}, GITHUB_APP.clientId)]
    github.revoke(revoked)
    expect((await check('gho_unknown')).status).toBe(404)
    expect((await check(revoked)).status).toBe(404)
    expect((await check(github.mint(), GITHUB_APP)).status).toBe(404)
    expect((await check(github.mint(), OAUTH_APP, GITHUB_APP.clientId)).status).toBe(404)
    expect((await check(expiring, GITHUB_APP)).status).toBe(200)
    advance(28_800)
    expect((await check(expiring, GITHUB_APP)).status).toBe(404)
  })

  it('answers 401 to wrong credentials, and 422 to what is no token', async () => {
    const { github, check } = setUp()
    expect((await check(github.mint(), { ...OAUTH_APP, clientSecret: 'wrong' })).status).toBe(401)
    for (const odd of ['', undefined, 7, 'x'.repeat(5000)]) expect((await check(odd)).status).toBe(422)
  })
})

describe('the emulated GET /user', () => {
  it.each([
    [OAUTH_APP, 'read:user, repo'],
    [GITHUB_APP, null],
  ])('says the scopes of an OAuth app only: %j', async ({ clientId }, scopes) => {
    const { github } = setUp()
    const token = github.mint(clientId === OAUTH_APP.clientId ? { scopes: ['read:user', 'repo'] } : {}, clientId)
    const answer = await github.fetch('https://api.github.com/user', { headers: { authorization: `Bearer ${token}` } })
    expect(answer.headers.get('x-oauth-scopes')).toBe(scopes)
    expect(await answer.json()).toMatchObject({ id: 1001, login: 'ada' })
    const headers = { authorization: 'Bearer gho_unknown' }
    expect((await github.fetch('https://api.github.com/user', { headers })).status).toBe(401)
  })
})
