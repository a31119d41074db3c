import { describe, expect, it, onTestFinished } from 'vitest'
import { createAuthorizationServer } from '../../demo-as/server.ts'
import { freePort, listen } from '../support/http.ts'
import { createMcpUser, type Sdk } from './mcp-user.ts'
import { startServers } from './servers.ts'

const SECRET = 'secret-of-the-resource-server'

/** The MCP server, and an authorization server that the test can stop and start. */
async function separateServers(settings: Record<string, string> = {}) {
  const [port, issuerPort] = [await freePort(), await freePort()]
  const issuer = `http://localhost:${issuerPort}`
  const fresh = () =>
    createAuthorizationServer({
      issuer,
      resources: [
        {
          resource: `http://localhost:${port}/mcp`,
          name: 'Notes',
          scopes: { 'notes:read': 'Read your notes' },
          defaultScopes: ['notes:read'],
          clientId: 'mcp-server',
          clientSecret: SECRET,
        },
      ],
      accessTokenFormat: settings.ACCESS_TOKEN_FORMAT === 'jwt' ? 'jwt' : 'opaque',
    })
  let current = await fresh()
  let listening = await listen((req, res) => current.handler(req, res), issuerPort)
  onTestFinished(() => listening.close())
  const servers = await startServers({
    PORT: String(port),
    AUTH_MODE: 'separate',
    AUTH_SERVER_URL: issuer,
    DEMO_RS_CLIENT_SECRET: SECRET,
    TOKEN_CACHE_SECONDS: '0',
    ...settings,
  })
  return {
    ...servers,
    stopAuthorizationServer: () => listening.close(),
    async startAuthorizationServer({ forgetful = false } = {}) {
      if (forgetful) current = await fresh()
      listening = await listen((req, res) => current.handler(req, res), issuerPort)
    },
  }
}

describe.each<Sdk>(['1.x', '2.x'])('while the authorization server is down, SDK %s', sdk => {
  it('gets 503 and keeps its tokens, and goes on when the server is back', async () => {
    const servers = await separateServers()
    const ada = createMcpUser(sdk, servers.resource, 'ada', { refresh: true })
    await ada.connect()
    const token = ada.memory.accessToken

    await servers.stopAuthorizationServer()
    await expect(ada.call('whoami')).rejects.toThrow(/503|cannot be reached|temporarily_unavailable/)
    const raw = await fetch(servers.resource, { method: 'POST', headers: { Authorization: `Bearer ${token}` } })
    expect(raw.status).toBe(503)
    expect(Number(raw.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(raw.headers.get('www-authenticate')).toBeNull()
    expect(ada.memory.tokensDropped).toBe(0)
    expect(ada.memory.accessToken).toBe(token)

    await servers.startAuthorizationServer()
    // Nobody is asked before the back-off is over.
    const isBack = () =>
      ada.call('whoami').then(
        ({ isError }) => !isError,
        () => false,
      )
    await expect.poll(isBack).toBe(true)
    expect(ada.memory.accessToken).toBe(token)
    expect(ada.memory.authorizationRequests).toBe(1)
  })

  it('signs in anew by itself when the server came back without its memory', async () => {
    const servers = await separateServers()
    const ada = createMcpUser(sdk, servers.resource, 'ada', { refresh: true })
    await ada.connect()
    const [token, clientId] = [ada.memory.accessToken, ada.memory.clientId]
    await servers.stopAuthorizationServer()
    await servers.startAuthorizationServer({ forgetful: true })

    await ada.connect()
    expect((await ada.call('whoami')).isError).toBe(false)
    expect(ada.memory.accessToken).not.toBe(token)
    expect(ada.memory.clientId).not.toBe(clientId)
  })

  it('is served on with tokens that are verified by key', async () => {
    const servers = await separateServers({ ACCESS_TOKEN_FORMAT: 'jwt' })
    const ada = createMcpUser(sdk, servers.resource, 'ada', { refresh: true })
    await ada.connect()
    await servers.stopAuthorizationServer()
    expect((await ada.call('whoami')).isError).toBe(false)
  })
})

describe('a wrong secret of our own', () => {
  it('is answered with 500, never blamed on the token, and logged', async () => {
    const servers = await separateServers({ DEMO_RS_CLIENT_SECRET: 'not-the-secret-it-knows' })
    const response = await fetch(servers.resource, { method: 'POST', headers: { Authorization: 'Bearer something' } })
    expect(response.status).toBe(500)
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect(servers.log()).toContain('own_credentials_refused')
    expect(servers.log()).not.toContain('not-the-secret-it-knows')
    expect((await fetch(new URL('/ready', servers.resource))).status).toBe(503)
  })
})
