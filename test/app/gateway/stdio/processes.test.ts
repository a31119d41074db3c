import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { StdioEvent } from '../../../../app/gateway/stdio/target.ts'
import {
  callTool,
  fixture,
  INITIALIZE,
  isRunning,
  modernCall,
  openSession,
  post,
  read,
  type Serving,
  toolCall,
} from './serving.ts'
import { serveForTest } from './serving-for-test.ts'

describe('the environment of a command', () => {
  const env = {
    PATH: process.env.PATH,
    HOME: '/home/us',
    AUTH_PROVIDER: 'auth0',
    BRIDGE_SECRET: 's',
    API_KEY: 'k',
    DEBUG: '1',
  }

  it('has PATH, HOME and what is named, and nothing else of ours', async () => {
    const serving = await serveForTest({ env, passEnvironment: ['DEBUG', 'MISSING'], environment: { ROOT: '/srv' } })
    const session = await openSession(serving)
    const { value } = await callTool(serving, session, 'env')
    expect(value).toEqual({ PATH: process.env.PATH, HOME: '/home/us', DEBUG: '1', ROOT: '/srv' })
  })

  it('never has settings of our own sign-in', async () => {
    await expect(serveForTest({ env, passEnvironment: ['AUTH_PROVIDER'] })).rejects.toThrow('AUTH_PROVIDER')
  })

  it('says who is calling when it is asked to, without the client where several share the process', async () => {
    const serving = await serveForTest({ env, callerEnvironment: true })
    const caller = 'ann desk https://issuer.example'
    const session = await openSession(serving, caller)
    const { value } = await callTool(serving, session, 'env', {}, { caller })
    expect(value).toMatchObject({
      MCP_CALLER_ISSUER: 'https://issuer.example',
      MCP_CALLER_SUBJECT: 'ann',
      MCP_CALLER_CLIENT: 'desk',
    })
    const shared = await read(await modernCall(serving, 'env', {}, { caller }))
    expect(shared.value).toMatchObject({ MCP_CALLER_SUBJECT: 'ann' })
    expect(shared.value).not.toHaveProperty('MCP_CALLER_CLIENT')
    const anonymous = await openSession(serving, 'nobody')
    const { value: nobody } = await callTool(serving, anonymous, 'env', {}, { caller: 'nobody' })
    expect(nobody).not.toHaveProperty('MCP_CALLER_SUBJECT')
  })

  it('that no process can have is answered with 502', async () => {
    const serving = await serveForTest({ environment: { BROKEN: 'a\0b' } })
    expect((await post(serving, INITIALIZE)).status).toBe(502)
    expect((await modernCall(serving, 'pid')).status).toBe(502)
  })
})

describe('the output of a command', () => {
  const invalid = ({ events }: Serving) =>
    events.flatMap(event => (event.event === 'command_invalid_output' ? [event.reason] : []))

  it('on standard error becomes lines for the log, cut when they are long', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    await callTool(serving, session, 'stderr', { text: `first\r\nsecond\n\n${'x'.repeat(100_000)}` })
    const lines = () => serving.events.flatMap(event => (event.event === 'command_stderr' ? [event.line] : []))
    await vi.waitUntil(() => lines().length === 3)
    expect(lines()).toEqual(['first', 'second', `${'x'.repeat(4096)} …`])
    expect(serving.events.find(({ event }) => event === 'command_stderr')).toMatchObject({ pid: serving.pids()[0] })
  })

  it('that is not JSON-RPC reaches no client', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const reply = await callTool(serving, session, 'stdout', { text: 'Listening…\n{"hello":"world"}' })
    expect(reply.value).toBe('written')
    expect(reply.messages).toHaveLength(1)
    expect(invalid(serving)).toEqual(['not JSON', 'not JSON-RPC'])
  })

  it.each([
    ['without a result', '{"jsonrpc":"2.0","id":ID}'],
    ['with a result that is no object', '{"jsonrpc":"2.0","id":ID,"result":"done"}'],
    ['with an error that is text', '{"jsonrpc":"2.0","id":ID,"error":"failed"}'],
    ['with both', '{"jsonrpc":"2.0","id":ID,"result":{},"error":{"code":1,"message":"failed"}}'],
    ['without its version', '{"id":"ID","result":{}}'],
    ['in an array', '[{"jsonrpc":"2.0","id":ID,"result":{}}]'],
  ])('that answers a call %s fails it at once', async (_how, line) => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const reply = await callTool(serving, session, 'pieces', { pieces: [`${line}\n`] })
    expect(reply.status).toBe(502)
    expect(reply.messages).toEqual([
      {
        jsonrpc: '2.0',
        id: expect.any(Number),
        error: {
          code: -32603,
          message: 'The MCP server gave an answer that is not JSON-RPC.',
          data: { request_id: expect.any(String) },
        },
      },
    ])
    expect(invalid(serving)).toEqual(['not JSON-RPC'])
    expect((await callTool(serving, session, 'echo', { text: 'on' })).value).toEqual({ text: 'on' })
  })

  it.each([
    ['twice', ['{"jsonrpc":"2.0","id":ID,"result":{}}\n{"jsonrpc":"2.0","id":ID,"result":{"late":true}}\n']],
    [
      'and another that nobody asked for',
      ['{"jsonrpc":"2.0","id":4711,"result":{}}\n{"jsonrpc":"2.0","id":ID,"result":{}}\n'],
    ],
    [
      'and an error of nobody',
      ['{"jsonrpc":"2.0","id":"","error":{"code":-32700,"message":"?"}}\n{"jsonrpc":"2.0","id":"ID","result":{}}\n'],
    ],
  ])('that answers a call %s is told once', async (_how, pieces) => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const reply = await callTool(serving, session, 'pieces', { pieces })
    expect(reply.messages).toEqual([{ jsonrpc: '2.0', id: expect.any(Number), result: {} }])
    await vi.waitUntil(() => invalid(serving).length > 0)
    expect((await callTool(serving, session, 'echo', { text: 'on' })).value).toEqual({ text: 'on' })
    expect(invalid(serving)).toEqual(['an answer to nothing that was asked'])
  })

  it('that answers what was cancelled is as it should be', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const held = post(serving, toolCall('hold', { count: 2 }, 7), { session })
    await callTool(serving, session, 'echo')
    const params = { requestId: 7 }
    await post(serving, { jsonrpc: '2.0', method: 'notifications/cancelled', params }, { session })
    expect((await read(await held)).error?.message).toContain('Cancelled')
    await callTool(serving, session, 'hold', { count: 2 })
    await callTool(serving, session, 'echo')
    expect(invalid(serving)).toEqual([])
  })

  it('is read whatever pieces it comes in, with CR and with a byte order mark', async () => {
    const serving = await serveForTest({ flags: ['--mark'] })
    const session = await openSession(serving)
    // The second request of this process has the id 2 there.
    const text = Buffer.from('{"jsonrpc":"2.0","id":2,"result":{"name":"Zoë 🌍"}}\r\n\r\n').toString('latin1')
    const { messages } = await callTool(serving, session, 'pieces', { pieces: [...text] })
    expect(messages).toEqual([{ jsonrpc: '2.0', id: expect.any(Number), result: { name: 'Zoë 🌍' } }])
    expect(invalid(serving)).toEqual([])
  })

  it('that ends within a line is no answer', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const pieces = ['{"jsonrpc":"2.0","id":ID,"result":{}}']
    const reply = await callTool(serving, session, 'pieces', { pieces, exit: true })
    expect(reply.status).toBe(502)
    expect(reply.error?.message).toContain('exit code 1')
  })

  it('that is no answer to initialize ends the session before it begins', async () => {
    const script = `process.stdin.once('data', () => console.log('{"jsonrpc":"2.0","id":1}'))`
    const serving = await serveForTest({ args: ['-e', script] })
    const response = await post(serving, INITIALIZE)
    expect(response.status).toBe(502)
    expect(response.headers.get('mcp-session-id')).toBeNull()
    expect((await read(response)).error?.message).toContain('not JSON-RPC')
    await vi.waitUntil(() => !serving.pids().some(isRunning))
  })

  it('that floods standard error, or standard output with what is no message, is counted beyond 200 lines', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    await callTool(serving, session, 'stderr', { text: 'again\n'.repeat(1_000) })
    await callTool(serving, session, 'stdout', { text: '{"hello":"world"}\n'.repeat(300) })
    const count = (name: string) => serving.events.filter(({ event }) => event === name).length
    await vi.waitUntil(() => count('command_stderr') === 200 && count('command_invalid_output') === 200)
    await fetch(serving.url, { method: 'DELETE', headers: { 'mcp-session-id': session, 'x-caller': 'ann' } })
    await vi.waitUntil(() => count('command_output_dropped') === 2)
    const dropped = serving.events.filter(({ event }) => event === 'command_output_dropped')
    expect(dropped).toEqual([
      expect.objectContaining({ stream: 'stderr', lines: 800 }),
      expect.objectContaining({ stream: 'stdout', lines: 100 }),
    ])
  })

  it('that is nested too deeply to be passed on harms nobody but the call that it answers', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    const deep = '['.repeat(200_000) + ']'.repeat(200_000)
    const notification = `{"jsonrpc":"2.0","method":"notifications/message","params":{"data":${deep}}}`
    // The second request of this process has the id 2 there.
    const response = `{"jsonrpc":"2.0","id":2,"result":{"structuredContent":${deep}}}`
    const { error } = await callTool(serving, session, 'stdout', { text: `${notification}\n${response}` })
    expect(error).toMatchObject({ code: -32603, message: expect.stringContaining('nested') })
    expect((await callTool(serving, session, 'echo', { text: 'on' })).value).toEqual({ text: 'on' })
  })

  it('waits for a client that reads slowly', async () => {
    const { socket, written, count } = await flood()
    let received = 0
    socket.on('data', chunk => {
      received += chunk.length
    })
    await once(socket, 'close')
    expect(written()).toBe(count)
    expect(received).toBeGreaterThan(count * 64 * 1024)
  })

  it('does not wait for ever for one that has stopped reading', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { written, count, settled } = await flood()
    // More than once, if the server had only been held up by the machine.
    while (written() < count) {
      vi.advanceTimersByTime(31_000)
      await settled()
    }
  })

  /** Has a server send more than any buffer holds to a client that does not read, and resolves when the server waits. */
  async function flood() {
    const folder = mkdtempSync(join(tmpdir(), 'flood-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'count')
    const serving = await serveForTest()
    const session = await openSession(serving)
    const count = 1000
    const body = JSON.stringify(toolCall('flood', { count, file }))
    const socket = connect(Number(serving.url.port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const head = [
      'POST /mcp HTTP/1.1',
      'Host: localhost',
      'Accept: text/event-stream',
      `Mcp-Session-Id: ${session}`,
      'X-Caller: ann',
      'Connection: close',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
    const written = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0)
    /** Resolves when it has been the same for a while, or all is written. */
    async function settled(): Promise<void> {
      let last = { written: 0, since: performance.now() }
      await vi.waitUntil(() => {
        if (written() !== last.written) last = { written: written(), since: performance.now() }
        return last.written === count || (last.written > 0 && performance.now() - last.since > 1000)
      })
    }
    await settled()
    expect(written()).toBeLessThan(count)
    return { socket, written, count, settled }
  }
})

describe('a command that ends at once', () => {
  it.each([
    ['ends', { command: process.execPath, args: ['-e', 'process.exit(7)'] }, 'exit code 7'],
    ['does not exist', { command: '/does/not/exist', args: [] }, 'ENOENT'],
  ])('because it %s is not started again before a while, which grows', async (_why, command, reason) => {
    // How long a command is not started again is told by this clock.
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const serving = await serveForTest(command)
    const initialize = async (caller = 'ann') => read(await post(serving, INITIALIZE, { caller }))
    const first = await initialize()
    expect(first.status).toBe(502)
    expect(first.messages[0]).toMatchObject({ id: 0, error: { message: expect.stringContaining(reason) } })
    expect(first.headers.get('mcp-session-id')).toBeNull()
    const second = await initialize()
    expect(second.status).toBe(503)
    expect(second.headers.get('retry-after')).toBe('1')
    expect(second.error?.message).toContain(reason)
    const started = () => serving.events.filter(({ event }) => event === 'command_started').length
    expect(started()).toBe(1)
    // Another person is not made to wait.
    expect((await initialize('bob')).status).toBe(502)
    vi.advanceTimersByTime(999)
    expect((await initialize()).status).toBe(503)
    vi.advanceTimersByTime(1)
    expect((await initialize()).status).toBe(502)
    expect((await initialize()).headers.get('retry-after')).toBe('2')
    expect(started()).toBe(3)
  })

  it('is started at once when it had worked', async () => {
    const serving = await serveForTest()
    const session = await openSession(serving)
    expect((await callTool(serving, session, 'exit')).status).toBe(502)
    await openSession(serving)
    expect(serving.pids()).toHaveLength(2)
  })

  it('or closes its output is ended', async () => {
    const serving = await serveForTest({ flags: ['--stubborn'] })
    const session = await openSession(serving)
    const reply = await callTool(serving, session, 'hush')
    expect(reply.status).toBe(502)
    expect(reply.error?.message).toContain('standard output')
    await vi.waitUntil(() => !serving.pids().some(isRunning))
  })

  it('or never answers initialize is ended', async () => {
    const serving = await serveForTest({ flags: ['--quiet'], callTimeoutSeconds: 0.5 })
    const response = await post(serving, INITIALIZE)
    expect(response.status).toBe(504)
    expect(response.headers.get('mcp-session-id')).toBeNull()
    await vi.waitUntil(() => !serving.pids().some(isRunning))
  })
})

describe('no process is left', () => {
  const grandchildren = (events: readonly StdioEvent[]) =>
    events.flatMap(event =>
      event.event === 'command_stderr' ? [Number(/^grandchild (\d+)$/.exec(event.line)?.[1])] : [],
    )

  it('by close, also of those that ignore the end of their input and SIGTERM', async () => {
    const serving = await serveForTest({ flags: ['--stubborn'] })
    const session = await openSession(serving)
    const hanging = post(serving, toolCall('hang'), { session })
    await callTool(serving, session, 'echo')
    await vi.waitUntil(() => grandchildren(serving.events).length === 1)
    const pids = [...serving.pids(), ...grandchildren(serving.events)]
    expect(pids.every(isRunning)).toBe(true)
    const closed = serving.closeTarget()
    expect((await read(await hanging)).status).toBe(503)
    expect((await post(serving, INITIALIZE)).status).toBe(503)
    await closed
    await vi.waitUntil(() => !pids.some(isRunning))
  })

  it('by a command that ends and leaves others behind', async () => {
    const serving = await serveForTest({ flags: ['--stubborn'] })
    const session = await openSession(serving)
    await vi.waitUntil(() => grandchildren(serving.events).length === 1)
    expect((await callTool(serving, session, 'exit')).status).toBe(502)
    await vi.waitUntil(() => !grandchildren(serving.events).some(isRunning))
  })

  it.each(['SIGKILL', 'SIGTERM'] as const)('by a gateway that ends by %s', async signal => {
    const script = fileURLToPath(new URL('./gateway-process.ts', import.meta.url))
    const gateway = spawn(process.execPath, [script, '--stubborn'], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void gateway.kill('SIGKILL'))
    const events: StdioEvent[] = []
    createInterface({ input: gateway.stdout }).on('line', line => events.push(JSON.parse(line)))
    await vi.waitUntil(() => grandchildren(events).length === 2)
    const pids = events.flatMap(event => (event.event === 'command_started' ? [event.pid as number] : []))
    const all = [...pids, ...grandchildren(events)]
    expect(all).toHaveLength(4)
    expect(all.every(isRunning)).toBe(true)
    gateway.kill(signal)
    await vi.waitUntil(() => !all.some(isRunning))
  })

  it('after a hundred sessions have ended', async () => {
    const serving = await serveForTest({
      command: process.execPath,
      args: [fixture],
      maxPerPerson: 100,
      idleSeconds: 600,
    })
    const sessions: string[] = []
    // Ten at a time: starting is the machine's work, not ours.
    for (let i = 0; i < 10; i++) {
      sessions.push(...(await Promise.all(Array.from({ length: 10 }, () => openSession(serving)))))
    }
    const pids = serving.pids()
    expect(new Set(pids).size).toBe(100)
    expect(pids.every(isRunning)).toBe(true)
    await Promise.all(
      sessions.map(session =>
        fetch(serving.url, { method: 'DELETE', headers: { 'mcp-session-id': session, 'x-caller': 'ann' } }),
      ),
    )
    await vi.waitUntil(() => !pids.some(isRunning))
  }, 300_000)
})
