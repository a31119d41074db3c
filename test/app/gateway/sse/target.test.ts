import type { IncomingMessage, ServerResponse } from 'node:http'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Access } from 'idplug'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createSseTarget, type SseTargetOptions } from '../../../../app/gateway/sse/target.ts'
import { createLogger } from '../../../../app/observe/log.ts'
import { startEverything } from '../../../e2e/gateway-servers.ts'
import { listen } from '../../../support/http.ts'

interface Behaviour {
  /** Answers GET; default: an event stream with its endpoint. */
  get?(request: IncomingMessage, response: ServerResponse): void
  /** Answers POST; default: 202. */
  post?(response: ServerResponse, message: Message): void
}

interface Message {
  id?: number
  method?: string
  params?: Record<string, unknown>
}

const endpointEvent = (endpoint: string) => `event: endpoint\ndata: ${endpoint}\n\n`
const messageEvent = (message: object) => `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`
const openStream = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' })

/** A server of HTTP+SSE that answers `initialize`, and what it is asked as `behaviour` says. */
async function startTarget(behaviour: Behaviour = {}) {
  const requests: { method: string | undefined; url: string | undefined; headers: IncomingMessage['headers'] }[] = []
  const messages: Message[] = []
  let streams = 0
  let stream: ServerResponse | undefined
  const { origin } = await listenUntilEnd(async (request, response) => {
    const { method, url, headers } = request
    requests.push({ method, url, headers })
    if (method === 'GET') {
      streams++
      stream = response
      response.once('close', () => streams--)
      if (behaviour.get) return behaviour.get(request, response)
      openStream(response).write(endpointEvent('/messages?session=1'))
      return
    }
    const message = JSON.parse(await textOf(request))
    messages.push(message)
    if (behaviour.post && message.method !== 'initialize') return behaviour.post(response, message)
    response.writeHead(202).end('Accepted')
    if (message.method === 'initialize') stream?.write(messageEvent({ id: message.id, result: INITIALIZED }))
  })
  return {
    url: `${origin}/sse`,
    requests,
    messages,
    streams: () => streams,
    send: (text: string) => stream?.write(text),
    cut: () => stream?.destroy(),
  }
}

/** The target behind an HTTP server that believes who the caller says they are. */
async function serve(url: string, options: Partial<SseTargetOptions> = {}) {
  const lines: string[] = []
  const logger = createLogger('info', { write: line => void lines.push(line) })
  const target = createSseTarget({ url: new URL(url), name: 'mcp', logger, ...options })
  const { origin } = await listenUntilEnd(async (request, response) => {
    const text = await textOf(request)
    const [subject, clientId = 'client'] = String(request.headers['x-caller'] ?? 'ann').split(' ')
    const token = { issuer: 'https://issuer.example', subject, clientId }
    const access = { outcome: 'accepted', token, signal: new AbortController().signal, done() {}, headers: {} }
    await target.answer({
      request,
      response,
      access: access as unknown as Access,
      body: text ? JSON.parse(text) : undefined,
      text: text || undefined,
      requestId: 'request-1',
      identity: { 'x-mcp-user': `${subject} ${request.headers['x-note'] ?? ''}`.trim() },
    })
  })
  onTestFinished(() => target.close())
  const post = (body: object, session?: string, headers: Record<string, string> = {}) =>
    fetch(origin, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(session && { 'mcp-session-id': session }),
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    })
  return {
    origin,
    post,
    events: () => lines.map(line => JSON.parse(line) as Record<string, unknown>),
    async open(headers?: Record<string, string>) {
      const response = await post(INITIALIZE, undefined, headers)
      expect(response.status).toBe(200)
      await response.text()
      return response.headers.get('mcp-session-id') as string
    },
    end: (session: string) => fetch(origin, { method: 'DELETE', headers: { 'mcp-session-id': session } }),
  }
}

const INITIALIZED = { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: { name: 'old', version: '1' } }
const INITIALIZE = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}
const CALL = { id: 'a', method: 'tools/call', params: { name: 'echo', arguments: {} } }

/** A call that the target has and has not answered yet. */
async function callUnderWay() {
  const target = await startTarget()
  const { open, post, events } = await serve(target.url)
  const call = post(CALL, await open())
  await vi.waitUntil(() => target.messages.some(({ method }) => method === 'tools/call'))
  return { target, call, id: target.messages.at(-1)?.id, events }
}

async function listenUntilEnd(listener: Parameters<typeof listen>[0]) {
  const listening = await listen(listener)
  onTestFinished(listening.close)
  return listening
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

it('gives an official client all that a real server has: tools, progress, questions', async () => {
  const everything = await startEverything('sse')
  const { origin } = await serve(everything.url)
  const client = new Client(
    { name: 'test', version: '1' },
    { capabilities: { sampling: {} }, versionNegotiation: { mode: 'auto' } },
  )
  client.setRequestHandler('sampling/createMessage', () => ({
    model: 'test',
    role: 'assistant' as const,
    content: { type: 'text' as const, text: 'sampled' },
  }))
  await client.connect(new StreamableHTTPClientTransport(new URL(origin)))
  onTestFinished(() => client.close())
  const progress: number[] = []
  await client.callTool(
    { name: 'trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } },
    { onprogress: ({ progress: step }) => progress.push(step) },
  )
  expect(progress).toEqual([1, 2, 3])
  const sampled = await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'p', maxTokens: 5 } })
  expect(JSON.stringify(sampled)).toContain('sampled')
})

it('answers many calls at once, each with its own answer, and leaves no stream behind', async () => {
  const post = (response: ServerResponse, { id, params }: Message) => {
    response.writeHead(202).end()
    if (id !== undefined) target.send(messageEvent({ id, result: params }))
  }
  const target = await startTarget({ post })
  const warned = vi.fn()
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
  const { open, post: ask, end } = await serve(target.url)
  // One after another: the fixture answers on the stream that was opened last.
  for (let round = 0; round < 3; round++) {
    const session = await open()
    const calls = Array.from({ length: 50 }, (_, id) => ask({ id, method: 'tools/call', params: { id } }, session))
    const answers = await Promise.all(calls.map(async call => (await call).json()))
    expect(answers).toEqual(answers.map((_, id) => ({ jsonrpc: '2.0', id, result: { id } })))
    await end(session)
  }
  await vi.waitUntil(() => target.streams() === 0)
  expect(warned).not.toHaveBeenCalled()
})

it('tells on the stream and on every message who is calling, and passes nothing else of the client on', async () => {
  const target = await startTarget()
  const { open, post } = await serve(target.url)
  const secrets = { authorization: 'Bearer secret', cookie: 'a=secret', 'x-mcp-user': 'root' }
  const session = await open({ ...secrets, 'x-note': 'first' })
  await post({ method: 'notifications/initialized' }, session, { ...secrets, 'x-note': 'second' })
  expect(target.requests.map(({ method, url, headers }) => [method, url, headers['x-mcp-user']])).toEqual([
    ['GET', '/sse', 'ann first'],
    ['POST', '/messages?session=1', 'ann first'],
    ['POST', '/messages?session=1', 'ann second'],
  ])
  for (const { headers } of target.requests)
    expect(JSON.stringify(headers)).not.toMatch(/secret|root|x-note|session-id/)
})

it('knows a session only for the person and the client that opened it, and ends its stream with it', async () => {
  const target = await startTarget()
  const { open, post, end } = await serve(target.url)
  const session = await open()
  for (const caller of ['ben', 'ann other'])
    expect((await post(CALL, session, { 'x-caller': caller })).status).toBe(404)
  expect(target.messages.map(({ method }) => method)).toEqual(['initialize'])
  expect(target.streams()).toBe(1)
  expect((await end(session)).status).toBe(200)
  await vi.waitUntil(() => target.streams() === 0)
  expect((await post(CALL, session)).status).toBe(404)
})

it('asks a client of 2026-07-28 for a session, so that it falls back', async () => {
  const target = await startTarget()
  const { post } = await serve(target.url)
  const response = await post({ id: 1, method: 'server/discover' }, undefined, { 'mcp-protocol-version': '2026-07-28' })
  expect(response.status).toBe(400)
  expect(target.requests).toEqual([])
})

it('hides from a caller what they cannot use', async () => {
  const post = (response: ServerResponse, { id }: Message) => {
    response.writeHead(202).end()
    target.send(messageEvent({ id, result: { tools: [{ name: 'read' }, { name: 'delete' }] } }))
  }
  const target = await startTarget({ post })
  const mapMessage = (message: object) => JSON.parse(JSON.stringify(message).replace(',{"name":"delete"}', ''))
  const { open, post: ask } = await serve(target.url, { mapMessage })
  const response = await ask({ id: 1, method: 'tools/list' }, await open())
  expect(await response.json()).toMatchObject({ id: 1, result: { tools: [{ name: 'read' }] } })
})

it('passes a cancellation on, under the id that the server knows', async () => {
  const target = await startTarget()
  const { open, post } = await serve(target.url)
  const session = await open()
  const call = post(CALL, session)
  await vi.waitUntil(() => target.messages.some(({ method }) => method === 'tools/call'))
  const asked = target.messages.find(({ method }) => method === 'tools/call')
  await post({ method: 'notifications/cancelled', params: { requestId: 'a' } }, session)
  await (await call).text()
  const cancelled = target.messages.find(({ method }) => method === 'notifications/cancelled')
  expect(cancelled?.params).toMatchObject({ requestId: asked?.id })
})

describe('a server that fails', () => {
  const other = 'http://localhost:9/messages'
  const streamOf = (text: string): Behaviour => ({ get: (_, response) => void openStream(response).write(text) })
  const answer = (status: number, headers = {}): Behaviour => ({
    get: (_, response) => void response.writeHead(status, headers).end(),
  })

  it.each<[string, Behaviour, number]>([
    ['names an endpoint of another origin', streamOf(endpointEvent(other)), 502],
    ['names an endpoint of another origin without a scheme', streamOf(endpointEvent('//localhost:9/messages')), 502],
    ['names an endpoint that is no HTTP', streamOf(endpointEvent('file:///etc/passwd')), 502],
    [
      'names an endpoint with credentials',
      {
        get: ({ headers }, response) =>
          void openStream(response).write(endpointEvent(`http://a:b@${headers.host}/messages`)),
      },
      502,
    ],
    ['asks for a credential', answer(401, { 'www-authenticate': 'Bearer' }), 502],
    ['redirects', answer(307, { location: '/other' }), 502],
    ['is no event stream', answer(200, { 'content-type': 'application/json' }), 502],
    ['ends its stream at once', { get: (_, response) => void openStream(response).end() }, 502],
    ['never answers', { get: () => {} }, 504],
    ['never names an endpoint', streamOf(': nothing\n\n'), 504],
  ])('and %s', async (_, behaviour, status) => {
    const target = await startTarget(behaviour)
    const { post } = await serve(target.url, { timeoutSeconds: status === 504 ? 1 : 60 })
    const response = await post(INITIALIZE)
    expect(response.status).toBe(status)
    expect(response.headers.get('mcp-session-id')).toBeNull()
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect(await response.json()).toMatchObject({ id: 0, error: { data: { request_id: 'request-1' } } })
    expect(target.requests.map(({ method, url }) => [method, url])).toEqual([['GET', '/sse']])
    await vi.waitUntil(() => target.streams() === 0)
  })

  it('and sends 100 Continue unasked is named in the log', async () => {
    const target = await startTarget({ get: (_, response) => void response.writeContinue() })
    const { post, events } = await serve(target.url)
    expect((await post(INITIALIZE)).status).toBe(502)
    expect(events().map(({ reason }) => reason)).toEqual(['the target sent 100 Continue, for which nobody asked'])
  })

  it('is not there', async () => {
    const { origin, close } = await listen(() => {})
    await close()
    const { post, events } = await serve(`${origin}/sse`)
    expect((await post(INITIALIZE)).status).toBe(502)
    expect(events()).toEqual([
      expect.objectContaining({ event: 'target_failed', target: 'mcp', reason: 'ECONNREFUSED', status: 502 }),
    ])
  })

  it.each<[string, NonNullable<Behaviour['post']>, number]>([
    ['asks for a credential', response => void response.writeHead(401).end(), 502],
    ['redirects', response => void response.writeHead(308, { location: '/other' }).end(), 502],
    ['fails', response => void response.writeHead(500).end(), 502],
    ['cuts the connection', response => void response.destroy(), 502],
    ['never answers', () => {}, 504],
  ])('and %s when it is sent a message fails this message only', async (_, behaviour, status) => {
    const target = await startTarget({ post: behaviour })
    const { open, post } = await serve(target.url, { timeoutSeconds: status === 504 ? 2 : 60 })
    const session = await open()
    const response = await post(CALL, session)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ id: 'a', error: { code: expect.any(Number) } })
    expect(target.streams()).toBe(1)
    expect(target.requests.map(({ url }) => url)).not.toContain('/other')
  })

  it('and forgets the session, or dies, ends it: open calls get 502, and the next one 404', async () => {
    const target = await startTarget()
    const { open, post } = await serve(target.url)
    const session = await open()
    const call = post(CALL, session)
    await vi.waitUntil(() => target.messages.some(({ method }) => method === 'tools/call'))
    target.cut()
    expect((await call).status).toBe(502)
    expect((await post(CALL, session)).status).toBe(404)
    const forgetful = await startTarget({ post: response => void response.writeHead(404).end() })
    const second = await serve(forgetful.url)
    const another = await second.open()
    expect((await second.post(CALL, another)).status).toBe(502)
    expect((await second.post(CALL, another)).status).toBe(404)
  })

  it('and names another endpoint later ends the session', async () => {
    const target = await startTarget()
    const { open, post } = await serve(target.url)
    const session = await open()
    target.send(endpointEvent('/elsewhere'))
    await vi.waitUntil(() => target.streams() === 0)
    expect((await post(CALL, session)).status).toBe(404)
  })

  it('and sends what is no JSON-RPC is believed the rest', async () => {
    const { target, call, id, events } = await callUnderWay()
    target.send(
      `data: nonsense\n\n${messageEvent({ id: 4711, result: {} })}${messageEvent({ id, result: { content: [] } })}`,
    )
    expect(await (await call).json()).toEqual({ jsonrpc: '2.0', id: 'a', result: { content: [] } })
    expect(events().map(({ reason }) => reason)).toEqual([
      'an event is not JSON',
      'an event is an answer to nothing that was asked',
    ])
  })

  it('and answers with what is no JSON-RPC fails the call at once', async () => {
    const { target, call, id, events } = await callUnderWay()
    target.send(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: 'done' })}\n\n`)
    const response = await call
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({
      id: 'a',
      error: { message: 'The MCP server gave an answer that is not JSON-RPC.' },
    })
    expect(events().map(({ reason }) => reason)).toEqual(['an event is not JSON-RPC'])
  })
})
