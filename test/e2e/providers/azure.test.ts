import { describe, expect, it, onTestFinished } from 'vitest'
import { loadConfiguration } from '../../../config/load.ts'
import { type AzureEmulatorOptions, createAzureEmulator } from '../../../emulators/azure.ts'
import { freePort } from '../../support/http.ts'
import { callWith } from '../call-with.ts'
import { createMcpUser, type McpUser, type Sdk } from '../mcp-user.ts'
import { startServers } from '../servers.ts'

const API = '6731de76-14a6-49ae-97bc-6eba6914391e'
const CLIENT = '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11'
const CONTOSO = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const FABRIKAM = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

/** `AUTH_PROVIDER=azure npm start` beside a tenant whose API has the URL of the server as App ID URI. */
async function started({ api, ...emulated }: AzureEmulatorOptions = {}, settings: Record<string, string> = {}) {
  const PORT = String(await freePort())
  const resource = `http://localhost:${PORT}/mcp`
  const entra = createAzureEmulator({ api: { appIdUri: resource, ...api }, ...emulated })
  const origin = await entra.start()
  onTestFinished(entra.close)
  const { TENANT = CONTOSO, ...others } = settings
  const servers = await startServers({
    AUTH_PROVIDER: 'azure',
    AUTH_METADATA_URL: `${origin}/${TENANT}/v2.0`,
    AZURE_CLIENT_ID: API,
    PORT,
    ...others,
  })
  return { entra, origin, servers, resource }
}

/** A person whose client was registered in the admin center. */
function person(sdk: Sdk, resource: string, issuer: string, refresh?: boolean): McpUser {
  return createMcpUser(sdk, resource, 'ada@contoso.example', { refresh, client: { client_id: CLIENT, issuer } })
}

describe.each<Sdk>(['1.x', '2.x'])('with AUTH_PROVIDER=azure, an official client of SDK %s', sdk => {
  it.each([2, null] as const)('signs in, calls tools and steps up; requestedAccessTokenVersion %s', async version => {
    const { origin, resource, servers } = await started({ api: { requestedAccessTokenVersion: version } })
    const ada = person(sdk, resource, servers.issuer, false)
    await ada.connect()
    expect(ada.memory.scopes).toEqual([`${resource}/notes:read`])
    const whoami = (await ada.call('whoami')).text
    expect(whoami).toContain(`${origin}/${CONTOSO}/v2.0`)
    expect(whoami).toContain(`${CONTOSO}.690222be-ff1a-4d56-abd1-7e4f7d38e474`)
    await ada.callSteppingUp('add_note', { title: 'Milk', text: 'Two litres' })
    expect(ada.memory.scopes).toContain(`${resource}/notes:write`)
    expect((await ada.call('list_notes')).text).toContain('Milk')
    expect(servers.log()).not.toContain(ada.memory.accessToken)
  })
})

it('refreshes without asking the user, where the client asked for offline_access', async () => {
  const { resource, servers } = await started()
  const ada = person('2.x', resource, servers.issuer)
  await ada.connect()
  ada.memory.spoilAccessToken()
  expect((await ada.call('list_notes')).isError).toBe(false)
  expect(ada.memory.authorizationRequests).toBe(1)
})

it('gives no refresh token to SDK 1.x, which does not ask for offline_access', async () => {
  const { resource, servers } = await started()
  const ada = person('1.x', resource, servers.issuer, true)
  await ada.connect()
  expect(ada.memory.refreshToken).toBeUndefined()
})

it('publishes the v2 issuer, and scopes with the App ID URI', async () => {
  const { origin, resource } = await started()
  const url = resource.replace('/mcp', '/.well-known/oauth-protected-resource/mcp')
  expect(await (await fetch(url)).json()).toMatchObject({
    resource,
    authorization_servers: [`${origin}/${CONTOSO}/v2.0`],
    scopes_supported: expect.arrayContaining([`${resource}/notes:read`, `${resource}/notes:write`]),
  })
})

it('keeps the notes of a user when the API goes from v1 to v2 tokens', async () => {
  const { entra, resource, servers } = await started()
  const ada = person('2.x', resource, servers.issuer)
  const login = { user: 'ada@contoso.example', scopes: ['notes:read', 'notes:write'] }
  ada.memory.saveTokens({ access_token: await entra.mint({ ...login, version: 1 }), token_type: 'Bearer' })
  await ada.connect()
  await ada.call('add_note', { title: 'Of v1', text: 'x' })
  ada.memory.saveTokens({ access_token: await entra.mint({ ...login, version: 2 }), token_type: 'Bearer' })
  expect((await ada.call('list_notes')).text).toContain('Of v1')
})

it('lets an app in by its role when roles count as scopes', async () => {
  const { entra, origin, resource } = await started({}, { AZURE_SCOPE_CLAIMS: 'scp,roles' })
  const response = await fetch(`${origin}/${CONTOSO}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: entra.clients[1]?.clientId ?? '',
      client_secret: 'daemon-secret',
      scope: `${resource}/.default`,
    }),
  })
  const { access_token } = (await response.json()) as { access_token: string }
  const daemon = createMcpUser('2.x', resource, '')
  daemon.memory.saveTokens({ access_token, token_type: 'Bearer' })
  await daemon.connect()
  expect((await daemon.call('list_notes')).isError).toBe(false)
  await expect(daemon.call('add_note', { title: 'x', text: 'y' })).rejects.toThrow()
})

describe('of several tenants', () => {
  const settings = { TENANT: 'organizations', AZURE_ALLOWED_TENANTS: `${CONTOSO} ${FABRIKAM}` }

  it('the users of each are let in, and of no other', async () => {
    const { entra, resource, servers } = await started({}, settings)
    expect(await callWith(resource, await entra.mint({ user: 'ada@contoso.example' }))).toBe(200)
    expect(await callWith(resource, await entra.mint({ user: 'finn@fabrikam.example' }))).toBe(200)
    const stranger = await entra.mint({ tenant: '11111111-2222-4333-8444-555555555555' })
    expect(await callWith(resource, stranger)).toBe(401)
    expect(servers.log()).toContain('Add the tenant to AZURE_ALLOWED_TENANTS')
  })
})

describe('what is wrong is said with its cure', () => {
  it('when the App ID URI is not the URL of the server: Entra ID refuses the sign-in by its code', async () => {
    const { resource, servers } = await started(
      { api: { appIdUri: 'api://notes' } },
      { AZURE_APP_ID_URI: 'api://notes' },
    )
    await expect(person('2.x', resource, servers.issuer).connect()).rejects.toThrow('AADSTS9010010')
  })

  it('when no setting says that the App ID URI is another one', async () => {
    const { resource, servers } = await started({ api: { appIdUri: 'api://notes' } })
    await expect(person('2.x', resource, servers.issuer).connect()).rejects.toThrow('AADSTS500011')
  })

  it('when the token is for Microsoft Graph, for another API, or of another tenant', async () => {
    const { entra, resource, servers } = await started()
    expect(await callWith(resource, await entra.mintGraphToken())).toBe(401)
    expect(servers.log()).toContain('this token is for Microsoft Graph')
    expect(servers.log()).toContain(`Request a scope of your API: ${resource}/`)
    expect(await callWith(resource, await entra.mint({ claims: { aud: CLIENT } }))).toBe(401)
    expect(servers.log()).toContain('Set AZURE_CLIENT_ID to the Application (client) ID of the API')
    expect(await callWith(resource, await entra.mint({ user: 'finn@fabrikam.example' }))).toBe(401)
    expect(servers.log()).toContain('"reason":"azure.tenant_not_allowed"')
  })

  it.each([
    [{}, 'AZURE_TENANT_ID: is not set. Microsoft Entra ID (Azure AD) needs it for metadataUrl'],
    [{}, 'AZURE_CLIENT_ID: is not set. Microsoft Entra ID (Azure AD) needs it for clientId: Application (client) ID'],
    [
      { AZURE_TENANT_ID: 'contoso.onmicrosoft.com', AZURE_CLIENT_ID: API },
      'AZURE_TENANT_ID: names the tenant as contoso',
    ],
    [{ AZURE_TENANT_ID: 'organizations', AZURE_CLIENT_ID: API }, 'AZURE_ALLOWED_TENANTS: must list the tenants'],
    [
      { AZURE_TENANT_ID: CONTOSO, AZURE_CLIENT_ID: API, AZURE_APP_ID_URI: 'https://mcp.example.com/' },
      'AZURE_APP_ID_URI: must not end in a slash',
    ],
    [{ AZURE_TENANT_ID: CONTOSO, AZURE_CLIENT_ID: 'notes' }, 'AZURE_CLIENT_ID: must be a GUID'],
  ])('when the settings cannot work: %j', (settings, sentence) => {
    expect(() => loadConfiguration({ AUTH_PROVIDER: 'azure', ...settings })).toThrow(sentence)
  })

  it('when nothing is set but the metadata URL, which is recognised', () => {
    const metadataUrl = `https://login.microsoftonline.us/${CONTOSO}/v2.0/.well-known/openid-configuration`
    const { providers } = loadConfiguration({ AUTH_METADATA_URL: metadataUrl, AZURE_CLIENT_ID: API })
    expect(providers.map(({ adapter }) => adapter.name)).toEqual(['azure'])
    expect(providers[0]?.scopeNames.toWire(['notes:read'])).toEqual(['http://localhost:3232/mcp/notes:read'])
  })
})
