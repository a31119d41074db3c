import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createServerProcess } from '../../../../app/conformance/server-process.ts'
import { startServerProcess } from '../../../../app/gateway/stdio/server-process.ts'

// What can be seen on another system: what is called, and with what. The program here stands for that of Windows.

/** @param script - Of the `taskkill.exe` below `SystemRoot`. */
function stubTaskkill(script: string): () => string[] {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-windows-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'root\\System32\\taskkill.exe')
  const told = join(folder, 'told')
  writeFileSync(program, `#!/bin/sh\necho "$@" >> ${told}\n${script}\n`)
  chmodSync(program, 0o700)
  vi.stubEnv('SystemRoot', join(folder, 'root'))
  onTestFinished(() => void vi.unstubAllEnvs())
  return () => (existsSync(told) ? readFileSync(told, 'utf8').trim().split('\n') : [])
}

function startOnWindows(script: string) {
  const told = stubTaskkill(script)
  const child = startServerProcess({
    command: process.execPath,
    // Goes on when its standard input has ended.
    args: ['-e', 'setInterval(() => {}, 1000)'],
    cwd: undefined,
    env: { PATH: process.env.PATH ?? '' },
    guard: { watch() {}, forget() {}, close() {} },
    platform: 'win32',
    onMalformed() {},
    onMessage() {},
    onEnd() {},
    onLine() {},
    onInvalid() {},
  })
  return { child, told }
}

it('ends a command with all that it started by taskkill, where there are no process groups', async () => {
  const { child, told } = startOnWindows('kill -9 "$2"')
  await child.stop()
  expect(told()).toEqual([`/PID ${child.pid} /T /F`])
  expect(child.ended).toMatchObject({ expected: true, signal: 'SIGKILL' })
})

it('asks taskkill again for a command that goes on', async () => {
  const { child, told } = startOnWindows('[ $(wc -l < "$(dirname "$0")/told") -lt 2 ] || kill -9 "$2"')
  await child.stop()
  // Nobody waits for the last program that is called.
  await vi.waitFor(() => expect(told()).toHaveLength(2))
})

it('ends the server of idplug conformance with the shell that started it, which passes no signal on', async () => {
  const told = stubTaskkill('kill -9 $(ps -o pid= --ppid "$2") "$2"')
  const script = 'console.log("started"); setInterval(() => {}, 1000)'
  const server = createServerProcess(`'${process.execPath}' -e '${script}'; true`, {}, 'win32')
  server.start()
  await vi.waitFor(() => expect(server.tail()).toBe('started'))
  await server.stop()
  expect(server.hasEnded()).toBe(true)
  expect(told()).toEqual([expect.stringMatching(/^\/PID \d+ \/T \/F$/)])
})
