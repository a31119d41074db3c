import { describe, expect, it } from 'vitest'
import { createMcpUser, type Sdk } from './mcp-user.ts'
import { startProcesses } from './processes.ts'
import { startServers } from './servers.ts'

const combinations: [sdk: Sdk, settings: Record<string, string>][] = [
  ['1.x', {}],
  ['2.x', {}],
  ['1.x', { ACCESS_TOKEN_FORMAT: 'jwt' }],
  ['2.x', { ACCESS_TOKEN_FORMAT: 'jwt' }],
  ['1.x', { AUTH_MODE: 'embedded' }],
  ['2.x', { AUTH_MODE: 'embedded', ACCESS_TOKEN_FORMAT: 'jwt' }],
  ['1.x', { MCP_SESSIONS: 'off' }],
]

const PROCESSES = 'two processes behind a load balancer'
const shared: typeof combinations = [
  ['1.x', { on: PROCESSES }],
  ['2.x', { on: PROCESSES, ACCESS_TOKEN_FORMAT: 'jwt' }],
]
const startOn = ({ on, ...settings }: Record<string, string>) =>
  on === PROCESSES ? startProcesses(settings) : startServers(settings)

describe.each([...combinations, ...shared])('an official client, SDK %s, with %j', (sdk, settings) => {
  it('signs in, calls a tool and steps up', async () => {
    const { resource, issuer } = await startOn(settings)
    const ada = createMcpUser(sdk, resource, 'ada')

    await ada.connect()
    expect(ada.memory.authorizationRequests).toBe(1)
    expect(ada.memory.scopes).toEqual(['notes:read'])
    const whoami = await ada.call('whoami')
    expect(whoami.text).toContain(issuer)
    expect(whoami.text).toContain('notes:read')
    expect(whoami.text).not.toContain(ada.memory.accessToken)
    const listed = await ada.listTools()
    expect(listed.map(({ name }) => name)).toContain('add_note')

    const added = await ada.callSteppingUp('add_note', { title: 'Milk', text: 'Two litres' })
    expect(added.isError).toBe(false)
    expect(ada.memory.scopes).toEqual(expect.arrayContaining(['notes:read', 'notes:write']))
    // Clients take a tool whose description changes for one that somebody has tampered with.
    expect(await ada.listTools()).toEqual(listed)
    expect((await ada.call('list_notes')).text).toContain('Milk')
    expect(await ada.readResource('notes://mine')).toContain('Two litres')
    expect(await ada.getPrompt('summarize_notes', { style: 'as a list' })).toContain('as a list')
  })

  it('refreshes without asking the user', async () => {
    const { resource } = await startOn(settings)
    const ada = createMcpUser(sdk, resource, 'ada', { refresh: true })
    await ada.connect()
    const before = ada.memory.refreshToken
    expect(before).toBeTruthy()
    ada.memory.spoilAccessToken()
    expect((await ada.call('list_notes')).isError).toBe(false)
    expect(ada.memory.authorizationRequests).toBe(1)
    expect(ada.memory.refreshToken).not.toBe(before)
  })
})

describe.each<[Sdk, Record<string, string>]>([
  ['1.x', {}],
  ['2.x', {}],
  ['1.x', { on: PROCESSES }],
  ['2.x', { on: PROCESSES }],
])('SDK %s with %j', (sdk, settings) => {
  it('keeps two users apart who work at the same time', async () => {
    const { resource } = await startOn(settings)
    const [ada, ben] = [createMcpUser(sdk, resource, 'ada'), createMcpUser(sdk, resource, 'ben')]
    await Promise.all([ada.connect(), ben.connect()])
    await Promise.all([
      ada.callSteppingUp('add_note', { title: 'of Ada', text: 'a' }),
      ben.callSteppingUp('add_note', { title: 'of Ben', text: 'b' }),
    ])
    const rounds = Array.from({ length: 20 }, () => Promise.all([ada.call('list_notes'), ben.call('list_notes')]))
    for (const [hers, his] of await Promise.all(rounds)) {
      expect(hers.text).toContain('of Ada')
      expect(hers.text).not.toContain('of Ben')
      expect(his.text).toContain('of Ben')
      expect(his.text).not.toContain('of Ada')
    }
  })

  it('is refused for good, without a loop, when the user may not have the scope', async () => {
    const { resource } = await startOn(settings)
    const cleo = createMcpUser(sdk, resource, 'cleo')
    await cleo.connect()
    await expect(cleo.callSteppingUp('add_note', { title: 'x', text: 'y' })).rejects.toThrow()
    expect(cleo.memory.authorizationRequests).toBeLessThanOrEqual(3)
    expect(cleo.memory.scopes).not.toContain('notes:write')
  })

  it('gets 401 soon after the token was revoked, and can sign in again', async () => {
    const { resource, issuer } = await startOn({ ...settings, TOKEN_CACHE_SECONDS: '0' })
    const ada = createMcpUser(sdk, resource, 'ada')
    await ada.connect()
    const token = ada.memory.accessToken ?? ''
    const metadata = (await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()) as {
      revocation_endpoint: string
    }
    const revoked = await fetch(metadata.revocation_endpoint, {
      method: 'POST',
      body: new URLSearchParams({ token, client_id: ada.memory.clientId ?? '' }),
    })
    expect(revoked.status).toBe(200)
    const response = await fetch(resource, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: '{}',
    })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    ada.memory.invalidateCredentials('tokens')
    await ada.connect()
    expect((await ada.call('whoami')).isError).toBe(false)
  })
})

describe('what the operator sees', () => {
  it('is one audit event per decision, with who and why, and no token anywhere', async () => {
    const servers = await startServers()
    const ada = createMcpUser('2.x', servers.resource, 'ada')
    await ada.connect()
    await ada.call('whoami')
    await fetch(servers.resource, { method: 'POST', headers: { Authorization: 'Bearer made-up-token' } })

    const events = servers
      .log()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)
    expect(
      events.filter(({ event, reason }) => event === 'request_refused' && reason === 'no_credentials').length,
    ).toBeGreaterThan(0)
    expect(events.find(({ reason }) => reason === 'inactive')).toMatchObject({ event: 'request_refused', status: 401 })
    expect(events.find(({ event }) => event === 'request_accepted')).toMatchObject({
      issuer: servers.issuer,
      client_id: ada.memory.clientId,
      subject: expect.any(String),
    })
    for (const secret of [ada.memory.accessToken, ada.memory.refreshToken, 'made-up-token']) {
      expect(secret).toBeTruthy()
      expect(servers.log()).not.toContain(secret)
    }
    expect(await servers.metric('idplug_requests_total{outcome="refused",status="401",reason="inactive"}')).toBe(1)
    expect(await servers.metric('idplug_requests_total{outcome="accepted",status="",reason=""}')).toBeGreaterThan(0)
    expect(
      await servers.metric('idplug_upstream_calls_total{operation="introspection",outcome="answered"}'),
    ).toBeGreaterThan(0)
  })
})
