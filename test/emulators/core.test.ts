import { createHash } from 'node:crypto'
import { exportJWK, jwtVerify } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createEmulator, type EmulatorOptions } from '../../emulators/core/emulator.ts'
import { createKeyRing, signJwt } from '../../emulators/core/keys.ts'
import { createSignIn, OAuthFailure, type SignInRules } from '../../emulators/core/sign-in.ts'
import { signIn } from '../support/browser.ts'

const VERIFIER = 'a-verifier-that-has-at-least-forty-three-characters'
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')
const REDIRECT = 'http://127.0.0.1:8766/callback'

async function started(rules: Partial<SignInRules> = {}, options: EmulatorOptions = {}) {
  const flow = createSignIn({
    clients: [
      { clientId: 'public', redirectUris: ['http://127.0.0.1/callback'] },
      { clientId: 'machine', clientSecret: 's+ p:%' },
    ],
    users: [{ login: 'ada' }, { login: '<ben>' }],
    now: options.now ?? Date.now,
    grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    issue: ({ user, scopes, grantType }) => ({ access_token: `${grantType} ${user?.login} ${scopes}` }),
    refreshable: () => true,
    ...rules,
  })
  const emulator = createEmulator(
    { routes: { 'GET /authorize': flow.authorize, 'POST /authorize': flow.authorize, 'POST /token': flow.token } },
    options,
  )
  const origin = await emulator.start()
  onTestFinished(emulator.close)
  const authorizeUrl = (changes: Record<string, string | undefined> = {}) => {
    const parameters: Record<string, string | undefined> = {
      response_type: 'code',
      client_id: 'public',
      redirect_uri: REDIRECT,
      code_challenge: CHALLENGE,
      code_challenge_method: 'S256',
      scope: 'a b',
      state: 's&1',
      ...changes,
    }
    const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
    return `${origin}/authorize?${new URLSearchParams(given)}`
  }
  const token = async (form: Record<string, string>, headers: Record<string, string> = {}) => {
    const response = await fetch(`${origin}/token`, { method: 'POST', body: new URLSearchParams(form), headers })
    return { status: response.status, body: (await response.json()) as Record<string, string> }
  }
  const code = async () => {
    const callback = await signIn(authorizeUrl({ login_hint: 'ada' }))
    const form = { grant_type: 'authorization_code', code: callback.searchParams.get('code') ?? '' }
    return { ...form, client_id: 'public', redirect_uri: REDIRECT, code_verifier: VERIFIER }
  }
  return { emulator, origin, authorizeUrl, token, code }
}

describe('an emulator', () => {
  it('answers alike over HTTP and by fetch, with its origin in both', async () => {
    const emulator = createEmulator(
      {
        routes: { 'GET /:tenant/info': (_request, { tenant }) => Response.json({ tenant, issuer: emulator.origin }) },
        notFound: () => Response.json({ error: 'nothing here' }, { status: 404 }),
      },
      { origin: 'https://login.example' },
    )
    onTestFinished(emulator.close)
    const address = await emulator.start()
    for (const answer of [
      await fetch(`${address}/a%2Fb/info`),
      await emulator.fetch('https://login.example/a%2Fb/info'),
    ]) {
      expect(await answer.json()).toEqual({ tenant: 'a/b', issuer: 'https://login.example' })
    }
    expect((await fetch(`${address}/elsewhere`)).status).toBe(404)
    await expect(emulator.fetch('https://other.example/a/info')).rejects.toThrow('fetch failed')
    expect(emulator.count('/a%2Fb/info')).toBe(2)
    expect(emulator.count()).toBe(3)
  })

  it('has no origin before it listens, unless it was given one', async () => {
    const emulator = createEmulator({ routes: {} })
    expect(() => emulator.origin).toThrow('start it first')
    const address = await emulator.start()
    onTestFinished(emulator.close)
    expect(emulator.origin).toBe(address)
  })

  it('fails as it is told to, until it is told otherwise', async () => {
    const emulator = createEmulator({ routes: { 'GET /a': () => new Response('a') } })
    const origin = await emulator.start()
    onTestFinished(emulator.close)
    const recover = emulator.fail({ kind: 'status', status: 429, headers: { 'retry-after': '7' }, path: '/a' })
    const throttled = await fetch(`${origin}/a`)
    expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '7'])
    expect((await fetch(`${origin}/b`)).status).toBe(404)
    recover()
    emulator.fail({ kind: 'reset', times: 1 })
    await expect(fetch(`${origin}/a`)).rejects.toThrow()
    expect((await fetch(`${origin}/a`)).status).toBe(200)
    emulator.fail({ kind: 'hang' })
    const impatient = { signal: AbortSignal.timeout(50) }
    await expect(fetch(`${origin}/a`, impatient)).rejects.toThrow('timeout')
    await expect(emulator.fetch(`${origin}/a`, { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout')
  })
})

describe('the sign-in', () => {
  it('gives a code to whom the page lets choose, and a token for it once', async () => {
    const { authorizeUrl, token } = await started()
    const callback = await signIn(authorizeUrl(), { user: '<ben>' })
    expect(callback.origin + callback.pathname).toBe(REDIRECT)
    expect(callback.searchParams.get('state')).toBe('s&1')
    const form = {
      grant_type: 'authorization_code',
      client_id: 'public',
      code: callback.searchParams.get('code') ?? '',
      redirect_uri: REDIRECT,
      code_verifier: VERIFIER,
    }
    expect((await token(form)).body.access_token).toBe('authorization_code <ben> a,b')
    expect(await token(form)).toEqual({ status: 400, body: { error: 'invalid_grant' } })
  })

  it.each([
    ['another verifier', { code_verifier: `${VERIFIER}x` }],
    ['another redirect URI', { redirect_uri: 'http://127.0.0.1:49153/callback' }],
  ])('refuses a code with %s', async (_what, change) => {
    const { token, code } = await started()
    expect(await token({ ...(await code()), ...change })).toEqual({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('refuses a code that is older than a minute', async () => {
    let now = Date.now()
    const { token, code } = await started({}, { now: () => now })
    const form = await code()
    now += 61_000
    expect((await token(form)).body).toEqual({ error: 'invalid_grant' })
  })

  it('never redirects to an address that is not registered', async () => {
    const { authorizeUrl } = await started()
    for (const change of [{ redirect_uri: 'https://evil.example/callback' }, { client_id: 'nobody' }]) {
      const response = await fetch(authorizeUrl(change), { redirect: 'manual' })
      expect(response.status).toBe(400)
      expect(response.headers.get('location')).toBeNull()
    }
  })

  it('takes errors back to the client: no challenge, plain challenge, a refusal of the provider', async () => {
    const { authorizeUrl } = await started({
      grant() {
        throw new OAuthFailure('access_denied', 'Service not found')
      },
    })
    const errorOf = async (change: Record<string, string | undefined>) =>
      (await signIn(authorizeUrl({ login_hint: 'ada', ...change }))).searchParams.get('error')
    expect(await errorOf({ code_challenge: undefined })).toBe('invalid_request')
    expect(await errorOf({ code_challenge_method: 'plain' })).toBe('invalid_request')
    expect(await errorOf({ response_type: 'token' })).toBe('unsupported_response_type')
    expect(await errorOf({})).toBe('access_denied')
  })

  it('refreshes with the scopes that were granted or fewer, and rotates if the provider does', async () => {
    const { token, code } = await started({ rotateRefreshTokens: true })
    const { refresh_token = '' } = (await token(await code())).body
    const form = { grant_type: 'refresh_token', client_id: 'public', refresh_token, scope: 'b c' }
    const refreshed = (await token(form)).body
    expect(refreshed.access_token).toBe('refresh_token ada b')
    expect(refreshed.refresh_token).not.toBe(refresh_token)
    expect((await token(form)).body).toEqual({ error: 'invalid_grant' })
  })

  it('lets a machine in by either form of its secret only', async () => {
    const { token } = await started()
    const form = { grant_type: 'client_credentials', scope: 'a' }
    const basic = `Basic ${btoa(`machine:${encodeURIComponent('s+ p:%')}`)}`
    const expected = 'client_credentials undefined a'
    expect((await token(form, { authorization: basic })).body.access_token).toBe(expected)
    const posted = { ...form, client_id: 'machine', client_secret: 's+ p:%' }
    expect((await token(posted)).body.access_token).toBe(expected)
    expect((await token({ ...posted, client_secret: 'wrong' })).status).toBe(401)
    expect((await token({ ...form, client_id: 'machine' })).body.error).toBe('invalid_client')
    expect((await token({ ...form, client_id: 'public' })).body.error).toBe('unauthorized_client')
  })
})

describe('the keys', () => {
  it('sign what their published halves verify', async () => {
    for (const alg of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const) {
      const keys = createKeyRing({ alg })
      const token = await signJwt(
        { alg, kid: keys.current.kid, typ: undefined },
        { sub: 'ada' },
        keys.current.privateKey,
      )
      const [jwk] = keys.published()
      expect(jwk).toMatchObject({ alg, kid: keys.current.kid, use: 'sig' })
      expect((await jwtVerify(token, jwk ?? {})).protectedHeader).toEqual({ alg, kid: keys.current.kid })
    }
  })

  it('are published as the provider does it, and rotate, flap and vanish', async () => {
    let serial = 0
    const keys = createKeyRing({
      alg: 'ES256',
      keyId: () => `k${++serial}`,
      publish: ({ kid }, { kty }) => ({ kid, kty }),
    })
    const ids = () => keys.published().map(({ kid }) => kid)
    expect(keys.published()).toEqual([{ kid: 'k1', kty: 'EC' }])
    keys.announce()
    expect([ids(), keys.current.kid]).toEqual([['k1', 'k2'], 'k1'])
    keys.rotate('kept')
    expect([ids(), keys.current.kid]).toEqual([['k1', 'k2'], 'k2'])
    keys.flap(['k2'])
    expect([ids(), ids(), ids()]).toEqual([['k1', 'k2'], ['k1'], ['k1', 'k2']])
    keys.flap([])
    keys.rotate()
    expect(ids()).toEqual(['k3'])
    keys.publishAlso({ kid: 'enc', use: 'enc' })
    keys.withdraw('k3')
    expect(ids()).toEqual(['enc'])
    expect((await exportJWK(keys.current.privateKey)).d).toBeTruthy()
  })
})
