import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { listenInTest, textOf } from './fixture.ts'

const STREAMS = 1000
const AT_ONCE = 50
const MOST_BYTES = 25 * 1024

/** A gateway in a process of its own, in front of a target that streams, or answers what is called `quick` at once. */
async function startProcess() {
  const { origin } = await listenInTest(async (request, response) => {
    const text = await textOf(request)
    if (text.includes('"quick"')) response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    else response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: {}\n\n')
  })
  const program = fileURLToPath(new URL('open-streams-gateway.ts', import.meta.url))
  const child = fork(program, [`${origin}/mcp`], { execArgv: ['--expose-gc'] })
  onTestFinished(() => void child.kill())
  const [{ url, port, token }] = (await once(child, 'message')) as [{ url: string; port: number; token: string }]
  const headers = {
    Authorization: `Bearer ${token}`,
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
  }
  const bodyOf = (name: string) =>
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } })

  async function open(kind: 'GET' | 'POST'): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const body = kind === 'POST' ? bodyOf('slow') : ''
    const lines = Object.entries({
      Host: `127.0.0.1:${port}`,
      ...headers,
      ...(body && { 'Content-Length': body.length }),
    })
    const head = [`${kind} /mcp HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
    let answer = ''
    while (!answer.includes('data: {}')) answer += String((await once(socket, 'data'))[0])
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    return socket
  }

  return {
    async openMany(count: number, kind: 'GET' | 'POST'): Promise<Socket[]> {
      const sockets: Socket[] = []
      while (sockets.length < count) {
        sockets.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => open(kind)))))
      }
      return sockets
    },
    call: () => fetch(url, { method: 'POST', headers, body: bodyOf('quick') }),
    async bytesInUse(): Promise<number> {
      child.send('measure')
      const [bytes] = await once(child, 'message')
      return bytes as number
    },
  }
}

it.each(['GET', 'POST'] as const)(`holds ${STREAMS} streams of %s in 25 KiB each, and answers calls`, async kind => {
  const gateway = await startProcess()
  // What is made once, and what is compiled, is not the streams'.
  for (let calls = 0; calls < 20; calls++) await (await gateway.call()).text()
  for (const socket of await gateway.openMany(AT_ONCE, kind)) socket.destroy()
  const before = await gateway.bytesInUse()
  const streams = await gateway.openMany(STREAMS, kind)
  const each = ((await gateway.bytesInUse()) - before) / STREAMS
  expect(each).toBeLessThan(MOST_BYTES)
  const answer = await gateway.call()
  expect(await answer.json()).toEqual({})
  expect(streams.every(({ destroyed, readableEnded }) => !destroyed && !readableEnded)).toBe(true)
})
