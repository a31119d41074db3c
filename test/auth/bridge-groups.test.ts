import { describe, expect, it } from 'vitest'
import { createBridge } from '../../auth/bridge.ts'
import { loadConfiguration } from '../../config/load.ts'
import * as server from '../../demo-as/index.ts'
import { createAzureEmulator } from '../../emulators/azure.ts'
import type { Outage } from '../../emulators/core/emulator.ts'
import type { Client } from '../../emulators/core/sign-in.ts'
import { keyWithCertificate } from '../support/client-keys.ts'

const TENANT = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const ADA = '690222be-ff1a-4d56-abd1-7e4f7d38e474'
const STAFF = 'aaaaaaaa-0000-4000-8000-000000000001'
const MANY = Array.from({ length: 201 }, (_, index) => `bbbbbbbb-0000-4000-8000-${String(index).padStart(12, '0')}`)
const CALLBACK = 'http://localhost:3001/oauth/callback'
const CHECK = `/v1.0/users/${ADA}/checkMemberGroups`

const settings = {
  AUTH_BRIDGE: 'on',
  AUTH_PROVIDER: 'azure',
  AZURE_TENANT_ID: TENANT,
  BRIDGE_CLIENT_ID: '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11',
  BRIDGE_CLIENT_SECRET: 'bridge-secret',
  BRIDGE_ALLOW: `group:${STAFF}`,
  BRIDGE_GRANT_SCOPES: 'notes:read',
}

const SECRET = { clientSecret: 'bridge-secret' }

/** The upstream of a bridge to Entra ID, and Ada, who is in more groups than a token holds. */
function setUp(more: Record<string, string>, groups = [...MANY, STAFF], registered: Partial<Client> = SECRET) {
  const client = { clientId: settings.BRIDGE_CLIENT_ID, redirectUris: [CALLBACK], ...registered }
  const emulator = createAzureEmulator({
    origin: 'https://login.microsoftonline.com',
    clients: [client],
    users: [{ login: 'ada@contoso.example', oid: ADA, name: 'Ada', groups }],
  })
  const bridge = createBridge(server, loadConfiguration({ ...settings, ...more }), emulator.fetch)
  if (!('upstream' in bridge)) throw new Error('no bridge')
  const { upstream } = bridge as Required<typeof bridge>
  async function identify() {
    const { url, memory } = await upstream.depart({ state: 's', redirectUri: CALLBACK, another: false })
    const response = await emulator.fetch(`${url}&login_hint=ada@contoso.example`, { redirect: 'manual' })
    const answer = new URL(response.headers.get('location') ?? '').searchParams
    return upstream.identify(answer, { state: 's', redirectUri: CALLBACK, memory, keep: async () => {} })
  }
  return { emulator, identify }
}

describe('a bridge to Entra ID, for somebody in too many groups for a token', () => {
  it('lets nobody in by group, and says what to do', async () => {
    expect(await setUp({}).identify()).toMatchObject({
      outcome: 'not_allowed',
      reason: expect.stringContaining('BRIDGE_LOOK_UP_GROUPS=on'),
    })
  })

  it('looks the groups up where it may, with its own client', async () => {
    const { emulator, identify } = setUp({ BRIDGE_LOOK_UP_GROUPS: 'on' })
    expect(await identify()).toMatchObject({ outcome: 'signed_in', user: { scopes: ['notes:read'] } })
    expect(emulator.count(CHECK)).toBe(1)
    expect(await setUp({ BRIDGE_LOOK_UP_GROUPS: 'on' }, MANY).identify()).toMatchObject({ outcome: 'not_allowed' })
  })

  it('looks them up by its certificate where it has no secret', async () => {
    const { key, certificate, registered } = keyWithCertificate()
    const withKey = { BRIDGE_CLIENT_SECRET: '', BRIDGE_CLIENT_KEY: key + certificate, BRIDGE_LOOK_UP_GROUPS: 'on' }
    const { emulator, identify } = setUp(withKey, [...MANY, STAFF], { jwks: [registered] })
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
    expect(emulator.count(CHECK)).toBe(1)
  })

  it('asks nobody where the token holds them', async () => {
    const { emulator, identify } = setUp({ BRIDGE_LOOK_UP_GROUPS: 'on' }, [STAFF])
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
    expect(emulator.count(CHECK)).toBe(0)
  })

  it.each<[string, Outage, unknown]>([
    ['is away', { kind: 'status', path: CHECK, status: 503 }, server.UpstreamUnavailableError],
    ['refuses the bridge', { kind: 'status', path: CHECK, status: 403 }, server.UpstreamMisconfiguredError],
  ])('does not guess when Microsoft Graph %s', async (_label, outage, error) => {
    const { emulator, identify } = setUp({ BRIDGE_LOOK_UP_GROUPS: 'on' })
    emulator.fail(outage)
    await expect(identify()).rejects.toBeInstanceOf(error)
  })

  it('is refused at the start for a provider that puts all groups into tokens', () => {
    const env = { ...settings, AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com', BRIDGE_LOOK_UP_GROUPS: 'on' }
    expect(() => loadConfiguration(env)).toThrow('BRIDGE_LOOK_UP_GROUPS: is for providers that leave groups out')
  })
})
