import { describe, expect, it } from 'vitest'
import { initialize, messagesOf, modernCall, openSession, post, serve, toolCall } from './support.ts'

describe('a request that says one thing to the scope check and another to the SDK', () => {
  it.each([
    {
      trick: 'Mcp-Name names a harmless tool',
      ...modernCall('add_note', { title: 'a', text: '' }),
      change: { 'Mcp-Name': 'whoami' },
      status: 403,
    },
    {
      trick: 'Mcp-Name names the tool, the body a harmless one',
      ...modernCall('whoami'),
      change: { 'Mcp-Name': 'add_note' },
      status: 400,
    },
    {
      trick: 'Mcp-Method names another method',
      ...modernCall('whoami'),
      change: { 'Mcp-Method': 'tools/list' },
      status: 400,
    },
    {
      trick: 'the version in the header is another than in the body',
      ...modernCall('whoami'),
      change: { 'MCP-Protocol-Version': '2025-11-25' },
      status: 400,
    },
  ])('gets $status when $trick', async ({ headers, change, body, status }) => {
    const { url } = await serve()
    expect((await post(url, 'alice-reads', body, { ...headers })).status).toBe(endsInScopeRefusal(body) ? 403 : 200)
    expect((await post(url, 'alice-reads', body, { ...headers, ...change })).status).toBe(status)
  })

  it.each([
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{"name":"admin_stats","arguments":{}}}}',
    '{"jsonrpc":"2.0","id":1,"__proto__":{"method":"tools/call","params":{"name":"admin_stats"}}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","__proto__":{"params":{"name":"admin_stats"}},"params":{}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":{"toString":"admin_stats"}}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["admin_stats"]}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"admin_stats\\u0000"}}',
  ])('does not run the tool: %s', async body => {
    const { url, rejections } = await serve()
    const session = await openSession(url, 'alice-reads')
    const response = await post(url, 'alice-reads', body, { 'Mcp-Session-Id': session })
    const text = await response.text()
    expect(text).not.toContain('structuredContent')
    expect(text).toMatch(/error/)
    expect(rejections).toEqual([])
  })

  it('counts the last of two members of the same name, as the parser does', async () => {
    const { url } = await serve()
    const session = await openSession(url, 'alice-reads')
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","name":"admin_stats","arguments":{}}}'
    expect((await post(url, 'alice-reads', body, { 'Mcp-Session-Id': session })).status).toBe(403)
  })

  it('refuses a batch when one of its calls needs more', async () => {
    const { url } = await serve()
    const session = await openSession(url, 'alice-reads')
    const batch = [toolCall(1, 'list_notes'), toolCall(2, 'admin_stats')]
    const refused = await post(url, 'alice-reads', batch, { 'Mcp-Session-Id': session })
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toContain('scope="notes:read notes:admin"')
    const served = await post(url, 'alice-reads', batch.slice(0, 1), { 'Mcp-Session-Id': session })
    expect(await messagesOf(served)).toMatchObject([{ id: 1, result: { structuredContent: { notes: [] } } }])
  })
})

it('lets anybody with a token initialize', async () => {
  const { url } = await serve()
  expect((await post(url, 'bare', initialize)).status).toBe(200)
})

function endsInScopeRefusal(body: { params: { name: string } }): boolean {
  return body.params.name === 'add_note'
}
