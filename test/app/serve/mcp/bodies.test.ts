import { describe, expect, it } from 'vitest'
import { legacyHeaders, messagesOf, modernCall, openSession, post, serve, toolCall } from './support.ts'

const claimless = { 'MCP-Protocol-Version': '2026-07-28' }

describe('a body that is no JSON-RPC', () => {
  it.each([
    'null',
    'true',
    '7',
    '"tools/call"',
    '{}',
    '[]',
    '[[]]',
    '[null]',
    '{"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"1.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    '{"jsonrpc":"2.0","id":null,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":7}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":7}}',
    `[${Array.from({ length: 101 }, () => '{"jsonrpc":"2.0","id":1,"method":"ping"}').join()}]`,
    '{"__proto__":null}',
    '{"constructor":{"prototype":{"method":"ping"}}}',
  ])('is refused with 400 in both eras, with and without a session, and the server stays up: %s', async body => {
    const { url, rejections } = await serve()
    const session = await openSession(url, 'alice')
    for (const headers of [{}, { 'Mcp-Session-Id': session }, claimless] as Record<string, string>[]) {
      const response = await post(url, 'alice', body, headers)
      expect([body.slice(0, 60), headers, response.status]).toEqual([body.slice(0, 60), headers, 400])
      expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } })
    }
    const next = await post(url, 'alice', toolCall(1, 'whoami'), { 'Mcp-Session-Id': session })
    expect(await messagesOf(next)).toMatchObject([{ id: 1, result: {} }])
    expect(rejections).toEqual([])
  })

  it('does not reach the prototype of anything', async () => {
    const { url } = await serve()
    const session = await openSession(url, 'alice')
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{"__proto__":{"polluted":1}}}}'
    await (await post(url, 'alice', body, { 'Mcp-Session-Id': session })).text()
    const modern = modernCall('whoami')
    const withProto = JSON.stringify(modern.body).replace('"arguments":{}', '"arguments":{"__proto__":{"polluted":1}}')
    await (await post(url, 'alice', withProto, modern.headers)).text()
    expect('polluted' in {}).toBe(false)
  })
})

it('refuses a POST without a body', async () => {
  const { url } = await serve()
  const session = await openSession(url, 'alice')
  expect((await post(url, 'alice', '', { 'Mcp-Session-Id': session })).status).toBe(400)
  expect((await post(url, 'alice', '', claimless)).status).toBe(400)
})

it.each(['PUT', 'PATCH', 'HEAD'])('refuses %s with 405', async method => {
  const { url } = await serve()
  const response = await fetch(url, { method, headers: { Authorization: 'Bearer alice' } })
  expect(response.status).toBe(405)
  expect(response.headers.get('allow')).toBe('GET, POST, DELETE')
})

it('refuses an unknown protocol version with 400, of either era', async () => {
  const { url } = await serve()
  const session = await openSession(url, 'alice')
  const future = { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': '2099-01-01' }
  expect((await post(url, 'alice', toolCall(1, 'whoami'), future)).status).toBe(400)
  const past = { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': '2023-01-01' }
  expect((await post(url, 'alice', toolCall(1, 'whoami'), past)).status).toBe(400)
})

it('refuses a batch that holds a 2026-07-28 request', async () => {
  const { url } = await serve()
  const session = await openSession(url, 'alice')
  const batch = [toolCall(1, 'whoami'), modernCall('whoami').body]
  expect((await post(url, 'alice', batch, { 'Mcp-Session-Id': session })).status).toBe(400)
})

it('answers a 2025-03-26 batch in one stream', async () => {
  const { url } = await serve()
  const session = await openSession(url, 'alice')
  const batch = [toolCall('a', 'whoami'), toolCall('b', 'list_notes')]
  const response = await post(url, 'alice', batch, { 'Mcp-Session-Id': session })
  expect((await messagesOf(response)).map(({ id }) => id).sort()).toEqual(['a', 'b'])
})

it('refuses a client that does not take event streams', async () => {
  const { url } = await serve()
  const session = await openSession(url, 'alice')
  const headers = { ...legacyHeaders, Accept: 'application/json', 'Mcp-Session-Id': session }
  expect((await post(url, 'alice', toolCall(1, 'whoami'), headers)).status).toBe(406)
})
