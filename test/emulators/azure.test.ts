import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { type AzureEmulatorOptions, createAzureEmulator } from '../../emulators/azure.ts'

const LOGIN = 'https://login.microsoftonline.com'
const CONTOSO = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const CLIENT = '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11'
const APP = 'http://localhost:3232/mcp'
const REDIRECT = 'http://localhost:8766/callback'

type Json = Record<string, unknown>

function emulate(options: AzureEmulatorOptions = {}) {
  const emulator = createAzureEmulator({ origin: LOGIN, ...options })
  const get = async (path: string) => (await (await emulator.fetch(LOGIN + path)).json()) as Json

  async function authorize(parameters: Record<string, string>, tenant = CONTOSO, endpoint = 'oauth2/v2.0') {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: CLIENT,
      redirect_uri: REDIRECT,
      login_hint: 'ada@contoso.example',
      ...parameters,
    })
    return emulator.fetch(`${LOGIN}/${tenant}/${endpoint}/authorize?${query}`)
  }
  /** Where the browser is sent. */
  const redirected = async (...given: Parameters<typeof authorize>) =>
    new URL((await authorize(...given)).headers.get('location') ?? expect.fail('no redirect')).searchParams

  async function token(form: Record<string, string>, tenant = CONTOSO, endpoint = 'oauth2/v2.0') {
    const body = new URLSearchParams({ client_id: CLIENT, redirect_uri: REDIRECT, ...form })
    const response = await emulator.fetch(`${LOGIN}/${tenant}/${endpoint}/token`, { method: 'POST', body })
    return { status: response.status, body: (await response.json()) as Json }
  }

  async function signIn(parameters: Record<string, string>, tenant?: string, endpoint?: string) {
    const code = (await redirected(parameters, tenant, endpoint)).get('code') ?? ''
    return token({ grant_type: 'authorization_code', code }, tenant, endpoint)
  }
  return { emulator, get, authorize, redirected, token, signIn }
}

describe('metadata of Entra ID', () => {
  it('of v2 has what Microsoft publishes, and not what it leaves out', async () => {
    const document = await emulate().get(`/${CONTOSO}/v2.0/.well-known/openid-configuration`)
    expect(document).toMatchObject({
      issuer: `${LOGIN}/${CONTOSO}/v2.0`,
      jwks_uri: `${LOGIN}/${CONTOSO}/discovery/v2.0/keys`,
      authorization_endpoint: `${LOGIN}/${CONTOSO}/oauth2/v2.0/authorize`,
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      cloud_instance_name: 'microsoftonline.com',
      rbac_url: 'https://pas.windows.net',
    })
    for (const member of ['tenant_region_scope', 'kerberos_endpoint', 'device_authorization_endpoint']) {
      expect(document).toHaveProperty(member)
    }
    for (const member of [
      'code_challenge_methods_supported',
      'registration_endpoint',
      'introspection_endpoint',
      'grant_types_supported',
      'authorization_response_iss_parameter_supported',
      'client_id_metadata_document_supported',
    ]) {
      expect(document).not.toHaveProperty(member)
    }
  })

  it('of v1 has the issuer with a slash, and the keys of common', async () => {
    expect(await emulate().get(`/${CONTOSO}/.well-known/openid-configuration`)).toMatchObject({
      issuer: `https://sts.windows.net/${CONTOSO}/`,
      jwks_uri: `${LOGIN}/common/discovery/keys`,
    })
  })

  it.each([
    ['common', `${LOGIN}/{tenantid}/v2.0`],
    ['organizations', `${LOGIN}/{tenantid}/v2.0`],
    ['consumers', `${LOGIN}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0`],
    ['contoso.onmicrosoft.com', `${LOGIN}/${CONTOSO}/v2.0`],
  ])('of %s names the issuer %s', async (tenant, issuer) => {
    expect((await emulate().get(`/${tenant}/v2.0/.well-known/openid-configuration`)).issuer).toBe(issuer)
  })

  it('is not there for RFC 8414, and an error for an unknown tenant', async () => {
    const { emulator, get } = emulate()
    const path = `/.well-known/oauth-authorization-server/${CONTOSO}/v2.0`
    expect((await emulator.fetch(LOGIN + path)).status).toBe(404)
    expect(await get('/nobody.example/v2.0/.well-known/openid-configuration')).toMatchObject({
      error: 'invalid_tenant',
      error_codes: [90002],
    })
  })
})

describe('keys of Entra ID', () => {
  it('have an issuer in v2 and none in v1, and no alg in either', async () => {
    const { get } = emulate()
    const { keys: v2 } = (await get('/common/discovery/v2.0/keys')) as { keys: Json[] }
    expect(v2.length).toBeGreaterThanOrEqual(6)
    expect(v2.length).toBeLessThanOrEqual(14)
    for (const key of v2) {
      expect(Object.keys(key).sort()).toEqual(['e', 'issuer', 'kid', 'kty', 'n', 'use', 'x5c', 'x5t'])
      expect(key.x5t).toBe(key.kid)
    }
    expect(new Set(v2.map(key => key.issuer))).toEqual(
      new Set([`${LOGIN}/{tenantid}/v2.0`, `${LOGIN}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0`]),
    )
    const { keys: v1 } = (await get('/common/discovery/keys')) as { keys: Json[] }
    expect(v1.map(key => key.kid)).toEqual(v2.map(key => key.kid))
    for (const key of v1) expect(key).not.toHaveProperty('issuer')
  })
})

describe('a sign-in', () => {
  const scope = `${APP}/notes:read openid offline_access`

  it('gives the version that the API requests, not that of the endpoint', async () => {
    const asked = await emulate({ api: { requestedAccessTokenVersion: null } }).signIn({ scope, resource: APP })
    expect(asked.body).toMatchObject({ token_type: 'Bearer', scope: `${APP}/notes:read`, expires_in: 3599 })
    const access = decodeJwt(String(asked.body.access_token))
    expect(access).toMatchObject({ ver: '1.0', appid: CLIENT, scp: 'notes:read', aud: APP })
    expect(access).not.toHaveProperty('azp')
    const idToken = decodeJwt(String(asked.body.id_token))
    expect(idToken).toMatchObject({ ver: '2.0', aud: CLIENT })
    for (const claim of ['azp', 'azpacr', 'scp']) expect(idToken).not.toHaveProperty(claim)
  })

  it('at the v1 endpoint has expires_in as a text, and an unsigned ID token', async () => {
    const { signIn } = emulate()
    const { body } = await signIn({ resource: APP, scope: 'openid' }, CONTOSO, 'oauth2')
    expect(body.expires_in).toBe('3599')
    expect(decodeProtectedHeader(String(body.id_token))).toMatchObject({ alg: 'none' })
    expect(decodeJwt(String(body.access_token))).toMatchObject({ scp: 'notes:read notes:write notes:admin' })
  })

  it('checks PKCE where it was used, though the metadata says nothing of it', async () => {
    const { redirected, token } = emulate()
    const verifier = 'v'.repeat(43)
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    const parameters = { scope, code_challenge: challenge, code_challenge_method: 'S256' }
    const code = async () => (await redirected(parameters)).get('code') ?? ''
    const grant = { grant_type: 'authorization_code' }
    expect((await token({ ...grant, code: await code() })).body.error).toBe('invalid_grant')
    expect((await token({ ...grant, code: await code(), code_verifier: verifier })).status).toBe(200)
  })

  it('gives a refresh token only with offline_access', async () => {
    const { signIn, token } = emulate()
    expect((await signIn({ scope: `${APP}/notes:read` })).body).not.toHaveProperty('refresh_token')
    const { body } = await signIn({ scope })
    const refreshed = await token({ grant_type: 'refresh_token', refresh_token: String(body.refresh_token) })
    expect(decodeJwt(String(refreshed.body.access_token)).scp).toBe('notes:read')
  })

  it.each([
    [{ scope: `${APP}/notes:read`, resource: `${APP}/` }, 'invalid_target', 'AADSTS9010010'],
    [{ scope: `${APP}/notes:read`, resource: 'https://other.example.com' }, 'invalid_target', 'AADSTS9010010'],
    [{ scope: 'notes:read' }, 'invalid_client', 'AADSTS650053'],
    [{ scope: `${APP}/notes:burn` }, 'invalid_client', 'AADSTS650053'],
    [{ scope: 'https://other.example.com/notes:read' }, 'invalid_resource', 'AADSTS500011'],
    [{ scope: `${APP}/notes:read User.Read` }, 'invalid_scope', 'AADSTS28000'],
    [{ scope: '' }, 'invalid_request', 'AADSTS900144'],
  ])('with %j ends in %s, %s', async (parameters, error, code) => {
    const answer = await emulate().redirected(parameters)
    expect(answer.get('error')).toBe(error)
    expect(answer.get('error_description')).toContain(`${code}: `)
  })

  it('for no API in particular gives a token for Microsoft Graph, which others cannot verify', async () => {
    const { body } = await emulate().signIn({ scope: 'openid User.Read' })
    const token = String(body.access_token)
    expect(decodeJwt(token)).toMatchObject({ aud: '00000003-0000-0000-c000-000000000000', ver: '1.0' })
    expect(decodeProtectedHeader(token)).toHaveProperty('nonce')
  })

  it.each([
    ['http://localhost:5000/callback', 302],
    ['http://localhost/callback', 302],
    ['http://localhost:5000/other', 400],
    ['http://127.0.0.1:5000/callback', 400],
    ['http://[::1]:5000/callback', 400],
  ])('may return to %s: %i', async (redirect_uri, status) => {
    expect((await emulate().authorize({ scope, redirect_uri })).status).toBe(status)
  })

  it('of several tenants gives tokens of the tenant of the user, and of one tenant only its own users', async () => {
    const { signIn, authorize } = emulate()
    const login_hint = 'finn@fabrikam.example'
    const { body } = await signIn({ scope, login_hint }, 'organizations')
    expect(decodeJwt(String(body.access_token)).tid).toBe('7c9e6679-7425-40de-944b-e07fc1f90ae7')
    const page = await (await authorize({ scope, login_hint })).text()
    expect(page).not.toContain('finn')
  })
})

describe('client credentials', () => {
  const daemon = {
    grant_type: 'client_credentials',
    client_id: '2d4d11a2-f814-46a7-890a-274a72a7309e',
    client_secret: 'daemon-secret',
  }

  it('give the roles of the client, and no scp', async () => {
    const { body } = await emulate().token({ ...daemon, scope: `${APP}/.default` })
    const claims = decodeJwt(String(body.access_token))
    expect(claims).toMatchObject({ roles: ['notes:read'], azpacr: '1' })
    expect(claims.sub).toBe(claims.oid)
    expect(claims).not.toHaveProperty('scp')
    expect(claims).not.toHaveProperty('idtyp')
  })

  it('give a token to a client to which nobody gave a role', async () => {
    const idle = { client_id: '8f0e5a3c-6a52-4e0b-9a45-54c1e7c0a001', client_secret: 'idle-secret' }
    const { status, body } = await emulate().token({ ...daemon, ...idle, scope: `${APP}/.default` })
    expect(status).toBe(200)
    expect(decodeJwt(String(body.access_token))).not.toHaveProperty('roles')
  })

  it('want the scope .default', async () => {
    const { status, body } = await emulate().token({ ...daemon, scope: `${APP}/notes:read` })
    expect([status, body.error, body.error_codes]).toEqual([400, 'invalid_scope', [1002012]])
  })
})
