import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createAuthorizationServer } from '../../demo-as/server.ts'
import { signIn } from '../support/browser.ts'
import { exchange } from '../support/http.ts'
import { createClient, files, notes, startServer } from './support.ts'

const METADATA = '/.well-known/oauth-authorization-server'

describe('the metadata', () => {
  it('names what is enforced, under the issuer as it was configured', async () => {
    const { origin } = await startServer()
    const metadata = await (await fetch(`${origin}${METADATA}`)).json()
    expect(metadata).toMatchObject({
      issuer: origin,
      authorization_endpoint: `${origin}/oauth/authorize`,
      token_endpoint: `${origin}/oauth/token`,
      registration_endpoint: `${origin}/oauth/register`,
      introspection_endpoint: `${origin}/oauth/introspect`,
      revocation_endpoint: `${origin}/oauth/revoke`,
      device_authorization_endpoint: `${origin}/oauth/device_authorization`,
      jwks_uri: `${origin}/oauth/jwks`,
      authorization_response_iss_parameter_supported: true,
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      scopes_supported: ['openid', 'offline_access', 'notes:read', 'notes:write', 'notes:admin'],
      id_token_signing_alg_values_supported: ['ES256'],
    })
    expect(JSON.stringify(metadata)).not.toMatch(/"plain"|HS256|"alg":"none"/)
  })

  it('is the same at both addresses, with public keys behind it', async () => {
    const { origin } = await startServer()
    const [oauth, oidc] = await Promise.all(
      [METADATA, '/.well-known/openid-configuration'].map(async path => (await fetch(`${origin}${path}`)).json()),
    )
    expect(oidc).toEqual(oauth)
    const { keys } = (await (await fetch(`${origin}/oauth/jwks`)).json()) as { keys: Record<string, string>[] }
    expect(keys).toEqual([
      { kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', kid: keys[0]?.kid, x: keys[0]?.x, y: keys[0]?.y },
    ])
  })

  it('names the same addresses whatever Host and forwarding headers say', async () => {
    const { handler } = await createAuthorizationServer({ issuer: 'https://auth.example.com', resources: [notes] })
    const server = createServer(handler).listen(0)
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { host: 'evil.example.com', 'x-forwarded-host': 'evil.example.com', 'x-forwarded-proto': 'http' }
      request({ port, path: METADATA, headers }, res => {
        let text = ''
        res.on('data', chunk => {
          text += chunk
        })
        res.on('end', () => resolve(text))
      })
        .on('error', reject)
        .end()
    })
    expect(answer).not.toContain('evil')
    expect(JSON.parse(answer)).toMatchObject({
      issuer: 'https://auth.example.com',
      token_endpoint: 'https://auth.example.com/oauth/token',
    })
  })
})

describe('with an https issuer', () => {
  it('leads on under the issuer and sets cookies that never leave it', async () => {
    const { handler } = await createAuthorizationServer({ issuer: 'https://auth.example.com', resources: [notes] })
    const server = createServer(handler).listen(0)
    onTestFinished(() => void server.close())
    const inside = createClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const { json } = await inside.register()
    const response = await fetch(inside.authorizeUrl(json.client_id).url, { redirect: 'manual' })
    expect(response.headers.get('location')).toMatch('https://auth.example.com/fakeupstreamauth/authorize?state=')
    const cookies = response.headers.getSetCookie()
    expect(cookies.find(cookie => cookie.startsWith('__Host-sign-in-'))).toContain('; Secure')
    for (const cookie of cookies) expect(cookie.toLowerCase()).toContain('secure')
  })
})

describe('on this machine', () => {
  it.each(['evil.example.com', 'localhost.evil.example.com', '127.0.0.1.evil.example.com', '', 'a b'])(
    'answers 421 to the Host %j, as a page rebound to 127.0.0.1 sends it',
    async host => {
      const { origin } = await startServer()
      const port = Number(new URL(origin).port)
      const answer = await exchange(port, `GET ${METADATA} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 (421|400) /)
      expect(answer).not.toContain('token_endpoint')
    },
  )

  it.each(['localhost:1', '127.0.0.1', '[::1]:3001'])('answers to the Host %j', async host => {
    const { origin } = await startServer()
    const port = Number(new URL(origin).port)
    const answer = await exchange(port, `GET ${METADATA} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  })

  it.each(['http://evil.example.com/oauth/authorize', '//evil.example.com/oauth/authorize'])(
    'does not take an address from the request line %s',
    async target => {
      const { origin } = await startServer()
      const port = Number(new URL(origin).port)
      const answer = await exchange(port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 404 /)
    },
  )
})

describe('a page in a browser', () => {
  it.each([
    [METADATA, 'GET'],
    ['/.well-known/openid-configuration', 'GET'],
    ['/oauth/jwks', 'GET'],
    ['/oauth/register', 'POST'],
    ['/oauth/token', 'POST'],
    ['/oauth/revoke', 'POST'],
  ])('may call %s', async (path, method) => {
    const { origin } = await startServer()
    const preflight = await fetch(`${origin}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://inspector.example.com',
        'access-control-request-method': method,
        'access-control-request-headers': 'mcp-protocol-version,content-type',
      },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-methods')).toBe(method)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('mcp-protocol-version,content-type')
    expect(preflight.headers.has('access-control-allow-credentials')).toBe(false)
    const answer = await fetch(`${origin}${path}`, { method, headers: { origin: 'https://inspector.example.com' } })
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  })

  it('gets tokens', async () => {
    const { origin } = await startServer()
    const client = createClient(origin)
    const { clientId, tokens } = await client.obtainTokens()
    const fields = { grant_type: 'refresh_token', client_id: clientId, refresh_token: tokens.refresh_token }
    const answer = await client.token(fields, { origin: 'https://inspector.example.com' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  })

  it('may not introspect', async () => {
    const { origin } = await startServer()
    const preflight = await fetch(`${origin}/oauth/introspect`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(405)
    expect(preflight.headers.has('access-control-allow-origin')).toBe(false)
  })
})

describe('bad input', () => {
  it.each([
    ['/oauth/token', 'application/x-www-form-urlencoded'],
    ['/oauth/register', 'application/json'],
    ['/oauth/introspect', 'application/x-www-form-urlencoded'],
    ['/fakeupstreamauth/authorize', 'application/x-www-form-urlencoded'],
  ])('of 10 MB at %s is refused, announced or not, and the server stays up', async (path, type) => {
    const { origin } = await startServer()
    const port = Number(new URL(origin).port)
    const announced = await exchange(
      port,
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(100_000)}`,
    )
    expect(announced).toMatch(/^HTTP\/1\.1 413 /)
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 100; i++) controller.enqueue(new Uint8Array(1000).fill(97))
        controller.close()
      },
    })
    const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': type } } as RequestInit
    const answer = await fetch(`${origin}${path}`, init)
    expect(answer.status).toBe(400)
    expect((await fetch(`${origin}/health`)).status).toBe(200)
  })

  it('with two values of one parameter is invalid_request', async () => {
    const { origin } = await startServer()
    const body = 'grant_type=refresh_token&grant_type=client_credentials&client_id=x'
    const { status, json } = await createClient(origin).post('/oauth/token', body, {
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(status).toBeGreaterThanOrEqual(400)
    expect(json.error).toMatch(/invalid_request|invalid_client/)
  })

  it.each([
    ['GET', '/oauth/token', 405],
    ['PUT', '/oauth/register', 405],
    ['POST', '/oauth/authorize', 405],
    ['DELETE', '/fakeupstreamauth/callback', 405],
    ['GET', '/nothing', 404],
    ['GET', '/OAUTH/AUTHORIZE', 404],
    ['GET', '/oauth/token/', 404],
    ['GET', '/oauth/authorize/a/b', 404],
    ['GET', '/oauth/register/some-client', 404],
  ])('%s %s is %i', async (method, path, status) => {
    const { origin } = await startServer()
    const answer = await fetch(`${origin}${path}`, { method })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toMatch('application/json')
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET|POST/)
  })

  it('that resumes a sign-in which does not exist gets a page', async () => {
    const { origin } = await startServer()
    const answer = await fetch(`${origin}/oauth/authorize/x`)
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('This sign-in has ended')
  })
})

describe('mounted in an application', () => {
  it('answers for its own paths and leaves the others, /health among them', async () => {
    const app = express()
    const server = createServer(app).listen(0, 'localhost')
    onTestFinished(() => void server.close())
    await new Promise(resolve => server.once('listening', resolve))
    const origin = `http://localhost:${(server.address() as AddressInfo).port}`
    const authorizationServer = await createAuthorizationServer({ issuer: origin, resources: [notes] })
    app.use((req, res, next) => {
      if (authorizationServer.handles(req.path)) authorizationServer.handler(req, res)
      else next()
    })
    app.use(express.urlencoded({ extended: false }), (req, res) => void res.send(`application ${req.path}`))

    const client = createClient(origin)
    const { tokens } = await client.obtainTokens()
    expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
    for (const path of ['/health', '/', '/mcp', '/.well-known/oauth-protected-resource/mcp', '/oauth']) {
      expect(await (await fetch(`${origin}${path}`)).text()).toBe(`application ${path}`)
    }
  })

  it('says so when something in front has read the body and left it where only it looks', async () => {
    const { events, authorizationServer } = await startServer()
    const app = createServer((req, res) => req.resume().once('end', () => authorizationServer.handler(req, res)))
    app.listen(0, 'localhost')
    onTestFinished(() => void app.close())
    await new Promise(resolve => app.once('listening', resolve))
    const { port } = app.address() as AddressInfo
    const { host } = new URL(authorizationServer.issuer)
    const send = (options: object, body?: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const sent = request({ port, headers: { host, 'content-type': 'application/json' }, ...options }, answer => {
          answer.resume().once('end', () => resolve(answer.statusCode))
        })
        sent.once('error', reject).end(body)
      })
    expect(await send({ path: METADATA })).toBe(200)
    expect(await send({ path: '/oauth/register', method: 'POST' }, '{"redirect_uris":["http://localhost/cb"]}')).toBe(
      500,
    )
    expect(events).toMatchObject([
      {
        event: 'server_error',
        facts: { error: expect.stringContaining('has read the body and left nothing in req.body') },
      },
    ])
  })
})

describe('two instances in one process', () => {
  it('do not know each other', async () => {
    const [one, two] = [await startServer(), await startServer()]
    const { clientId, tokens } = await createClient(one.origin).obtainTokens()
    expect((await createClient(two.origin).introspect(tokens.access_token)).json).toEqual({ active: false })
    expect((await createClient(two.origin).refresh(clientId, tokens.refresh_token)).json.error).toBe('invalid_client')
    const { json } = await createClient(two.origin).register()
    const callback = await signIn(createClient(two.origin).authorizeUrl(json.client_id).url)
    expect(callback.searchParams.get('iss')).toBe(two.origin)
  })
})

describe('createAuthorizationServer refuses', () => {
  it.each([
    ['an issuer with a slash after its path', { issuer: 'https://example.com/auth/' }],
    ['an issuer with a query', { issuer: 'https://example.com?x' }],
    ['an issuer without TLS on another machine', { issuer: 'http://auth.example.com' }],
    ['an issuer that is no URL', { issuer: 'auth' }],
    ['no resources', { resources: [] }],
    ['two resources of one name', { resources: [notes, { ...files, resource: `${notes.resource}/` }] }],
    ['two resources with one client id', { resources: [notes, { ...files, clientId: notes.clientId }] }],
    ['default scopes that do not exist', { resources: [{ ...notes, defaultScopes: ['x'] }] }],
    ['sign-in scopes that do not exist', { resources: [{ ...notes, signInScopes: ['x'] }] }],
  ])('%s', async (_name, changes) => {
    const options = { issuer: 'http://localhost:3001', resources: [notes], ...changes }
    await expect(createAuthorizationServer(options)).rejects.toThrow(TypeError)
  })
})
