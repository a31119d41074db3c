import { createHash } from 'node:crypto'
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { createGoogleEmulator } from '../../emulators/google.ts'

const CLIENT_ID = '123456789012-emulator.apps.googleusercontent.com'
const VERIFIER = 'a-verifier-that-has-at-least-forty-three-characters'
const REDIRECT = 'http://127.0.0.1:8766/callback'
const EMAIL_SCOPE = 'https://www.googleapis.com/auth/userinfo.email'

function setUp() {
  let now = Date.UTC(2026, 10, 1)
  const google = createGoogleEmulator({ origin: 'https://accounts.google.com', now: () => now })
  const get = async (url: string, headers = {}) => (await google.fetch(url, { headers })).json() as Promise<object>

  async function authorize(changes: Record<string, string> = {}): Promise<URLSearchParams> {
    const parameters = new URLSearchParams({
      response_type: 'code',
      client_id: CLIENT_ID,
      redirect_uri: REDIRECT,
      scope: 'openid email',
      code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
      code_challenge_method: 'S256',
      login_hint: 'ada',
      ...changes,
    })
    const answer = await google.fetch(`https://accounts.google.com/o/oauth2/v2/auth?${parameters}`)
    return new URL(answer.headers.get('location') ?? 'https://no.redirect').searchParams
  }

  async function token(form: Record<string, string>) {
    const body = new URLSearchParams({ client_id: CLIENT_ID, client_secret: 'GOCSPX-emulator', ...form })
    if (form.client_secret === '') body.delete('client_secret')
    const answer = await google.fetch('https://oauth2.googleapis.com/token', { method: 'POST', body })
    return { status: answer.status, body: (await answer.json()) as Record<string, string> }
  }

  async function signIn(changes: Record<string, string> = {}, form: Record<string, string> = {}) {
    const code = (await authorize(changes)).get('code') ?? ''
    const grant = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: VERIFIER }
    return token({ ...grant, ...form })
  }

  const advance = (seconds: number) => {
    now += seconds * 1000
  }
  return { google, get, authorize, token, signIn, advance, now: () => new Date(now) }
}

describe('the emulated metadata of Google', () => {
  it('has and lacks what the real document has and lacks', async () => {
    const document = await setUp().get('https://accounts.google.com/.well-known/openid-configuration')
    expect(document).toMatchObject({
      issuer: 'https://accounts.google.com',
      token_endpoint: 'https://oauth2.googleapis.com/token',
      jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
      code_challenge_methods_supported: ['plain', 'S256'],
      scopes_supported: ['openid', 'email', 'profile'],
    })
    for (const member of [
      'registration_endpoint',
      'introspection_endpoint',
      'authorization_response_iss_parameter_supported',
      'client_id_metadata_document_supported',
    ]) {
      expect(document).not.toHaveProperty(member)
    }
  })

  it('is not served in the form of RFC 8414, and nobody registers', async () => {
    const { google } = setUp()
    for (const path of ['/.well-known/oauth-authorization-server', '/register']) {
      expect((await google.fetch(`https://accounts.google.com${path}`)).status).toBe(404)
    }
  })
})

describe('the emulated sign-in at Google', () => {
  it('gives an opaque access token, scopes in full, and an ID token for the client', async () => {
    const { google, signIn, now } = setUp()
    const { status, body } = await signIn({ resource: 'https://mcp.example.com/mcp' })
    expect(status).toBe(200)
    expect(body.access_token).toMatch(/^ya29\./)
    expect(body).toMatchObject({ scope: `openid ${EMAIL_SCOPE}`, expires_in: 3599, token_type: 'Bearer' })
    expect(body).not.toHaveProperty('refresh_token')
    const keys = createRemoteJWKSet(new URL('https://www.googleapis.com/oauth2/v3/certs'), {
      [customFetch]: google.fetch,
    })
    const { payload } = await jwtVerify(body.id_token ?? '', keys, { currentDate: now() })
    expect(payload).toMatchObject({ aud: CLIENT_ID, azp: CLIENT_ID, hd: 'example.com', email_verified: true })
  })

  it.each([
    [
      'without',
      { client_secret: '' },
      400,
      { error: 'invalid_request', error_description: 'client_secret is missing.' },
    ],
    ['with a wrong', { client_secret: 'wrong' }, 401, { error: 'invalid_client' }],
  ])('refuses clients %s secret, PKCE or not', async (_label, form, status, body) => {
    expect(await setUp().signIn({}, form)).toEqual({ status, body })
  })

  it('names itself in its answers (RFC 9207), errors included', async () => {
    expect((await setUp().authorize({})).get('iss')).toBe('https://accounts.google.com')
    expect((await setUp().authorize({ scope: 'notes:read' })).get('iss')).toBe('https://accounts.google.com')
  })

  it.each(['notes:read', 'openid offline_access'])('refuses the scope %s', async scope => {
    expect((await setUp().authorize({ scope })).get('error')).toBe('invalid_scope')
  })

  it('gives a refresh token for access_type=offline, and another one for prompt=consent', async () => {
    const { signIn, token } = setUp()
    const first = (await signIn({ access_type: 'offline' })).body.refresh_token ?? ''
    expect(first).not.toBe('')
    expect((await signIn({ access_type: 'offline' })).body).not.toHaveProperty('refresh_token')
    expect((await signIn({ access_type: 'offline', prompt: 'consent' })).body).toHaveProperty('refresh_token')
    const refreshed = await token({ grant_type: 'refresh_token', refresh_token: first })
    expect(refreshed.body).toMatchObject({ access_token: expect.stringMatching(/^ya29\./) })
    expect(refreshed.body).not.toHaveProperty('refresh_token')
  })

  it.each([
    ['http://127.0.0.1:1/any/path', true],
    ['http://localhost:8766/callback', false],
    ['https://127.0.0.1/callback', false],
    ['http://127.0.0.1.evil.example/', false],
  ])('sends a desktop client back to %s: %s', async (redirect_uri, allowed) => {
    expect((await setUp().authorize({ redirect_uri })).has('code')).toBe(allowed)
  })
})

describe('the emulated tokeninfo', () => {
  const info = (google: ReturnType<typeof createGoogleEmulator>, token: string) =>
    google.fetch('https://oauth2.googleapis.com/tokeninfo', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })

  it('spells every value as a string, and takes the token in the query as well', async () => {
    const { google, get } = setUp()
    const token = google.mint()
    const expected = {
      azp: CLIENT_ID,
      aud: CLIENT_ID,
      sub: '110000000000000000001',
      scope: `openid ${EMAIL_SCOPE}`,
      exp: '1793494799',
      expires_in: '3599',
      email: 'ada@example.com',
      email_verified: 'true',
      access_type: 'online',
    }
    expect(await (await info(google, token)).json()).toEqual(expected)
    expect(await get(`https://oauth2.googleapis.com/tokeninfo?access_token=${token}`)).toEqual(expected)
  })

  it('leaves out sub and email where no profile scope was granted', async () => {
    const { google } = setUp()
    const token = google.mint({}, ['https://www.googleapis.com/auth/drive'])
    expect(Object.keys((await (await info(google, token)).json()) as object)).not.toEqual(
      expect.arrayContaining(['sub']),
    )
  })

  it('answers 400 to expired, revoked and made-up tokens, where userinfo answers 401', async () => {
    const { google, advance } = setUp()
    const [expired, revoked] = [google.mint(), google.mint()]
    google.revoke(revoked)
    const fresh = () => info(google, expired)
    expect((await fresh()).status).toBe(200)
    advance(3599)
    for (const token of [expired, revoked, 'ya29.made-up', '']) {
      const answer = await info(google, token)
      expect(answer.status).toBe(400)
      expect(await answer.json()).toEqual({ error: 'invalid_token', error_description: 'Invalid Value' })
    }
    const headers = { authorization: `Bearer ${expired}` }
    expect((await google.fetch('https://openidconnect.googleapis.com/v1/userinfo', { headers })).status).toBe(401)
  })

  it('names a number and nobody for a service account, whose token has three parts', async () => {
    const { google } = setUp()
    const token = google.mintForServiceAccount()
    expect(token.split('.')).toHaveLength(3)
    const body = (await (await info(google, token)).json()) as Record<string, unknown>
    expect(body.aud).toMatch(/^\d+$/)
    expect(body).not.toHaveProperty('sub')
    expect(body).not.toHaveProperty('email')
  })
})
