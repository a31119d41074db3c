import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type EmulatorName, emulatorNames, type Fault, REVOKE_PATH, runEmulator } from '../../emulators/run.ts'
import { personAt } from '../app/commands/client/person.ts'
import { openTerminal } from '../app/commands/client/support.ts'
import { startServers } from '../e2e/servers.ts'
import { idplug } from '../first-contact/runs.ts'
import { freePort } from '../support/http.ts'

const USERS: Record<string, string> = { okta: 'ada@example.com', azure: 'ada@contoso.example' }

describe.each(emulatorNames)('the emulator of %s', name => {
  it('is all that a server needs, with the settings that it says', async () => {
    const PORT = String(await freePort())
    const { emulator, origin, settings } = await runEmulator(name, { resource: `http://localhost:${PORT}/mcp` })
    onTestFinished(emulator.close)
    expect(settings.AUTH_PROVIDER).toBe(name)
    const { resource, issuers, log } = await startServers({ PORT, ...settings })
    const ready = async () => (await fetch(new URL('/ready', resource))).status
    await expect.poll(ready).toBe(200)
    expect(issuers[0]).toContain(origin)
    expect(log()).not.toContain('provider_not_ready')
  })

  it('has a client for people, with which the command signs in', async () => {
    const PORT = String(await freePort())
    const { emulator, settings, resource, client } = await runEmulator(name, {
      resource: `http://localhost:${PORT}/mcp`,
    })
    onTestFinished(emulator.close)
    await startServers({ PORT, ...settings })
    const { clientId, secret, redirectUri } = client
    const terminal = openTerminal(secret && { CLIENT_SECRET: secret.value })
    const credentials = secret ? ['--client-secret-env', 'CLIENT_SECRET', '--issuer', secret.issuer] : []
    const given = ['--client-id', clientId, ...credentials, '--redirect-uri', redirectUri]
    const user = USERS[name] ?? 'ada'
    const { code, stderr, stdout } = await terminal.run(['login', resource, '--no-browser', ...given], personAt(user))
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toContain(`Signed in to ${resource}.`)
  })

  it('is what a bridge signs people in at, with the settings that it says', async () => {
    const [PORT, AUTH_SERVER_PORT] = [String(await freePort()), String(await freePort())]
    const resource = `http://localhost:${PORT}/mcp`
    const bridge = `http://localhost:${AUTH_SERVER_PORT}`
    const { emulator, origin, settings } = await runEmulator(name, { resource, bridge })
    onTestFinished(emulator.close)
    await startServers({ PORT, ...settings })
    expect(settings).toMatchObject({ AUTH_BRIDGE: 'on', AUTH_SERVER_URL: bridge, AUTH_SERVER_PORT })
    const person = personAt(USERS[name], 'allow', origin)
    const printed = await idplug(['login', resource, '--no-browser'], person)
    expect(printed).toContain(`Signed in to ${resource}.`)
    expect(printed).toContain(`issuer    ${bridge}`)
  })
})

it.each(['auth0', 'introspection', 'oidc', 'okta'] as const)(
  'the emulator of %s has a machine for the resource',
  async name => {
    const PORT = String(await freePort())
    const { emulator, settings, resource, machine } = await runEmulator(name, {
      resource: `http://localhost:${PORT}/mcp`,
    })
    onTestFinished(emulator.close)
    await startServers({ PORT, ...settings })
    vi.stubEnv('CLIENT_SECRET', machine?.secret)
    const credentials = [
      '--client-credentials',
      '--client-id',
      `${machine?.clientId}`,
      '--client-secret-env',
      'CLIENT_SECRET',
    ]
    const printed = await idplug(['tools', resource, ...credentials, '--issuer', `${machine?.issuer}`])
    expect(printed).toContain('list_notes')
  },
)

it('registers further redirect URIs, and names those that it knows to whoever comes with another', async () => {
  const uri = 'https://client.example.com/callback'
  const { emulator, origin, client } = await runEmulator('oidc', { redirectUris: [uri] })
  onTestFinished(emulator.close)
  const ask = async (redirect_uri: string) => {
    const query = new URLSearchParams({ ...REQUEST, client_id: client.clientId, redirect_uri, login_hint: 'ada' })
    return fetch(`${origin}/authorize?${query}`, { redirect: 'manual' })
  }
  expect((await ask(uri)).headers.get('location')).toMatch(/^https:\/\/client\.example\.com\/callback\?code=/)
  const refused = await (await ask('https://other.example.com/')).text()
  expect(refused).toContain('https://other.example.com/')
  expect(refused).toContain(uri)
})

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const REQUEST = {
  response_type: 'code',
  scope: 'openid offline_access notes:read',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
}

/** A person of the provider, signed in, and how their refresh token is used. */
async function signedIn(name: EmulatorName, faults: readonly Fault[]) {
  const { emulator, origin, client, settings } = await runEmulator(name, { faults })
  onTestFinished(emulator.close)
  const metadata = (await (await fetch(settings.AUTH_METADATA_URL as string)).json()) as Record<string, string>
  const resource = { resource: 'http://localhost:3232/mcp', audience: 'http://localhost:3232/mcp' }
  const given = { client_id: client.clientId, redirect_uri: client.redirectUri, ...(name === 'auth0' && resource) }
  const query = new URLSearchParams({ ...REQUEST, ...given, login_hint: USERS[name] ?? 'ada' })
  const { headers } = await fetch(`${metadata.authorization_endpoint}?${query}`, { redirect: 'manual' })
  const code = new URL(headers.get('location') ?? '').searchParams.get('code') ?? ''
  const post = async (form: Record<string, string>) => {
    const body = new URLSearchParams({ ...given, ...form })
    const answer = await fetch(metadata.token_endpoint as string, { method: 'POST', body })
    return { status: answer.status, text: await answer.text() }
  }
  const { text } = await post({ grant_type: 'authorization_code', code, code_verifier: VERIFIER })
  const first = JSON.parse(text).refresh_token as string
  const revoke = () => fetch(origin + REVOKE_PATH, { method: 'POST' })
  return { first, revoke, refresh: (token: string) => post({ grant_type: 'refresh_token', refresh_token: token }) }
}

describe.each(['auth0', 'oidc', 'okta'] as const)('the emulator of %s', name => {
  it('by itself takes a refresh token twice, and answers with an ID token', async () => {
    const { first, refresh } = await signedIn(name, [])
    expect(JSON.parse((await refresh(first)).text)).toHaveProperty('id_token')
    expect((await refresh(first)).status).toBe(200)
  })

  it('with the fault rotate takes a refresh token once', async () => {
    const { first, refresh } = await signedIn(name, ['rotate'])
    const { refresh_token: second } = JSON.parse((await refresh(first)).text)
    expect(second).not.toBe(first)
    expect((await refresh(first)).status).toBe(400)
  })

  it('with the fault no-id-token answers a refresh without one', async () => {
    const { first, refresh } = await signedIn(name, ['no-id-token'])
    expect(JSON.parse((await refresh(first)).text)).not.toHaveProperty('id_token')
  })

  it('with the fault empty-400 answers so to a refresh token that was revoked', async () => {
    const { first, refresh, revoke } = await signedIn(name, ['empty-400'])
    expect((await refresh(first)).status).toBe(200)
    await revoke()
    expect(await refresh(first)).toEqual({ status: 400, text: '' })
  })
})
