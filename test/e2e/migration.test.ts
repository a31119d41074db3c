import { writeFileSync } from 'node:fs'
import { createServer, request as sendRequest } from 'node:http'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { notes } from '../../app/notes/declaration.ts'
import { createLogger } from '../../app/observe/log.ts'
import { startAuthorizationServer } from '../../app/serve/authorization-server.ts'
import { loadConfiguration } from '../../config/load.ts'
import { createAuth0Emulator } from '../../emulators/auth0.ts'
import { freePort, listen } from '../support/http.ts'
import { temporaryFolder } from '../support/temporary-files.ts'
import { callWith } from './call-with.ts'
import { createMcpUser } from './mcp-user.ts'
import { type Started, startServers } from './servers.ts'

const silent = createLogger('silent')

/**
 * A deployment that is updated without a gap: an address that leads to one MCP server at a time, the demo authorization server as a
 * process of its own, and the tenant to move to.
 */
async function deployed() {
  let port = 0
  const underWay = new Map<number, number>()
  const count = (at: number, change: number) => underWay.set(at, (underWay.get(at) ?? 0) + change)
  const front = await listen(
    createServer((incoming, outgoing) => {
      const { method, headers, url: path } = incoming
      const at = port
      count(at, 1)
      outgoing.on('close', () => count(at, -1))
      const onward = sendRequest({ port, method, headers, path, agent: false }, answer => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      onward.on('error', () => outgoing.writeHead(502).end())
      incoming.pipe(onward)
    }),
  )
  onTestFinished(front.close)
  const PUBLIC_URL = `http://localhost:${front.port}`
  const AUTH_SERVER_PORT = String(await freePort())
  const DEMO_RS_CLIENT_SECRET = 'the-same-secret-for-all-processes'
  const shared = { PUBLIC_URL, AUTH_SERVER_PORT, AUTH_MODE: 'separate', DEMO_RS_CLIENT_SECRET }

  const demo = await startAuthorizationServer({
    configuration: loadConfiguration(shared, { isAuthorizationServer: true, resources: { notes } }),
    env: shared,
    logger: silent,
  })
  onTestFinished(demo.close)
  const resource = `${PUBLIC_URL}/mcp`
  const tenant = createAuth0Emulator({ apis: [{ identifier: resource, scopes: ['notes:read'] }] })
  const AUTH_METADATA_URL = `${await tenant.start()}/.well-known/openid-configuration`
  onTestFinished(tenant.close)

  let server: Started | undefined
  /** Puts a server with these settings in place of the one before, which is stopped once nothing is under way to it. */
  async function deploy(settings: Record<string, string>): Promise<Started> {
    const before = server
    const PORT = String(await freePort())
    server = await startServers({ ...shared, ...settings, PORT })
    // Ready before it gets requests, as a deployment waits for it.
    await expect.poll(async () => (await fetch(`http://localhost:${PORT}/ready`)).status).toBe(200)
    const former = port
    port = Number(PORT)
    await expect.poll(() => underWay.get(former) ?? 0, { interval: 10 }).toBe(0)
    await before?.close()
    return server
  }
  return {
    resource,
    tenant,
    AUTH_METADATA_URL,
    deploy,
    demoToken: () => demoToken(`http://localhost:${AUTH_SERVER_PORT}`),
  }
}

async function demoToken(issuer: string): Promise<string> {
  const post = async (path: string, body: string | URLSearchParams, type: string) =>
    (await (await fetch(issuer + path, { method: 'POST', body, headers: { 'content-type': type } })).json()) as Record<
      string,
      string
    >
  const registration = JSON.stringify({
    client_name: 'load',
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'client_secret_post',
  })
  const { client_id = '', client_secret = '' } = await post('/oauth/register', registration, 'application/json')
  const grant = new URLSearchParams({ grant_type: 'client_credentials', scope: 'notes:read', client_id, client_secret })
  return (await post('/oauth/token', grant, 'application/x-www-form-urlencoded')).access_token ?? ''
}

/** Titles of the notes of whoever the token is of. */
async function notesOf(resource: string, token: string): Promise<string> {
  const client = new Client({ name: 'notes', version: '1.0.0' })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { requestInit }))
  const { content } = await client.callTool({ name: 'list_notes', arguments: {} })
  await client.close()
  return JSON.stringify(content)
}

describe('the move from demo to auth0', () => {
  it('refuses no request: in the shadow, then both, then the new one alone, under load', async () => {
    const { resource, tenant, AUTH_METADATA_URL, deploy, demoToken } = await deployed()
    const old = await demoToken()
    const fresh = await tenant.mint()
    const statuses = new Map<number, number>()
    let token = old
    let calls = 0
    let ended = false
    const caller = async () => {
      while (!ended) {
        const status = await callWith(resource, token)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        calls++
      }
    }
    /** Until this many more calls were answered. */
    const further = async (count: number) => {
      const goal = calls + count
      await expect.poll(() => calls, { interval: 10 }).toBeGreaterThanOrEqual(goal)
    }

    await deploy({ AUTH_PROVIDER: 'demo' })
    const load = Promise.all([caller(), caller(), caller(), caller()])
    await further(20)
    await deploy({ AUTH_PROVIDER: 'demo', AUTH_SHADOW: 'auth0', AUTH_METADATA_URL })
    await further(20)
    const both = await deploy({ AUTH_PROVIDER: 'demo,auth0', AUTH_METADATA_URL })
    await further(20)
    // Clients have signed in anew, as the metadata told them.
    token = fresh
    await further(20)
    expect(await both.metric('idplug_accepted_total{provider="demo"}')).toBeGreaterThan(0)
    expect(await both.metric('idplug_accepted_total{provider="auth0"}')).toBeGreaterThan(0)
    await deploy({ AUTH_PROVIDER: 'auth0', AUTH_METADATA_URL })
    await further(20)
    ended = true
    await load
    expect([...statuses.keys()]).toEqual([200])
    expect(await callWith(resource, old)).toBe(401)
  })

  it('with auth0 in the shadow counts and logs what it makes of its own tokens, and still refuses them', async () => {
    const { resource, tenant, AUTH_METADATA_URL, deploy, demoToken } = await deployed()
    const server = await deploy({ AUTH_SHADOW: 'auth0', AUTH_METADATA_URL })
    const fresh = await tenant.mint()
    expect(await callWith(resource, await demoToken())).toBe(200)
    expect(await callWith(resource, fresh)).toBe(401)
    expect(await callWith(resource, await tenant.mint({ audience: 'urn:other' }))).toBe(401)
    const total = (labels: string) => server.metric(`idplug_shadow_total{${labels}}`)
    await expect.poll(() => total('active="not_asked",shadow="refused",reason="auth0.other_api"')).toBe(1)
    expect(await total('active="not_asked",shadow="accepted",reason=""')).toBe(1)
    expect(await total('active="accepted",shadow="not_asked",reason=""')).toBe(1)
    expect(server.log()).toContain(
      '"event":"shadow_observed","provider":"auth0","active":"not_asked","shadow":"accepted"',
    )
    expect(server.log()).not.toContain(fresh)
    await expect
      .poll(() => server.metric('idplug_provider_ready{provider="auth0",role="shadow"}'))
      .toBe(server.instances)
  })

  it('starts and serves while the provider in the shadow is down', async () => {
    const { resource, tenant, AUTH_METADATA_URL, deploy, demoToken } = await deployed()
    tenant.fail({ kind: 'status', status: 503 })
    const server = await deploy({ AUTH_SHADOW: 'auth0', AUTH_METADATA_URL })
    expect(await callWith(resource, await demoToken())).toBe(200)
    expect(await server.metric('idplug_provider_ready{provider="auth0",role="shadow"}')).toBe(0)
    await expect.poll(server.log).toContain('"event":"provider_not_ready"')
  })

  it('leaves users what is theirs, once their identities are linked', async () => {
    const { resource, tenant, AUTH_METADATA_URL, deploy } = await deployed()
    const folder = temporaryFolder()
    const AUTH_LINKS = join(folder, 'links.csv')
    const { claims } = tenant.accessToken()
    const header = 'old_issuer,old_subject,new_issuer,new_subject'
    const { issuers } = await deploy({ AUTH_PROVIDER: 'demo' })
    writeFileSync(AUTH_LINKS, `${header}\n${issuers[0]},ada,${claims.iss},${claims.sub}\n`)
    await deploy({ AUTH_PROVIDER: 'demo,auth0', AUTH_METADATA_URL, AUTH_LINKS })

    const ada = createMcpUser('2.x', resource, 'ada')
    await ada.connect()
    await ada.callSteppingUp('add_note', { title: 'Milk', text: 'Two litres' })
    expect(await notesOf(resource, await tenant.mint())).toContain('Milk')
    const stranger = await tenant.mint({ claims: { sub: 'auth0|somebody-else', email: 'ada@example.com' } })
    expect(await notesOf(resource, stranger)).not.toContain('Milk')
  })
})
