import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { socketProblem } from '../../../auth/watch/socket-file.ts'
import { createWriter, type Writer } from '../../../auth/watch/writer.ts'
import { heapUsed } from '../../support/heap-used.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'idplug-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

interface Reader {
  readonly server: Server
  readonly sockets: Socket[]
  text(): string
  stop(): Promise<void>
}

/** @param reads - Whether it reads what it is sent. */
async function listen(path: string, { reads = true, mode = 0o600 } = {}): Promise<Reader> {
  const sockets: Socket[] = []
  let text = ''
  const server = createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    if (!reads) return void socket.pause()
    socket.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
  }).listen(`${path}.new`)
  await once(server, 'listening')
  // A writer may look for it at any time: it appears with the mode that it is to have.
  chmodSync(`${path}.new`, mode)
  renameSync(`${path}.new`, path)
  const stop = async () => {
    for (const socket of sockets) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  onTestFinished(stop)
  return { server, sockets, text: () => text, stop }
}

function writer(path: string): { writer: Writer; problems: string[] } {
  const problems: string[] = []
  const made = createWriter({ path, onProblem: problem => problems.push(problem) })
  onTestFinished(made.close)
  return { writer: made, problems }
}

const until = (check: () => void) => vi.waitFor(check, { interval: 20 })

it('writes lines to a watcher, the greeting first', async () => {
  const path = join(folder(), 'watch')
  const reader = await listen(path)
  const { writer: w } = writer(path)
  w.greet({ hello: 1 })
  w.write({ a: 1 })
  w.write({ a: 2 })
  await until(() => expect(reader.text()).toBe('{"hello":1}\n{"a":1}\n{"a":2}\n'))
})

it('greets once, however often the same is said', async () => {
  const path = join(folder(), 'watch')
  const reader = await listen(path)
  const { writer: w } = writer(path)
  w.greet({ hello: 1 })
  await until(() => expect(reader.text()).toBe('{"hello":1}\n'))
  for (let times = 0; times < 3; times++) w.greet({ hello: 1 })
  w.write({ a: 1 })
  await until(() => expect(reader.text()).toBe('{"hello":1}\n{"a":1}\n'))
})

it('keeps the last records for a watcher that comes later, and goes on with one that comes back', async () => {
  const path = join(folder(), 'watch')
  const { writer: w, problems } = writer(path)
  w.greet({ hello: 1 })
  w.write({ a: 1 })
  const first = await listen(path)
  await until(() => expect(first.text()).toBe('{"hello":1}\n{"a":1}\n'))
  await first.stop()
  w.write({ a: 2 })
  const second = await listen(path)
  await until(() => expect(second.text()).toMatch(/^\{"hello":1\}\n/))
  w.write({ a: 3 })
  await until(() => expect(second.text()).toContain('{"a":3}'))
  expect(problems).toEqual([])
})

it('drops the oldest records of a watcher that does not read, counts them, and never waits', async () => {
  const path = join(folder(), 'watch')
  const reader = await listen(path, { reads: false })
  const { writer: w } = writer(path)
  await until(() => expect(reader.sockets).toHaveLength(1))
  const before = heapUsed()
  const record = { text: 'x'.repeat(1_000) }
  for (let index = 0; index < 100_000; index++) {
    w.write({ ...record, index })
    // The buffers of the system fill up meanwhile.
    if (index % 1_000 === 0) await new Promise(setImmediate)
  }
  // A hundred megabytes were written.
  expect(heapUsed() - before).toBeLessThan(30_000_000)
  const [socket] = reader.sockets
  let text = ''
  socket?.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  socket?.resume()
  await until(() => expect(text).toContain('"index":99999}'))
  const lines = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { type?: string; count: number })
  const lost = lines.filter(({ type }) => type === 'lost').reduce((sum, { count }) => sum + count, 0)
  const seen = lines.filter(({ type }) => type === undefined).length
  expect(lost).toBeGreaterThan(0)
  expect(lost + seen).toBe(100_000)
})

it('makes 500 records a second at most, and counts the others', () => {
  const made = createWriter({ path: join(folder(), 'watch'), onProblem: () => {}, now: () => 1_000 })
  onTestFinished(made.close)
  const admitted = Array.from({ length: 700 }, () => made.admits()).filter(Boolean)
  expect(admitted).toHaveLength(500)
})

it('does not fail when a watcher dies in the middle', async () => {
  const path = join(folder(), 'watch')
  const reader = await listen(path)
  const { writer: w, problems } = writer(path)
  await until(() => expect(reader.sockets).toHaveLength(1))
  reader.sockets[0]?.destroy()
  await until(() => {
    w.write({ after: true })
    expect(reader.text()).toContain('"after":true')
  })
  expect(reader.sockets).toHaveLength(2)
  expect(problems).toEqual([])
})

it.each<[string, (folder: string) => string | Promise<string>, RegExp]>([
  [
    'is a file',
    folder => {
      const path = join(folder, 'watch')
      writeFileSync(path, 'precious')
      return path
    },
    /is not a socket/,
  ],
  [
    'is a symbolic link',
    async folder => {
      await listen(join(folder, 'real'))
      symlinkSync(join(folder, 'real'), join(folder, 'watch'))
      return join(folder, 'watch')
    },
    /is a symbolic link/,
  ],
  [
    'others can open',
    async folder => {
      await listen(join(folder, 'watch'), { mode: 0o666 })
      return join(folder, 'watch')
    },
    /can be opened by other users \(mode 0666\)/,
  ],
  [
    'is in a folder that others can change',
    async folder => {
      const open = join(folder, 'open')
      mkdirSync(open)
      await listen(join(open, 'watch'))
      chmodSync(open, 0o777)
      return join(open, 'watch')
    },
    /is in a folder that other users can change/,
  ],
])('writes nothing to a socket that %s, and says why once', async (_name, make, problem) => {
  const path = await make(folder())
  const { writer: w, problems } = writer(path)
  w.write({ a: 1 })
  await until(() => expect(problems).toEqual([expect.stringMatching(problem)]))
})

const asRoot = it.skipIf(process.getuid?.() !== 0)

asRoot('writes nothing to a socket of another user', async () => {
  const { chownSync } = await import('node:fs')
  const path = join(folder(), 'watch')
  await listen(path)
  chownSync(path, 12_345, 12_345)
  expect(await socketProblem(path)).toBe('belongs to another user (uid 12345): run the server as the user who watches')
})

it('takes a socket in a folder like /tmp, where everybody makes files and nobody takes them away', async () => {
  const sticky = join(folder(), 'sticky')
  mkdirSync(sticky)
  chmodSync(sticky, 0o1777)
  await listen(join(sticky, 'watch'))
  expect(await socketProblem(join(sticky, 'watch'))).toBeUndefined()
})

it('does not keep the process alive', async () => {
  const { runProgram } = await import('../../support/program.ts')
  const script = join(folder(), 'writer.ts')
  const source = new URL('../../../auth/watch/writer.ts', import.meta.url).href
  writeFileSync(
    script,
    `import { createWriter } from '${source}'
createWriter({ path: '/nowhere/watch', onProblem: console.error }).write({ a: 1 })`,
  )
  expect(await runProgram([], { script })).toMatchObject({ code: 0, output: '' })
})
