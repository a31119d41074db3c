import { describe, expect, it, onTestFinished } from 'vitest'
import { loadConfiguration } from '../../../config/load.ts'
import type { Outage } from '../../../emulators/core/emulator.ts'
import { createOktaEmulator, type OktaEmulatorOptions } from '../../../emulators/okta.ts'
import { freePort } from '../../support/http.ts'
import { callWith } from '../call-with.ts'
import { createMcpUser, type McpUser, type Sdk } from '../mcp-user.ts'
import { startServers } from '../servers.ts'

/** `AUTH_PROVIDER=okta npm start` beside an org whose authorization server has the URL of the server for audience. */
async function started(emulated: OktaEmulatorOptions = {}, settings: Record<string, string> = {}, outage?: Outage) {
  const PORT = String(await freePort())
  const resource = `http://localhost:${PORT}/mcp`
  const org = createOktaEmulator({ audience: resource, ...emulated })
  const origin = await org.start()
  onTestFinished(org.close)
  const recover = outage ? org.fail(outage) : () => {}
  const { metadataPath = '/oauth2/default', ...env } = settings
  const servers = await startServers({
    AUTH_PROVIDER: 'okta',
    AUTH_METADATA_URL: origin + metadataPath,
    PORT,
    ...env,
  })
  return { org, origin, servers, resource, recover }
}

/** A person whose client was registered in the console. */
function person(sdk: Sdk, resource: string, issuer: string, login = 'ada@example.com'): McpUser {
  return createMcpUser(sdk, resource, login, { refresh: false, client: { client_id: 'native', issuer } })
}

describe.each<Sdk>(['1.x', '2.x'])('with AUTH_PROVIDER=okta, an official client of SDK %s', sdk => {
  it.each([
    ['by key', {}],
    [
      'by introspection',
      {
        OKTA_INTROSPECTION_CLIENT_ID: 'introspector',
        OKTA_INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
      },
    ],
  ])('signs in, calls tools and steps up; tokens are validated %s', async (_how, settings) => {
    const { resource, servers } = await started({}, settings)
    const ada = person(sdk, resource, servers.issuer)
    await ada.connect()
    const whoami = (await ada.call('whoami')).text
    expect(whoami).toContain('00u1ada2b3c4d5e6f7g8')
    expect(whoami).not.toContain('ada@example.com')
    await ada.callSteppingUp('add_note', { title: 'Milk', text: 'Two litres' })
    expect((await ada.call('list_notes')).text).toContain('Milk')
    expect(servers.log()).not.toContain(ada.memory.accessToken)
  })
})

describe('a client that is not registered', () => {
  it('cannot register itself: Okta’s endpoint is for administrators', async () => {
    const { resource } = await started()
    const ada = createMcpUser('1.x', resource, 'ada@example.com')
    await expect(ada.connect()).rejects.toThrow(/E0000005|registration|403/i)
  })
})

describe('what is wrong is said with its cure', () => {
  it('when the audience of the authorization server is still the stock one', async () => {
    const { org, resource, servers } = await started({ audience: 'api://default' })
    expect(await callWith(resource, await org.mint())).toBe(401)
    expect(servers.log()).toContain('"reason":"okta.audience_mismatch"')
    expect(servers.log()).toContain(`set Audience to ${resource}`)
  })

  it('when the token is of the org authorization server', async () => {
    const { org, resource, servers } = await started()
    expect(await callWith(resource, await org.mint({ kind: 'org' }))).toBe(401)
    expect(servers.log()).toContain('"reason":"okta.org_token"')
  })

  it('when no access policy allows a scope: the sign-in is refused by name', async () => {
    const { resource, servers } = await started()
    const cleo = person('2.x', resource, servers.issuer, 'cleo@example.com')
    await cleo.connect()
    const adding = cleo.call('add_note', { title: 'Milk', text: 'Two litres' })
    await expect(adding.catch(() => cleo.finishSignIn())).rejects.toThrow(/access_denied|no_matching_policy/)
  })

  it('when there is no such authorization server', async () => {
    const { resource, servers } = await started({}, { metadataPath: '/oauth2/ausnone' })
    expect(await callWith(resource, 'a.b.c')).toBe(401)
    expect((await fetch(new URL('/ready', resource))).status).toBe(503)
    expect(servers.log()).toContain('endpoint_refused_request')
  })

  it('when our own client secret is wrong', async () => {
    const { org, resource, servers } = await started(
      {},
      { OKTA_INTROSPECTION_CLIENT_ID: 'introspector', OKTA_INTROSPECTION_CLIENT_SECRET: 'wrong' },
    )
    expect(await callWith(resource, await org.mint())).toBe(500)
    expect(servers.log()).toContain('own_credentials_refused')
  })

  it.each([
    [{}, 'OKTA_DOMAIN: is not set. Okta needs it for metadataUrl'],
    [{ OKTA_DOMAIN: 'https://acme.okta.com' }, 'OKTA_DOMAIN: must be a host name alone'],
    [{ OKTA_DOMAIN: 'acme-admin.okta.com' }, 'OKTA_DOMAIN: is the address of the admin console'],
    [{ AUTH_METADATA_URL: 'https://acme.okta.com' }, 'AUTH_METADATA_URL: is the org authorization server'],
    [
      { OKTA_DOMAIN: 'acme.okta.com', OKTA_INTROSPECTION_CLIENT_ID: 'introspector' },
      'OKTA_INTROSPECTION_CLIENT_SECRET: is not set',
    ],
  ])('when the settings cannot work: %j', (settings, sentence) => {
    expect(() => loadConfiguration({ AUTH_PROVIDER: 'okta', ...settings })).toThrow(sentence)
  })
})

it('while the org is down answers 503, and works when it is there', async () => {
  const { org, resource, recover } = await started({}, {}, { kind: 'status', status: 503 })
  const token = await org.mint()
  expect(await callWith(resource, token)).toBe(503)
  recover()
  // Accepted: what is wrong is the body.
  await expect.poll(() => callWith(resource, token), { interval: 200 }).toBe(200)
})

describe('with AUTH_PROVIDER=demo,okta', () => {
  it('accepts tokens of both, shows each to its own provider only, and lists both', async () => {
    const PORT = String(await freePort())
    const resource = `http://localhost:${PORT}/mcp`
    const org = createOktaEmulator({ audience: resource })
    const OKTA_METADATA_URL = `${await org.start()}/oauth2/default`
    onTestFinished(org.close)
    const servers = await startServers({ AUTH_PROVIDER: 'demo,okta', OKTA_METADATA_URL, PORT })
    const [demoIssuer] = servers.issuers
    expect(servers.issuers).toEqual([demoIssuer, org.issuer()])
    const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', resource))
    expect(await metadata.json()).toMatchObject({ authorization_servers: [demoIssuer, org.issuer()] })
    await expect.poll(async () => (await fetch(new URL('/ready', resource))).status).toBe(200)

    const before = org.requests.length
    const ada = createMcpUser('2.x', resource, 'ada')
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain(demoIssuer)
    expect(await callWith(resource, 'opaque-and-unknown')).toBe(401)
    expect(org.requests.length).toBe(before)

    expect(await callWith(resource, await org.mint())).toBe(200)
    expect(servers.log()).toContain(`"issuer":"${org.issuer()}","subject":"00u1ada2b3c4d5e6f7g8"`)
    const stranger = createOktaEmulator({ origin: 'https://other.okta.com', audience: resource })
    expect(await callWith(resource, await stranger.mint())).toBe(401)
    expect(servers.log()).toContain('"reason":"issuer_unknown"')
  })
})
