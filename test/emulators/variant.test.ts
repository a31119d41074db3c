import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { optionalMembers } from '../../emulators/core/optional-members.ts'
import { createOidcEmulator } from '../../emulators/oidc.ts'

const ORIGIN = 'https://id.example.com'
const REDIRECT_URI = 'https://client.example.com/callback'
const CLIENT = { clientId: 'bridge', clientSecret: 'the-secret', redirectUris: [REDIRECT_URI] }
const CLAIMS = { email: 'ada@corp.com', groups: ['staff'] }

function start() {
  const users = [{ login: 'ada', id: '1', claims: CLAIMS }]
  const emulator = createOidcEmulator({ origin: ORIGIN, clients: [CLIENT], users })
  const json = async (path: string, init?: RequestInit) =>
    (await (await emulator.fetch(ORIGIN + path, init)).json()) as Record<string, unknown>
  const post = (form: Record<string, string>) => {
    const body = new URLSearchParams({ client_id: 'bridge', client_secret: 'the-secret', ...form })
    return emulator.fetch(`${ORIGIN}/token`, { method: 'POST', body })
  }
  async function signIn() {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'bridge',
      redirect_uri: REDIRECT_URI,
      scope: 'openid email offline_access',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
      login_hint: 'ada',
    })
    const { headers } = await emulator.fetch(`${ORIGIN}/authorize?${query}`, { redirect: 'manual' })
    const code = new URL(headers.get('location') ?? '').searchParams.get('code') ?? ''
    const code_verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
    const answer = await post({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier })
    return (await answer.json()) as Record<'access_token' | 'refresh_token' | 'id_token', string>
  }
  return { emulator, json, post, signIn }
}

describe('an emulator that leaves out optional members', () => {
  it('leaves them out of the metadata and of every key, until it is told otherwise', async () => {
    const { emulator, json } = start()
    emulator.vary({ omit: ['discovery.scopes_supported', 'jwks.alg'] })
    expect(await json('/.well-known/openid-configuration')).not.toHaveProperty('scopes_supported')
    expect((await json('/jwks')).keys).toEqual([expect.not.objectContaining({ alg: 'RS256' })])
    emulator.vary({})
    expect(await json('/.well-known/openid-configuration')).toHaveProperty('scopes_supported')
    expect((await json('/jwks')).keys).toEqual([expect.objectContaining({ alg: 'RS256' })])
  })

  it('leaves an ID token out of refreshes only', async () => {
    const { emulator, post, signIn } = start()
    emulator.vary({ omit: ['refresh.id_token'] })
    const { refresh_token, id_token } = await signIn()
    expect(decodeJwt(id_token).sub).toBe('1')
    const refreshed = await (await post({ grant_type: 'refresh_token', refresh_token })).json()
    expect(refreshed).toMatchObject({ access_token: expect.any(String) })
    expect(refreshed).not.toHaveProperty('id_token')
  })

  it('leaves claims out of ID tokens and UserInfo', async () => {
    const { emulator, json, signIn } = start()
    emulator.vary({ omit: ['id_token.groups', 'userinfo.email'] })
    const { id_token, access_token } = await signIn()
    expect(decodeJwt(id_token)).not.toHaveProperty('groups')
    const headers = { authorization: `Bearer ${access_token}` }
    expect(await json('/userinfo', { headers })).toEqual({ sub: '1', groups: ['staff'] })
  })

  it('refuses to leave out what is required', () => {
    expect(() => start().emulator.vary({ omit: ['discovery.issuer', 'jwks.kty'] })).toThrow(
      'not known to be optional: discovery.issuer, jwks.kty',
    )
  })
})

describe('an emulator that spells errors otherwise', () => {
  const refused = async (errors?: 'empty' | 'html' | 'challenge' | 'other_code') => {
    const { emulator, post } = start()
    emulator.vary({ errors })
    const answer = await post({ grant_type: 'refresh_token', refresh_token: 'made-up' })
    return [answer.status, answer.headers.get('www-authenticate'), await answer.text()]
  }

  it('sends no body, a page, a challenge, or another code', async () => {
    expect(await refused()).toEqual([400, null, '{"error":"invalid_grant"}'])
    expect(await refused('empty')).toEqual([400, null, ''])
    expect(await refused('html')).toEqual([400, null, expect.stringContaining('<h1>400</h1>')])
    expect(await refused('challenge')).toEqual([400, 'Bearer error="invalid_grant"', ''])
    expect(await refused('other_code')).toEqual([400, null, '{"error":"invalid_request"}'])
  })
})

it('every optional member has a section that says so', () => {
  for (const [member, section] of optionalMembers) {
    expect(member).toMatch(/^[a-z_]+\.\w+$/)
    expect(section, member).toMatch(/^(RFC \d+|OpenID Connect|Microsoft|Google|GitHub)/)
  }
})
