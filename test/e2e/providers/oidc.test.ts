import { describe, expect, it, onTestFinished } from 'vitest'
import { loadConfiguration } from '../../../config/load.ts'
import { createOidcEmulator, type OidcEmulatorOptions } from '../../../emulators/oidc.ts'
import { freePort } from '../../support/http.ts'
import { temporaryFile } from '../../support/temporary-files.ts'
import { callWith } from '../call-with.ts'
import { createMcpUser, type McpUser, type Sdk } from '../mcp-user.ts'
import { startServers } from '../servers.ts'

const OIDC = '/.well-known/openid-configuration'
const CREDENTIALS = { INTROSPECTION_CLIENT_ID: 'introspector', INTROSPECTION_CLIENT_SECRET: 'introspector-secret' }

/** `npm start` beside a provider that the generic adapters are for. */
async function started(emulated: OidcEmulatorOptions, settings: (issuer: string) => Record<string, string>) {
  const PORT = String(await freePort())
  const resource = `http://localhost:${PORT}/mcp`
  const provider = createOidcEmulator({ audience: resource, ...emulated })
  await provider.start()
  onTestFinished(provider.close)
  const servers = await startServers({ PORT, ...settings(provider.issuer()) })
  return { provider, servers, resource }
}

/** A person whose client was registered at the provider. */
function person(sdk: Sdk, resource: string, issuer: string): McpUser {
  return createMcpUser(sdk, resource, 'ada', { refresh: false, client: { client_id: 'native', issuer } })
}

type Setting = [what: string, OidcEmulatorOptions, (issuer: string) => Record<string, string>]

const settings: Setting[] = [
  ['the metadata URL alone', {}, issuer => ({ AUTH_METADATA_URL: issuer + OIDC })],
  ['AUTH_PROVIDER=oidc', {}, issuer => ({ AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: issuer, OIDC_TYPES: 'at+jwt' })],
  [
    'AUTH_PROVIDER=introspection',
    { tokens: 'opaque' },
    issuer => ({ AUTH_PROVIDER: 'introspection', INTROSPECTION_METADATA_URL: issuer, ...CREDENTIALS }),
  ],
  [
    'AUTH_PROVIDER=keycloak',
    { product: 'keycloak' },
    issuer => ({
      AUTH_PROVIDER: 'keycloak',
      KEYCLOAK_URL: new URL(issuer).origin,
      KEYCLOAK_REALM: 'acme',
    }),
  ],
  [
    'AUTH_PROVIDER=adfs',
    { product: 'adfs' },
    issuer => ({
      AUTH_PROVIDER: 'adfs',
      AUTH_METADATA_URL: issuer + OIDC,
      ADFS_ACCESS_TOKEN_ISSUER: `${issuer}/services/trust`,
    }),
  ],
]

describe.each<Sdk>(['1.x', '2.x'])('an official client of SDK %s', sdk => {
  it.each(settings)('signs in, calls tools and steps up with %s', async (_what, emulated, settingsOf) => {
    const { provider, resource, servers } = await started(emulated, settingsOf)
    const ada = person(sdk, resource, servers.issuer)
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain(provider.issuer())
    await ada.callSteppingUp('add_note', { title: 'Milk', text: 'Two litres' })
    expect((await ada.call('list_notes')).text).toContain('Milk')
    expect(servers.log()).not.toContain(ada.memory.accessToken)
  })

  it('requests scopes with the prefix that Cognito puts before them', async () => {
    const PORT = String(await freePort())
    const resource = `http://localhost:${PORT}/mcp`
    const scopes = [`${resource}/notes:read`, `${resource}/notes:write`]
    const { provider, servers } = await started({ product: 'cognito', scopes }, issuer => ({
      PORT,
      AUTH_CONFIG: temporaryFile('provider.json', {
        adapter: 'oidc',
        metadataUrl: issuer,
        audience: null,
        clientIds: ['native'],
        requiredClaims: { token_use: 'access' },
        scopePrefix: `${resource}/`,
      }),
    }))
    const ada = person(sdk, resource, servers.issuer)
    await ada.connect()
    expect(ada.memory.scopes).toEqual([`${resource}/notes:read`])
    expect((await ada.call('whoami')).text).toContain('notes:read')
    expect(await callWith(resource, await provider.mint({ clientId: 'other-app' }))).toBe(401)
    expect(servers.log()).toContain('"reason":"client_refused"')
  })
})

describe('rules about people', () => {
  const RULES = { OIDC_ALLOW: 'group:staff', OIDC_GRANT_SCOPES: 'notes:read', OIDC_GROUPS_CLAIM: 'realm_access.groups' }
  const groups = (...names: string[]) => ({ claims: { realm_access: { groups: names } } })

  const ruled = (rules: object) =>
    started({}, issuer => ({ AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: issuer, ...rules }))

  it('let in whom they mean, with the scopes that they give, whatever the token says', async () => {
    const { provider, resource, servers } = await ruled(RULES)
    expect(await callWith(resource, await provider.mint({ ...groups('staff'), scopes: ['openid'] }))).toBe(200)
    const token = await provider.mint({ ...groups('guests'), scopes: ['notes:read', 'notes:admin'] })
    const refused = await fetch(resource, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toContain('another account')
    expect(servers.log()).toContain('"reason":"person_not_allowed"')
  })

  it('send nobody to sign in again for a scope that no sign-in adds', async () => {
    const { provider, resource } = await ruled(RULES)
    const token = await provider.mint({ ...groups('staff'), scopes: ['notes:read', 'notes:write'] })
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'add_note', arguments: { text: 'x' } } }
    const response = await fetch(resource, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify(body),
    })
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toBeNull()
  })

  it('have clients request openid, and an official client sign in', async () => {
    const { resource, servers } = await ruled({ OIDC_GRANT_SCOPES: 'notes:read,notes:write' })
    const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', resource))
    expect(await metadata.json()).toMatchObject({ scopes_supported: ['openid'] })
    const ada = person('1.x', resource, servers.issuer)
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain('notes:write')
  })

  it('are refused at the start where they say to whom and not what', () => {
    const env = { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: 'https://id.example.com', OIDC_GRANT_TO: 'group:staff' }
    expect(() => loadConfiguration(env)).toThrow('OIDC_GRANT_SCOPES: is not set, and OIDC_GRANT_TO says who has these')
    expect(() => loadConfiguration({ ...env, OIDC_GRANT_SCOPES: 'a', OIDC_GRANT_TO: 'staff' })).toThrow(
      'OIDC_GRANT_TO: must be everyone, or user:ID',
    )
  })
})

describe('Azure AD B2C', () => {
  const API = '90c0fe63-bcf2-44d5-8fb7-b8bbc0b29dc6'
  const b2c = { product: 'b2c', audience: API } as const
  const settings = (issuer: string) => ({
    AUTH_PROVIDER: 'b2c',
    AUTH_METADATA_URL: issuer.replace('/v2.0/', `/b2c_1_signin/v2.0${OIDC}`),
    B2C_ISSUER: issuer,
    B2C_CLIENT_ID: API,
    B2C_APP_ID_URI: 'https://acme.onmicrosoft.com/notes',
  })

  it('has its tokens accepted under an issuer that is not the place of the metadata', async () => {
    const { provider, resource } = await started(b2c, settings)
    expect(await callWith(resource, await provider.mint())).toBe(200)
    expect(await callWith(resource, await provider.mintIdToken({ aud: API }))).toBe(401)
    expect(await callWith(resource, await provider.mint({ claims: { aud: 'another-api' } }))).toBe(401)
    const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', resource))
    expect(await metadata.json()).toMatchObject({
      authorization_servers: [provider.issuer()],
      scopes_supported: expect.arrayContaining(['https://acme.onmicrosoft.com/notes/notes:read']),
    })
  })

  it('signs people in through the bridge', async () => {
    const AUTH_SERVER_PORT = String(await freePort())
    const callback = `http://localhost:${AUTH_SERVER_PORT}/oauth/callback`
    const client = { clientId: 'bridge', clientSecret: 'bridge-secret', redirectUris: [callback] }
    const { provider, resource } = await started({ ...b2c, clients: [client] }, issuer => ({
      ...settings(issuer),
      AUTH_SERVER_PORT,
      AUTH_BRIDGE: 'on',
      BRIDGE_CLIENT_ID: 'bridge',
      BRIDGE_CLIENT_SECRET: 'bridge-secret',
      BRIDGE_ALLOW: 'everyone',
      BRIDGE_GRANT_SCOPES: 'notes:read notes:write',
    }))
    const ada = createMcpUser('2.x', resource, 'ada', { provider: new URL(provider.issuer()).origin })
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain(`oidc:${provider.issuer().replace(/^http:\/\//, '')}:`)
  })
})

describe('what is wrong is said with its cure', () => {
  it('when Keycloak has no Audience mapper', async () => {
    const { provider, resource, servers } = await started({ product: 'keycloak', audience: null }, issuer => ({
      AUTH_METADATA_URL: issuer + OIDC,
    }))
    expect(await callWith(resource, await provider.mint())).toBe(401)
    expect(servers.log()).toContain('"reason":"oidc.audience_missing"')
    expect(servers.log()).toContain('mapper of type Audience')
  })

  it('when Logto was asked for no resource', async () => {
    const { provider, resource, servers } = await started({ product: 'logto', audience: null }, issuer => ({
      AUTH_METADATA_URL: issuer + OIDC,
    }))
    expect(await callWith(resource, await provider.mint())).toBe(401)
    expect(servers.log()).toContain('"reason":"oidc.token_opaque"')
  })

  it('when the issuer was configured with a slash too many', async () => {
    const { provider, resource, servers } = await started({}, issuer => ({ AUTH_METADATA_URL: `${issuer}/` }))
    const token = await provider.mint({ claims: { iss: `${provider.issuer()}/` } })
    expect(await callWith(resource, token)).toBe(500)
    expect(servers.log()).toContain(`write the issuer as ${provider.issuer()}:`)
    expect((await fetch(new URL('/ready', resource))).status).toBe(503)
  })

  it('when our own secret is wrong', async () => {
    const { provider, resource, servers } = await started({ tokens: 'opaque' }, issuer => ({
      AUTH_PROVIDER: 'introspection',
      INTROSPECTION_METADATA_URL: issuer,
      INTROSPECTION_CLIENT_ID: 'introspector',
      INTROSPECTION_CLIENT_SECRET: 'wrong',
    }))
    expect(await callWith(resource, await provider.mint())).toBe(500)
    expect(servers.log()).toContain('own_credentials_refused')
  })

  it.each([
    [{ AUTH_PROVIDER: 'oidc' }, 'OIDC_METADATA_URL: is not set'],
    [
      { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: 'id.example.com' },
      'OIDC_METADATA_URL: must be a URL that starts with https://',
    ],
    [
      { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: 'https://id.example.com', OIDC_SUBJECT_CLAIM: 'email' },
      'OIDC_SUBJECT_CLAIM: must be an immutable id',
    ],
    [
      { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: 'https://id.example.com', OIDC_ALGORITHMS: 'HS256' },
      'OIDC_ALGORITHMS',
    ],
    [
      { AUTH_PROVIDER: 'introspection', INTROSPECTION_METADATA_URL: 'https://as.example.com' },
      'INTROSPECTION_CLIENT_SECRET: is not set, nor is INTROSPECTION_CLIENT_SECRET_FILE',
    ],
    [{ AUTH_PROVIDER: 'oidc,introspection' }, 'INTROSPECTION_CLIENT_ID: is not set'],
  ])('when the settings cannot work: %j', (env, sentence) => {
    expect(() => loadConfiguration(env)).toThrow(sentence)
  })

  it('when two providers cannot be told apart', async () => {
    const both = { AUTH_PROVIDER: 'demo,introspection', INTROSPECTION_METADATA_URL: 'https://as.example.com' }
    await expect(startServers({ ...both, ...CREDENTIALS })).rejects.toThrow(
      /AUTH_PROVIDER: two providers cannot be told apart: the opaque tokens of .+ and https:\/\/as\.example\.com/,
    )
  })
})
