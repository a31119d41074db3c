import { Server as LegacyServer } from '@modelcontextprotocol/sdk/server/index.js'
import { McpServer as LegacyMcpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { CallToolRequestSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { McpServer as ModernMcpServer, Server as ModernServer } from '@modelcontextprotocol/server'
import { beforeEach, describe, expect, it } from 'vitest'
import { callerOf } from '../../../../app/notes/caller.ts'
import type { McpServers } from '../../../../app/notes/servers.ts'
import { initialize, messagesOf, modernCall, openSession, post, serve, toolCall } from './support.ts'

const info = { name: 'other', version: '1' }
const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
const progress = (n: number) => ({
  method: 'notifications/progress' as const,
  params: { progressToken: 'p', progress: n },
})

/** What the tool `slow` waits for. */
let gate = Promise.withResolvers<void>()
beforeEach(() => {
  gate = Promise.withResolvers()
})

/** Servers made by hand with the SDKs' low-level classes: a tool that reports progress, then says who called. */
const lowLevel: McpServers = {
  createLegacy() {
    const server = new LegacyServer(info, { capabilities: { tools: {} } })
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
      await extra.sendNotification(progress(1))
      if (params.name === 'slow') await gate.promise
      if (params.name === 'ask') {
        const asked = {
          mode: 'form' as const,
          message: 'Name?',
          requestedSchema: { type: 'object' as const, properties: {} },
        }
        const answer = await extra.sendRequest({ method: 'elicitation/create', params: asked }, ElicitResultSchema)
        return text(answer.action)
      }
      await extra.sendNotification(progress(2))
      return text(callerOf(extra.authInfo).token.subject)
    })
    return server
  },
  createModern: createReporter,
}

function createReporter() {
  const server = new ModernServer(info, { capabilities: { tools: {} }, supportedProtocolVersions: ['2026-07-28'] })
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq, http }) => {
    await mcpReq.notify(progress(1))
    if (params.name === 'slow') await gate.promise
    await mcpReq.notify(progress(2))
    return text(callerOf(http?.authInfo).token.subject)
  })
  return server
}

/** The same, going the shorter way. */
const shortWay: McpServers = { ...lowLevel, createModernFor: createReporter }

/** The same with the SDKs' high-level classes. */
const highLevel: McpServers = {
  createLegacy() {
    const server = new LegacyMcpServer(info)
    server.registerTool('report', {}, async extra => {
      await extra.sendNotification(progress(1))
      await extra.sendNotification(progress(2))
      return text(callerOf(extra.authInfo).token.subject)
    })
    return server
  },
  createModern() {
    const server = new ModernMcpServer(info)
    server.registerTool('report', {}, async ({ mcpReq, http }) => {
      await mcpReq.notify(progress(1))
      await mcpReq.notify(progress(2))
      return text(callerOf(http?.authInfo).token.subject)
    })
    return server
  },
}

const reported = [
  { method: 'notifications/progress', params: { progress: 1 } },
  { method: 'notifications/progress', params: { progress: 2 } },
  { id: 1, result: { content: [{ text: 'alice' }] } },
]

describe.each([
  { servers: lowLevel, made: 'the low-level classes' },
  { servers: shortWay, made: 'the low-level classes, for one method each' },
  { servers: highLevel, made: 'the high-level classes' },
])('servers made with $made', ({ servers }) => {
  it('report progress before the response, in a session', async () => {
    const { url } = await serve({ servers })
    const id = await openSession(url, 'alice')
    const response = await post(url, 'alice', toolCall(1, 'report'), { 'Mcp-Session-Id': id })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('mcp-session-id')).toBe(id)
    expect(await messagesOf(response)).toMatchObject(reported)
  })

  it('report progress before the response, without sessions', async () => {
    const { url } = await serve({ servers, sessions: 'off' })
    expect(await messagesOf(await post(url, 'alice', toolCall(1, 'report')))).toMatchObject(reported)
  })

  it('report progress before the response, to 2026-07-28 clients', async () => {
    const { url } = await serve({ servers })
    const { headers, body } = modernCall('report')
    const response = await post(url, 'alice', body, headers)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(await messagesOf(response)).toMatchObject(reported)
  })
})

describe('a call that takes longer than a turn of the event loop', () => {
  it.each([
    {
      era: '2025-11-25',
      prepare: async (url: URL) => ({
        body: toolCall(1, 'slow'),
        headers: { 'Mcp-Session-Id': await openSession(url, 'alice') },
      }),
    },
    { era: '2026-07-28', prepare: async () => modernCall('slow') },
  ])('is sent as it comes, $era', async ({ prepare }) => {
    const { url } = await serve({ servers: shortWay })
    const { headers, body } = await prepare(url)
    const response = await post(url, 'alice', body, headers as Record<string, string>)
    expect(response.headers.get('content-length')).toBeNull()
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).toContain('"progress":1')
    gate.resolve()
    let rest = ''
    for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) rest += chunk.value
    expect(rest).toContain('alice')
  })
})

it('lets a tool ask the client in the middle of a call, and takes the answer from the same identity only', async () => {
  const { url } = await serve({ servers: lowLevel })
  const opened = await post(url, 'alice', {
    ...initialize,
    params: { ...initialize.params, capabilities: { elicitation: {} } },
  })
  await opened.text()
  const session = { 'Mcp-Session-Id': opened.headers.get('mcp-session-id') ?? '' }
  const response = await post(url, 'alice', toolCall(1, 'ask'), session)
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let seen = ''
  while (!seen.includes('elicitation/create')) seen += (await reader?.read())?.value ?? ''
  const question = seen.split('\n').find(line => line.includes('elicitation/create')) ?? ''
  const { id } = JSON.parse(question.slice('data: '.length))
  const answer = { jsonrpc: '2.0', id, result: { action: 'decline' } }
  expect((await post(url, 'bob', answer, session)).status).toBe(404)
  expect((await post(url, 'alice', answer, session)).status).toBe(202)
  for (let chunk = await reader?.read(); chunk && !chunk.done; chunk = await reader?.read()) seen += chunk.value
  expect(seen).toContain('"text":"decline"')
})

it('refuses a request whose id is in flight in the session', async () => {
  const { url } = await serve({ servers: lowLevel })
  const session = { 'Mcp-Session-Id': await openSession(url, 'alice') }
  const first = await post(url, 'alice', toolCall(1, 'slow'), session)
  const second = await post(url, 'alice', toolCall(1, 'slow'), session)
  expect(second.status).toBe(400)
  gate.resolve()
  expect((await messagesOf(first)).at(-1)).toMatchObject({ id: 1, result: {} })
  expect((await post(url, 'alice', toolCall(1, 'report'), session)).status).toBe(200)
})

it('drops what a 2026-07-28 tool has to say after its response', async () => {
  const sent: Promise<void>[] = []
  const servers: McpServers = {
    ...lowLevel,
    createModernFor() {
      const server = new ModernServer(info, { capabilities: { tools: {} }, supportedProtocolVersions: ['2026-07-28'] })
      server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
        if (params.name === 'report') await mcpReq.notify(progress(1))
        sent.push(gate.promise.then(() => mcpReq.notify(progress(2))))
        return text('done')
      })
      return server
    },
  }
  const { url } = await serve({ servers })
  for (const name of ['report', 'plain']) {
    const { headers, body } = modernCall(name)
    expect((await messagesOf(await post(url, 'alice', body, headers))).at(-1)).toMatchObject({ result: {} })
  }
  gate.resolve()
  await Promise.all(sent)
  expect(sent).toHaveLength(2)
})

it('keeps credentials from handlers', async () => {
  const seen: unknown[] = []
  const servers: McpServers = {
    ...lowLevel,
    createModernFor() {
      const server = new ModernServer(info, { capabilities: { tools: {} }, supportedProtocolVersions: ['2026-07-28'] })
      server.setRequestHandler('tools/call', (_request, { http }) => {
        seen.push(http?.req?.headers.get('authorization'), http?.req?.headers.get('mcp-name'), http?.authInfo?.token)
        return text('')
      })
      return server
    },
  }
  const { url } = await serve({ servers })
  const { headers, body } = modernCall('look')
  await post(url, 'alice', body, { ...headers, Cookie: 'a=b' })
  expect(seen).toEqual([null, 'look', ''])
})
