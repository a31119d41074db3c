import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { notes } from '../../../app/notes/declaration.ts'
import { createLogger } from '../../../app/observe/log.ts'
import { startAuthorizationServer } from '../../../app/serve/authorization-server.ts'
import { createAuth } from '../../../auth/create-auth.ts'
import { loadConfiguration } from '../../../config/load.ts'
import { providers } from '../../e2e/bridge/providers.ts'
import { startBridge } from '../../e2e/bridge/support.ts'
import { startGatewayTo } from '../../e2e/gateway-servers.ts'
import { createMcpUser, type McpUser, type Sdk } from '../../e2e/mcp-user.ts'
import { type Edge, serveOn } from '../../e2e/own-server-edges.ts'
import { startServers } from '../../e2e/servers.ts'
import { freePort } from '../../support/http.ts'
import { startProgram } from '../../support/program.ts'
import { recordAt, socketPath, until, watchAt } from './watching.ts'
import { collectSecrets } from './wire.ts'

function person(sdk: Sdk, resource: string): McpUser {
  return createMcpUser(sdk, resource, 'ada', { refresh: true })
}

const SIGN_IN = [
  'mcp',
  'resource_metadata',
  'server_metadata',
  'registration',
  'authorization',
  'sign_in',
  'sign_in',
  'signed_in',
  'consent',
  'consent',
  'return',
  'token',
  'mcp',
]

describe.each<[Sdk, Record<string, string>]>([
  ['1.x', {}],
  ['2.x', {}],
  ['1.x', { AUTH_MODE: 'embedded' }],
  ['2.x', { AUTH_MODE: 'embedded' }],
])('SDK %s with %j', (sdk, settings) => {
  it('is followed from discovery to the first call, a refresh and a step-up', async () => {
    const AUTH_WATCH = socketPath()
    const watched = await watchAt(AUTH_WATCH)
    const { resource, issuer } = await startServers({ ...settings, AUTH_WATCH })
    await watched.servers(2)
    const ada = person(sdk, resource)
    await ada.connect()
    await ada.call('list_notes')
    await watched.shown(1, 'tools/call list_notes')
    expect(watched.stepsOf(1).slice(0, SIGN_IN.length)).toEqual(SIGN_IN)
    expect(watched.steps().find(({ step }) => step === 'resource_metadata')?.answered).toBe(`sign in at ${issuer}`)

    ada.memory.spoilAccessToken()
    await ada.call('list_notes')
    await until(() => expect(watched.stepsOf(1)).toContain('refresh'))
    await ada.call('add_note', { title: 'a', text: 'b' }).catch(() => {})
    await until(() =>
      expect(watched.steps().map(({ answered }) => answered)).toContainEqual(expect.stringMatching(/^needs /)),
    )
    await ada.call('list_notes')
    await ada.call('list_notes')
    await until(() => expect(watched.events.map(({ event }) => event)).toContain('calls'))
    expect(new Set(watched.steps().map(({ attempt }) => attempt))).toEqual(new Set([1]))
    expect(watched.stops()).toEqual([])
  })
})

describe('nothing secret is written', () => {
  it.each<[Sdk, Record<string, string>]>([
    ['1.x', { AUTH_MODE: 'embedded' }],
    ['2.x', {}],
    ['2.x', { ACCESS_TOKEN_FORMAT: 'jwt' }],
  ])('over a whole sign-in of SDK %s with %j, its refreshes, its step-up and what fails', async (sdk, settings) => {
    const secrets = collectSecrets()
    const AUTH_WATCH = socketPath()
    const text = await recordAt(AUTH_WATCH)
    const { resource, issuer } = await startServers({ ...settings, AUTH_WATCH })
    await until(() => expect(text()).toContain('authorization_server'))
    const ada = person(sdk, resource)
    await ada.connect()
    await ada.call('list_notes')
    ada.memory.spoilAccessToken()
    await ada.call('list_notes')
    await ada.call('add_note', { title: 'a', text: 'b' }).catch(() => {})
    if (ada.memory.authorizationUrl) await ada.finishSignIn()
    // What goes wrong is told in more words.
    const wrong = () => randomBytes(24).toString('base64url')
    const token = { grant_type: 'authorization_code', client_id: ada.memory.clientId ?? '', code_verifier: wrong() }
    await fetch(`${issuer}/oauth/token`, { method: 'POST', body: new URLSearchParams({ ...token, code: wrong() }) })
    const refresh = { ...token, grant_type: 'refresh_token', refresh_token: wrong() }
    await fetch(`${issuer}/oauth/token`, { method: 'POST', body: new URLSearchParams(refresh) })
    const query = new URLSearchParams({ client_id: wrong(), state: wrong(), code_challenge: wrong(), nonce: wrong() })
    await fetch(`${issuer}/oauth/authorize?${query}`, { redirect: 'manual' })
    await fetch(`${issuer}/oauth/consent?id=${wrong()}.${wrong()}`)
    await fetch(`${issuer}/.well-known/${wrong()}?token=${wrong()}`)
    await fetch(`${resource}?access_token=${wrong()}`, { method: 'POST', body: '{}' })
    await fetch(resource, { headers: { authorization: `Basic ${wrong()}` } })
    await fetch(resource, { headers: { authorization: wrong() } })
    await until(() => expect(text()).toContain('"credentials":"(another)"'))

    const found = [...secrets()]
    expect(found.length).toBeGreaterThan(25)
    const told = text()
    expect(told).toContain('token_issued')
    expect(found.filter(secret => told.includes(secret) || told.includes(encodeURIComponent(secret)))).toEqual([])
    // Random ids may have these letters between hyphens.
    expect(told).not.toMatch(/"(subject|accountId|sub)":|(?<![\w-])ada(?![\w-])/i)
  })

  it('of a provider behind a bridge', async () => {
    const secrets = collectSecrets()
    const AUTH_WATCH = socketPath()
    const text = await recordAt(AUTH_WATCH)
    const { create, settings, login } = providers.auth0 as (typeof providers)[string]
    const bridge = await startBridge(create, origin => ({ ...settings(origin), AUTH_WATCH }))
    const ada = bridge.person(login)
    await ada.connect()
    await ada.call('list_notes')
    await until(() => expect(text()).toContain('tools/call'))
    const told = text()
    expect(told).toContain('"signed_in"')
    expect([...secrets()].filter(secret => told.includes(secret))).toEqual([])
    expect(told).not.toMatch(/64b6f2a1c0ffee|the-secret-of-the-bridge/)
  })
})

describe('several processes are in one view', () => {
  it('of a server and an authorization server that is a process of its own', async () => {
    const AUTH_WATCH = socketPath()
    const watched = await watchAt(AUTH_WATCH)
    const ports = { PORT: String(await freePort()), AUTH_SERVER_PORT: String(await freePort()) }
    const env = { ...ports, AUTH_WATCH, AUTH_MODE: 'separate', METRICS_TOKEN: 'token-for-the-metrics' }
    const configuration = loadConfiguration(env, { resources: { notes }, isAuthorizationServer: true })
    const logger = createLogger('silent')
    const server = await startAuthorizationServer({ configuration, env, logger })
    onTestFinished(server.close)
    const { resource } = await startServers(env)
    await watched.servers(2)
    const ada = person('2.x', resource)
    await ada.connect()
    await watched.shown(1, 'POST /mcp server/discover')
    expect(watched.stepsOf(1)).toEqual(SIGN_IN)
    await server.close()
    await until(() => expect(watched.events).toContainEqual(expect.objectContaining({ event: 'server_gone' })))
  })

  it('of a bridge, with the way to the provider and back', async () => {
    const AUTH_WATCH = socketPath()
    const watched = await watchAt(AUTH_WATCH)
    const { create, settings, login } = providers.auth0 as (typeof providers)[string]
    const bridge = await startBridge(create, origin => ({ ...settings(origin), AUTH_WATCH }))
    await watched.servers(2)
    const ada = bridge.person(login)
    await ada.connect()
    await watched.shown(1, 'POST /mcp server/discover')
    expect(watched.stepsOf(1)).toEqual([
      ...SIGN_IN.slice(0, 5),
      'consent',
      'consent',
      'signed_in',
      'return',
      'token',
      'mcp',
    ])
    expect(watched.stops()).toEqual([])
  })

  it('and a watcher that begins later is told of the last minutes', async () => {
    const AUTH_WATCH = socketPath()
    const { resource } = await startServers({ AUTH_WATCH })
    const ada = person('2.x', resource)
    await ada.connect()
    const first = await watchAt(AUTH_WATCH)
    await first.shown(1, 'POST /mcp server/discover')
    expect(first.stepsOf(1)).toEqual(SIGN_IN)
    await first.close()
    await ada.call('list_notes')
    const second = await watchAt(AUTH_WATCH)
    await second.shown(1, 'tools/call list_notes')
  })
})

describe.each<[Edge]>([['express'], ['node'], ['fetch']])("a server of the user's own on %s", edge => {
  it('is watched', async () => {
    const AUTH_WATCH = socketPath()
    const watched = await watchAt(AUTH_WATCH)
    const port = await freePort()
    const resource = `http://localhost:${port}/mcp`
    const declaration = { name: 'Own', resource, scopes: { read: 'Read' }, initialScopes: ['read'] as const }
    await serveOn(edge, port, createAuth(declaration, { env: { AUTH_WATCH } }))
    await watched.servers(1)
    const ada = person('2.x', resource)
    await ada.connect()
    await ada.call('whoami')
    await watched.shown(1, 'tools/call whoami')
    expect(watched.stepsOf(1).slice(0, SIGN_IN.length)).toEqual(SIGN_IN)
    const preflight = { Origin: 'https://app.example', 'Access-Control-Request-Method': 'POST' }
    await fetch(resource, { method: 'OPTIONS', headers: preflight })
    await until(() => expect(watched.steps().map(({ step }) => step)).toContain('preflight'))
  })
})

it('the gateway is watched', async () => {
  const AUTH_WATCH = socketPath()
  const watched = await watchAt(AUTH_WATCH)
  const { resource } = await startGatewayTo('http://127.0.0.1:9/mcp', { settings: { AUTH_WATCH } })
  await watched.servers(2)
  await fetch(resource, { method: 'POST' })
  await watched.shown(1, 'POST /mcp')
  expect(watched.steps()[0]).toMatchObject({
    resource,
    status: 401,
    answered: expect.stringContaining('told where to sign in'),
  })
})

it('forward auth is watched, by the address of the client', async () => {
  const AUTH_WATCH = socketPath()
  const watched = await watchAt(AUTH_WATCH)
  const port = String(await freePort())
  startProgram(['forward-auth'], { env: { PORT: port, PUBLIC_URL: 'http://localhost:8080', AUTH_WATCH } })
  await watched.servers(1)
  const asked = { 'x-forwarded-method': 'POST', 'x-forwarded-uri': '/mcp', 'x-forwarded-host': 'localhost:8080' }
  await fetch(`http://127.0.0.1:${port}/forward-auth`, { headers: { ...asked, 'x-forwarded-for': '192.0.2.7' } })
  await watched.shown(1, 'POST /mcp')
  expect(watched.steps()[0]).toMatchObject({ address: '192.0.2.7', status: 401 })
})

describe('a socket that cannot be used', () => {
  it('does not keep a server from its work, and its operator is told', async () => {
    const AUTH_WATCH = socketPath()
    writeFileSync(AUTH_WATCH, 'precious')
    const { resource, log } = await startServers({ AUTH_WATCH })
    const ada = person('2.x', resource)
    await ada.connect()
    expect((await ada.call('list_notes')).isError).toBe(false)
    await until(() => expect(log()).toMatch(/AUTH_WATCH .*is not a socket/))
  })
})
