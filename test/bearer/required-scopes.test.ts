import { describe, expect, it } from 'vitest'
import { requiredScopes } from '../../src/bearer/required-scopes.ts'
import {
  connectLegacy,
  initialize,
  messagesOf,
  modernCall,
  openSession,
  post,
  serve,
  toolCall,
} from '../app/serve/mcp/support.ts'

describe('requiredScopes', () => {
  it.each([
    { body: toolCall(1, 'whoami'), scopes: [] },
    { body: toolCall(1, 'read_note'), scopes: ['notes:read'] },
    { body: toolCall(1, 'add_note'), scopes: ['notes:write'] },
    { body: toolCall(1, 'admin_stats'), scopes: ['notes:admin'] },
    { body: { method: 'resources/read', params: { uri: 'notes://mine' } }, scopes: ['notes:read'] },
    { body: { method: 'prompts/get', params: { name: 'summarize_notes' } }, scopes: ['notes:read'] },
    { body: { method: 'tools/list' }, scopes: [] },
    {
      body: [toolCall(1, 'add_note'), toolCall(2, 'list_notes'), toolCall(3, 'add_note')],
      scopes: ['notes:write', 'notes:read'],
    },
    { body: [], scopes: [] },
    { body: undefined, scopes: [] },
    { body: null, scopes: [] },
    { body: 'tools/call', scopes: [] },
    { body: { method: 'tools/call', params: null }, scopes: [] },
    { body: { method: 'tools/call', params: ['add_note'] }, scopes: [] },
    { body: { method: 'tools/call', params: { name: '__proto__' } }, scopes: [] },
    { body: { method: 'tools/call', params: { name: 'constructor' } }, scopes: [] },
    { body: { method: 'constructor', params: { name: 'add_note' } }, scopes: [] },
    { body: [[toolCall(1, 'add_note')], null, 7], scopes: [] },
  ])('names $scopes for $body', async ({ body, scopes }) => {
    const { endpoint } = await serve()
    expect(endpoint.requiredScopes(body)).toEqual(scopes)
  })

  it('asks about every message of a batch', () => {
    const asked: string[] = []
    requiredScopes([{ method: 'a' }, { method: 'b', params: { name: 'x' } }], (method, params) => {
      asked.push(`${method} ${params.name}`)
      return []
    })
    expect(asked).toEqual(['a undefined', 'b x'])
  })

  it('knows every scope that some operation needs', async () => {
    const { endpoint } = await serve()
    expect(endpoint.scopesSupported).toEqual(['notes:admin', 'notes:read', 'notes:write'])
  })
})

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
    expect(refused.headers.get('x-required')).toBe('notes:read notes:admin')
    const served = await post(url, 'alice-reads', batch.slice(0, 1), { 'Mcp-Session-Id': session })
    expect(await messagesOf(served)).toMatchObject([{ id: 1, result: { structuredContent: { notes: [] } } }])
  })

  it('is stopped in front of the handler even when the HTTP layer lets it through', async () => {
    const { url, endpoint } = await serve()
    endpoint.requiredScopes = () => []
    const client = await connectLegacy(url, { bearer: 'alice-reads' })
    await expect(client.callTool({ name: 'admin_stats' })).rejects.toMatchObject({ code: -32000 })
    await expect(client.callTool({ name: 'list_notes' })).resolves.toBeDefined()
  })
})

it('lets anybody with a token initialize', async () => {
  const { url } = await serve()
  expect((await post(url, 'bare', initialize)).status).toBe(200)
})

function endsInScopeRefusal(body: { params: { name: string } }): boolean {
  return body.params.name === 'add_note'
}
