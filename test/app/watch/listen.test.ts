import { once } from 'node:events'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WatchRecord } from 'idplug/internal'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { listenForServers } from '../../../app/watch/listen.ts'
import { lineView } from '../../../app/watch/view.ts'
import { createWatcher } from '../../../app/watch/watcher.ts'
import { runProgram, startProgram } from '../../support/program.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'idplug-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const nobody = { record: () => {}, foreign: () => {}, gone: () => {} }
const until = (check: () => void) => vi.waitFor(check, { interval: 20 })

async function listening(path: string, handlers: Parameters<typeof listenForServers>[1] = nobody) {
  const made = await listenForServers(path, handlers)
  let closed: Promise<void> | undefined
  const close = () => (closed ??= made.close())
  onTestFinished(close)
  return { close }
}

describe('the socket of a watcher', () => {
  it('can be opened by its user alone, and goes with the watcher', async () => {
    const path = join(folder(), 'watch')
    const { close } = await listening(path)
    expect(lstatSync(path).isSocket()).toBe(true)
    expect(lstatSync(path).mode & 0o777).toBe(0o600)
    await close()
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined()
  })

  it('replaces one that a watcher left behind', async () => {
    const path = join(folder(), 'watch')
    const killed = startProgram(['watch', path])
    await until(() => expect(killed.stderr()).toContain('Watching.'))
    killed.child.kill('SIGKILL')
    await killed.ended
    expect(lstatSync(path).isSocket()).toBe(true)
    await listening(path)
  })

  it('is not taken from another watcher', async () => {
    const path = join(folder(), 'watch')
    await listening(path)
    await expect(listenForServers(path, nobody)).rejects.toThrow(/is watched already/)
  })

  it.each<[string, (folder: string) => void, RegExp]>([
    ['a file', folder => writeFileSync(join(folder, 'watch'), 'precious'), /is not a socket/],
    ['a link', folder => symlinkSync('/dev/null', join(folder, 'watch')), /is a symbolic link/],
    ['a folder that is open to all', folder => chmodSync(folder, 0o777), /other users can change/],
  ])('is not made in the place of %s', async (_name, make, problem) => {
    const here = folder()
    make(here)
    const path = join(here, 'watch')
    await expect(listenForServers(path, nobody)).rejects.toThrow(problem)
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) expect(readFileSync(path, 'utf8')).toBe('precious')
  })

  it('is not made where there is no folder', async () => {
    await expect(listenForServers(join(folder(), 'none', 'watch'), nobody)).rejects.toThrow(
      /folder that does not exist/,
    )
  })
})

const REQUEST = { type: 'request', at: 1, method: 'GET', resource: 'https://mcp.example.com/mcp', place: 'endpoint' }

describe('what a server writes', () => {
  async function written(text: string | Buffer): Promise<WatchRecord[]> {
    const path = join(folder(), 'watch')
    const records: WatchRecord[] = []
    let gone = 0
    await listening(path, { ...nobody, record: record => void records.push(record), gone: () => void gone++ })
    const socket = connect(path)
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.end(text)
    await until(() => expect(gone).toBe(1))
    return records
  }

  it('cannot move the cursor of a terminal', async () => {
    const agent = 'evil\u001b[2J\u009b31m\u202e'
    const [record] = await written(`${JSON.stringify({ ...REQUEST, agent })}\n`)
    expect(record).toMatchObject({ agent: 'evil�[2J�31m�' })
  })

  it('is passed over where it is no record', async () => {
    const lines = ['{', 'null', '"text"', '{"type":"request"}', '{"type":1,"at":1}', '{"type":"lost","at":1,"count":2}']
    expect(await written(`${lines.join('\n')}\n`)).toEqual([{ type: 'lost', at: 1, count: 2 }])
  })

  it('is passed over where a member is of another type than the record has', async () => {
    const event = { type: 'event', at: 1, event: 'token_issued', facts: {} }
    const asked = { type: 'server_request', at: 1, method: 'POST', issuer: 'https://id.example.com', place: 'token' }
    const odd = [
      { ...REQUEST, agent: ['curl'] },
      { ...REQUEST, address: {} },
      { ...REQUEST, at: 1e300 },
      { ...REQUEST, at: -1 },
      { ...REQUEST, place: 'constructor' },
      { ...REQUEST, challenge: null },
      { ...REQUEST, operation: { method: 7 } },
      { ...REQUEST, scopes: 'files:read' },
      { ...REQUEST, client_info: { name: 'x' } },
      { ...REQUEST, reason: { kind: {} } },
      { ...asked },
      { ...asked, events: [null] },
      { ...asked, events: [], flows: 'abc' },
      { ...event, facts: null },
      { type: 'calls', at: 1, resource: '', caller: 1, client_id: 'a', count: 1 },
      { type: 'lost', at: 1, count: '2' },
      { type: 'resource', format: 1, pid: 1, resource: 'https://mcp.example.com/mcp' },
      { type: '__proto__', at: 1 },
      [REQUEST],
    ]
    const lines = [...odd.map(record => JSON.stringify(record)), `${'['.repeat(50_000)}`, JSON.stringify(event)]
    expect(await written(`${lines.join('\n')}\n`)).toEqual([event])
  })

  it('is shown whatever the facts of a refusal are', async () => {
    const reason = { kind: 'constructor', required: { toString: 1 }, granted: [{ valueOf: 1 }], detail: null }
    const records = await written(`${JSON.stringify({ ...REQUEST, status: 403, reason })}\n`)
    const shown: string[] = []
    const view = lineView({ columns: 80, write: text => shown.push(text) })
    const watcher = createWatcher({ onEvent: view.event })
    for (const record of records) watcher.record(record, 1)
    expect(shown.join('')).toContain('A reason that this version does not know.')
  })

  it('in the format of another version is not read, and the watcher is told of it', async () => {
    const path = join(folder(), 'watch')
    const told: unknown[] = []
    const tell = (what: unknown) => void told.push(what)
    await listening(path, { record: tell, foreign: tell, gone: () => tell('gone') })
    const hello = { type: 'resource', format: 2, pid: 1, resource: 'https://mcp.example.com/mcp', name: 'Files' }
    connect(path).end(`${JSON.stringify(hello)}\n{"type":"lost","at":1,"count":2}\n`)
    await until(() => expect(told).toEqual([2, 'gone']))
  })

  it('ends the connection where a line has no end', async () => {
    expect(await written('x'.repeat(200_000))).toEqual([])
  })
})

describe('idplug watch', () => {
  it('wants to know the socket', async () => {
    expect(await runProgram(['watch'])).toMatchObject({ code: 2, stderr: expect.stringContaining('name the socket') })
    const url = await runProgram(['watch', 'http://localhost:3000/mcp'])
    expect(url).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('start the server with AUTH_WATCH=watch.sock'),
    })
  })

  it('takes it from AUTH_WATCH, in .env as well', async () => {
    const cwd = folder()
    writeFileSync(join(cwd, '.env'), 'AUTH_WATCH=watch.sock\n')
    const program = startProgram(['watch'], { cwd })
    await until(() => expect(program.stderr()).toContain(`AUTH_WATCH=${join(cwd, 'watch.sock')}`))
    program.child.kill('SIGINT')
    expect(await program.ended).toBe(0)
    expect(lstatSync(join(cwd, 'watch.sock'), { throwIfNoEntry: false })).toBeUndefined()
  })

  it('refuses a socket that cannot be used with 2', async () => {
    const cwd = folder()
    mkdirSync(join(cwd, 'watch'))
    const { code, stderr } = await runProgram(['watch', 'watch'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toMatch(/AUTH_WATCH: .*is not a socket/)
  })

  it.each(['0', 'soon', '-1'])('refuses %s for the seconds of silence', async seconds => {
    expect(await runProgram(['watch', 'x', '--silence', seconds])).toMatchObject({ code: 2 })
  })

  it('has help within 80 columns', async () => {
    const { stdout } = await runProgram(['watch', '--help'])
    expect(stdout).toContain('AUTH_WATCH')
    expect(stdout.split('\n').filter(line => line.length > 80)).toEqual([])
  })
})
