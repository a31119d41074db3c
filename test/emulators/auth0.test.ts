import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { type Auth0EmulatorOptions, createAuth0Emulator } from '../../emulators/auth0.ts'

const TENANT = 'https://acme.eu.auth0.com'
const CUSTOM = 'https://login.acme.example'
const API = 'https://mcp.example.com/mcp'
const REDIRECT = 'http://localhost:8766/callback'
const VERIFIER = 'a-verifier-that-has-at-least-forty-three-characters'

interface TokenAnswer {
  access_token: string
  id_token?: string
  refresh_token?: string
  scope?: string
  expires_in: number
  error?: string
  error_description?: string
}

function create(options: Auth0EmulatorOptions = {}) {
  const tenant = createAuth0Emulator({ origin: TENANT, customDomain: CUSTOM, ...options })
  const token = async (form: Record<string, string>, origin = TENANT) => {
    const response = await tenant.fetch(`${origin}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
    return { status: response.status, body: (await response.json()) as TokenAnswer }
  }
  /** The redirect that ends the authorization request. */
  const authorize = async (parameters: Record<string, string>, origin = TENANT) => {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'native',
      redirect_uri: REDIRECT,
      code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
      code_challenge_method: 'S256',
      login_hint: 'ada',
      ...parameters,
    })
    const { headers } = await tenant.fetch(`${origin}/authorize?${query}`)
    return new URL(headers.get('location') ?? '').searchParams
  }
  const signIn = async (parameters: Record<string, string>, origin = TENANT) => {
    const code = (await authorize(parameters, origin)).get('code') ?? ''
    const form = { grant_type: 'authorization_code', client_id: 'native', redirect_uri: REDIRECT, code }
    return (await token({ ...form, code_verifier: VERIFIER }, origin)).body
  }
  return { tenant, token, authorize, signIn }
}

describe('metadata and keys', () => {
  it('name the issuer with a slash, and have nothing that Auth0 does not have', async () => {
    const { tenant } = create()
    const metadata = (await (await tenant.fetch(`${TENANT}/.well-known/openid-configuration`)).json()) as object
    expect(metadata).toMatchObject({
      issuer: 'https://acme.eu.auth0.com/',
      jwks_uri: 'https://acme.eu.auth0.com/.well-known/jwks.json',
      registration_endpoint: 'https://acme.eu.auth0.com/oidc/register',
      code_challenge_methods_supported: ['S256', 'plain'],
    })
    for (const absent of [
      'introspection_endpoint',
      'authorization_response_iss_parameter_supported',
      'client_id_metadata_document_supported',
    ]) {
      expect(metadata).not.toHaveProperty(absent)
    }
    const other = await tenant.fetch(`${CUSTOM}/.well-known/oauth-authorization-server`)
    expect(await other.json()).toMatchObject({ issuer: 'https://login.acme.example/' })
  })

  it('have the members that Auth0 publishes, with a certificate of the key', () => {
    const [jwk] = create().tenant.keys.published() as [Record<string, string> & { x5c: string[] }]
    expect(Object.keys(jwk)).toEqual(['alg', 'kty', 'use', 'x5c', 'n', 'e', 'kid', 'x5t'])
    const certificate = new X509Certificate(Buffer.from(jwk.x5c[0] ?? '', 'base64'))
    expect(certificate.subject).toBe('CN=acme.eu.auth0.com')
    expect(certificate.publicKey.export({ format: 'jwk' })).toEqual({ kty: 'RSA', n: jwk.n, e: jwk.e })
    expect(certificate.verify(createPublicKey({ key: { kty: 'RSA', n: jwk.n, e: jwk.e }, format: 'jwk' }))).toBe(true)
    expect(jwk.x5t).toBe(createHash('sha1').update(certificate.raw).digest('base64url'))
  })
})

describe('switches of the tenant', () => {
  it('add what MCP clients look for to the metadata, and iss to authorization responses', async () => {
    const { authorize, tenant } = create({ clientIdMetadataDocuments: true, issuerInResponses: true })
    expect(await (await tenant.fetch(`${TENANT}/.well-known/openid-configuration`)).json()).toMatchObject({
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
    })
    expect((await authorize({ audience: API })).get('iss')).toBe('https://acme.eu.auth0.com/')
    expect((await create().authorize({ audience: API })).has('iss')).toBe(false)
  })
})

describe('the API that a token is for', () => {
  it('is named by audience; resource counts with the compatibility profile, which is the default, and audience wins', async () => {
    const ignoring = create({ resourceParameterProfile: 'audience' })
    const opaque = (await ignoring.signIn({ resource: API })).access_token
    expect(opaque.split('.')).toHaveLength(5)
    expect(decodeProtectedHeader(opaque)).toEqual({ alg: 'dir', enc: 'A256GCM', iss: 'https://acme.eu.auth0.com/' })
    expect(decodeJwt((await ignoring.signIn({ audience: API })).access_token).aud).toBe(API)

    const compatible = create({
      apis: [
        { identifier: API, scopes: [] },
        { identifier: 'urn:other', scopes: [] },
      ],
    })
    expect(decodeJwt((await compatible.signIn({ resource: API })).access_token).aud).toBe(API)
    expect(decodeJwt((await compatible.signIn({ resource: API, audience: 'urn:other' })).access_token).aud).toBe(
      'urn:other',
    )
  })

  it('has to be there', async () => {
    const { authorize, token } = create()
    const refused = await authorize({ audience: 'urn:other' })
    expect(Object.fromEntries(refused)).toEqual({
      error: 'access_denied',
      error_description: 'Service not found: urn:other',
    })
    const machine = { grant_type: 'client_credentials', client_id: 'machine', client_secret: 'machine-secret' }
    expect((await token({ ...machine, audience: 'urn:other' })).body).toEqual({
      error: 'access_denied',
      error_description: 'Service not enabled within domain: urn:other',
    })
  })

  it('stands beside userinfo in aud when openid was requested, and its tokens open userinfo', async () => {
    const { tenant, signIn } = create()
    const {
      access_token,
      id_token = '',
      scope,
    } = await signIn({ audience: API, scope: 'openid notes:read unheard-of' })
    expect(decodeJwt(access_token).aud).toEqual([API, 'https://acme.eu.auth0.com/userinfo'])
    expect(scope).toBe('openid notes:read')
    expect(decodeJwt(id_token).aud).toBe('native')
    const userInfo = (token: string) =>
      tenant.fetch(`${TENANT}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
    expect(await (await userInfo(access_token)).json()).toMatchObject({ sub: 'auth0|64b6f2a1c0ffee0000000001' })
    expect((await userInfo('something')).status).toBe(401)
  })

  it('with RBAC grants what was requested and assigned, and lists all that is assigned', async () => {
    const { signIn } = create({
      apis: [{ identifier: API, scopes: ['notes:read', 'notes:write'], dialect: 'rfc9068_profile_authz' }],
    })
    const parameters = { audience: API, scope: 'notes:write notes:read' }
    const cleo = decodeJwt((await signIn({ ...parameters, login_hint: 'cleo' })).access_token)
    expect(cleo).toMatchObject({ scope: 'notes:read', permissions: ['notes:read'], client_id: 'native' })
    const ada = decodeJwt((await signIn({ ...parameters, scope: 'notes:read' })).access_token)
    expect(ada).toMatchObject({ scope: 'notes:read', permissions: ['notes:read', 'notes:write'] })
  })

  it('decides about refresh tokens, together with offline_access', async () => {
    const { signIn, token } = create()
    const { refresh_token = '' } = await signIn({ audience: API, scope: 'notes:read offline_access' })
    const refreshed = await token({ grant_type: 'refresh_token', client_id: 'native', refresh_token })
    expect(decodeJwt(refreshed.body.access_token)).toMatchObject({ aud: API, scope: 'notes:read offline_access' })
    expect((await signIn({ audience: API, scope: 'notes:read' })).refresh_token).toBeUndefined()
    const strict = create({ apis: [{ identifier: API, scopes: [] }] })
    expect((await strict.signIn({ audience: API, scope: 'offline_access' })).refresh_token).toBeUndefined()
  })
})

describe('a machine', () => {
  const machine = { grant_type: 'client_credentials', client_id: 'machine', client_secret: 'machine-secret' }

  it('is its own subject, with gty in the dialects of Auth0 only', async () => {
    const { token } = create()
    const { body } = await token({ ...machine, audience: API })
    expect(decodeJwt(body.access_token)).toMatchObject({
      sub: 'machine@clients',
      azp: 'machine',
      aud: API,
      gty: 'client-credentials',
    })
    expect(body).not.toHaveProperty('id_token')
    const rfc9068 = create({ apis: [{ identifier: API, scopes: [], dialect: 'rfc9068_profile' }] })
    const claims = decodeJwt((await rfc9068.token({ ...machine, audience: API })).body.access_token)
    expect(claims).toMatchObject({ sub: 'machine@clients', client_id: 'machine', jti: expect.any(String) })
    for (const absent of ['gty', 'azp', 'scope']) expect(claims).not.toHaveProperty(absent)
  })

  it('has to be authorized for the API', async () => {
    const { token } = create({ clients: [{ clientId: 'machine', clientSecret: 'machine-secret' }] })
    const { status, body } = await token({ ...machine, audience: API })
    expect([status, body]).toEqual([
      403,
      {
        error: 'access_denied',
        error_description: `Client "machine" is not authorized to access resource server "${API}".`,
      },
    ])
  })
})

it('the custom domain is the issuer for those who sign in there', async () => {
  const { signIn } = create()
  const { access_token, id_token = '' } = await signIn({ audience: API, scope: 'openid' }, CUSTOM)
  for (const token of [access_token, id_token]) expect(decodeJwt(token).iss).toBe('https://login.acme.example/')
})

it('old tenants issue 32 characters where no API was requested', async () => {
  const { signIn } = create({ opaqueTokens: 'short' })
  expect((await signIn({})).access_token).toMatch(/^[\w-]{32}$/)
})

describe('dynamic registration', () => {
  const body = JSON.stringify({ client_name: 'A client', redirect_uris: [REDIRECT] })
  const register = ({ tenant }: ReturnType<typeof create>) =>
    tenant.fetch(`${TENANT}/oidc/register`, { method: 'POST', body })

  it('is refused in Auth0 own way while it is off', async () => {
    const response = await register(create())
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      statusCode: 400,
      error: 'Bad Request',
      message: 'dynamic client registration is disabled',
    })
  })

  it('makes third-party clients while it is on', async () => {
    const emulated = create({ dynamicRegistration: true })
    const { client_id } = (await (await register(emulated)).json()) as { client_id: string }
    expect(client_id).toMatch(/^tpc_/)
    expect((await emulated.authorize({ client_id, audience: API })).get('code')).toBeTruthy()
  })
})
