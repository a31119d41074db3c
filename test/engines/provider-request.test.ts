import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { askProvider } from '../../src/engines/provider-request.ts'
import { MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import { createProviderFetch } from '../../src/provider-fetch.ts'
import { createContext, NOW, refusalOf } from './support.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/check`
}

const ask = (url: string, overrides: Parameters<typeof createContext>[1] = {}, maxBytes?: number) =>
  askProvider(createContext(fetch, overrides).context, { operation: 'check', url, maxBytes }, answer => answer.json())

describe('a call to the provider', () => {
  test('returns status, headers and JSON object of the response', async () => {
    const url = await listen((_request, response) => {
      response.writeHead(404, { 'x-limit': '7' }).end('{"active":true}')
    })
    const { context, seen } = createContext(fetch)
    const answer = await askProvider(context, { operation: 'check', url: `${url}?secret=1` }, given => given)
    expect([answer.status, answer.headers.get('x-limit'), answer.json()]).toEqual([404, '7', { active: true }])
    expect(answer.endpoint).toBe(url)
    expect(seen.calls).toEqual([{ operation: 'check', outcome: 'answered' }])
  })

  test('reads JSON behind a byte order mark', async () => {
    const url = await listen((_request, response) => {
      response.end('\ufeff{"keys":[]}')
    })
    expect(await ask(url)).toEqual({ keys: [] })
  })

  test('fails with provider_timeout when no response arrives', async () => {
    const url = await listen(() => {})
    const error = await refusalOf(ask(url, { timeoutSeconds: 0.05 }))
    expect(error.reason).toEqual({ kind: 'provider_timeout', endpoint: url, seconds: 0.05 })
  })

  test('fails with provider_timeout when the body arrives too slowly', async () => {
    const url = await listen((_request, response) => {
      const timer = setInterval(() => response.write(' '), 5)
      response.on('close', () => clearInterval(timer))
    })
    const error = await refusalOf(ask(url, { timeoutSeconds: 0.1 }))
    expect(error.reason).toEqual({ kind: 'provider_timeout', endpoint: url, seconds: 0.1 })
  })

  test('fails with provider_timeout when a body never ends, even if the stream ignores the signal', async () => {
    const body = new ReadableStream({ start: controller => controller.enqueue(new Uint8Array(1)) })
    const { context } = createContext(async () => new Response(body), { timeoutSeconds: 0.05 })
    const asked = askProvider(context, { operation: 'check', url: 'https://as.example.com/' }, answer => answer.json())
    expect((await refusalOf(asked)).reason.kind).toBe('provider_timeout')
  })

  test('fails with provider_unreachable and the system code when nobody listens', async () => {
    const url = await listen(() => {})
    for (const close of closing.splice(0)) close()
    const error = await refusalOf(ask(url))
    expect(error).toBeInstanceOf(ValidatorUnavailableError)
    expect(error.reason).toEqual({ kind: 'provider_unreachable', endpoint: url, detail: 'ECONNREFUSED' })
  })

  test('fails with provider_unreachable when the connection breaks within the body', async () => {
    const url = await listen((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"active":', () => response.destroy())
    })
    expect((await refusalOf(ask(url))).reason.kind).toBe('provider_unreachable')
  })

  test.each([
    ['429', 429, { 'retry-after': '7' }, 'provider_throttled', 7],
    ['403 that means 429', 403, { 'retry-after': '7' }, 'provider_throttled', 7],
    ['408', 408, { 'retry-after': '7' }, 'provider_failing', 7],
    ['503 with a date', 503, { 'retry-after': 'Sun, 01 Nov 2026 00:00:20 GMT' }, 'provider_failing', 20],
    ['503 with a date that is past', 503, { 'retry-after': 'Sat, 31 Oct 2026 00:00:00 GMT' }, 'provider_failing', 1],
    ['500 with an absurd wait', 500, { 'retry-after': '999999999' }, 'provider_failing', 300],
    ['502 with nonsense', 502, { 'retry-after': 'soon' }, 'provider_failing', 5],
    ['504', 504, {}, 'provider_failing', 5],
  ])('passes on Retry-After within bounds: %s', async (_label, status, headers, kind, seconds) => {
    const url = await listen((_request, response) => {
      response.writeHead(status, headers as Record<string, string>).end('<html>down</html>')
    })
    const error = await refusalOf(ask(url))
    expect(error.reason).toEqual({ kind, endpoint: url, status })
    expect((error as ValidatorUnavailableError).retryAfterSeconds).toBe(seconds)
  })

  test.each([301, 302, 303, 307, 308])('does not follow a redirect (%i)', async status => {
    let elsewhere = 0
    const other = await listen((_request, response) => {
      elsewhere++
      response.end('{}')
    })
    const url = await listen((_request, response) => {
      response.writeHead(status, { location: other }).end()
    })
    const error = await refusalOf(ask(url))
    expect(error.reason).toEqual({
      kind: 'provider_answer_unusable',
      endpoint: url,
      detail: `a redirect to ${other}, which is not followed`,
    })
    expect(elsewhere).toBe(0)
  })

  test.each([
    [301, 'https://id.example.com/o/.well-known/openid-configuration/', 'metadata_moved'],
    [308, '/elsewhere?token=secret#fragment', 'metadata_moved'],
    [302, 'https://user:secret@id.example.com/login?secret=1', 'provider_answer_unusable'],
    [303, '/login', 'provider_answer_unusable'],
    [307, '/maintenance', 'provider_answer_unusable'],
    [301, 'https://[', 'provider_answer_unusable'],
  ])('reports where metadata has moved to (%i to %s)', async (status, location, kind) => {
    const url = await listen((_request, response) => {
      response.writeHead(status, { location }).end()
    })
    const { context } = createContext(fetch)
    const error = await refusalOf(askProvider(context, { operation: 'discovery', url }, answer => answer.json()))
    expect(error.reason).toMatchObject({ kind, endpoint: url })
    const place = URL.canParse(location, url) ? new URL(location, url) : undefined
    if (place) expect(inspect(error.reason)).toContain(place.origin + place.pathname)
    expect(error).toBeInstanceOf(kind === 'metadata_moved' ? MisconfigurationError : ValidatorUnavailableError)
    expect(inspect(error)).not.toContain('secret')
  })

  test('reports metadata that has moved when the response does not say where', async () => {
    const url = await listen((_request, response) => {
      response.writeHead(301).end()
    })
    const { context } = createContext(fetch)
    const error = await refusalOf(askProvider(context, { operation: 'discovery', url }, answer => answer.json()))
    expect(error.reason).toEqual({ kind: 'provider_answer_unusable', endpoint: url, detail: 'a redirect' })
  })

  test.each([
    ['http:', 407, 'HTTPS_PROXY'],
    ['https:', 407, 'HTTPS_PROXY'],
    ['https:', 403, 'NO_PROXY'],
  ])('explains that a proxy refuses %s with %i', async (protocol, status, setting) => {
    const proxy = createServer((_request, response) => void response.writeHead(status).end())
    proxy.on('connect', (_request, socket) => socket.end(`HTTP/1.1 ${status} Refused\r\n\r\n`))
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    closing.push(() => proxy.close())
    const at = `http://user:wrong-secret@127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const { context } = createContext(createProviderFetch({ HTTPS_PROXY: at, HTTP_PROXY: at }), {
      insecureHosts: ['as.example.com'],
    })
    const url = `${protocol}//as.example.com/check`
    const error = await refusalOf(askProvider(context, { operation: 'check', url }, answer => answer.json()))
    expect(error.reason).toEqual({
      kind: 'provider_unreachable',
      endpoint: url,
      detail: `the proxy answers ${status}`,
      cure: expect.stringContaining(setting),
    })
    expect(inspect(error)).not.toContain('wrong-secret')
  })

  test.each([
    ['', 'a body that is not JSON'],
    ['{"active":tru', 'a body that is not JSON'],
    ['<!doctype html>', 'a body that is not JSON'],
    ['["active"]', 'JSON that is not an object'],
    ['null', 'JSON that is not an object'],
    ['"active"', 'JSON that is not an object'],
  ])('treats the body %j as an outage', async (body, detail) => {
    const url = await listen((_request, response) => {
      response.end(body)
    })
    const error = await refusalOf(ask(url))
    expect(error.reason).toEqual({ kind: 'provider_answer_unusable', endpoint: url, detail })
  })

  test('stops reading at the size limit after decompression', async () => {
    const plain = await listen((_request, response) => {
      response.end(JSON.stringify({ padding: 'x'.repeat(1000) }))
    })
    const zipped = await listen((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000, ' ')))
    })
    expect((await refusalOf(ask(plain, {}, 1000))).reason).toMatchObject({ detail: 'more than 1000 bytes' })
    expect(await ask(plain, {}, 1014)).toEqual({ padding: 'x'.repeat(1000) })
    expect((await refusalOf(ask(zipped))).reason).toMatchObject({ detail: 'more than 65536 bytes' })
  })

  test('refuses http to another machine unless that host is allowed', async () => {
    const url = 'http://as.example.com/check'
    const { context } = createContext(async () => Response.json({}))
    const request = { operation: 'check', url } as const
    const error = await refusalOf(askProvider(context, request, answer => answer.json()))
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({ endpoint: url, expected: 'https:', actual: 'http:' })
    for (const host of ['as.example.com', 'as.example.com:80']) {
      const named = { ...context, insecureHosts: [host] }
      expect(await askProvider(named, request, answer => answer.json())).toEqual({})
    }
    const other = { ...context, insecureHosts: ['example.com', 'as.example.com:8080', 'other.as.example.com'] }
    expect((await refusalOf(askProvider(other, request, answer => answer.json()))).reason).toEqual(error.reason)
  })

  test('reports the outcome to the observer', async () => {
    const url = 'https://as.example.com/check'
    const { context, seen } = createContext(async () => new Response('', { status: 500 }))
    const request = { operation: 'jwks', url } as const
    await refusalOf(askProvider(context, request, () => {}))
    const working = { ...context, fetch: async () => Response.json({}) }
    const misconfigured = new MisconfigurationError({ kind: 'endpoint_refused_request', endpoint: url, status: 404 })
    await refusalOf(
      askProvider(working, request, () => {
        throw misconfigured
      }),
    )
    expect(seen.calls).toEqual([
      { operation: 'jwks', outcome: 'unavailable' },
      { operation: 'jwks', outcome: 'misconfigured' },
    ])
  })

  test('keeps query, body and the message of the platform out of the error', async () => {
    const secret = 's3cr3t-value'
    const fetch = async () => {
      throw new TypeError(`cannot send ${secret}`, { cause: new Error(secret) })
    }
    const { context } = createContext(fetch)
    const url = `https://as.example.com/check?token=${secret}`
    const error = await refusalOf(askProvider(context, { operation: 'check', url, init: { body: secret } }, () => {}))
    expect(inspect(error, { depth: 10 })).not.toContain(secret)
    expect(error.reason).toEqual({
      kind: 'provider_unreachable',
      endpoint: 'https://as.example.com/check',
      detail: 'TypeError',
    })
  })
})

test('uses dates that fit the clock of these tests', () => {
  expect(new Date(NOW * 1000).toUTCString()).toBe('Sun, 01 Nov 2026 00:00:00 GMT')
})
