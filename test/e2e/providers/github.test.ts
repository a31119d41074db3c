import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { loadConfiguration } from '../../../config/load.ts'
import type { Outage } from '../../../emulators/core/emulator.ts'
import { createGithubEmulator } from '../../../emulators/github.ts'
import { freePort } from '../../support/http.ts'
import { callWith } from '../call-with.ts'
import { createMcpUser, type McpUser, type Sdk } from '../mcp-user.ts'
import { startServers } from '../servers.ts'

const APP = {
  clientId: 'Ov23liNotesOfTests00',
  clientSecret: '0123456789abcdef0123456789abcdef01234567',
  redirectUris: ['http://localhost:8766/callback'],
} as const

/** `AUTH_PROVIDER=github npm start` beside an emulator. */
async function started(
  settings: Record<string, string> = {},
  { kind = 'oauth', outage }: { kind?: 'oauth' | 'github'; outage?: Outage } = {},
) {
  const PORT = String(await freePort())
  const resource = `http://localhost:${PORT}/mcp`
  const host = createGithubEmulator({
    clients: [
      { ...APP, kind },
      { ...APP, kind, clientId: 'Ov23liOther' },
    ],
  })
  const origin = await host.start()
  onTestFinished(host.close)
  const recover = outage ? host.fail(outage) : () => {}
  const servers = await startServers({
    AUTH_PROVIDER: 'github',
    AUTH_METADATA_URL: `${origin}/.well-known/oauth-authorization-server/login/oauth`,
    GITHUB_CLIENT_ID: APP.clientId,
    GITHUB_CLIENT_SECRET: APP.clientSecret,
    GITHUB_GRANT_SCOPES: 'notes:read notes:write',
    GITHUB_GRANT_TO: '1001',
    PORT,
    ...settings,
  })
  return { host, origin, servers, resource, recover }
}

/** A person whose client holds id and secret of the app. */
function person(sdk: Sdk, resource: string, issuer: string, name = 'ada', secret: string = APP.clientSecret): McpUser {
  const client = { client_id: APP.clientId, client_secret: secret, issuer }
  return createMcpUser(sdk, resource, name, { client })
}

describe.each([
  ['1.x', 'oauth'],
  ['2.x', 'oauth'],
  ['1.x', 'github'],
  ['2.x', 'github'],
] as const)('with AUTH_PROVIDER=github, an official client of SDK %s and a %s app', (sdk, kind) => {
  it('signs in at GitHub and calls the tools that the rules grant', async () => {
    const { origin, resource, servers } = await started({}, { kind })
    const ada = person(sdk, resource, servers.issuer)
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain(`${origin}/login/oauth`)
    await ada.call('add_note', { title: 'Milk', text: 'Two litres' })
    expect((await ada.call('list_notes')).text).toContain('Milk')
    expect(ada.memory.accessToken).toMatch(kind === 'oauth' ? /^gho_/ : /^ghu_/)
    expect(ada.memory.authorizationRequests).toBe(1)
    expect(servers.log()).not.toContain(ada.memory.accessToken?.slice(-8))
  })
})

describe.each<Sdk>(['1.x', '2.x'])('with AUTH_PROVIDER=github, an official client of SDK %s', sdk => {
  it('is refused what the rules do not grant, and sent to no second sign-in', async () => {
    const { resource, servers } = await started({ GITHUB_GRANT_SCOPES: 'notes:read', GITHUB_GRANT_TO: 'everyone' })
    const ben = person(sdk, resource, servers.issuer, 'ben')
    await ben.connect()
    expect((await ben.call('list_notes')).isError).toBe(false)
    await expect(ben.call('add_note', { title: 'Milk', text: 'Two litres' })).rejects.toThrow(
      /Signing in again does not add them/,
    )
    expect(ben.memory.authorizationRequests).toBe(1)
  })

  it('with a wrong secret does not get a token', async () => {
    const { resource, servers } = await started()
    const ada = person(sdk, resource, servers.issuer, 'ada', 'wrong')
    await expect(ada.connect()).rejects.toThrow()
    expect(ada.memory.accessToken).toBeUndefined()
  })
})

describe('metadata and challenge', () => {
  it('name GitHub with its path as issuer, and no scopes', async () => {
    const { origin, resource } = await started()
    const challenge = (await fetch(resource, { method: 'POST' })).headers.get('www-authenticate')
    expect(challenge).not.toContain('scope=')
    const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', resource))
    const document = await metadata.json()
    expect(document).toMatchObject({ authorization_servers: [`${origin}/login/oauth`] })
    expect(document).not.toHaveProperty('scopes_supported')
  })
})

describe('what is wrong is said with its cure', () => {
  it('when a token belongs to another app', async () => {
    const { host, resource, servers } = await started()
    expect(await callWith(resource, host.mint({}, 'Ov23liOther'))).toBe(401)
    expect(servers.log()).toContain('"reason":"github.not_ours"')
    expect(servers.log()).toContain('clientId (GITHUB_CLIENT_ID) must be the app that the MCP client signs in with')
  })

  it('when a personal access token is sent', async () => {
    const { resource, servers } = await started()
    expect(await callWith(resource, 'ghp_0123456789abcdefghijABCDEFGHIJ012345')).toBe(401)
    expect(servers.log()).toContain('"reason":"github.personal_access_token"')
  })

  it('when our own secret is wrong: at the start, before anybody comes', async () => {
    const { servers } = await started({ GITHUB_CLIENT_SECRET: 'wrong' })
    await expect.poll(servers.log).toContain('GitHub refuses the client id or secret of this server.')
    await expect.poll(servers.log).toContain('own_credentials_refused')
  })

  it.each([
    [{}, 'GITHUB_CLIENT_ID: is not set. GitHub needs it for clientId: Client id of the app whose tokens are accepted'],
    [{}, 'GITHUB_CLIENT_SECRET: is not set'],
    [{}, 'GITHUB_GRANT_TO: is not set'],
    [{ GITHUB_HOST: 'https://github.com' }, 'GITHUB_HOST: must be a host name alone'],
  ])('when the settings cannot work: %j', (settings, sentence) => {
    expect(() => loadConfiguration({ AUTH_PROVIDER: 'github', ...settings })).toThrow(sentence)
  })

  it.each([
    [{ GITHUB_CLIENT_ID: '123456' }, 'GITHUB_CLIENT_ID: is the App ID'],
    [{ GITHUB_CLIENT_SECRET: '-----BEGIN RSA PRIVATE KEY-----' }, 'is a private key of the app'],
    [{ GITHUB_GRANT_TO: 'octocat' }, 'user:NUMBER'],
    [{ AUTH_METADATA_URL: 'https://github.com' }, '/login/oauth'],
  ])('when a setting was taken for another: %j', (mistake, sentence) => {
    const complete = {
      AUTH_PROVIDER: 'github',
      GITHUB_CLIENT_ID: APP.clientId,
      GITHUB_CLIENT_SECRET: 'secret-of-the-app',
      GITHUB_GRANT_SCOPES: 'notes:read',
      GITHUB_GRANT_TO: 'everyone',
    }
    loadConfiguration(complete)
    expect(() => loadConfiguration({ ...complete, ...mistake })).toThrow(sentence)
  })
})

it('while GitHub limits our calls answers 503, and works when it does not', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const reset = String(Math.floor(Date.now() / 1000) + 60)
  const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }
  const { host, resource, recover } = await started({}, { outage: { kind: 'status', status: 403, headers } })
  const token = host.mint()
  const init = { method: 'POST', headers: { authorization: `Bearer ${token}` } }
  const answer = await fetch(resource, init)
  expect(answer.status).toBe(503)
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  // Where two processes take turns, the other one has to have been told as well.
  expect(await callWith(resource, token)).toBe(503)
  recover()
  // Not asked before the time that GitHub named.
  expect(await callWith(resource, token)).toBe(503)
  vi.setSystemTime(Date.now() + 61_000)
  expect(await callWith(resource, token)).toBe(200)
})
