import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createUnseenBody } from '../../app/forward-auth/asked-operation.ts'
import { createForwardAuth } from '../../app/forward-auth/handler.ts'
import { createCallerIdentity } from '../../app/gateway/identity.ts'
import { createAssertionKeys } from '../../app/gateway/identity-keys.ts'
import { createAuth } from '../../auth/create-auth.ts'
import type { ResourceDeclaration } from '../../auth/declaration.ts'
import { parseIpRange } from '../../src/ip-address.ts'
import { createTestIssuer } from '../../src/testing/index.ts'
import { createMcpUser, type Sdk } from '../e2e/mcp-user.ts'
import { openPage } from '../support/chromium.ts'
import { exchange, freePort, listen } from '../support/http.ts'
import { type ProxyName, startProxy } from './proxies.ts'
import { expectEventsAtOnce, startTarget } from './target.ts'
import { files, startWithDemo } from './with-demo.ts'

const READ = 'files:read'
const proxies: readonly ProxyName[] = ['nginx', 'caddy']

/** A proxy in front of a server, with tokens of an issuer for tests. */
async function startBehind(
  name: ProxyName,
  declaration: ResourceDeclaration = files,
  { listener, change }: { listener?: RequestListener; change?: (configuration: string) => string } = {},
) {
  const target = await startTarget(listener)
  const listenPort = await freePort()
  const resource = `http://127.0.0.1:${listenPort}/mcp`
  const site = await listen((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>A client</title>')
  })
  onTestFinished(site.close)
  // Another name of this machine is another origin.
  const page = `http://localhost:${site.port}`
  const issuer = createTestIssuer()
  const auth = createAuth(
    { ...declaration, resource },
    { env: { ALLOWED_ORIGINS: page, TRUSTED_PROXIES: '127.0.0.1' }, providers: [issuer.provider], observer: {} },
  )
  onTestFinished(() => auth.close())
  const keys = createAssertionKeys()
  const identity = createCallerIdentity(
    { kind: 'headers' },
    { issuer: new URL(resource).origin, audience: resource, keys },
  )
  const idplug = await listen(
    createForwardAuth({
      servers: new Map([['files', { auth, identity, unseenBody: createUnseenBody(declaration) }]]),
      proxies: [parseIpRange('127.0.0.1') ?? expect.fail()],
      onMisconfigured: reason => expect.fail(reason),
      onError: error => expect.fail(String(error)),
    }),
  )
  onTestFinished(idplug.close)
  const output = await startProxy(name, { listen: listenPort, idplug: idplug.port, target: target.port }, change)

  const post = (tool: string, headers: Record<string, string> = {}) =>
    fetch(resource, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': tool,
        ...headers,
      },
      body: JSON.stringify(callOf(tool)),
    })
  const bearer = async (...scopes: string[]) => ({ authorization: `Bearer ${await issuer.token({ scopes })}` })
  return { target, resource, port: listenPort, page, issuer, idplug, output, post, bearer }
}

/** Bodies that reached a server as a whole. */
function bodiesThatEnd() {
  const bodies: string[] = []
  const listener: RequestListener = async (request, response) => {
    const chunks = await request.toArray().catch(() => [])
    if (chunks.length > 0 && request.complete) bodies.push(chunks.join(''))
    response.end()
  }
  return { bodies, listener }
}

const callOf = (tool: string) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: {
    name: tool,
    arguments: {},
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
})

it('nginx hands on no body of a GET or DELETE over HTTP/2, where none has to be announced', async () => {
  const { bodies, listener } = bodiesThatEnd()
  const port = await freePort()
  const change = (text: string) => text.replace('listen 8080;', `listen 8080;\nlisten ${port} http2;`)
  const { bearer } = await startBehind('nginx', files, { listener, change })
  const { authorization } = await bearer(READ)
  const client = connectHttp2(`http://127.0.0.1:${port}`)
  onTestFinished(() => client.destroy())
  for (const method of ['GET', 'DELETE']) {
    const stream = client.request({ ':method': method, ':path': '/mcp', authorization }, { endStream: false })
    stream.end(JSON.stringify(callOf('write_file')))
    const [{ ':status': status }] = await once(stream, 'response')
    expect([method, status]).toEqual([method, 200])
    stream.close()
  }
  expect(bodies).toEqual([])
})

describe.each(proxies)('behind %s', name => {
  it('lets a valid token pass, with the identity and without the token', async () => {
    const { target, post, bearer } = await startBehind(name)
    const headers = await bearer(READ)
    const response = await post('whoami', headers)
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(text).toContain('ada')
    const [seen] = target.seen
    expect(seen?.headers).toMatchObject({
      'x-mcp-user': 'ada',
      'x-mcp-client': 'test-client',
      'x-mcp-scopes': READ,
      'x-mcp-issuer': expect.stringMatching(/^https:\/\/test-issuer/),
    })
    expect(JSON.stringify(seen)).not.toContain(headers.authorization.slice(7))
  })

  it('refuses without a token, with a bad one and with an expired one, each with its challenge', async () => {
    const { target, post, resource, issuer } = await startBehind(name)
    const metadata = resource.replace('/mcp', '/.well-known/oauth-protected-resource/mcp')
    const none = await post('whoami')
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([
      401,
      `Bearer resource_metadata="${metadata}", scope="files:read"`,
    ])
    expect(await none.json()).toMatchObject({ request_id: none.headers.get('x-request-id') })
    const expired = await issuer.token({ scopes: [READ], expiresInSeconds: -60 })
    for (const token of [expired, 'rubbish']) {
      const bad = await post('whoami', { authorization: `Bearer ${token}` })
      expect([bad.status, bad.headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringMatching(/^Bearer error="invalid_token", [^B]*resource_metadata="[^"]*"$/),
      ])
      expect(await bad.json()).toMatchObject({ error: 'invalid_token' })
    }
    expect(target.seen).toEqual([])
    // What the challenge names is served.
    expect(await (await fetch(metadata)).json()).toMatchObject({ resource, authorization_servers: [issuer.issuer] })
  })

  it('asks for more scopes with the challenge of the 403, and passes a 400 on', async () => {
    const { target, post, bearer, resource } = await startBehind(name)
    const lacking = await post('write_file', await bearer(READ))
    expect([lacking.status, lacking.headers.get('www-authenticate')]).toEqual([
      403,
      expect.stringMatching(/^Bearer error="insufficient_scope", [^B]*scope="files:write", resource_metadata="[^"]*"$/),
    ])
    expect(await lacking.json()).toMatchObject({ error: 'insufficient_scope' })
    expect((await post('write_file', await bearer(READ, 'files:write'))).status).toBe(200)
    const inQuery = await fetch(`${resource}?access_token=x`, { method: 'POST', body: '{}' })
    expect([inQuery.status, await inQuery.json()]).toEqual([400, expect.objectContaining({ error: 'invalid_request' })])
    expect(target.seen.length).toBe(1)
  })

  it('says of headers that are too large for idplug that they are, not that it is away', async () => {
    const { target, post } = await startBehind(name)
    const response = await post('whoami', { authorization: `Bearer ${'t'.repeat(20_000)}` })
    expect([response.status, response.headers.get('retry-after')]).toEqual([431, null])
    expect(target.seen).toEqual([])
  })

  it('answers 503 with Retry-After while the provider is away, and while idplug is', async () => {
    const { target, post, bearer, issuer, idplug } = await startBehind(name)
    issuer.goDown()
    const away = await post('whoami', await bearer(READ))
    expect([away.status, Number(away.headers.get('retry-after'))]).toEqual([503, expect.toSatisfy(value => value > 0)])
    expect(away.headers.get('www-authenticate')).toBeNull()
    expect(await away.json()).toMatchObject({ error: 'temporarily_unavailable' })
    await idplug.close()
    const gone = await post('whoami', await bearer(READ))
    expect([gone.status, gone.headers.get('retry-after'), gone.headers.get('www-authenticate')]).toEqual([
      503,
      '5',
      null,
    ])
    expect(await gone.json()).toMatchObject({ error: 'temporarily_unavailable' })
    expect(target.seen).toEqual([])
  })

  it('needs every scope for a request that the headers do not describe', async () => {
    const { target, post, bearer } = await startBehind(name, { ...files, mcpHeaders: 'unchecked' })
    expect((await post('whoami', await bearer(READ))).status).toBe(403)
    expect((await post('whoami', await bearer(READ, 'files:write'))).status).toBe(200)
    expect(target.seen.length).toBe(1)
  })

  it('hands on no body that nobody has checked', async () => {
    const { bodies, listener } = bodiesThatEnd()
    const { port, bearer } = await startBehind(name, files, { listener })
    const { authorization } = await bearer(READ)
    const body = JSON.stringify(callOf('write_file'))
    const statuses: string[] = []
    for (const method of ['GET', 'HEAD', 'DELETE', 'POST']) {
      for (const [framing, text] of [
        [`Content-Length: ${body.length}`, body],
        ['Transfer-Encoding: chunked', `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`],
      ]) {
        const head = `Host: 127.0.0.1:${port}\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nConnection: close`
        const raw = await exchange(port, `${method} /mcp HTTP/1.1\r\n${head}\r\n${framing}\r\n\r\n${text}`)
        statuses.push(raw.slice(9, 12))
      }
    }
    // Caddy does not tell us of a chunked one: there, it breaks off.
    const chunked = name === 'nginx' ? '403' : '503'
    expect(statuses).toEqual(['403', chunked, '403', chunked, '403', chunked, '403', '403'])
    expect(bodies).toEqual([])
  })

  it('hands on bodies as they come, up to the largest', async () => {
    const { bodies, listener } = bodiesThatEnd()
    const { resource, bearer } = await startBehind(name, { ...files, mcpHeaders: 'unchecked' }, { listener })
    const headers = { ...(await bearer(READ, 'files:write')), 'content-type': 'application/json' }
    const largest = 'x'.repeat(1_048_576)
    // A stream has no Content-Length.
    for (const body of ['{}', largest, new Blob([largest]).stream()]) {
      const response = await fetch(resource, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
      expect(response.status).toBe(200)
    }
    expect(bodies.map(body => body.length)).toEqual([2, largest.length, largest.length])
  })

  it('drops what a client says about who it is, in every spelling', async () => {
    const { target, post, bearer, port } = await startBehind(name)
    const spoofed = { 'x-mcp-user': 'root', 'X-MCP-Scopes': 'files:admin', 'x-mcp-assertion': 'x.y.z' }
    await (await post('whoami', { ...(await bearer(READ)), ...spoofed })).text()
    const body = JSON.stringify(callOf('whoami'))
    const { authorization } = await bearer(READ)
    const raw = await exchange(
      port,
      [
        'POST /mcp HTTP/1.1',
        `Host: 127.0.0.1:${port}`,
        `Authorization: ${authorization}`,
        'Content-Type: application/json',
        'Accept: application/json, text/event-stream',
        'MCP-Protocol-Version: 2026-07-28',
        'Mcp-Method: tools/call',
        'Mcp-Name: whoami',
        `Content-Length: ${body.length}`,
        'X_MCP_User: root',
        'X.MCP.User: root',
        'x-mcp_user: root',
        'x-mcp-user: root',
        // A proxy removes what this names, so the target would be told of nobody.
        'Connection: close, X-MCP-User, X-MCP-Issuer',
        '',
        body,
      ].join('\r\n'),
    )
    expect(raw).toMatch(/^HTTP\/1\.1 200 /)
    expect(target.seen.length).toBe(2)
    for (const { headers } of target.seen) {
      const identity = Object.entries(headers).filter(([header, value]) => /^x.?mcp/i.test(header) && value !== '')
      expect(Object.fromEntries(identity)).toEqual({
        'x-mcp-user': 'ada',
        'x-mcp-client': 'test-client',
        'x-mcp-scopes': READ,
        'x-mcp-issuer': expect.stringMatching(/^https:\/\/test-issuer/),
      })
    }
  })

  it('names nobody for an anonymous caller', async () => {
    const { target, post } = await startBehind(name, { ...files, access: { anonymous: { tools: ['whoami'] } } })
    expect((await post('whoami', { 'x-mcp-user': 'root' })).status).toBe(200)
    expect((await post('write_file')).status).toBe(401)
    expect(target.seen.map(({ headers }) => headers['x-mcp-user'] ?? '')).toEqual([''])
  })

  it('believes nothing that a client says about its method, path or host', async () => {
    const { target, post, resource } = await startBehind(name)
    const claims = [
      { 'x-forwarded-method': 'OPTIONS' },
      { 'x-original-method': 'OPTIONS', 'x-original-uri': '/.well-known/oauth-protected-resource' },
      { 'x-forwarded-uri': '/.well-known/oauth-protected-resource', 'x-forwarded-method': 'GET' },
      { 'x-forwarded-host': 'evil.example', 'x-http-method-override': 'OPTIONS' },
    ] as Record<string, string>[]
    for (const claim of claims) {
      const response = await post('whoami', claim)
      expect([claim, response.status]).toEqual([claim, 401])
      expect(response.headers.get('www-authenticate')).toContain(`resource_metadata="${new URL(resource).origin}/`)
    }
    // The path at which the proxy asks is not for clients.
    for (const path of [
      '/idplug-asks',
      '/forward-auth',
      '/oauth/../forward-auth',
      '/ext-authz/mcp',
      '/oauth/%2e%2e/forward-auth',
    ]) {
      const response = await fetch(new URL(path, resource), {
        headers: { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/mcp' },
      })
      expect([path, response.status]).toEqual([path, 404])
    }
    expect(target.seen).toEqual([])
  })

  it('hands on one path only, however it is spelled', async () => {
    const { target, port, bearer } = await startBehind(name)
    const { authorization } = await bearer(READ)
    const spellings = [
      '/mcp?a=b',
      '//mcp',
      '/admin/../mcp',
      '/admin/..%2fmcp',
      '/admin/..%2Fmcp?x=/y',
      '/admin/%2e%2e/mcp',
      '/%6dcp',
      '/MCP',
      '/mcp%2f',
      '/mcp/',
      '/mcp;/../admin',
      '/mcp%3f/admin',
      '/mcp%23',
      '/mcp/..%2fadmin',
      '/admin%2f../mcp',
      '/admin/..\\mcp',
      '/mcp%00',
      '/mcp/%2e%2e/admin',
      'http://evil.example/mcp',
      'http://evil.example/admin/..%2fmcp',
    ]
    for (const path of spellings) {
      await exchange(
        port,
        `DELETE ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`,
      )
    }
    const paths = target.seen.map(({ url }) => decodeURIComponent(url.replace(/\?.*/, '')))
    expect(new Set(paths)).toEqual(new Set(['/mcp']))
  })

  it('answers preflights itself, and refuses pages of strangers', async () => {
    const { target, post, bearer, resource, page } = await startBehind(name)
    const preflight = await fetch(resource, {
      method: 'OPTIONS',
      headers: {
        origin: page,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([204, 'authorization'])
    const stranger = await post('whoami', { ...(await bearer(READ)), origin: 'https://evil.example' })
    expect([stranger.status, await stranger.json()]).toEqual([403, expect.objectContaining({ error: 'forbidden' })])
    expect(target.seen).toEqual([])
  })

  it('sends each event of a stream at once', async () => {
    const { target, resource, bearer } = await startBehind(name)
    await expectEventsAtOnce(target, resource, await bearer(READ))
  })

  it('lets a page of another origin in Chromium read challenges and answers', async () => {
    const { resource, page: client, bearer } = await startBehind(name)
    const page = await openPage()
    await page.goto(client)
    const call = (tool: string, authorization?: string) =>
      page.evaluate(callFromPage, { resource, body: JSON.stringify(callOf(tool)), tool, authorization })
    const refused = await call('whoami')
    expect(refused).toMatchObject({
      status: 401,
      challenge: expect.stringMatching(/^Bearer resource_metadata="[^"]*", scope="files:read"$/),
    })
    expect(JSON.parse(refused.text)).toMatchObject({ request_id: refused.requestId })
    const { authorization } = await bearer(READ)
    expect(await call('whoami', authorization)).toMatchObject({ status: 200, text: expect.stringContaining('ada') })
    expect(await call('write_file', authorization)).toMatchObject({
      status: 403,
      challenge: expect.stringContaining('scope="files:write"'),
    })
  })

  it.each<Sdk>(['1.x', '2.x'])('an official client of SDK %s signs in at the demo, calls and steps up', async sdk => {
    const target = await startTarget()
    const { resource, log } = await startWithDemo(name, target.port)
    const ada = createMcpUser(sdk, resource, 'ada')
    await connectSteppingUp(ada)
    expect((await ada.call('whoami')).text).toContain('x-mcp-user')
    const written = await ada.callSteppingUp('write_file')
    expect(written.text).toBe('written')
    expect(ada.memory.scopes).toEqual(expect.arrayContaining(['files:read', 'files:write']))
    expect(JSON.stringify(target.seen)).not.toContain(ada.memory.accessToken)
    await vi.waitUntil(() => log().includes('"event":"request_accepted"'))
    expect(log()).not.toContain(ada.memory.accessToken)
  })
})

/** SDK 1.x sends nothing by which one sees what it wants, so it needs every scope from the start. */
async function connectSteppingUp(user: ReturnType<typeof createMcpUser>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await user.connect()
    } catch (error) {
      if (!user.memory.authorizationUrl || tries === 2) throw error
      await user.finishSignIn()
    }
  }
}

// What follows runs in the page.

interface PageCall {
  readonly resource: string
  readonly body: string
  readonly tool: string
  readonly authorization?: string | undefined
}

async function callFromPage({ resource, body, tool, authorization }: PageCall) {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': tool,
  }
  if (authorization) headers.authorization = authorization
  const response = await fetch(resource, { method: 'POST', headers, body })
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    requestId: response.headers.get('x-request-id'),
    text: await response.text(),
  }
}
