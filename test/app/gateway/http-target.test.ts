import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { withoutUnusable } from '../../../app/gateway/listing.ts'
import { exchange, freePort } from '../../support/http.ts'
import { type Fixture, startFixture, textOf } from './fixture.ts'

const call = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'echo', arguments: { text: 'private' } } }

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A target that answers every request with 200, and what it was asked. */
function recorder(answer?: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: Seen[] = []
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const { method, url, headers } = request
    seen.push({ method, url, headers, body: await textOf(request) })
    if (answer) answer(request, response)
    else response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"jsonrpc":"2.0","id":7,"result":{}}')
  }
  return { seen, listener }
}

/** The JSON-RPC error of an answer. */
async function errorOf(response: Response) {
  expect(response.headers.get('www-authenticate')).toBeNull()
  return (await response.json()) as {
    id: unknown
    error: { code: number; message: string; data: { request_id: string } }
  }
}

describe('what a target gets', () => {
  it('is the message, for its own host, without the credentials of the client', async () => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener)
    const response = await gateway.post(call, {
      Cookie: 'session=1',
      'X-API-Key': 'secret',
      'X-Forwarded-For': '10.0.0.1',
      'X-Tenant': 'acme',
      'Remote-User': 'mallory',
      'X-Auth-Request-User': 'mallory',
      'Cf-Access-Jwt-Assertion': 'mallory',
      Proxy: 'http://mallory.example',
      'Client-Cert': ':bWFsbG9yeQ==:',
      'X-SSL-Client-Verify': 'SUCCESS',
      'X-Original-Forwarded-For': '10.0.0.1',
      'X-Authenticated-User': 'mallory',
      'X-Pomerium-Jwt-Assertion': 'mallory',
      'X-Authentik-Username': 'mallory',
      'X-Consumer-Username': 'mallory',
      'X-Userinfo': 'mallory',
      'OIDC-Claim-Sub': 'mallory',
      'X-Host': 'evil.example',
      'X-Forwarded_User': 'mallory',
      'X-MCP-User': 'mallory',
      x_mcp_user: 'mallory',
      'X-HTTP-Method-Override': 'DELETE',
    })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ jsonrpc: '2.0', id: 7, result: {} })
    const [{ method, url, headers, body }] = seen as [Seen]
    expect({ method, url }).toEqual({ method: 'POST', url: '/mcp?key=1' })
    expect(JSON.parse(body)).toEqual(call)
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-tenant': 'acme',
      'x-mcp-user': 'from the gateway',
    })
    expect(headers.host).not.toBe(new URL(gateway.url).host)
    for (const name of [
      'authorization',
      'cookie',
      'x-api-key',
      'x-forwarded-for',
      'x-http-method-override',
      'remote-user',
      'x-auth-request-user',
      'cf-access-jwt-assertion',
      'proxy',
      'client-cert',
      'x-ssl-client-verify',
      'x-original-forwarded-for',
      'x-authenticated-user',
      'x-pomerium-jwt-assertion',
      'x-authentik-username',
      'x-consumer-username',
      'x-userinfo',
      'oidc-claim-sub',
      'x-host',
      'x-forwarded_user',
      'x_mcp_user',
    ]) {
      expect(headers).not.toHaveProperty(name)
    }
  })

  it('lacks what the connection of the client names', async () => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener)
    const body = JSON.stringify(call)
    await exchange(
      gateway.port,
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\nTE: trailers\r\nAuthorization: Bearer ${await gateway.token()}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    expect(seen[0]?.headers).toMatchObject({ 'x-kept': '2' })
    expect(seen[0]?.headers).not.toHaveProperty('x-hop')
    expect(seen[0]?.headers).not.toHaveProperty('te')
  })

  it('is what was checked: of a key that stands twice, the one that was', async () => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener, {
      declaration: { scopes: { act: 'Act' }, initialScopes: ['act'], access: { tools: { read: [] } } },
    })
    const Authorization = `Bearer ${await gateway.token()}`
    const twice = (first: string, last: string) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${first}","name":"${last}"}}`
    expect((await gateway.post(twice('read', 'delete'), { Authorization })).status).toBe(403)
    expect(seen).toEqual([])
    expect((await gateway.post(twice('delete', 'read'), { Authorization })).status).toBe(200)
    expect(seen[0]?.body).toBe('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}')
  })

  it.each(['"Method":"tools/call"', '"PARAMS":{"name":"delete"}', '"params":{"Name":"delete"}', '"param\u017f":{}'])(
    'is nothing that a reader without regard to case would take for another operation: %s',
    async member => {
      const { seen, listener } = recorder()
      const gateway = await startFixture(listener)
      const response = await gateway.post(`{"jsonrpc":"2.0","id":"x","method":"ping",${member}}`)
      expect(response.status).toBe(400)
      expect((await errorOf(response)).id).toBe('x')
      expect(seen).toEqual([])
    },
  )

  it('has the numbers as the client wrote them', async () => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener)
    for (const number of ['12345678901234567890', '-9007199254740993', '1.0', '1e400', '-0', '0.10', '1E2']) {
      for (const text of [`{"id":${number},"method":"ping"}`, `[{"method":"ping","a":[${number},7],"b":"1.0"}]`]) {
        expect((await gateway.post(text)).status).toBe(200)
        expect(seen.at(-1)?.body).toBe(text)
      }
    }
  })

  it('is never a message that is nested too deeply to be written anew', async () => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener)
    const response = await gateway.post(
      `{"id":1,"method":"ping","params":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    )
    expect(response.status).toBe(400)
    expect((await errorOf(response)).error.message).toContain('nested')
    expect(seen).toEqual([])
  })

  it.each([
    ['messages in an object', { 0: call }],
    ['a batch in a batch', [[call]]],
    ['a batch with something else', [call, 'call']],
    ['params without names', { ...call, params: ['echo'] }],
    ['neither a request nor a response', { jsonrpc: '2.0', id: 1 }],
    ['null', null],
    ['members of a prototype', '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"__proto__":{"name":"echo"}}}'],
    ['a message in a prototype', '{"jsonrpc":"2.0","id":7,"result":{},"__proto__":{"method":"tools/call"}}'],
  ])('is never %s', async (_what, body) => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener)
    const response = await gateway.post(typeof body === 'string' ? body : JSON.stringify(body))
    expect(response.status).toBe(400)
    expect((await errorOf(response)).error.code).toBe(-32600)
    expect(seen).toEqual([])
  })

  it('is nothing whose headers name another operation', async () => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener)
    expect((await gateway.post(call, { 'Mcp-Method': 'tools/list' })).status).toBe(400)
    expect((await gateway.post(call, { 'Mcp-Method': 'tools/call', 'Mcp-Name': 'other' })).status).toBe(400)
    expect(seen).toEqual([])
    expect((await gateway.post(call, { 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' })).status).toBe(200)
    expect((await gateway.post(call, { 'Mcp-Name': '=?base64?ZWNobw==?=' })).status).toBe(200)
  })

  it.each([
    ['without its padding', '=?base64?ZWNobw?='],
    ['with characters that some decoders leave out', '=?base64?ZW Nobw==?='],
    ['with markers in capitals', '=?BASE64?ZWNobw==?='],
    ['of bytes that are not UTF-8', '=?base64?/w==?='],
  ])('is nothing whose name stands in Base64 %s', async (_what, name) => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener)
    expect((await gateway.post(call, { 'Mcp-Name': name })).status).toBe(400)
    // What a lenient decoder makes of the last one.
    const other = { ...call, params: { ...call.params, name: '\ufffd' } }
    expect((await gateway.post(other, { 'Mcp-Name': name })).status).toBe(400)
    expect(seen).toEqual([])
  })

  it('is nothing that has two Host headers: it is for whom?', async () => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener)
    const head = `Authorization: Bearer ${await gateway.token()}\r\nConnection: close\r\n\r\n`
    for (const other of ['evil.example', 'localhost']) {
      const answer = await exchange(gateway.port, `GET /mcp HTTP/1.1\r\nHost: localhost\r\nhost: ${other}\r\n${head}`)
      expect(answer).toMatch(/^HTTP\/1.1 400 .*"The request has more than one Host/s)
    }
    expect(seen).toEqual([])
  })

  it('is nothing that is refused', async () => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener, {
      declaration: { scopes: { act: 'Act' }, initialScopes: ['act'] },
    })
    expect((await fetch(gateway.url, { method: 'POST', body: '{}' })).status).toBe(401)
    expect((await gateway.post(call, { Authorization: `Bearer ${await gateway.token()}` })).status).toBe(403)
    expect((await gateway.post('{', {})).status).toBe(400)
    expect((await gateway.send('PUT')).status).toBe(405)
    expect(seen).toEqual([])
    expect(gateway.events('tool_called')).toEqual([])
  })
})

describe('what a client gets', () => {
  it('is nothing that speaks for the origin of the gateway', async () => {
    const { listener } = recorder((_request, response) => {
      response
        .writeHead(403, {
          'Content-Type': 'application/json',
          'WWW-Authenticate': 'Bearer realm="target"',
          'Set-Cookie': 'a=b',
          'Access-Control-Allow-Origin': 'https://evil.example',
          Set_Cookie: 'a=b',
          NEL: '{"report_to":"evil"}',
          'Report-To': '{"group":"evil"}',
          'X-Accel-Redirect': '/private/',
          'X-Sendfile': '/etc/passwd',
          'X-Kept': '1',
        })
        .end('{}')
    })
    const gateway = await startFixture(listener)
    const { status, headers } = await gateway.post(call)
    expect(status).toBe(403)
    expect(headers.get('x-kept')).toBe('1')
    for (const name of [
      'www-authenticate',
      'set-cookie',
      'access-control-allow-origin',
      'set_cookie',
      'nel',
      'report-to',
      'x-accel-redirect',
      'x-sendfile',
    ]) {
      expect(headers.get(name)).toBeNull()
    }
  })

  it.each([401, 407])('is 502 when the target answers %i, never a challenge', async status => {
    const { listener } = recorder((_request, response) =>
      response.writeHead(status, { 'WWW-Authenticate': 'Bearer' }).end(),
    )
    const gateway = await startFixture(listener)
    const response = await gateway.post(call)
    expect(response.status).toBe(502)
    const { id, error } = await errorOf(response)
    expect(id).toBe(7)
    expect(error.data.request_id).toBe(response.headers.get('x-request-id'))
    expect(gateway.events('target_failed')).toEqual([
      expect.objectContaining({
        reason: `the target answered ${status}`,
        request_id: error.data.request_id,
        status: 502,
      }),
    ])
    expect(gateway.events('tool_called')).toEqual([
      expect.objectContaining({ tool: 'echo', outcome: 'failed', status: 502, request_id: error.data.request_id }),
    ])
    expect(JSON.stringify(gateway.events())).not.toContain('private')
  })

  it('is 502 in place of a redirect, which nobody follows', async () => {
    const elsewhere = recorder()
    const gateway = await startFixture((_request, response) => {
      response.writeHead(307, { Location: `${gateway.url}?elsewhere` }).end()
    })
    expect((await gateway.post(call)).status).toBe(502)
    expect((await gateway.send('GET')).status).toBe(502)
    expect(elsewhere.seen).toEqual([])
  })

  it('is 502 when the target gives an answer two types', async () => {
    const gateway = await startFixture((_request, response) => {
      response.writeHead(200, ['Content-Type', 'text/html', 'Content-Type', 'application/json']).end('{}')
    })
    const response = await gateway.post(call)
    expect(response.status).toBe(502)
    expect(await errorOf(response)).toMatchObject({ id: 7 })
  })

  it('is the final one after interim ones', async () => {
    const gateway = await startFixture((request, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => {
        response.writeHead(200, { 'Content-Type': 'application/json' }).end(request.method === 'HEAD' ? '' : '{}')
      })
    })
    for (const answer of [await gateway.post(call), await gateway.post(call), await gateway.send('GET')]) {
      expect(answer.status).toBe(200)
      expect(answer.headers.get('link')).toBeNull()
      expect(await answer.json()).toEqual({})
    }
    expect((await gateway.send('HEAD')).status).toBe(200)
  })

  it.each([
    ['sends 100 Continue', 'sent 100 Continue', (response: ServerResponse) => response.writeContinue()],
    [
      'switches protocols',
      'switched protocols',
      ({ socket }: ServerResponse) =>
        socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n'),
    ],
  ])('is 502, and the log says why, when the target %s although nobody asked', async (_what, words, begin) => {
    let requests = 0
    const gateway = await startFixture((_request, response) => {
      requests++
      begin(response)
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    })
    const response = await gateway.post(call)
    expect(response.status).toBe(502)
    expect((await errorOf(response)).id).toBe(7)
    expect((await gateway.send('GET')).status).toBe(502)
    // It would say the same again.
    expect(requests).toBe(2)
    const reason = `the target ${words}, for which nobody asked`
    expect(gateway.events('target_failed').map(event => event.reason)).toEqual([reason, reason])
  })

  it.each([
    [
      'a header with a control character',
      'HTTP/1.1 200 OK\r\nX-Name: \u0001\r\n\r\n',
      /^the target does not keep to HTTP\/1\.1 \(/,
    ],
    ['no status line', '{"jsonrpc":"2.0"}', /^the target does not keep to HTTP\/1\.1 \(/],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}',
      /a wrong Content-Length, or two$/,
    ],
    ['large headers', `HTTP/1.1 200 OK\r\nX-Name: ${'x'.repeat(20_000)}\r\n\r\n`, /more than 16 KiB of headers$/],
  ])(
    'is 502 that says it cannot be right, and a reason in words, when the target sends %s',
    async (_what, sent, reason) => {
      const gateway = await startFixture(({ socket }) => void socket.end(sent))
      const response = await gateway.post(call)
      expect(response.status).toBe(502)
      expect(await errorOf(response)).toMatchObject({
        id: 7,
        error: { message: 'The MCP server behind this gateway gave an answer that cannot be right.' },
      })
      expect(gateway.events('target_failed')[0]?.reason).toMatch(reason)
    },
  )

  it('is 502 when nothing listens', async () => {
    const gateway = await startFixture(`http://127.0.0.1:${await freePort()}`)
    const response = await gateway.post(call)
    expect(response.status).toBe(502)
    expect((await errorOf(response)).id).toBe(7)
  })

  it('is an error with the id as the client wrote it, whatever its size', async () => {
    const gateway = await startFixture(`http://127.0.0.1:${await freePort()}`)
    const unknown = { 'mcp-session-id': 'unknown' }
    for (const id of ['1764538245123456789', '-12345678901234567890', '1.50', '1e400', '7', '"a"']) {
      const text = `{"jsonrpc":"2.0","id":${id},"method":"ping"}`
      for (const [response, status] of [
        [await gateway.post(text), 502],
        [await gateway.post(text, unknown), 404],
        [await gateway.post(text, { 'mcp-method': 'tools/list' }), 400],
      ] as const) {
        expect(response.status).toBe(status)
        expect(await response.text()).toContain(`{"jsonrpc":"2.0","id":${id},"error":`)
      }
    }
  })

  it('is 504 when the target does not begin to answer', async () => {
    const gateway = await startFixture(() => {}, { target: { timeoutSeconds: 0.2 } })
    const response = await gateway.post(call)
    expect(response.status).toBe(504)
    expect((await errorOf(response)).id).toBe(7)
  })

  it('is cut when the target does not end an answer that is no stream', async () => {
    const gateway = await startFixture(
      (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' }).write('{"jsonrpc"')
      },
      // Long enough for the head of the answer on a slow machine.
      { target: { timeoutSeconds: 2 } },
    )
    const response = await gateway.post(call)
    await expect(response.text()).rejects.toThrow()
    await vi.waitUntil(() => gateway.events('tool_called').length > 0)
    expect(gateway.events('tool_called')[0]).toMatchObject({ outcome: 'cut' })
  })

  it('has no status in the log when the client is gone before it began', async () => {
    const asked = Promise.withResolvers<void>()
    const gateway = await startFixture(() => asked.resolve())
    const client = new AbortController()
    const response = gateway.post(call, {}, client.signal)
    await asked.promise
    client.abort()
    await expect(response).rejects.toThrow()
    await vi.waitUntil(() => gateway.events('tool_called').length > 0)
    const [called] = gateway.events('tool_called')
    expect(called).toMatchObject({ outcome: 'cut' })
    expect(called).not.toHaveProperty('status')
  })

  it('is cut when the target is killed in the middle of a stream', async () => {
    let kill = () => {}
    const gateway = await startFixture((request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
      kill = () => void request.socket.destroy()
    })
    const response = await gateway.post(call)
    expect(response.status).toBe(200)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 1\n\n')
    kill()
    await expect(reader.read()).rejects.toThrow()
    await vi.waitUntil(() => gateway.events('tool_called').length > 0)
    expect(gateway.events('target_failed')).toHaveLength(1)
    expect(gateway.events('tool_called')[0]).toMatchObject({ outcome: 'cut' })
  })

  it('is a stream whatever letters its type is written in', async () => {
    const id = randomUUID()
    const gateway = await startFixture((request, response) => {
      if (request.method === 'POST') return response.setHeader('Mcp-Session-Id', id).end()
      response.writeHead(200, { 'Content-Type': 'Text/Event-Stream' }).end('id: first\ndata: {}\n\n')
    })
    await (await gateway.post(call)).text()
    const session = { 'mcp-session-id': id }
    expect(await (await gateway.send('GET', session)).text()).toContain('first')
    // Its events are known only if it was read as a stream.
    expect((await gateway.send('GET', { ...session, 'last-event-id': 'first' })).status).toBe(200)
  })

  it('comes event by event', async () => {
    let write: ((text: string) => void) | undefined
    const gateway = await startFixture((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
      write = text => void response.write(text)
    })
    const response = await gateway.send('GET', { Accept: 'text/event-stream' })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    for (const text of ['data: 1\n\n', ': alive\n\n', 'data: 2\n\n']) {
      write?.(text)
      expect(new TextDecoder().decode((await reader.read()).value)).toBe(text)
    }
    await reader.cancel()
  })

  it.each([100, 20_000])('is the same bytes, whatever they are: %i of them', async length => {
    const bytes = Buffer.from(Array.from({ length }, (_, index) => index % 256))
    const gateway = await startFixture((_request, response) =>
      response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': length }).end(bytes),
    )
    expect(Buffer.from(await (await gateway.post(call)).arrayBuffer()).equals(bytes)).toBe(true)
  })

  it('holds back a target that is faster than its client', async () => {
    let sent = 0
    let isHeld = false
    const chunk = Buffer.alloc(65_536, 'x')
    const gateway = await startFixture(async (_request, response) => {
      response.setMaxListeners(0).writeHead(200, { 'Content-Type': 'text/event-stream' })
      while (!response.destroyed && sent < 100_000_000) {
        sent += chunk.length
        if (response.write(chunk)) {
          await turn()
        } else {
          const timer = setTimeout(() => {
            isHeld = true
          }, 300)
          await Promise.race([once(response, 'drain'), once(response, 'close')])
          clearTimeout(timer)
        }
      }
    })
    const response = await gateway.send('GET')
    await vi.waitUntil(() => isHeld)
    expect(sent).toBeLessThan(50_000_000)
    await response.body?.cancel()
  })

  it('ends at the target when the client goes', async () => {
    let closed: Promise<unknown> | undefined
    const gateway = await startFixture((_request, response) => {
      closed = once(response, 'close')
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
    })
    const controller = new AbortController()
    await gateway.send('GET', {}, controller.signal)
    controller.abort()
    await closed
  })
})

describe('listings', () => {
  const text =
    '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"read","size":1.0},{"name":"delete"}],"resources":[{"uri":"file:///a"}],"cacheScope":"public"}}'
  const shown =
    '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"read","size":1.0}],"resources":[],"cacheScope":"private"}}'
  const hide = (answer: (response: ServerResponse) => void) =>
    startFixture((_request, response) => answer(response), {
      target: { mapMessage: message => withoutUnusable(message, (kind, name) => kind === 'tool' && name === 'read') },
    })
  const list = { jsonrpc: '2.0', id: 7, method: 'tools/list' }

  it('leave out what the caller cannot use, where that is declared', async () => {
    const gateway = await hide(response => response.writeHead(200, { 'Content-Type': 'application/json' }).end(text))
    expect(await (await gateway.post(list)).text()).toBe(shown)
    expect(await (await gateway.post([list])).text()).toBe(shown)
    expect(await (await gateway.post(call)).text()).toBe(text)
  })

  it.each([1, 7, 4_096])('do so in streams that come in pieces of %i bytes', async size => {
    const stream = `: hi\n\nid: a\ndata:\n\nretry: 5\n\nevent: message\r\nid: b\r\ndata: ${text}\r\n\r\ndata: {"method":"é"}\n\n`
    const gateway = await hide(async response => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      const bytes = Buffer.from(stream)
      for (let at = 0; at < bytes.length; at += size) {
        response.write(bytes.subarray(at, at + size))
        await turn()
      }
      response.end()
    })
    const received = await (await gateway.send('GET')).text()
    expect(received).toBe(
      `: hi\n\nid: a\ndata: \n\nretry: 5\n\nid: b\nevent: message\ndata: ${shown}\n\ndata: {"method":"é"}\n\n`,
    )
  })

  it.each(['\r', '\r\n'])('do so in streams whose lines end with %j, at once', async end => {
    let answer: ServerResponse | undefined
    const gateway = await hide(response => {
      answer = response
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(`\ufeffdata: ${text}${end}${end}`)
    })
    const response = await gateway.post(list)
    const reader = response.body?.getReader()
    expect(Buffer.from((await reader?.read())?.value ?? '').toString()).toBe(`data: ${shown}\n\n`)
    answer?.end(`data: ${text}${end}${end}`)
    expect(Buffer.from((await reader?.read())?.value ?? '').toString()).toBe(`data: ${shown}\n\n`)
  })

  it.each([
    ['a byte order mark', {}, `\ufeff${text}`, shown],
    ['a coding that changes nothing', { 'Content-Encoding': 'identity' }, text, shown],
    ['an array in an array', {}, `[[${text}],${text}]`, `[${shown}]`],
  ])('may have %s', async (_what, headers, body, expected) => {
    const gateway = await hide(response =>
      response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(body),
    )
    const response = await gateway.post(list)
    expect(await response.text()).toBe(expected)
    expect(response.headers.get('content-length')).toBe(String(expected.length))
  })

  it.each(['tools/list ', 'Tools/List', '\u200btools/list'])(
    'are asked for by %j as well, at some servers',
    async method => {
      const gateway = await hide(response => response.writeHead(200, { 'Content-Type': 'application/json' }).end(text))
      expect(await (await gateway.post({ ...list, method })).text()).toBe(shown)
    },
  )

  it('in an event without end are not kept', async () => {
    const gateway = await hide(response => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      const line = `data: ${'x'.repeat(1_000_000)}\n: still there\n`
      const send = (left: number) => left > 0 && !response.destroyed && response.write(line, () => send(left - 1))
      send(30)
    })
    const received = gateway.post(list).then(response => response.text())
    await expect(received).rejects.toThrow('terminated')
    expect(gateway.events('target_failed')).toMatchObject([{ reason: expect.stringContaining('too long') }])
  })

  it.each([
    ['compressed', { 'Content-Encoding': 'br' }, text],
    ['compressed, which is not said', {}, gzipSync(text)],
    ['not JSON', {}, '<private>'],
    ['in another character set', { 'Content-Type': 'application/json; charset=utf-16' }, Buffer.from(text, 'utf16le')],
    ['of another type', { 'Content-Type': 'text/plain' }, text],
  ])('are never sent on when they cannot be read, but answered with 502: %s', async (_what, headers, body) => {
    const gateway = await hide(response =>
      response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(body),
    )
    const response = await gateway.post(list)
    expect(response.status).toBe(502)
    expect(await errorOf(response)).toMatchObject({ id: 7 })
    expect(gateway.events('target_failed')).toHaveLength(1)
    expect(JSON.stringify(gateway.events())).not.toContain('private')
  })

  it('are not what a notification or a failure is answered with', async () => {
    const answers = [
      (response: ServerResponse) => response.writeHead(202).end(),
      (response: ServerResponse) => response.writeHead(405, { 'Content-Type': 'text/plain' }).end('no'),
    ]
    for (const answer of answers) {
      const gateway = await hide(answer)
      expect([202, 405]).toContain((await gateway.post(list)).status)
    }
  })
})

describe('requests that are repeated', () => {
  /** A target that drops the first connection as soon as a request is there. */
  function dropsFirst() {
    let count = 0
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      if (++count === 1) request.socket.destroy()
      else response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    }
    return { listener, count: () => count }
  }

  it('are those that read', async () => {
    const { listener, count } = dropsFirst()
    const gateway = await startFixture(listener)
    expect((await gateway.send('GET')).status).toBe(200)
    expect(count()).toBe(2)
  })

  it.each(['POST', 'DELETE'])('never are %s', async method => {
    const { listener, count } = dropsFirst()
    const gateway = await startFixture(listener)
    const response = await (method === 'POST' ? gateway.post(call) : gateway.send(method))
    expect(response.status).toBe(502)
    expect(count()).toBe(1)
  })
})

describe('sessions of the target', () => {
  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }
  const ID = { 'Mcp-Session-Id': 'session-1' }

  async function withSession(options: Parameters<typeof startFixture>[1] = {}) {
    const { seen, listener } = recorder((_request, response) =>
      response.writeHead(200, { 'Content-Type': 'application/json', ...ID }).end('{}'),
    )
    const gateway = await startFixture(listener, options)
    return { seen, gateway }
  }
  const as = async (gateway: Fixture, changes: Parameters<Fixture['token']>[0]) => ({
    Authorization: `Bearer ${await gateway.token(changes)}`,
  })

  it('belong to whom they were given: to others they do not exist', async () => {
    const { seen, gateway } = await withSession()
    expect((await gateway.post(initialize)).headers.get('mcp-session-id')).toBe('session-1')
    expect((await gateway.post(call, ID)).status).toBe(200)
    expect((await gateway.send('GET', ID)).status).toBe(200)
    const before = seen.length
    const mallory = await as(gateway, { subject: 'mallory' })
    const otherClient = await as(gateway, { clientId: 'other' })
    const unknown = await gateway.post(call, { 'Mcp-Session-Id': 'session-2' })
    expect(unknown.status).toBe(404)
    const words = (await errorOf(unknown)).error.message
    for (const who of [mallory, otherClient]) {
      const answers = [
        await gateway.post(call, { ...ID, ...who }),
        await gateway.post(call, { mcp_session_id: 'session-1', 'Mcp-Session-Id': 'session-1', ...who }),
        await gateway.send('GET', { ...ID, 'Last-Event-ID': '1', ...who }),
        await gateway.send('DELETE', { ...ID, ...who }),
      ]
      for (const answer of answers) {
        expect(answer.status).toBe(404)
        expect((await errorOf(answer)).error.message).toBe(words)
      }
    }
    expect(seen).toHaveLength(before)
  })

  it('are not compressed by the target: the ids of their events could not be seen', async () => {
    const { seen, gateway } = await withSession()
    await gateway.post(initialize, { 'Accept-Encoding': 'gzip' })
    await gateway.send('GET', { ...ID, 'Accept-Encoding': 'gzip' })
    expect(seen.map(({ headers }) => headers['accept-encoding'])).toEqual(['gzip', undefined])
  })

  it('end with DELETE', async () => {
    const { gateway } = await withSession()
    await gateway.post(initialize)
    expect((await gateway.send('DELETE', ID)).status).toBe(200)
    expect((await gateway.post(call, ID)).status).toBe(404)
  })

  it('are none where the target gives out an id without a character, to whomever', async () => {
    const empty = { 'Mcp-Session-Id': '' }
    const { seen, listener } = recorder((_request, response) =>
      response.writeHead(200, { 'Content-Type': 'application/json', ...empty }).end('{}'),
    )
    const gateway = await startFixture(listener)
    for (const subject of ['ada', 'bob']) {
      const who = await as(gateway, { subject })
      expect((await gateway.post(initialize, who)).status).toBe(200)
      expect((await gateway.post(call, { ...empty, ...who })).status).toBe(200)
    }
    expect(seen).toHaveLength(4)
    const resumed = await gateway.send('GET', { ...empty, 'Last-Event-ID': '1' })
    expect([resumed.status, seen.length]).toEqual([400, 4])
  })

  it('are not taken over by a target that gives one out twice', async () => {
    const { gateway } = await withSession()
    await gateway.post(initialize)
    const response = await gateway.post(initialize, await as(gateway, { subject: 'mallory' }))
    expect(response.status).toBe(502)
    expect((await gateway.post(call, ID)).status).toBe(200)
  })

  it.each([1, 3, 1_000])(
    'send events again that they were sent, and no others, with pieces of %i bytes',
    async size => {
      const asked: unknown[] = []
      const gateway = await startFixture(async (request, response) => {
        asked.push(request.headers['last-event-id'])
        const who = await textOf(request)
        const headers = {
          'Content-Type': 'text/event-stream',
          ...(who && { 'Mcp-Session-Id': who.includes('"B"') ? 'B' : 'A' }),
        }
        response.writeHead(200, headers)
        const stream = Buffer.from(
          `: id: 9\nid: of ${who.includes('"B"') ? 'B' : 'A'}\r\ndata: "id: 8"\r\n\r\ndata:\nid:last\n\n`,
        )
        for (let at = 0; at < stream.length; at += size) {
          response.write(stream.subarray(at, at + size))
          await turn()
        }
        response.end()
      })
      for (const id of ['A', 'B']) await (await gateway.post({ ...initialize, id })).text()
      const again = async (session: string, event: string) => {
        const response = await gateway.send('GET', { 'Mcp-Session-Id': session, 'Last-Event-ID': event })
        await response.text()
        return response.status
      }
      expect([await again('A', 'of A'), await again('B', 'of B'), await again('A', 'last')]).toEqual([200, 200, 200])
      const before = asked.length
      for (const event of ['of B', '8', '9', 'made up']) expect(await again('A', event)).toBe(404)
      expect(asked).toHaveLength(before)
      expect(asked).toContain('of A')
    },
  )

  it('are where events can be asked for again, and nowhere else', async () => {
    const { seen, gateway } = await withSession()
    expect((await gateway.send('GET', { 'Last-Event-ID': '1' })).status).toBe(400)
    expect(seen).toEqual([])
  })

  it('cannot be left out by a client after they were checked', async () => {
    const { seen, gateway } = await withSession()
    await gateway.post(initialize)
    await exchange(
      gateway.port,
      `GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close, Mcp-Session-Id\r\nMcp-Session-Id: session-1\r\nAuthorization: Bearer ${await gateway.token()}\r\n\r\n`,
    )
    expect(seen[1]?.headers).toMatchObject({ 'mcp-session-id': 'session-1' })
  })

  it('of anonymous callers are not opened by an id that others could guess', async () => {
    const declaration = { access: { anonymous: { methods: ['tools/list'] } } }
    const gateway = await startFixture(
      (_request, response) => response.writeHead(200, { 'Mcp-Session-Id': 'session-1' }).end('{}'),
      { declaration },
    )
    const headers = { 'Content-Type': 'application/json' }
    const refused = await fetch(gateway.url, { method: 'POST', headers, body: JSON.stringify(initialize) })
    expect(refused.status).toBe(502)
    expect(refused.headers.has('mcp-session-id')).toBe(false)
    expect((await gateway.post(initialize)).headers.get('mcp-session-id')).toBe('session-1')
  })

  it('that began without a token go on with the first who has one', async () => {
    const ID = { 'Mcp-Session-Id': randomUUID() }
    const gateway = await startFixture((_request, response) => response.writeHead(200, ID).end('{}'), {
      declaration: { access: { anonymous: { methods: ['tools/list'] } } },
    })
    const anonymous = (body: unknown) =>
      fetch(gateway.url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...ID },
        body: JSON.stringify(body),
      })
    await fetch(gateway.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(initialize),
    })
    const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' }
    expect((await anonymous(list)).status).toBe(200)
    expect((await gateway.post(call, ID)).status).toBe(200)
    expect((await anonymous(list)).status).toBe(404)
    expect((await gateway.post(call, { ...ID, ...(await as(gateway, { subject: 'mallory' })) })).status).toBe(404)
  })

  it('make room for others of the same person only', async () => {
    let count = 0
    const gateway = await startFixture(
      (_request, response) => response.writeHead(200, { 'Mcp-Session-Id': `s${++count}` }).end('{}'),
      { target: { maxSessionsPerPerson: 2 } },
    )
    const ben = await as(gateway, { subject: 'ben' })
    await gateway.post(initialize, ben)
    for (let round = 0; round < 3; round++) await gateway.post(initialize)
    expect((await gateway.send('GET', { 'Mcp-Session-Id': 's1', ...ben })).status).toBe(200)
    expect((await gateway.send('GET', { 'Mcp-Session-Id': 's2' })).status).toBe(404)
  })
})

describe('limits', () => {
  it('are for each person, and for all together', async () => {
    const gateway = await startFixture(
      (_request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': open\n\n'),
      { gateway: { mostOfPerson: 2, mostInTotal: 3 } },
    )
    const ben = { Authorization: `Bearer ${await gateway.token({ subject: 'ben' })}` }
    const controller = new AbortController()
    for (let round = 0; round < 2; round++) expect((await gateway.send('GET', {}, controller.signal)).status).toBe(200)
    const tooMany = await gateway.post(call)
    expect(tooMany.status).toBe(429)
    const { id, error } = await errorOf(tooMany)
    // Whose body nobody read.
    expect(id).toBeNull()
    expect(error.data.request_id).toBe(tooMany.headers.get('x-request-id'))
    expect(gateway.events('request_over_limit')).toEqual([
      expect.objectContaining({ request_id: error.data.request_id, limit: 'person', status: 429 }),
    ])
    // Nothing says that it was accepted.
    expect(gateway.decisions()).toHaveLength(2)
    expect((await gateway.send('GET', ben)).status).toBe(200)
    expect((await gateway.send('GET', ben)).status).toBe(503)
    controller.abort()
    await vi.waitUntil(async () => (await gateway.send('GET')).status === 200)
  })

  it('count what is still being sent', async () => {
    const gateway = await startFixture(recorder().listener, { gateway: { mostOfPerson: 2 } })
    const token = await gateway.token()
    const sockets = new Set<Socket>()
    const upload = () => {
      const socket = connect(gateway.port, '127.0.0.1')
      sockets.add(socket)
      socket.write(
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
      )
      // Refused, because the call below had the place.
      socket.once('data', () => {
        sockets.delete(socket.destroy())
        upload()
      })
    }
    upload()
    upload()
    await vi.waitUntil(async () => (await gateway.post(call)).status === 429)
    for (const socket of sockets) socket.destroy()
    await vi.waitUntil(async () => (await gateway.post(call)).status === 200)
  })

  it('of streams do not hold up calls', async () => {
    const gateway = await startFixture((request, response) => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': open\n\n')
      } else response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    })
    const streams = await Promise.all(Array.from({ length: 200 }, () => gateway.send('GET')))
    expect(streams.every(({ status }) => status === 200)).toBe(true)
    expect((await gateway.post(call)).status).toBe(200)
    for (const stream of streams) await stream.body?.cancel()
  })

  it('of the body are those of the auth', async () => {
    const { seen, listener } = recorder()
    const gateway = await startFixture(listener)
    expect((await gateway.post({ ...call, params: 'x'.repeat(1_100_000) })).status).toBe(413)
    expect(seen).toEqual([])
  })
})

describe('the end', () => {
  it('of the token ends the stream', async () => {
    const gateway = await startFixture((_request, response) =>
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': open\n\n'),
    )
    const open = async () => {
      // Clocks may differ by five seconds.
      const token = await gateway.token({ expiresInSeconds: -3 })
      const answer = await gateway.send('GET', { Authorization: `Bearer ${token}` })
      // On a machine that stood still it has ended already.
      return answer.status === 200 && answer
    }
    const response = await vi.waitUntil(open)
    expect(await response.text()).toBe(': open\n\n')
  })

  it('of the gateway waits for calls and ends streams', async () => {
    let answer: (() => void) | undefined
    const gateway = await startFixture((request, response) => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': open\n\n')
      } else {
        answer = () => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"late":true}')
      }
    })
    const stream = await gateway.send('GET')
    const called = gateway.post(call)
    await vi.waitUntil(() => answer !== undefined)
    const closed = gateway.close()
    expect((await gateway.post(call)).status).toBe(503)
    answer?.()
    expect(await (await called).json()).toEqual({ late: true })
    expect(await stream.text()).toBe(': open\n\n')
    await closed
  })
})
