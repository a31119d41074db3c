import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createSite, protectedEndpoint } from '../../../app/serve/http.ts'
import { authFrom } from '../../../auth/auth-from.ts'
import type { AuthObserver, Decision } from '../../../src/auth.ts'
import { closeGracefully, createHttpServer } from '../../../src/edges/http-server.ts'
import type { ProtectedRequest } from '../../../src/edges/node.ts'
import { createIntrospectionValidator } from '../../../src/engines/introspection.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../../src/errors.ts'
import type { TokenValidator, ValidatedToken } from '../../../src/token-validator.ts'
import { exchange, freePort, type Listening, listen } from '../../support/http.ts'
import { acceptedToken } from '../../support/tokens.ts'

const RESOURCE_METADATA = (origin: string) => `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`
const AUTHORIZATION_SERVERS = ['https://issuer.example']

/** Answers by the token's name: what the validator decides is not this test's subject. */
const validator: TokenValidator = {
  issuers: AUTHORIZATION_SERVERS,
  warmUp: async () => {
    if (providerDown) throw unreachable()
  },
  async validate(token) {
    switch (token) {
      case 'good':
        return acceptedToken({ scopes: ['notes:read'] })
      case 'full':
        return acceptedToken({ scopes: ['notes:read', 'notes:write'] })
      case 'outage':
        throw unreachable()
      case 'misconfigured':
        throw new MisconfigurationError({
          kind: 'own_credentials_refused',
          endpoint: 'https://issuer.example',
          status: 401,
        })
      case 'bug':
        throw new TypeError('secret-detail')
      default:
        throw new InvalidTokenError({ kind: 'inactive' })
    }
  },
  verifyAccessToken: () => Promise.reject(new Error('not used here')),
}
const unreachable = () =>
  new ValidatorUnavailableError(
    { kind: 'provider_unreachable', endpoint: 'https://issuer.example', detail: 'ECONNREFUSED' },
    { retryAfterSeconds: 9 },
  )
let providerDown = false

const handled: { token: ValidatedToken | undefined; body: unknown }[] = []
async function handle({ token, body }: ProtectedRequest, response: ServerResponse) {
  if (JSON.stringify(body)?.includes('throw')) throw new TypeError('secret-detail')
  handled.push({ token, body })
  response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"ok":true}')
}
const addNote = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'add_note' } })

const decisions: Decision[] = []
const errors: unknown[] = []
let running: Listening
let origin: string

beforeAll(async () => {
  const port = await freePort()
  origin = `http://localhost:${port}`
  const app = serverAt(origin, ['notes:read', 'notes:write'], {
    decision: decision => decisions.push(decision),
  })
  running = await listen(createHttpServer(app), port)
})
afterAll(() => running.close())
beforeEach(() => {
  decisions.length = 0
  handled.length = 0
  errors.length = 0
  providerDown = false
})

function serverAt(publicUrl: string, addNoteNeeds: ('notes:read' | 'notes:write')[], observer: AuthObserver = {}) {
  const auth = authFrom(
    {
      resource: `${publicUrl}/mcp`,
      name: 'Notes',
      scopes: { 'notes:read': 'Read', 'notes:write': 'Write' },
      initialScopes: ['notes:read'],
      access: { tools: { add_note: addNoteNeeds } },
      documentation: `${publicUrl}/`,
    },
    validator,
    { observer },
  )
  const onError = (error: unknown) => errors.push(error)
  return createSite({ servers: [{ auth, name: 'Notes', endpoint: protectedEndpoint(auth, handle, onError) }], onError })
}

interface CallOptions {
  headers?: Record<string, string>
  body?: string
  method?: string
  path?: string
}

function call(
  token: string | undefined,
  { headers = {}, body = '{}', method = 'POST', path = '/mcp' }: CallOptions = {},
) {
  return fetch(running.origin + path, {
    method,
    headers: {
      'Content-Type': 'application/json',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(method === 'POST' && { body }),
  })
}
const reasons = () => decisions.map(decision => ('reason' in decision ? decision.reason?.kind : undefined))

describe('refusal table', () => {
  it('answers 401 with a bare challenge when there are no credentials', async () => {
    const response = await call(undefined)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(`Bearer ${RESOURCE_METADATA(origin)}, scope="notes:read"`)
    expect(await response.json()).toEqual({ error_description: expect.any(String), request_id: expect.any(String) })
    expect(reasons()).toEqual(['no_credentials'])
  })

  it.each([
    ['a header without a token', { headers: { Authorization: 'Bearer ' } }, 'authorization_malformed'],
    ['a header with two tokens', { headers: { Authorization: 'Bearer a b' } }, 'authorization_malformed'],
    ['a token in the query string', { path: '/mcp?access_token=good' }, 'token_in_query'],
    [
      'a token in header and query',
      { path: '/mcp?access_token=x', headers: { Authorization: 'Bearer good' } },
      'several_credentials',
    ],
  ])('answers 400 invalid_request to %s', async (_what, options, reason) => {
    const response = await call(undefined, options)
    expect(response.status).toBe(400)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_request"')
    expect(await response.json()).toMatchObject({ error: 'invalid_request' })
    expect(reasons()).toEqual([reason])
  })

  it('answers in the same way where the request names the whole URL (RFC 9112 §3.2.2)', async () => {
    const answer = await exchange(
      running.port,
      `POST ${origin}/mcp HTTP/1.1\r\nHost: ${new URL(origin).host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('answers 400 invalid_request to two Authorization headers', async () => {
    const answer = await exchange(
      running.port,
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer good\r\nauthorization: Bearer good\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('error="invalid_request"')
    expect(reasons()).toEqual(['several_credentials'])
  })

  it('answers 401 invalid_token to a bad token', async () => {
    const response = await call('bad')
    expect(response.status).toBe(401)
    const challenge = response.headers.get('www-authenticate')
    expect(challenge).toContain('error="invalid_token"')
    expect(challenge).toContain(RESOURCE_METADATA(origin))
    const body = await response.json()
    expect(body).toMatchObject({ error: 'invalid_token' })
    expect(JSON.stringify(body)).not.toContain('inactive')
    expect(reasons()).toEqual(['inactive'])
  })

  it('answers 403 with every scope of the operation before the endpoint sees the request', async () => {
    const response = await call('good', {
      body: addNote,
      headers: { 'MCP-Protocol-Version': '2026-07-28' },
    })
    expect(response.status).toBe(403)
    const challenge = response.headers.get('www-authenticate')
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toContain('scope="notes:read notes:write"')
    expect(challenge).toContain(RESOURCE_METADATA(origin))
    expect(handled).toEqual([])
    expect(reasons()).toEqual(['scope_missing'])
    expect(decisions[0]?.token?.subject).toBe('user-1')
  })

  it('answers 503 with Retry-After and no challenge when the provider is out of reach', async () => {
    const response = await call('outage')
    expect(response.status).toBe(503)
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect(response.headers.get('retry-after')).toBe('9')
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
    expect(reasons()).toEqual(['provider_unreachable'])
  })

  it('answers 500 when our own credentials are refused', async () => {
    const response = await call('misconfigured')
    expect(response.status).toBe(500)
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect(reasons()).toEqual(['own_credentials_refused'])
  })

  it('answers 500 to a bug in a validator, never accepts and never blames the token', async () => {
    const response = await call('bug')
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret-detail')
    expect(decisions).toMatchObject([{ outcome: 'refused', reason: undefined, error: expect.any(TypeError) }])
  })

  it('exposes the challenge to browsers on every refusal', async () => {
    for (const token of [undefined, 'bad', 'outage', 'misconfigured', 'bug']) {
      const response = await call(token, { headers: { Origin: origin } })
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate')
    }
  })

  it('tells the client the id that the log has', async () => {
    const response = await call('bad')
    const { request_id } = (await response.json()) as { request_id: string }
    expect(response.headers.get('x-request-id')).toBe(request_id)
    expect(decisions.map(decision => decision.requestId)).toEqual([request_id])
  })

  it('reports one decision for an accepted request', async () => {
    const response = await call('full', { body: addNote })
    expect(response.status).toBe(200)
    expect(decisions).toEqual([
      {
        requestId: expect.any(String),
        outcome: 'accepted',
        token: expect.anything(),
        operation: { method: 'tools/call', name: 'add_note' },
        address: '127.0.0.1',
      },
    ])
    expect(handled[0]).toMatchObject({ token: { subject: 'user-1' }, body: JSON.parse(addNote) })
  })
})

describe('scopes in the challenge', () => {
  it('leave out what the token holds already for clients that add scopes up', async () => {
    const second = await listen(createHttpServer(serverAt(origin, ['notes:write'])))
    const scopeFor = async (headers: Record<string, string>) => {
      const response = await fetch(`${second.origin}/mcp`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: 'Bearer good', ...headers },
        body: addNote,
      })
      return /scope="([^"]*)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1]
    }
    expect(await scopeFor({ 'MCP-Protocol-Version': '2026-07-28' })).toBe('notes:write')
    expect(await scopeFor({ 'MCP-Protocol-Version': '2025-11-25' })).toBe('notes:read notes:write')
    expect(await scopeFor({})).toBe('notes:read notes:write')
    await second.close()
  })
})

describe('metadata', () => {
  it.each(['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource'])(
    'is served at %s to everybody',
    async path => {
      const response = await fetch(running.origin + path, { headers: { Origin: 'https://elsewhere.example' } })
      expect(response.status).toBe(200)
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(await response.json()).toEqual({
        resource: `${origin}/mcp`,
        authorization_servers: ['https://issuer.example'],
        scopes_supported: ['notes:read', 'notes:write'],
        bearer_methods_supported: ['header'],
        resource_name: 'Notes',
        resource_documentation: `${origin}/`,
      })
    },
  )

  it('names the configured origin whatever the Host header says', async () => {
    const answer = await exchange(
      running.port,
      'GET /.well-known/oauth-protected-resource/mcp HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n',
    )
    expect(answer).not.toContain('evil.example')
  })
})

describe('host and origin', () => {
  const post = (headers: string) =>
    exchange(
      running.port,
      `POST /mcp HTTP/1.1\r\n${headers}Connection: close\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    )

  it.each(['evil.example', 'localhost.evil.example', `127.0.0.1.evil.example`, 'mcp.example.com:443', ''])(
    'are refused for the rebound host %j',
    async host => {
      expect(await post(`Host: ${host}\r\n`)).toMatch(/^HTTP\/1\.1 403 /)
      expect(handled).toEqual([])
    },
  )

  it.each(['https://evil.example', 'null', 'http://localhost.evil.example', 'garbage'])(
    'are refused for a page of %j',
    async from => {
      const response = await call('good', { headers: { Origin: from } })
      expect(response.status).toBe(403)
      expect(handled).toEqual([])
    },
  )

  it.each(['http://localhost:6274', 'http://127.0.0.1:1234', 'http://[::1]:9'])(
    'are fine for a local page at %s',
    async from => {
      const response = await call('good', { headers: { Origin: from } })
      expect(response.status).toBe(200)
    },
  )

  it('answer the preflight of a browser client', async () => {
    const response = await fetch(`${running.origin}/mcp`, {
      method: 'OPTIONS',
      headers: {
        Origin: 'http://localhost:6274',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type,mcp-protocol-version,mcp-method',
      },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-headers')).toContain('mcp-method')
    expect(response.headers.get('access-control-allow-methods')).toContain('POST')
  })
})

describe('bad input', () => {
  it('answers 431 to headers of a megabyte', async () => {
    const answer = await exchange(
      running.port,
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${'a'.repeat(1_000_000)}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
    expect(answer).toContain('headers are too large')
    expect((await call('good')).status).toBe(200)
  })

  it('answers 400 to bytes that are not HTTP', async () => {
    expect(await exchange(running.port, '\x16\x03\x01\x02\x00\x01 not http\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    expect((await call('good')).status).toBe(200)
  })

  it('answers 413 to a body of ten megabytes', async () => {
    const response = await call('good', { body: `"${'a'.repeat(10_000_000)}"` })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: { message: 'The body is too large.' },
    })
    expect(handled).toEqual([])
  })

  it('refuses before reading the body when the token is bad', async () => {
    const answer = await exchange(
      running.port,
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer bad\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  })

  it.each([
    ['broken JSON', '{"a":', 'application/json', 400],
    ['no body', '', 'application/json', 400],
    ['a form', 'a=b', 'application/x-www-form-urlencoded', 415],
    ['plain text', '{}', 'text/plain', 415],
    ['a look-alike type', '{}', 'application/jsonx', 415],
    ['an unknown charset', '{}', 'application/json; charset=klingon', 415],
  ])('answers %s with a clear error', async (_what, body, type, status) => {
    const response = await call('good', { body, headers: { 'Content-Type': type } })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { message: expect.stringMatching(/\w+ \w+/) } })
    expect(errors).toEqual([])
  })

  it.each(['Bearer \u00fc\u00df', 'Bearer a\tb'])('refuses the header %j and stays up', async header => {
    const response = await call(undefined, { headers: { Authorization: header } })
    expect([400, 401]).toContain(response.status)
    expect((await call('good')).status).toBe(200)
  })

  it('answers 500 without detail to a bug in the endpoint, and reports it', async () => {
    const response = await call('good', { body: '{"throw":1}' })
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret-detail')
    expect(errors).toEqual([expect.any(TypeError)])
  })

  it('says where things are when asked for something else', async () => {
    const response = await fetch(`${running.origin}/nowhere`)
    expect(response.status).toBe(404)
    expect(await response.text()).toContain('/mcp')
  })
})

describe('health', () => {
  it('is the process alone, readiness is the provider too', async () => {
    const status = async (path: string) => (await fetch(running.origin + path)).status
    expect([await status('/health'), await status('/ready')]).toEqual([200, 200])
    providerDown = true
    expect([await status('/health'), await status('/ready')]).toEqual([200, 503])
  })

  it('says when to ask again', async () => {
    providerDown = true
    expect((await fetch(`${running.origin}/ready`)).headers.get('retry-after')).toBe('9')
  })

  it('makes one call with our credentials per back-off step while the provider fails, whoever asks for what', async () => {
    let now = 1_793_491_200_000
    let calls = 0
    const resource = `${origin}/mcp`
    const introspection = createIntrospectionValidator(
      {
        issuer: 'https://issuer.example',
        introspectionEndpoint: 'https://issuer.example/introspect',
        audience: { audience: [resource] },
        credentials: { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'secret' },
      },
      {
        resource,
        now: () => now,
        fetch: async url => {
          // The metadata may be asked for as well: without credentials.
          if (String(url).endsWith('/introspect')) calls++
          return new Response('', { status: 429, headers: { 'retry-after': '60' } })
        },
      },
    )
    const declaration = { resource, name: 'Notes', scopes: {} } as const
    const auth = authFrom(declaration, introspection, { observer: {}, now: () => now, allowedHosts: ['127.0.0.1'] })
    const site = createSite({ servers: [{ auth, name: 'Notes', endpoint: protectedEndpoint(auth, handle) }] })
    const server = await listen(createHttpServer(site))
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(server.origin + path, { headers })
      await response.body?.cancel()
      return [response.status, response.headers.get('retry-after')]
    }
    try {
      for (const [secondsLeft, callsSoFar] of [
        [60, 1],
        [25, 1],
        [60, 2],
      ] as const) {
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, n) => [
            ask('/ready'),
            ask('/mcp', { authorization: `Bearer made-up-${secondsLeft}-${callsSoFar}-${n}` }),
            ask('/.well-known/oauth-protected-resource/mcp'),
          ]).flat(),
        )
        const left = String(secondsLeft)
        expect(answers.filter(([status]) => status === 503)).toEqual(Array(100).fill([503, left]))
        expect(answers.filter(([status]) => status === 200)).toHaveLength(50)
        expect(calls).toBe(callsSoFar)
        now += secondsLeft === 60 ? 35_000 : 25_000
      }
    } finally {
      await server.close()
    }
  })

  it('is answered to probes that come by address', async () => {
    const answer = await exchange(
      running.port,
      'GET /health HTTP/1.1\r\nHost: 10.1.2.3:3232\r\nConnection: close\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('the page for people', () => {
  it('comes in place of a refusal to whoever opens the endpoint in a browser, and to nobody else', async () => {
    const visit = { headers: { 'sec-fetch-dest': 'document', accept: 'text/html' } }
    const page = await exchange(
      running.port,
      `GET /mcp HTTP/1.1\r\nHost: ${new URL(origin).host}\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\nConnection: close\r\n\r\n`,
    )
    expect(page).toMatch(/^HTTP\/1\.1 200 /)
    expect(page).toContain(`${origin}/mcp`)
    const others = [{ method: 'POST', ...visit }, { headers: { accept: 'text/html' } }, {}]
    for (const request of others) {
      expect((await fetch(`${running.origin}/mcp`, { ...request, body: undefined })).status).toBe(401)
    }
  })

  it('says what this is and how to connect, with nothing inline', async () => {
    const response = await fetch(`${running.origin}/`)
    const page = await response.text()
    expect(page).toContain(`${origin}/mcp`)
    expect(page).toContain('https://issuer.example')
    expect(page).not.toMatch(/<script|style=|<style/)
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  })
})

describe('the end of a server', () => {
  it('does not wait for connections that say nothing, and waits for an answer under way', async () => {
    let answer = () => {}
    const server = createHttpServer((_request, response) => {
      answer = () => response.end('late')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const [silent, started] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
    started.write('POST /mcp HTTP/1.1\r\nHost:')
    const running = exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await vi.waitUntil(() => String(answer).includes('late'))
    const closed = closeGracefully(server, 60_000)
    await Promise.all([silent, started].map(socket => once(socket, 'close')))
    answer()
    expect(await running).toContain('late')
    await closed
  })

  it('has told every answer that was cut, so that it can be logged', async () => {
    const cut: unknown[] = []
    let begun = 0
    const server = createHttpServer((request, response) => {
      begun++
      const over = new Promise(resolve => response.once('close', resolve))
      over.then(() => {}).then(() => cut.push(request.url))
    })
    const port = await freePort()
    await once(server.listen(port, '127.0.0.1'), 'listening')
    const running = [1, 2, 3].map(each => exchange(port, `GET /${each} HTTP/1.1\r\nHost: localhost\r\n\r\n`))
    await vi.waitUntil(() => begun === 3)
    await closeGracefully(server, 10)
    expect(cut.toSorted()).toEqual(['/1', '/2', '/3'])
    await Promise.allSettled(running)
  })
})
