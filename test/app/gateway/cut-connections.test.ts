import { EventEmitter, once } from 'node:events'
import { type IncomingMessage, ServerResponse } from 'node:http'
import { connect, Socket } from 'node:net'
import { queryObjects } from 'node:v8'
import { expect, it, vi } from 'vitest'
import { listenInTest, startFixture, textOf } from './fixture.ts'

const CONNECTIONS = 3000
const AT_ONCE = 60
/** Those that are open, and those before them whose end was not noticed yet. */
const MOST_OF_PERSON = 150

interface Cut {
  readonly head: string
  readonly body: string
  /** Sends bytes; resolves when they have left. */
  send(text: string): Promise<void>
  /** Resolves when the target has the request. */
  arrived(): Promise<unknown>
  /** Resolves when a part of the answer is here. */
  answered(): Promise<unknown>
}

/** When a client goes. Those that end with `true` have the target see every request. */
const stages: Readonly<
  Record<string, readonly [method: string, reaches: boolean, until: (cut: Cut) => Promise<unknown>]>
> = {
  'before the first byte': ['silent', false, async () => {}],
  'in the headers': ['silent', false, ({ head, send }) => send(head.slice(0, 60))],
  'before the body': ['silent', false, ({ head, send }) => send(head)],
  'in the body': ['silent', false, ({ head, body, send }) => send(head + body.slice(0, 20))],
  'right after the body': ['silent', false, ({ head, body, send }) => send(head + body)],
  'before the answer': [
    'silent',
    true,
    async ({ head, body, send, arrived }) => {
      const there = arrived()
      await send(head + body)
      await there
    },
  ],
  'in an answer of known length': ['half', true, sendAndRead],
  'in an answer larger than any buffer': ['large', true, sendAndRead],
  'in a stream': ['stream', true, sendAndRead],
  'in a stream of its own': ['GET', true, sendAndRead],
}

async function sendAndRead({ head, body, send, answered }: Cut): Promise<void> {
  const there = answered()
  await send(head + body)
  await there
}

const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  silent() {},
  half: response => response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1000 }).write('{"'),
  large: response => response.writeHead(200, { 'Content-Type': 'application/json' }).write(Buffer.alloc(2 ** 20, ' ')),
  stream: response => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: {}\n\n'),
  good: response => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}'),
}

/** A target that says which requests it has, and counts those that are open. */
async function startTarget() {
  const arrivals = new EventEmitter().setMaxListeners(AT_ONCE)
  let open = 0
  const { server, origin } = await listenInTest(async (request: IncomingMessage, response: ServerResponse) => {
    open++
    response.on('close', () => open--)
    const { method = 'stream', id } = request.method === 'POST' ? JSON.parse(await textOf(request)) : {}
    answers[method]?.(response)
    arrivals.emit(String(id))
    arrivals.emit('any')
  })
  const connections = () => new Promise<number>(resolve => server.getConnections((_, count) => resolve(count)))
  return { origin, arrivals, open: () => open, connections }
}

/** What holds the process. */
const openSockets = () => process.getActiveResourcesInfo().filter(kind => kind === 'TCPSocketWrap').length

/** What something still refers to, be it a listener, a timer or a list. */
const kept = () => ({ sockets: queryObjects(Socket), responses: queryObjects(ServerResponse) })

it(`keeps nothing of ${CONNECTIONS} connections that are cut at any stage`, { timeout: 600_000 }, async () => {
  const target = await startTarget()
  let reached = 0
  target.arrivals.on('any', () => reached++)
  const gateway = await startFixture(target.origin, {
    gateway: { mostOfPerson: MOST_OF_PERSON, mostInTotal: MOST_OF_PERSON },
  })
  const token = await gateway.token()
  const authorization = { Authorization: `Bearer ${token}` }
  const post = (method: string, id: unknown) => gateway.post({ jsonrpc: '2.0', id, method }, authorization)

  async function cut(number: number): Promise<void> {
    const [method, , until] = Object.values(stages)[number % names.length] as (typeof stages)[string]
    const socket: Socket = connect(gateway.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    const body = method === 'GET' ? '' : JSON.stringify({ jsonrpc: '2.0', id: number, method })
    const head = [
      `${method === 'GET' ? 'GET' : 'POST'} /mcp HTTP/1.1`,
      `Host: 127.0.0.1:${gateway.port}`,
      `Authorization: ${authorization.Authorization}`,
      'Accept: application/json, text/event-stream',
      ...(body === '' ? [] : ['Content-Type: application/json', `Content-Length: ${body.length}`]),
      '\r\n',
    ].join('\r\n')
    await until({
      head,
      body,
      send: text => new Promise(resolve => socket.write(text, () => resolve())),
      arrived: () => once(target.arrivals, String(number)),
      async answered() {
        const [chunk] = await once(socket, 'data')
        expect(String(chunk)).toMatch(/^HTTP\/1\.1 200 /)
        socket.pause()
      },
    })
    // Some say that they go, some are gone.
    if (number % 3 === 0) socket.resetAndDestroy()
    else socket.destroy()
  }

  const names = Object.keys(stages)
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < CONNECTIONS) await cut(next++)
    }),
  )

  const certain = Object.values(stages).filter(([, reaches]) => reaches).length
  expect(reached).toBeGreaterThanOrEqual((CONNECTIONS / names.length) * certain)
  await vi.waitUntil(() => target.open() === 0)
  expect((await post('good', 'a')).status).toBe(200)
  expect(gateway.events('bug')).toEqual([])

  // All places are free again: those of the person and of all together.
  const streams = await Promise.all(Array.from({ length: MOST_OF_PERSON }, (_, index) => post('stream', `s${index}`)))
  expect(streams.map(({ status }) => status)).toEqual(Array(MOST_OF_PERSON).fill(200))
  expect((await post('good', 'b')).status).toBe(503)
  await Promise.all(streams.map(({ body }) => body?.cancel()))

  // Connections that could be used again are kept for some seconds.
  await vi.waitUntil(async () => (await target.connections()) === 0)
  await gateway.close()
  await vi.waitUntil(() => openSockets() === 0)
  const { sockets, responses } = kept()
  expect(sockets).toBeLessThan(20)
  expect(responses).toBeLessThan(20)
})
