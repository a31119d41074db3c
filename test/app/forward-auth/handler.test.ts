import { request as sendRequest } from 'node:http'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createUnseenBody } from '../../../app/forward-auth/asked-operation.ts'
import { createForwardAuth } from '../../../app/forward-auth/handler.ts'
import { createCallerIdentity } from '../../../app/gateway/identity.ts'
import { createAssertionKeys } from '../../../app/gateway/identity-keys.ts'
import { createAuths } from '../../../auth/create-auth.ts'
import type { ResourceDeclaration } from '../../../auth/declaration.ts'
import type { Decision } from '../../../src/auth.ts'
import { parseIpRange } from '../../../src/ip-address.ts'
import { createTestIssuer } from '../../../src/testing/index.ts'
import { exchange, listen } from '../../support/http.ts'

const PUBLIC = 'https://mcp.example.com'

const files = {
  name: 'Files',
  resource: `${PUBLIC}/mcp`,
  scopes: { 'files:read': 'Read', 'files:write': 'Change', 'files:share': 'Share', 'files:list': 'List' },
  initialScopes: ['files:read'],
  access: {
    tools: { whoami: [], write_file: ['files:write'], café: ['files:share'] },
    resources: { 'file:///{path}': ['files:read'], 'file:///secret': ['files:share'] },
    methods: { 'tools/list': ['files:list'] },
    anonymous: { methods: ['resources/list'] },
  },
} as const satisfies ResourceDeclaration

const ALL = Object.keys(files.scopes)

interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Record<string, unknown>
}

async function start(
  declarations: Record<string, ResourceDeclaration> = { files },
  proxy = '127.0.0.1',
  kind: 'headers' | 'assertion' = 'headers',
) {
  const keys = createAssertionKeys()
  const issuer = createTestIssuer({ resource: `${PUBLIC}/mcp` })
  const decisions: Decision[] = []
  const told: string[] = []
  const auths = createAuths(declarations, {
    env: { TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' },
    providers: [issuer.provider],
    observer: { decision: decision => void decisions.push(decision) },
  })
  const servers = Object.entries(declarations).map(([name, declaration]) => {
    const auth = auths[name] ?? expect.fail()
    onTestFinished(() => auth.close())
    return [
      name,
      {
        auth,
        identity: createCallerIdentity({ kind }, { issuer: PUBLIC, audience: auth.resource, keys }),
        unseenBody: createUnseenBody(declaration),
      },
    ] as const
  })
  const { port, close } = await listen(
    createForwardAuth({
      servers: new Map(servers),
      assertionKeys: keys,
      proxies: [parseIpRange(proxy) ?? expect.fail()],
      onMisconfigured: (reason, facts) => void told.push(`${reason} ${JSON.stringify(facts)}`),
      onError: error => expect.fail(String(error)),
    }),
  )
  onTestFinished(close)

  /** Node's own client, because `fetch` sets no `Host` and sends no body with GET. */
  const send = (path: string, headers: Record<string, string> = {}, body?: unknown, method = 'GET') =>
    new Promise<Reply>((resolve, reject) => {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
      const outgoing = sendRequest(
        {
          port,
          host: '127.0.0.1',
          path,
          method,
          headers: { ...headers, ...(text && { 'content-length': Buffer.byteLength(text) }) },
        },
        response => {
          const chunks: Buffer[] = []
          response.on('data', chunk => chunks.push(chunk))
          response.on('end', () => {
            const received = Buffer.concat(chunks).toString()
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers as Record<string, string>,
              body: received === '' ? {} : JSON.parse(received),
            })
          })
        },
      )
      outgoing.on('error', reject).end(text)
    })
  /** As nginx, Caddy and Traefik ask. */
  const ask = (headers: Record<string, string> = {}, body?: unknown, path = '/forward-auth') =>
    send(
      path,
      {
        'x-forwarded-method': 'POST',
        'x-forwarded-uri': '/mcp',
        'x-forwarded-host': 'mcp.example.com',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body,
    )
  const bearer = async (...scopes: string[]) => ({ authorization: `Bearer ${await issuer.token({ scopes })}` })
  return { send, ask, bearer, issuer, decisions, told, port }
}

const call = (name: string) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })

it('an ask about a request with two Host headers is answered with 400', async () => {
  const { port, bearer } = await start()
  const { authorization } = await bearer('files:read')
  for (const path of ['/ext-authz/mcp', '/.well-known/oauth-protected-resource/mcp']) {
    const hosts = 'Host: mcp.example.com\r\nHost: evil.example'
    const answer = await exchange(
      port,
      `GET ${path} HTTP/1.1\r\n${hosts}\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 400 .*"invalid_request"/s)
  }
})

describe('an ask with X-Forwarded headers', () => {
  it('is answered with 200 and who is calling', async () => {
    const { ask, issuer, decisions } = await start()
    const token = await issuer.token({ scopes: ['files:read', 'files:write'], subject: 'zoë %', clientId: 'app' })
    const answer = await ask({ authorization: `Bearer ${token}` }, call('write_file'))
    expect(answer.status).toBe(200)
    expect(answer.headers).toMatchObject({
      'x-mcp-issuer': issuer.issuer,
      'x-mcp-user': 'zo%C3%AB%20%25',
      'x-mcp-client': 'app',
      'x-mcp-scopes': 'files:read files:write',
    })
    expect(decisions).toMatchObject([{ outcome: 'accepted', operation: { method: 'tools/call', name: 'write_file' } }])
  })

  it('is answered with an assertion whose keys are published', async () => {
    const { ask, bearer, issuer, send } = await start({ files }, '127.0.0.1', 'assertion')
    const { headers } = await ask(await bearer('files:read'), call('whoami'))
    expect(headers['x-mcp-user']).toBeUndefined()
    const keys = await send('/.well-known/mcp-assertion-keys')
    const { payload } = await jwtVerify(
      headers['x-mcp-assertion'] ?? '',
      createLocalJWKSet(keys.body as unknown as JSONWebKeySet),
      { issuer: PUBLIC, audience: `${PUBLIC}/mcp`, typ: 'mcp-assertion+jwt' },
    )
    expect(payload.sub_id).toEqual({ format: 'iss_sub', iss: issuer.issuer, sub: 'ada' })
  })

  it('is refused with the answer for the client, whose body also stands in a header', async () => {
    const { ask, bearer } = await start()
    const none = await ask({}, call('whoami'))
    expect([none.status, none.headers['www-authenticate']]).toEqual([
      401,
      `Bearer resource_metadata="${PUBLIC}/.well-known/oauth-protected-resource/mcp", scope="files:read"`,
    ])
    expect(JSON.parse(none.headers['x-idplug-body'] ?? '')).toEqual(none.body)
    const lacking = await ask(await bearer('files:read'), call('write_file'))
    expect([lacking.status, lacking.headers['www-authenticate']]).toEqual([
      403,
      expect.stringContaining('scope="files:'),
    ])
  })

  it('has CORS headers when a page asks', async () => {
    const { ask, bearer } = await start()
    const answer = await ask({ ...(await bearer()), origin: PUBLIC }, call('whoami'))
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, '*'])
    expect(answer.headers['access-control-expose-headers']).toContain('WWW-Authenticate')
    const stranger = await ask({ ...(await bearer()), origin: 'https://evil.example' }, call('whoami'))
    expect([stranger.status, stranger.headers['access-control-allow-origin']]).toEqual([403, '*'])
  })

  it('checks the host, path and query of the client, not its own', async () => {
    const { ask, bearer } = await start()
    const headers = await bearer()
    expect((await ask({ ...headers, 'x-forwarded-host': 'evil.example' }, call('whoami'))).status).toBe(403)
    expect((await ask({ ...headers, 'x-forwarded-uri': '/mcp?access_token=x' }, call('whoami'))).status).toBe(400)
    expect((await ask({ ...headers, host: 'evil.example' }, call('whoami'))).status).toBe(200)
  })

  it.each([
    [{ 'x-forwarded-method': '' }, 'X-Forwarded-Method'],
    [{ 'x-forwarded-method': 'GET, POST' }, 'X-Forwarded-Method'],
    [{ 'x-forwarded-uri': '' }, 'X-Forwarded-Uri'],
    [{ 'x-forwarded-uri': '/a, /b' }, 'X-Forwarded-Uri'],
    [{ 'x-forwarded-method': 'OPTIONS' }, 'OPTIONS'],
  ])('is a fault of the proxy with %j', async (headers, word) => {
    const { ask, bearer, told } = await start()
    const answer = await ask({ ...(await bearer(...ALL)), ...headers })
    expect([answer.status, answer.body.error_description]).toEqual([500, expect.stringContaining(word)])
    expect(told.length).toBe(1)
  })

  it.each(['\u00a0', '\u0085', '\u00ff', '%0a', '"', '\\'])(
    'about a URI with %j in it is one that a client made, not a mistake of the proxy',
    async character => {
      const { ask, told } = await start()
      expect((await ask({ 'x-forwarded-uri': `/mcp?a=${character}b` })).status).toBe(401)
      expect(told).toEqual([])
    },
  )

  it('is not read from headers of another proxy', async () => {
    const { ask } = await start()
    const spoofed = { 'x-original-method': 'OPTIONS', 'x-original-uri': '/.well-known/x', 'x-envoy-original-path': '/' }
    expect((await ask(spoofed, call('whoami'))).status).toBe(401)
  })

  it('is not believed from an address that is not named', async () => {
    const { ask, bearer, told, decisions } = await start({ files }, '10.0.0.0/8')
    const answer = await ask({ ...(await bearer(...ALL)), 'x-forwarded-for': '10.0.0.1' }, call('whoami'))
    expect([answer.status, answer.body.error_description]).toEqual([500, expect.stringContaining('TRUSTED_PROXIES')])
    expect(told).toEqual([expect.stringContaining('"proxy":"127.0.0.1"')])
    expect(decisions).toEqual([])
  })

  it('names the client in the log by the address that the proxy saw', async () => {
    const { ask, decisions } = await start()
    await ask({ 'x-forwarded-for': '192.0.2.1, 198.51.100.7' }, call('whoami'))
    expect(decisions).toMatchObject([{ outcome: 'refused', address: '198.51.100.7' }])
  })
})

describe('a request whose body the proxy', () => {
  it('sends needs the scopes of what it asks for', async () => {
    const { ask, bearer } = await start()
    expect((await ask(await bearer(), call('whoami'))).status).toBe(200)
    expect((await ask(await bearer('files:write'), call('write_file'))).status).toBe(200)
    expect((await ask(await bearer('files:write'), [call('write_file'), call('other')])).status).toBe(403)
    const anonymous = await ask({}, { jsonrpc: '2.0', id: 1, method: 'resources/list' })
    expect([anonymous.status, anonymous.headers['x-mcp-user'], anonymous.headers['x-mcp-assertion']]).toEqual([
      200,
      '',
      '',
    ])
  })

  it('sends and nobody can read is refused', async () => {
    const { ask, bearer } = await start()
    const headers = await bearer(...ALL)
    expect((await ask(headers, '{')).status).toBe(400)
    expect((await ask({ ...headers, 'content-type': 'text/plain' }, call('whoami'))).status).toBe(415)
    expect((await ask({ ...headers, 'content-encoding': 'gzip' }, call('whoami'))).status).toBe(415)
    expect((await ask({ ...headers, 'x-envoy-auth-partial-body': 'true' }, call('whoami'))).status).toBe(413)
    expect((await ask(headers, `"${'x'.repeat(1_048_576)}"`)).status).toBe(413)
  })

  it.each([
    [
      'a key that stands twice',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping","params":{"name":"write_file"}}',
    ],
    [
      'a name that stands twice',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_file","name":"whoami"}}',
    ],
    ['a key spelled twice', '{"jsonrpc":"2.0","id":1,"method":"ping","\\u006dethod":"ping"}'],
    [
      'a key in another case',
      '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"write_file"}}',
    ],
    ['a batch for PHP', '{"0":{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write_file"}}}'],
    // What decoding leaves of bytes that are not UTF-8.
    ['a name with broken bytes', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write\ufffd_file"}}'],
    [
      'a key with broken bytes',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","na\ufffdme":"write_file"}}',
    ],
  ])('sends and servers may read in another way is refused: %s', async (_what, body) => {
    const { ask, bearer, decisions } = await start()
    const answer = await ask(await bearer(), body)
    expect([answer.status, answer.body]).toMatchObject([400, { error: { code: -32600 } }])
    expect(decisions).toMatchObject([{ outcome: 'refused', reason: { kind: 'body_refused', detail: 'ambiguous' } }])
  })

  it('sends may have colons, quotes and nested objects in it', async () => {
    const { ask, bearer } = await start()
    const message = call('whoami')
    const args = { 'a:"b\\': 'c:"\\', broken: '\ufffd', list: [{ a: 1 }, [{ a: {} }]], a: { a: null } }
    const params = { ...message.params, arguments: args }
    expect((await ask(await bearer(), { ...message, params })).status).toBe(200)
    expect((await ask(await bearer(), JSON.stringify([message, message], null, 2))).status).toBe(200)
  })

  it('keeps needs every scope that some operation could need', async () => {
    const { ask, bearer, decisions } = await start()
    for (const missing of ALL) {
      const answer = await ask(await bearer(...ALL.filter(scope => scope !== missing)))
      expect([missing, answer.status]).toEqual([missing, 403])
      for (const scope of ALL) expect(answer.headers['www-authenticate']).toContain(scope)
    }
    expect((await ask(await bearer(...ALL))).status).toBe(200)
    expect((await ask()).status).toBe(401)
    expect(decisions.at(-1)).toMatchObject({ operation: { method: '*' } })
  })

  it('keeps needs no scope where there are none', async () => {
    const { ask, bearer } = await start({ any: { name: 'Any', resource: `${PUBLIC}/mcp`, scopes: {} } })
    expect((await ask(await bearer())).status).toBe(200)
    expect((await ask()).status).toBe(401)
  })

  it.each(['GET', 'HEAD', 'DELETE'])('cannot have needs a token, as %s', async method => {
    const { ask, bearer } = await start()
    const headers = { 'x-forwarded-method': method }
    expect((await ask({ ...headers, ...(await bearer()) })).status).toBe(200)
    expect((await ask(headers)).status).toBe(401)
    const announced: Record<string, string>[] = [
      { 'x-forwarded-content-length': '7' },
      { 'x-forwarded-transfer-encoding': 'chunked' },
    ]
    for (const each of announced) expect((await ask({ ...headers, ...each, ...(await bearer()) })).status).toBe(403)
    const empty = { 'x-forwarded-content-length': '0', 'x-forwarded-transfer-encoding': '' }
    expect((await ask({ ...headers, ...empty, ...(await bearer()) })).status).toBe(200)
  })

  it.each(['PUT', 'PATCH', 'QUERY', 'M-SEARCH', 'get', 'options', 'FOO_BAR'])(
    'keeps needs every scope, as %s',
    async method => {
      const { ask, bearer } = await start()
      expect((await ask({ 'x-forwarded-method': method, ...(await bearer('files:read')) })).status).toBe(403)
    },
  )
})

describe('Mcp-Method and Mcp-Name', () => {
  const compared = { files: { ...files, mcpHeaders: 'compared' } } as const
  const headersOf = (method: string, name?: string, revision = '2026-07-28') => ({
    'mcp-protocol-version': revision,
    'mcp-method': method,
    ...(name !== undefined && { 'mcp-name': name }),
  })

  it.each<[string, Record<string, string>, string[]]>([
    ['a tool', headersOf('tools/call', 'write_file'), ['files:write']],
    ['a tool without a rule', headersOf('tools/call', 'other'), ['files:read']],
    ['a tool in Base64', headersOf('tools/call', '=?base64?Y2Fmw6k=?='), ['files:share']],
    ['a resource', headersOf('resources/read', 'file:///secret'), ['files:share']],
    ['a method', headersOf('tools/list'), ['files:list']],
  ])('decide where the server compares them: %s', async (_what, headers, scopes) => {
    const { ask, bearer } = await start(compared)
    expect((await ask({ ...headers, ...(await bearer(...scopes)) })).status).toBe(200)
    const others = ALL.filter(scope => !scopes.includes(scope))
    expect((await ask({ ...headers, ...(await bearer(...others)) })).status).toBe(403)
  })

  it('let anonymous callers do what they may', async () => {
    const { ask } = await start(compared)
    expect((await ask(headersOf('resources/list'))).status).toBe(200)
    expect((await ask(headersOf('tools/call', 'whoami'))).status).toBe(401)
  })

  it.each<[string, Record<string, string>]>([
    ['of an older revision', headersOf('tools/call', 'whoami', '2025-11-25')],
    ['without a revision', { 'mcp-method': 'ping' }],
    ['of a revision that is none', headersOf('ping', undefined, 'zzzz')],
    ['without a name', headersOf('tools/call')],
    ['with an empty name', headersOf('tools/call', '')],
    ['with two methods', headersOf('ping, tools/call')],
    ['with two names', headersOf('tools/call', 'whoami,write_file')],
    ['with a name in broken Base64', headersOf('tools/call', '=?base64?whoami!?=')],
    ['of a completion', headersOf('completion/complete', 'x')],
    ['of a subscription', headersOf('subscriptions/listen')],
  ])('do not decide: %s', async (_what, headers) => {
    const { ask, bearer } = await start(compared)
    expect((await ask({ ...headers, ...(await bearer('files:read')) })).status).toBe(403)
    expect((await ask({ ...headers, ...(await bearer(...ALL)) })).status).toBe(200)
  })

  it('do not decide unless the declaration says so', async () => {
    const { ask, bearer } = await start()
    expect((await ask({ ...headersOf('ping'), ...(await bearer()) })).status).toBe(403)
  })

  it('must agree with a body, and allow nothing beside one', async () => {
    const { ask, bearer } = await start(compared)
    expect((await ask({ ...headersOf('ping'), ...(await bearer(...ALL)) }, call('write_file'))).status).toBe(400)
    const named = headersOf('tools/call', 'write_file')
    expect((await ask({ ...named, ...(await bearer()) }, call('write_file'))).status).toBe(403)
    expect((await ask({ ...named, ...(await bearer(...ALL)) }, call('write_file'))).status).toBe(200)
  })
})

describe('an ask of Envoy', () => {
  it('is the request itself, below a prefix', async () => {
    const { send, bearer } = await start()
    const headers = { host: 'mcp.example.com', 'content-type': 'application/json' }
    const answer = await send(
      '/ext-authz/mcp',
      { ...headers, ...(await bearer('files:write')) },
      call('write_file'),
      'POST',
    )
    expect([answer.status, answer.headers['x-mcp-user']]).toEqual([200, 'ada'])
    const inQuery = await send('/ext-authz/mcp?access_token=x', { ...headers }, call('whoami'), 'POST')
    expect(inQuery.status).toBe(400)
    expect((await send('/ext-authz/mcp', { ...headers, host: 'evil.example' }, call('whoami'), 'POST')).status).toBe(
      403,
    )
  })

  it('is not changed by X-Forwarded headers of the client', async () => {
    const { send } = await start()
    const spoofed = {
      'x-forwarded-method': 'OPTIONS',
      'x-forwarded-uri': '/.well-known/x',
      'x-forwarded-host': 'evil.example',
    }
    const headers = { host: 'mcp.example.com', 'content-type': 'application/json', ...spoofed }
    expect((await send('/ext-authz/mcp', headers, call('whoami'), 'POST')).status).toBe(401)
    expect((await send('/ext-authz/mcp', headers, undefined, 'OPTIONS')).status).toBe(500)
  })
})

describe('several servers', () => {
  const mail = { name: 'Mail', resource: `${PUBLIC}/mail/mcp`, scopes: {} } as const

  it('are told apart by the name in the path of the ask, or by their URL to the letter', async () => {
    const { ask, bearer, told } = await start({ files, mail })
    const headers = await bearer('files:read')
    // The token is for the first of them.
    expect((await ask(headers, call('whoami'), '/forward-auth/files')).status).toBe(200)
    expect((await ask(headers, call('whoami'), '/forward-auth/mail')).status).toBe(401)
    expect((await ask(headers, call('whoami'))).status).toBe(200)
    expect((await ask({ ...headers, 'x-forwarded-uri': '/mail/mcp' }, call('whoami'))).status).toBe(401)
    expect(told).toEqual([])
    for (const uri of ['/mail/../mcp', '/mcp/', '/MCP', '/other']) {
      expect((await ask({ ...headers, 'x-forwarded-uri': uri }, call('whoami'))).status).toBe(500)
    }
    const unknown = await ask(headers, call('whoami'), '/forward-auth/toString')
    expect([unknown.status, unknown.body.error_description]).toEqual([
      500,
      expect.stringContaining('/forward-auth/files, /forward-auth/mail'),
    ])
  })
})

describe('besides', () => {
  it('serves metadata, preflights and readiness, and nothing at the endpoint', async () => {
    const { send, issuer } = await start()
    const host = { host: 'mcp.example.com' }
    expect((await send('/.well-known/oauth-protected-resource/mcp', host)).body).toMatchObject({
      resource: `${PUBLIC}/mcp`,
      authorization_servers: [issuer.issuer],
    })
    const preflight = await send('/mcp', { ...host, 'access-control-request-method': 'POST' }, undefined, 'OPTIONS')
    expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([204, '*'])
    expect((await send('/ready')).body).toEqual({ status: 'ready' })
    const direct = await send('/mcp', host, call('whoami'), 'POST')
    expect([direct.status, direct.body.error_description]).toEqual([
      404,
      expect.stringContaining('only signs people in'),
    ])
    expect((await send('/forward-authority')).status).toBe(404)
    issuer.goDown()
  })
})
