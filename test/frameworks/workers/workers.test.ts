import { beforeAll, describe, expect, it } from 'vitest'
import { createAuth0Emulator } from '../../../emulators/index.ts'
import { bundle, startWorker } from './workerd.ts'

const origin = 'https://acme.eu.auth0.com'
const apis = [{ identifier: 'https://mcp.example.com/mcp', scopes: ['files:read', 'files:write'] }]
const PUBLIC_URL = 'https://mcp.example.com'
const settings = { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com', PUBLIC_URL }
const protocol = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

const call = (name: string, token?: string, id = 1): RequestInit => ({
  method: 'POST',
  headers: { ...protocol, 'mcp-protocol-version': '2025-11-25', ...(token && { authorization: `Bearer ${token}` }) },
  body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } }),
})

describe('idplug/cloudflare in workerd', () => {
  let script = ''
  beforeAll(async () => {
    script = await bundle('../../../docs/examples/servers/cloudflare/server.ts')
  })
  const start = async (bindings: Record<string, string> = settings) => {
    const emulator = createAuth0Emulator({ origin, apis })
    return { emulator, request: await startWorker(script, bindings, emulator.fetch) }
  }

  it('sends a challenge to a client without a token', async () => {
    const { request } = await start()
    const response = await request('/mcp', call('whoami'))
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(
      'Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", scope="files:read"',
    )
  })

  it('serves the metadata with the issuer as the provider spells it', async () => {
    const { request } = await start()
    const response = await request('/.well-known/oauth-protected-resource/mcp')
    expect(await response.json()).toMatchObject({
      resource: 'https://mcp.example.com/mcp',
      authorization_servers: [`${origin}/`],
    })
  })

  it('runs a tool, which knows who is calling', async () => {
    const { request, emulator } = await start()
    const response = await request('/mcp', call('whoami', await emulator.mint({ scopes: ['files:read'] })))
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('"text":"native"')
  })

  it('names every scope that a tool needs', async () => {
    const { request, emulator } = await start()
    const response = await request('/mcp', call('write_file', await emulator.mint({ scopes: ['files:read'] })))
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toContain('scope="files:read files:write"')
  })

  it('refuses an expired token, and one that somebody else has signed', async () => {
    const { request, emulator } = await start()
    const expired = await emulator.mint({ claims: { exp: Math.floor(Date.now() / 1000) - 60 } })
    const forged = (await emulator.mint()).replace(/.{8}$/, 'AAAAAAAA')
    for (const token of [expired, forged]) {
      const response = await request('/mcp', call('whoami', token))
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    }
  })

  it('answers 503 while the provider is away, and serves again when it is back', async () => {
    const { request, emulator } = await start()
    const token = await emulator.mint({ scopes: ['files:read'] })
    const comeBack = emulator.fail({ kind: 'status', status: 503 })
    const response = await request('/mcp', call('whoami', token))
    expect(response.status).toBe(503)
    expect(response.headers.has('retry-after')).toBe(true)
    comeBack()
    await expect.poll(async () => (await request('/mcp', call('whoami', token))).status).toBe(200)
  })

  it('asks the provider once for requests that come in together', async () => {
    const { request, emulator } = await start()
    const token = await emulator.mint({ scopes: ['files:read'] })
    const responses = await Promise.all(
      Array.from({ length: 8 }, (_, id) => request('/mcp', call('whoami', token, id))),
    )
    expect(responses.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(emulator.count('/.well-known/jwks.json')).toBe(1)
  })

  it('goes on when the client whose request asks the provider hangs up', async () => {
    const { request, emulator } = await start({ ...settings, PROVIDER_TIMEOUT_SECONDS: '2' })
    const token = await emulator.mint({ scopes: ['files:read'] })
    const answerNow = emulator.fail({ kind: 'hang' })
    const gone = new AbortController()
    const first = request('/mcp', { ...call('whoami', token), signal: gone.signal }).catch(() => {})
    await expect.poll(() => emulator.requests.length).toBeGreaterThan(0)
    gone.abort()
    await first
    answerNow()
    await expect.poll(async () => (await request('/mcp', call('whoami', token))).status).toBe(200)
  })

  it.each([
    ['no provider', { PUBLIC_URL }, 'AUTH_PROVIDER'],
    ['the demo', { AUTH_PROVIDER: 'demo', PUBLIC_URL }, 'AUTH_PROVIDER'],
    ['a bridge', { ...settings, AUTH_BRIDGE: 'on' }, 'AUTH_BRIDGE'],
  ])('says which setting to make where there is %s', async (_case, bindings, setting) => {
    const { request } = await start(bindings)
    const response = await request('/mcp', call('whoami'))
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(text).toContain('ConfigError')
    expect(text).toContain(setting)
    expect(text).toContain('does not run on Workers')
  })
})

describe('validateToken in OAuthResourceServer of @cloudflare/workers-oauth-provider', () => {
  let script = ''
  beforeAll(async () => {
    script = await bundle('../servers/cloudflare-resource-server.ts')
  })
  const start = async () => {
    const emulator = createAuth0Emulator({ origin, apis })
    const request = await startWorker(script, settings, emulator.fetch)
    return {
      emulator,
      // That server looks at the host, which is its public name.
      get: (token?: string) =>
        request('/mcp', {
          headers: {
            'mf-original-url': 'https://mcp.example.com/mcp',
            ...(token && { authorization: `Bearer ${token}` }),
          },
        }),
    }
  }

  it('hands on whose token it is', async () => {
    const { get, emulator } = await start()
    const response = await get(await emulator.mint({ scopes: ['files:read'] }))
    expect([response.status, await response.json()]).toEqual([
      200,
      { subject: expect.stringContaining('auth0|'), scope: ['files:read'] },
    ])
  })

  it('refuses a client without a token, and one whose token has expired', async () => {
    const { get, emulator } = await start()
    expect((await get()).status).toBe(401)
    expect((await get(await emulator.mint({ claims: { exp: Math.floor(Date.now() / 1000) - 60 } }))).status).toBe(401)
  })

  it('answers 503 while the provider is away', async () => {
    const { get, emulator } = await start()
    emulator.fail({ kind: 'status', status: 503 })
    expect((await get(await emulator.mint())).status).toBe(503)
  })
})
