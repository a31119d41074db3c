import { request as httpRequest } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { type CallContext, defineTool, ToolError } from '../../../../app/notes/catalog.ts'
import { createNoteStore } from '../../../../app/notes/notes.ts'
import { createNotesCatalog } from '../../../../app/notes/notes-catalog.ts'
import { createCatalogServers } from '../../../../app/notes/servers.ts'
import {
  connectLegacy,
  connectModern,
  legacyHeaders,
  messagesOf,
  modernCall,
  openSession,
  post,
  serve,
  toolCall,
} from './support.ts'

/** The catalog with one more tool, `wait`, that answers when told to; and what became of its calls. */
function withWait() {
  const calls: (CallContext & { answer(error?: Error): void })[] = []
  const errors: unknown[] = []
  const wait = defineTool({
    name: 'wait',
    title: 'Wait',
    description: 'Waits.',
    inputSchema: z.strictObject({}),
    outputSchema: z.object({ waited: z.boolean() }),
    annotations: {},
    handler: (_args, context) =>
      new Promise((resolve, reject) => {
        calls.push({ ...context, answer: error => (error ? reject(error) : resolve({ waited: true })) })
      }),
  })
  const catalog = createNotesCatalog(createNoteStore(), '1.2.3')
  const servers = createCatalogServers({ ...catalog, tools: [...catalog.tools, wait] }, error => errors.push(error))
  return { servers, calls, errors, called: (count: number) => vi.waitFor(() => expect(calls).toHaveLength(count)) }
}

/** Sends a request and hangs up when `until` says so. */
async function hangUp(url: URL, headers: Record<string, string>, body: unknown, until: () => Promise<unknown>) {
  const req = httpRequest(url, {
    method: 'POST',
    headers: { ...legacyHeaders, Authorization: 'Bearer alice', ...headers },
  })
  req.on('error', () => {})
  req.end(JSON.stringify(body))
  await until()
  req.destroy()
  await new Promise(resolve => req.once('close', resolve))
}

describe('a client that hangs up mid-call', () => {
  it('makes a 2026-07-28 tool stop', async () => {
    const { servers, calls, called } = withWait()
    const { url, rejections } = await serve({ servers })
    const { headers, body } = modernCall('wait')
    await hangUp(url, headers, body, () => called(1))
    await vi.waitFor(() => expect(calls[0]?.signal.aborted).toBe(true))
    calls[0]?.answer()
    expect((await post(url, 'alice', modernCall('whoami').body, modernCall('whoami').headers)).status).toBe(200)
    expect(rejections).toEqual([])
  })

  it('leaves its session working, and lets a 2025-era tool finish: hanging up is not cancelling', async () => {
    const { servers, calls, called } = withWait()
    const { url, rejections } = await serve({ servers })
    const id = await openSession(url, 'alice')
    await hangUp(url, { 'Mcp-Session-Id': id }, toolCall(1, 'wait'), () => called(1))
    expect(calls[0]?.signal.aborted).toBe(false)
    calls[0]?.answer()
    const next = await post(url, 'alice', toolCall(2, 'whoami'), { 'Mcp-Session-Id': id })
    expect(await messagesOf(next)).toMatchObject([{ id: 2 }])
    expect(rejections).toEqual([])
  })
})

it('ends the stream of a cancelled 2025-era call without a response, and stops the tool', async () => {
  const { servers, calls, called } = withWait()
  const { url } = await serve({ servers })
  const id = await openSession(url, 'alice')
  const pending = post(url, 'alice', toolCall(7, 'wait'), { 'Mcp-Session-Id': id })
  await called(1)
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } }
  expect((await post(url, 'alice', cancel, { 'Mcp-Session-Id': id })).status).toBe(202)
  expect(await (await pending).text()).toBe('')
  expect(calls[0]?.signal.aborted).toBe(true)
})

describe.each([
  { era: '2025-11-25', connect: connectLegacy },
  { era: '2026-07-28', connect: connectModern },
])('a tool that fails, $era', ({ connect }) => {
  it('tells the client what it means to tell', async () => {
    const { servers, calls, errors, called } = withWait()
    const { url } = await serve({ servers })
    const client = await connect(url, { bearer: 'alice' })
    const result = client.callTool({ name: 'wait' })
    await called(1)
    calls[0]?.answer(new ToolError('No room left.'))
    expect(await result).toMatchObject({ isError: true, content: [{ type: 'text', text: 'No room left.' }] })
    expect(errors).toEqual([])
  })

  it('tells the client nothing of a bug, and the operator everything', async () => {
    const { servers, calls, errors, called } = withWait()
    const { url } = await serve({ servers })
    const client = await connect(url, { bearer: 'alice' })
    const result = client.callTool({ name: 'wait' })
    await called(1)
    const bug = new Error('password is hunter2')
    calls[0]?.answer(bug)
    const text = JSON.stringify(await result)
    expect(text).toContain('"isError":true')
    expect(text).not.toContain('hunter2')
    expect(errors).toEqual([bug])
  })
})

describe('close', () => {
  it.each([
    { era: '2025-11-25', connect: connectLegacy },
    { era: '2026-07-28', connect: connectModern },
  ])('lets a call in flight finish, $era', async ({ connect }) => {
    const { servers, calls, called } = withWait()
    const { url, endpoint } = await serve({ servers })
    const client = await connect(url, { bearer: 'alice' })
    const result = client.callTool({ name: 'wait' })
    await called(1)
    let closed = false
    const closing = endpoint.close().then(() => {
      closed = true
    })
    const refused = await post(url, 'alice', toolCall(2, 'whoami'))
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('5')
    expect(closed).toBe(false)
    calls[0]?.answer()
    expect(await result).toMatchObject({ structuredContent: { waited: true } })
    await closing
  })

  it('ends open streams and sessions', async () => {
    const { url, endpoint } = await serve()
    const id = await openSession(url, 'alice')
    const headers = { ...legacyHeaders, Authorization: 'Bearer alice', 'Mcp-Session-Id': id }
    const stream = await fetch(url, { headers })
    await endpoint.close()
    expect(await stream.text()).toBe('')
    expect(endpoint.sessionCount).toBe(0)
  })
})

describe('a maker that returns one server twice', () => {
  it('gets no second 2025-era session out of it', async () => {
    const { servers } = withWait()
    const shared = servers.createLegacy()
    const { url, rejections } = await serve({ servers: { ...servers, createLegacy: () => shared } })
    await openSession(url, 'alice')
    await expect(openSession(url, 'bob')).rejects.toThrow()
    expect(rejections).toHaveLength(1)
  })

  it('gets no second 2026-07-28 request served by it while the first lasts', async () => {
    const { servers, calls, called } = withWait()
    const shared = servers.createModern()
    const { url } = await serve({ servers: { ...servers, createModern: () => shared, createModernFor: undefined } })
    const { headers, body } = modernCall('wait')
    const first = post(url, 'alice', body, headers)
    await called(1)
    expect((await post(url, 'bob', body, headers)).status).toBe(500)
    calls[0]?.answer()
    expect(await messagesOf(await first)).toMatchObject([{ result: { structuredContent: { waited: true } } }])
  })

  it('gets no second 2026-07-28 request served by it on the short way either', async () => {
    const { servers } = withWait()
    const shared = servers.createModernFor?.('tools/call')
    if (!shared) throw new Error('No short way')
    const { url, rejections } = await serve({ servers: { ...servers, createModernFor: () => shared } })
    const { headers, body } = modernCall('whoami')
    expect((await post(url, 'alice', body, headers)).status).toBe(200)
    await expect(post(url, 'bob', body, headers)).rejects.toThrow()
    expect(rejections).toHaveLength(1)
  })
})
