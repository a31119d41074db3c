import { describe, expect, it } from 'vitest'
import { messagesOf, modernCall, post, serve } from './support.ts'

describe('a 2026-07-28 request that the server has objections to', () => {
  const plain = modernCall('whoami')
  const without = (name: string) => Object.fromEntries(Object.entries(plain.headers).filter(([key]) => key !== name))
  const withMeta = (meta: object) => ({
    ...plain.body,
    params: { ...plain.body.params, _meta: { ...plain.body.params._meta, ...meta } },
  })
  const rename = (method: string) => ({
    body: { ...plain.body, method },
    headers: { ...plain.headers, 'Mcp-Method': method },
  })

  it.each([
    { why: 'no Mcp-Method', headers: without('Mcp-Method'), body: plain.body, status: 400, code: -32020 },
    { why: 'no Mcp-Name', headers: without('Mcp-Name'), body: plain.body, status: 400, code: -32020 },
    {
      why: 'capabilities that are none',
      headers: plain.headers,
      body: withMeta({ 'io.modelcontextprotocol/clientCapabilities': 7 }),
      status: 400,
      code: -32602,
    },
    {
      why: 'a revision that is not served',
      headers: { ...plain.headers, 'MCP-Protocol-Version': '2099-01-01' },
      body: withMeta({ 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }),
      status: 400,
      code: -32022,
    },
    { why: 'a method that does not exist', ...rename('tools/never'), status: 404, code: -32601 },
    { why: 'a method of an older revision', ...rename('logging/setLevel'), status: 404, code: -32601 },
    {
      why: 'params that are wrong',
      headers: without('Mcp-Name'),
      body: { ...plain.body, params: { ...plain.body.params, name: 7 } },
      status: 200,
      code: -32602,
    },
  ])('gets the SDK’s answer: $why', async ({ headers, body, status, code }) => {
    const { url, rejections } = await serve()
    const response = await post(url, 'alice', body, { 'MCP-Protocol-Version': '', ...headers })
    expect([response.status, (await messagesOf(response))[0]?.error?.code]).toEqual([status, code])
    expect(rejections).toEqual([])
  })

  it('is served when its Mcp-Name is encoded', async () => {
    const { url } = await serve()
    const encoded = `=?base64?${Buffer.from('whoami').toString('base64')}?=`
    const response = await post(url, 'alice', plain.body, { ...plain.headers, 'Mcp-Name': encoded })
    expect(await messagesOf(response)).toMatchObject([{ result: { structuredContent: { subject: 'alice' } } }])
  })

  it('finds server/discover and subscriptions/listen where the SDK serves them', async () => {
    const { url } = await serve()
    const discover = rename('server/discover')
    expect(await messagesOf(await post(url, 'bare', discover.body, discover.headers))).toMatchObject([
      { result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } } },
    ])
    const listen = rename('subscriptions/listen')
    const body = { ...listen.body, params: { ...listen.body.params, notifications: { toolsListChanged: true } } }
    const messages = await messagesOf(await post(url, 'bare', body, listen.headers))
    expect(messages[0]).toMatchObject({ method: 'notifications/subscriptions/acknowledged' })
  })
})
