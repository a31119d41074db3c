import { describe, expect, it, onTestFinished } from 'vitest'
import { loadConfiguration } from '../../../config/load.ts'
import type { Outage } from '../../../emulators/core/emulator.ts'
import { createGoogleEmulator } from '../../../emulators/google.ts'
import { freePort } from '../../support/http.ts'
import { callWith } from '../call-with.ts'
import { createMcpUser, type McpUser, type Sdk } from '../mcp-user.ts'
import { startServers } from '../servers.ts'

const CLIENT = {
  clientId: '1-notes.apps.googleusercontent.com',
  clientSecret: 'GOCSPX-of-the-client',
  type: 'web',
  redirectUris: ['http://localhost:8766/callback'],
} as const

/** `AUTH_PROVIDER=google npm start` beside an emulator. */
async function started(settings: Record<string, string> = {}, outage?: Outage) {
  const PORT = String(await freePort())
  const resource = `http://localhost:${PORT}/mcp`
  const accounts = createGoogleEmulator({ clients: [CLIENT] })
  const origin = await accounts.start()
  onTestFinished(accounts.close)
  const recover = outage ? accounts.fail(outage) : () => {}
  const servers = await startServers({
    AUTH_PROVIDER: 'google',
    AUTH_METADATA_URL: `${origin}/.well-known/openid-configuration`,
    GOOGLE_TOKENINFO_URL: `${origin}/tokeninfo`,
    GOOGLE_CLIENT_IDS: '1-notes.apps.googleusercontent.com',
    GOOGLE_GRANT_SCOPES: 'notes:read notes:write',
    GOOGLE_GRANT_TO: '@example.com',
    PORT,
    ...settings,
  })
  return { accounts, origin, servers, resource, recover }
}

/** A person whose client was registered in the console; Google gives every client a secret. */
function person(
  sdk: Sdk,
  resource: string,
  issuer: string,
  name = 'ada',
  secret: string = CLIENT.clientSecret,
): McpUser {
  const client = { client_id: CLIENT.clientId, ...(secret && { client_secret: secret }), issuer }
  return createMcpUser(sdk, resource, name, { client })
}

describe.each<Sdk>(['1.x', '2.x'])('with AUTH_PROVIDER=google, an official client of SDK %s', sdk => {
  it('signs in at Google and calls the tools that the rules grant', async () => {
    const { origin, resource, servers } = await started()
    const ada = person(sdk, resource, servers.issuer)
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain(origin)
    await ada.call('add_note', { title: 'Milk', text: 'Two litres' })
    expect((await ada.call('list_notes')).text).toContain('Milk')
    expect(ada.memory.scopes).toEqual(['openid', 'https://www.googleapis.com/auth/userinfo.email'])
    expect(ada.memory.authorizationRequests).toBe(1)
    expect(servers.log()).not.toContain(ada.memory.accessToken)
  })

  it('is refused what the rules do not grant, and sent to no second sign-in', async () => {
    const { resource, servers } = await started({ GOOGLE_GRANT_SCOPES: 'notes:read', GOOGLE_GRANT_TO: 'everyone' })
    const ben = person(sdk, resource, servers.issuer, 'ben')
    await ben.connect()
    expect((await ben.call('list_notes')).isError).toBe(false)
    await expect(ben.call('add_note', { title: 'Milk', text: 'Two litres' })).rejects.toThrow(
      /Signing in again does not add them/,
    )
    expect(ben.memory.authorizationRequests).toBe(1)
  })

  it('without the secret that Google gave it is told so by Google', async () => {
    const { resource, servers } = await started()
    const ada = person(sdk, resource, servers.issuer, 'ada', '')
    await expect(ada.connect()).rejects.toThrow('client_secret is missing.')
  })
})

describe('metadata and challenge', () => {
  it('name scopes that Google knows, and Google as issuer', async () => {
    const { origin, resource } = await started()
    const challenge = (await fetch(resource, { method: 'POST' })).headers.get('www-authenticate')
    expect(challenge).toContain('scope="openid email"')
    const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', resource))
    expect(await metadata.json()).toMatchObject({
      authorization_servers: [origin],
      scopes_supported: ['openid', 'email'],
    })
  })
})

describe('what is wrong is said with its cure', () => {
  it.each([
    ['of another client', { aud: '2-other.apps.googleusercontent.com' }, 'google.other_client'],
    ['of another domain', { email: 'ben@gmail.com' }, 'google.domain_refused'],
    ['without user', { sub: undefined }, 'google.subject_missing'],
  ])('when a token is %s', async (_label, info, reason) => {
    const { accounts, resource, servers } = await started({ GOOGLE_HOSTED_DOMAINS: 'example.com' })
    expect(await callWith(resource, accounts.mint(info))).toBe(401)
    expect(servers.log()).toContain(`"reason":"${reason}"`)
    expect(servers.log()).toContain('cure')
  })

  it('when the ID token is sent instead of the access token', async () => {
    const { accounts, resource, servers } = await started()
    expect(await callWith(resource, await accounts.mintUserIdToken())).toBe(401)
    expect(servers.log()).toContain('Send access_token of the token response, not id_token.')
  })

  it.each([
    [{}, 'GOOGLE_CLIENT_IDS: is not set. Google needs it for clientIds: OAuth clients whose tokens are accepted'],
    [{}, 'GOOGLE_GRANT_SCOPES: is not set'],
    [{}, 'GOOGLE_GRANT_TO: is not set'],
    [{ GOOGLE_CLIENT_IDS: 'GOCSPX-secret' }, 'GOOGLE_CLIENT_IDS: must be client ids, which end in .apps.google'],
    [{ GOOGLE_HOSTED_DOMAINS: 'ada@example.com' }, 'GOOGLE_HOSTED_DOMAINS: must be domain names in lower case'],
  ])('when the settings cannot work: %j', (settings, sentence) => {
    expect(() => loadConfiguration({ AUTH_PROVIDER: 'google', ...settings })).toThrow(sentence)
  })

  it('when clients would request what Google does not know', () => {
    const complete = {
      AUTH_PROVIDER: 'google',
      GOOGLE_CLIENT_IDS: CLIENT.clientId,
      GOOGLE_GRANT_SCOPES: 'notes:read',
      GOOGLE_GRANT_TO: 'everyone',
    }
    loadConfiguration(complete)
    expect(() => loadConfiguration({ ...complete, GOOGLE_WIRE_SCOPES: 'openid offline_access' })).toThrow(
      'GOOGLE_WIRE_SCOPES: must not hold offline_access',
    )
  })
})

it('accepts the ID token of a service account that is listed, and no other', async () => {
  const { accounts, resource } = await started({ GOOGLE_SERVICE_ACCOUNTS: 'robot@project.iam.gserviceaccount.com' })
  // Accepted: what is wrong is the body.
  expect(await callWith(resource, await accounts.mintIdToken(resource))).toBe(200)
  expect(await callWith(resource, await accounts.mintIdToken('https://other.example.com/mcp'))).toBe(401)
  expect(await callWith(resource, accounts.mintForServiceAccount())).toBe(401)
})

it('while Google is down answers 503, and works when it is there', async () => {
  const { accounts, resource, recover } = await started({}, { kind: 'status', status: 503 })
  const token = accounts.mint()
  expect(await callWith(resource, token)).toBe(503)
  recover()
  await expect.poll(() => callWith(resource, token), { interval: 200 }).toBe(200)
})
