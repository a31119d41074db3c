import { randomUUID } from 'node:crypto'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  callTool,
  INITIALIZE,
  isRunning,
  listenFor,
  modernCall,
  modernPost,
  openSession,
  post,
  read,
  toolCall,
} from './serving.ts'
import { serveForTest } from './serving-for-test.ts'

/** Where timers are fake: a second passes again and again until it is there. */
async function withTimePassing<T extends object>(promise: Promise<T>): Promise<T> {
  let value: T | undefined
  void promise.then(given => {
    value = given
  })
  return vi.waitUntil(() => vi.advanceTimersByTime(1000) && value)
}

describe('sessions', () => {
  it('have a process each', async () => {
    const serving = await serveForTest()
    const [first, second] = [await openSession(serving), await openSession(serving)]
    const pids = [await callTool(serving, first, 'pid'), await callTool(serving, second, 'pid')].map(
      ({ value }) => value,
    )
    expect(new Set(pids).size).toBe(2)
    expect(pids).toEqual(serving.pids())
  })

  it.each([
    ['another subject', 'bob'],
    ['another client', 'ann other'],
    ['another issuer', 'ann client https://other.example'],
    ['an anonymous caller', 'nobody'],
  ])('do not exist for %s', async (_whom, caller) => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const foreign = await callTool(serving, session, 'pid', {}, { caller })
    const unknown = await callTool(serving, randomUUID(), 'pid')
    expect(foreign.status).toBe(404)
    expect(foreign.error).toEqual({ ...unknown.error, data: foreign.error?.data })
    const stream = await listenFor(serving, session, caller)
    expect(stream.response.status).toBe(404)
    const headers = { 'mcp-session-id': session, 'x-caller': caller }
    expect((await fetch(serving.url, { method: 'DELETE', headers })).status).toBe(404)
    expect((await callTool(serving, session, 'echo', { a: 1 })).value).toEqual({ a: 1 })
  })

  it('of anonymous callers do not exist for those who have a token', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving, 'nobody')
    expect((await callTool(serving, session, 'echo', {}, { caller: 'nobody' })).status).toBe(200)
    expect((await callTool(serving, session, 'echo', {}, { caller: 'ann' })).status).toBe(404)
  })

  it('end with DELETE, and their process with them', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const [pid = 0] = serving.pids()
    const headers = { 'mcp-session-id': session, 'x-caller': 'ann' }
    expect((await fetch(serving.url, { method: 'DELETE', headers })).status).toBe(200)
    expect((await callTool(serving, session, 'pid')).status).toBe(404)
    await vi.waitUntil(() => !isRunning(pid))
    await vi.waitUntil(() => serving.events.some(event => event.event === 'command_ended' && event.expected))
  })

  it('end when they are idle, and not while a stream is open', async () => {
    const serving = await serveForTest({ idleSeconds: 1 })
    const idle = await openSession(serving)
    const listening = await openSession(serving)
    const [first = 0, second = 0] = serving.pids()
    const stream = await listenFor(serving, listening)
    await vi.waitUntil(() => !isRunning(first))
    expect((await callTool(serving, idle, 'pid')).status).toBe(404)
    expect((await callTool(serving, listening, 'pid')).value).toBe(second)
    stream.close()
    await vi.waitUntil(() => !isRunning(second))
  })

  it('answer 400 to a request without an id, and to a second initialize', async () => {
    const serving = await serveForTest()
    expect((await read(await post(serving, toolCall('pid')))).status).toBe(400)
    const session = await openSession(serving)
    expect((await read(await post(serving, INITIALIZE, { session }))).status).toBe(400)
    const version = { 'mcp-protocol-version': '1999-01-01' }
    expect((await callTool(serving, session, 'pid', {}, { headers: version })).status).toBe(400)
    expect(serving.pids()).toHaveLength(1)
  })
})

describe('limits', () => {
  it('refuse more sessions of a person with 503, and let others in', async () => {
    const serving = await serveForTest({ maxPerPerson: 1, maxTotal: 2 })
    const session = await openSession(serving)
    const refused = await read(await post(serving, INITIALIZE, { caller: 'ann other' }))
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBeTruthy()
    expect(refused.messages[0]).toMatchObject({
      id: 0,
      error: { message: expect.stringContaining('too many sessions') },
    })
    await openSession(serving, 'bob')
    const full = await read(await post(serving, INITIALIZE, { caller: 'eve' }))
    expect(full.status).toBe(503)
    expect(serving.pids()).toHaveLength(2)
    await fetch(serving.url, { method: 'DELETE', headers: { 'mcp-session-id': session, 'x-caller': 'ann' } })
    await vi.waitUntil(async () => (await post(serving, INITIALIZE)).status === 200)
  })

  it('refuse more open requests with 503', async () => {
    const serving = await serveForTest({ maxOpenRequests: 1 })
    const session = await openSession(serving)
    const first = post(serving, toolCall('hang', {}, 1), { session })
    await vi.waitUntil(async () => {
      const { status } = await callTool(serving, session, 'echo')
      return status === 503
    })
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
    expect((await post(serving, cancel, { session })).status).toBe(202)
    await first
    expect((await callTool(serving, session, 'echo')).status).toBe(200)
  })
})

describe('calls', () => {
  it('are answered with JSON when nothing precedes the response, else with an event stream', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const plain = await callTool(serving, session, 'echo', { a: 'ä' })
    expect(plain.headers.get('content-type')).toBe('application/json')
    expect(plain.value).toEqual({ a: 'ä' })
    const logged = await callTool(serving, session, 'log', { data: 'hello' })
    expect(logged.headers.get('content-type')).toBe('text/event-stream')
    expect(logged.messages.map(({ method }) => method)).toEqual(['notifications/message', undefined])
    const json = await callTool(serving, session, 'log', {}, { accept: 'application/json' })
    expect(json.headers.get('content-type')).toBe('application/json')
    expect(json.value).toBe('logged')
  })

  it('keep the ids of the client, whatever they are, and answer each with its own', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const ids = ['a', 1, '1', 'b']
    const replies = await Promise.all(
      ids.map(async id => read(await post(serving, toolCall('hold', { count: ids.length }, id), { session }))),
    )
    expect(replies.map(({ messages }) => messages[0]?.id)).toEqual(ids)
    expect(new Set(replies.map(({ value }) => value)).size).toBe(ids.length)
  })

  it('are answered by servers that make text of ids', async () => {
    const serving = await serveForTest()
    const reply = await callTool(serving, await openSession(serving), 'id-as-text')
    expect(reply.value).toBe('done')
  })

  it('reach the server with numbers as the client wrote them', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const params = '{"name":"line","arguments":{"row":12345678901234567890,"price":1.50},"_meta":{"progressToken":1.0}}'
    const response = await fetch(serving.url, {
      method: 'POST',
      headers: { accept: 'application/json', 'mcp-session-id': session, 'x-caller': 'ann' },
      body: `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":${params}}`,
    })
    const { value, messages } = await read(response)
    expect(value).toContain('{"row":12345678901234567890,"price":1.50}')
    expect(value).toMatch(/"progressToken":"\d+\/1"/)
    expect(messages[0]?.id).toBe(5)
  })

  it('are answered with their id as the client wrote it, whatever its size', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const ask = async (id: string, name: string) => {
      const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${name}","arguments":{"data":1}}}`
      return (await post(serving, body, { session })).text()
    }
    for (const id of ['1764538245123456789', '-12345678901234567890', '1.50', '7', '"a"']) {
      // A response alone, and one in a stream.
      for (const name of ['echo', 'log']) expect(await ask(id, name)).toContain(`"id":${id}`)
    }
    const id = '1764538245123456789'
    const initialize = JSON.stringify(INITIALIZE).replace('"id":0', `"id":${id}`)
    expect(await (await post(serving, initialize)).text()).toContain(`"id":${id}`)
    // Errors of ours: the process ends, and then there is no session.
    expect(await ask(id, 'exit')).toContain(`"id":${id},"error"`)
    expect(await ask(id, 'echo')).toContain(`"id":${id},"error"`)
  })

  it('with the id of a request in flight are refused', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const held = post(serving, toolCall('hold', { count: 2 }, 7), { session })
    await vi.waitUntil(async () => (await post(serving, toolCall('echo', {}, 7), { session })).status === 400)
    await callTool(serving, session, 'hold', { count: 2 })
    expect((await read(await held)).status).toBe(200)
  })

  it('get their progress, under their token', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const body = toolCall('progress', {}, 'p', { progressToken: 0 })
    const { messages } = await read(await post(serving, body, { session }))
    expect(messages.map(({ params }) => params)).toEqual([
      { progressToken: 0, progress: 1, total: 3 },
      { progressToken: 0, progress: 2, total: 3 },
      { progressToken: 0, progress: 3, total: 3 },
      undefined,
    ])
  })

  it('are cancelled on the process under its id', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const { value: id } = await callTool(serving, session, 'id')
    const hanging = post(serving, toolCall('hang', {}, 'h'), { session })
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'h' } }
    const seen = async () => (await callTool(serving, session, 'seen')).value as { cancelled: number[] }
    await vi.waitUntil(async () => {
      expect((await post(serving, cancel, { session })).status).toBe(202)
      return (await seen()).cancelled.length > 0
    })
    const { cancelled } = await seen()
    expect(cancelled[0]).toBeGreaterThan(Number(id))
    const { error } = await read(await hanging)
    expect(error?.message).toContain('Cancelled')
  })

  it('of a batch are answered together', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const body = [toolCall('echo', { n: 1 }, 1), { jsonrpc: '2.0', method: 'notifications/x' }, toolCall('echo', {}, 2)]
    const reply = await read(await post(serving, body, { session }))
    expect(reply.messages.map(({ id }) => id)).toEqual([1, 2])
  })

  it('that take too long get 504, and are cancelled', async () => {
    const serving = await serveForTest({ callTimeoutSeconds: 20 })
    const session = await openSession(serving)
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const late = await withTimePassing(
      post(serving, toolCall('hang', {}, 'late'), { session, accept: 'application/json' }).then(read),
    )
    vi.useRealTimers()
    expect(late.status).toBe(504)
    expect(late.messages[0]).toMatchObject({
      id: 'late',
      error: { code: -32000, data: { request_id: expect.stringMatching(/^request-/) } },
    })
    const { value } = await callTool(serving, session, 'seen')
    expect(value).toMatchObject({ cancelled: [expect.any(Number)] })
  })

  it('that take long become a stream that is kept alive, where the client reads one', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    let json: Response | undefined
    const answer = post(serving, toolCall('hang'), { session })
    void post(serving, toolCall('hang'), { session, accept: 'application/json' }).then(response => {
      json = response
    })
    const { headers, body } = await withTimePassing(answer)
    expect(headers.get('content-type')).toBe('text/event-stream')
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    const chunk = reader.read()
    vi.advanceTimersByTime(15_000)
    expect(new TextDecoder().decode((await chunk).value)).toBe(': keep-alive\n\n')
    expect(json).toBeUndefined()
    vi.useRealTimers()
  })

  it('that are open when the process dies get 502 at once', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const before = serving.requests()
    const hanging = [1, 2, 3].map(async id => read(await post(serving, toolCall('hang', {}, id), { session })))
    await vi.waitUntil(() => serving.requests() === before + 3)
    const exiting = read(await post(serving, toolCall('exit', { code: 3 }, 4), { session }))
    const replies = await Promise.all([...hanging, exiting])
    for (const [index, reply] of replies.entries()) {
      expect(reply.status).toBe(502)
      expect(reply.headers.get('x-request-id')).toBe(reply.error?.data?.request_id)
      expect(reply.messages[0]).toMatchObject({
        id: index + 1,
        error: { message: expect.stringContaining('exit code 3') },
      })
      expect(reply.error?.data?.request_id).toMatch(/^request-/)
    }
    expect((await callTool(serving, session, 'echo')).status).toBe(404)
    await openSession(serving)
  })

  it('end their stream when the token ends', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const stream = await listenFor(serving, session)
    const call = await post(serving, toolCall('log-only', { data: 'begun' }), { session })
    expect(call.headers.get('content-type')).toBe('text/event-stream')
    serving.endToken('ann')
    await stream.ended
    expect((await read(call)).messages).toHaveLength(1)
  })
})

describe('messages of the server', () => {
  it('ask the client on the stream of its request, and take the answer of nobody else', async () => {
    const serving = await serveForTest({ processPer: 'person' })
    const [session, other] = [await openSession(serving), await openSession(serving)]
    expect(serving.pids()).toHaveLength(1)
    const response = await post(serving, toolCall('ask', { message: 'Sure?' }), { session })
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const { value } = await reader.read()
    const question = JSON.parse(/data: (.*)/.exec(new TextDecoder().decode(value))?.[1] ?? '')
    expect(question).toMatchObject({ method: 'elicitation/create', params: { message: 'Sure?' } })
    const reply = (action: string) => ({ jsonrpc: '2.0', id: question.id, result: { action } })
    expect((await post(serving, reply('forged'), { session: other })).status).toBe(202)
    expect((await post(serving, reply('accept'), { session })).status).toBe(202)
    const { value: rest } = await reader.read()
    expect(new TextDecoder().decode(rest)).toContain('accept')
  })

  it('wait for the stream that the client opens', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const json = await callTool(serving, session, 'log', { data: 'early' }, { accept: 'application/json' })
    expect(json.status).toBe(200)
    const stream = await listenFor(serving, session)
    await vi.waitUntil(() => stream.messages.length > 0)
    expect(stream.messages[0]).toMatchObject({ params: { data: 'early' } })
    expect((await listenFor(serving, session)).response.status).toBe(409)
    stream.close()
  })

  it('are seen and changed by mapMessage', async () => {
    const serving = await serveForTest({
      mapMessage(message, call) {
        if ('method' in message) return undefined
        return { ...message, mapped: (call.body as { method: string }).method }
      },
    })
    const session = await openSession(serving)
    const { messages, headers } = await callTool(serving, session, 'log', {})
    expect(messages).toEqual([expect.objectContaining({ mapped: 'tools/call' })])
    expect(headers.get('content-type')).toBe('application/json')
  })
})

describe('mapMessage', () => {
  it('that throws withholds the message', async () => {
    const errors: unknown[] = []
    const serving = await serveForTest({
      onError: error => errors.push(error),
      mapMessage(message) {
        if (JSON.stringify(message).includes('secret')) throw new Error('cannot read it')
        return message
      },
    })
    const session = await openSession(serving)
    const reply = await callTool(serving, session, 'echo', { text: 'secret' })
    expect(reply.error).toMatchObject({ code: -32603 })
    expect(JSON.stringify(reply.messages)).not.toContain('secret')
    const logged = await callTool(serving, session, 'log', { data: 'secret' })
    expect(logged.messages).toHaveLength(1)
    expect(errors.map(String)).toEqual(['Error: cannot read it', 'Error: cannot read it'])
    expect((await callTool(serving, session, 'echo', { a: 1 })).value).toEqual({ a: 1 })
  })
})

describe('a process per person', () => {
  it('is shared by sessions, whose ids and progress do not mix', async () => {
    const serving = await serveForTest({ processPer: 'person' })
    const sessions = [
      await openSession(serving),
      await openSession(serving, 'ann other'),
      await openSession(serving, 'bob'),
    ]
    expect(serving.pids()).toHaveLength(2)
    const [ann = '', other = ''] = sessions
    const body = toolCall('progress', {}, 1, { progressToken: 't' })
    const replies = await Promise.all([
      post(serving, body, { session: ann }).then(read),
      post(serving, body, { session: other, caller: 'ann other' }).then(read),
    ])
    for (const { messages } of replies) {
      expect(messages.map(({ id, params }) => id ?? (params as { progressToken: string }).progressToken)).toEqual([
        't',
        't',
        't',
        1,
      ])
    }
    expect((await callTool(serving, ann, 'seen')).value).toMatchObject({ initialized: 1 })
  })

  it('is not shared by clients that can do different things', async () => {
    const serving = await serveForTest({ processPer: 'person' })
    await openSession(serving)
    const params = { ...INITIALIZE.params, capabilities: {} }
    expect((await post(serving, { ...INITIALIZE, params })).status).toBe(200)
    expect(serving.pids()).toHaveLength(2)
  })

  it('ends with the last session', async () => {
    const serving = await serveForTest({ processPer: 'person' })
    const sessions = [await openSession(serving), await openSession(serving)]
    const [pid = 0] = serving.pids()
    const end = (session: string) =>
      fetch(serving.url, { method: 'DELETE', headers: { 'mcp-session-id': session, 'x-caller': 'ann' } })
    const hanging = post(serving, toolCall('hang'), { session: sessions[0] as string })
    await callTool(serving, sessions[0] as string, 'echo')
    await end(sessions[0] as string)
    expect((await read(await hanging)).error?.message).toContain('session has ended')
    expect((await callTool(serving, sessions[1] as string, 'pid')).value).toBe(pid)
    await end(sessions[1] as string)
    await vi.waitUntil(() => !isRunning(pid))
  })
})

describe('requests of 2026-07-28', () => {
  it('share a process per person, under ids of their own', async () => {
    const serving = await serveForTest({ idleSeconds: 1.5 })
    const call = async (caller: string) => (await read(await modernCall(serving, 'pid', {}, { caller }))).value
    expect(await call('ann')).toBe(await call('ann other'))
    expect(await call('bob')).not.toBe(await call('ann'))
    const same = await Promise.all(
      ['ann', 'ann other'].map(async caller =>
        read(
          await modernPost(
            serving,
            'tools/call',
            { name: 'hold', arguments: { count: 2 } },
            { 'mcp-name': 'hold' },
            { caller },
            'same',
          ),
        ),
      ),
    )
    expect(same.map(({ messages }) => messages[0]?.id)).toEqual(['same', 'same'])
    await vi.waitUntil(() => !serving.pids().some(isRunning))
  })

  it('without the headers that name the operation do not reach the server', async () => {
    const serving = await serveForTest()
    const bare = await read(await modernCall(serving, 'pid', {}, { headers: { 'mcp-name': '' } }))
    expect(bare.error?.code).toBe(-32020)
    expect(serving.pids()).toHaveLength(0)
    const encoded = `=?base64?${Buffer.from('pid').toString('base64')}?=`
    expect((await modernCall(serving, 'pid', {}, { headers: { 'mcp-name': encoded } })).status).toBe(200)
  })

  it('have the status of their error', async () => {
    const serving = await serveForTest()
    expect((await read(await modernPost(serving, 'server/discover', {}))).status).toBe(404)
  })

  it('are cancelled when their client hangs up', async () => {
    const serving = await serveForTest()
    const controller = new AbortController()
    const { value: pid } = await read(await modernCall(serving, 'pid'))
    const hanging = modernCall(serving, 'hang', {}, { signal: controller.signal }).catch(() => {})
    const seen = async () => (await read(await modernCall(serving, 'seen'))).value as { cancelled: number[] }
    expect((await seen()).cancelled).toEqual([])
    controller.abort()
    await hanging
    await vi.waitUntil(async () => (await seen()).cancelled.length === 1)
    expect(serving.pids()).toEqual([pid])
  })

  it('get what they subscribe to under their id, for as long as they listen', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const serving = await serveForTest({ callTimeoutSeconds: 20 })
    const controller = new AbortController()
    const response = await modernPost(serving, 'subscriptions/listen', {}, {}, { signal: controller.signal }, 'sub')
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const { value } = await reader.read()
    const message = JSON.parse(/data: (.*)/.exec(new TextDecoder().decode(value))?.[1] ?? '')
    expect(message.params._meta['io.modelcontextprotocol/subscriptionId']).toBe('sub')
    const late = await withTimePassing(modernCall(serving, 'hang', {}, { accept: 'application/json' }).then(read))
    expect(late.status).toBe(504)
    vi.useRealTimers()
    const { value: seen } = await read(await modernCall(serving, 'seen'))
    expect(seen).toMatchObject({ cancelled: [expect.any(Number)] })
    controller.abort()
  })
})
