import { describe, expect, it, onTestFinished } from 'vitest'
import { loadConfiguration } from '../../../config/load.ts'
import { type Auth0EmulatorOptions, createAuth0Emulator } from '../../../emulators/auth0.ts'
import type { Outage } from '../../../emulators/core/emulator.ts'
import { freePort } from '../../support/http.ts'
import { callWith } from '../call-with.ts'
import { createMcpUser, type McpUser, type Sdk } from '../mcp-user.ts'
import { startServers } from '../servers.ts'

/** `AUTH_PROVIDER=auth0 npm start` beside a tenant that knows the server as an API. */
async function started(emulated: Auth0EmulatorOptions = {}, outage?: Outage) {
  const PORT = String(await freePort())
  const resource = `http://localhost:${PORT}/mcp`
  const tenant = createAuth0Emulator({
    apis: [{ identifier: resource, scopes: ['notes:read', 'notes:write'], allowOfflineAccess: true }],
    resourceParameterProfile: 'compatibility',
    ...emulated,
  })
  const origin = await tenant.start()
  onTestFinished(tenant.close)
  const recover = outage ? tenant.fail(outage) : () => {}
  const servers = await startServers({
    AUTH_PROVIDER: 'auth0',
    AUTH_METADATA_URL: `${origin}/.well-known/openid-configuration`,
    PORT,
  })
  return { tenant, origin, servers, resource, recover }
}

/** A person whose client was registered in the console. */
function person(sdk: Sdk, resource: string, issuer: string): McpUser {
  return createMcpUser(sdk, resource, 'ada', { client: { client_id: 'native', issuer } })
}

describe.each<Sdk>(['1.x', '2.x'])('with AUTH_PROVIDER=auth0, an official client of SDK %s', sdk => {
  it('signs in at the tenant, calls tools and steps up', async () => {
    const { origin, resource, servers } = await started()
    const ada = person(sdk, resource, servers.issuer)
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain(`${origin}/`)
    expect(ada.memory.scopes).toEqual(expect.arrayContaining(['notes:read']))
    await ada.callSteppingUp('add_note', { title: 'Milk', text: 'Two litres' })
    expect((await ada.call('list_notes')).text).toContain('Milk')
    expect(servers.log()).not.toContain(ada.memory.accessToken)
  })
})

describe('what is wrong is said with its cure', () => {
  it('when the tenant ignores resource: the token is for no API', async () => {
    const { resource, servers } = await started({ resourceParameterProfile: 'audience' })
    const ada = person('2.x', resource, servers.issuer)
    await expect(ada.connect()).rejects.toThrow()
    expect(servers.log()).toContain('"reason":"auth0.no_api_requested"')
    expect(servers.log()).toContain('Resource Parameter Compatibility Profile')
  })

  it('when the tenant has no such API: the sign-in is refused by name', async () => {
    const { resource, servers } = await started({ apis: [] })
    const ada = person('2.x', resource, servers.issuer)
    await expect(ada.connect()).rejects.toThrow(/access_denied|Service not found/)
  })

  it('when the token is for another API', async () => {
    const { tenant, resource, servers } = await started()
    expect(await callWith(resource, await tenant.mint({ audience: 'urn:other' }))).toBe(401)
    expect(servers.log()).toContain('create an API whose Identifier is')
  })

  it('when the settings are those of another tenant: its tokens are not accepted', async () => {
    const { resource, servers } = await started()
    const other = createAuth0Emulator({
      origin: 'https://other.eu.auth0.com',
      apis: [{ identifier: resource, scopes: [] }],
    })
    expect(await callWith(resource, await other.mint())).toBe(401)
    expect(servers.log()).toContain('the one at which users sign in')
  })

  it.each([
    [{}, 'AUTH0_DOMAIN: is not set. Auth0 needs it for metadataUrl'],
    [{ AUTH0_DOMAIN: 'https://acme.eu.auth0.com/' }, 'AUTH0_DOMAIN: must be a host name alone'],
    [{ AUTH0_DOMAIN: 'acme' }, 'AUTH0_DOMAIN: is a whole domain'],
    [
      { AUTH0_DOMAIN: 'acme.eu.auth0.com', AUTH0_AUDIENCE: 'https://acme.eu.auth0.com/api/v2/' },
      'AUTH0_AUDIENCE: is the Management API',
    ],
  ])('when the settings cannot work: %j', (settings, sentence) => {
    expect(() => loadConfiguration({ AUTH_PROVIDER: 'auth0', ...settings })).toThrow(sentence)
  })

  it('when nothing is set but the metadata URL, which is recognised', () => {
    const { providers } = loadConfiguration({ AUTH_METADATA_URL: 'https://acme.eu.auth0.com/' })
    expect(providers.map(({ adapter }) => adapter.name)).toEqual(['auth0'])
  })
})

it('while the tenant is down answers 503, and works when it is there', async () => {
  const { tenant, resource, recover } = await started({}, { kind: 'status', status: 503 })
  const token = await tenant.mint()
  expect(await callWith(resource, token)).toBe(503)
  recover()
  // Accepted: what is wrong is the body.
  await expect.poll(() => callWith(resource, token), { interval: 200 }).toBe(200)
})
