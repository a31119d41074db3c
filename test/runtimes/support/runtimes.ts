import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { Platform } from './project.ts'

const at = (path: string) => fileURLToPath(new URL(`../packages/node_modules/${path}`, import.meta.url))

export interface Runtime {
  readonly name: string
  readonly platform: Platform
  /**
   * Starts a server, which ends with the test.
   *
   * @returns Its port. It listens on every interface.
   */
  start(file: string, env: Readonly<Record<string, string>>): Promise<number>
}

const node = (name: string, installed: string): Runtime => ({
  name,
  platform: 'node',
  start: (file, env) => startProgram(at(`${installed}/bin/node`), [file], file, env),
})

export const runtimes: readonly Runtime[] = [
  node('Node 22.19', 'node-22'),
  node('Node 24', 'node-24'),
  node('the newest Node', 'node-newest'),
  {
    name: 'Bun',
    platform: 'bun',
    start: (file, env) => startProgram(at('.bin/bun'), ['run', file], file, env),
  },
  {
    name: 'Deno',
    platform: 'deno',
    start: (file, env) => startProgram(at('.bin/deno'), ['run', '--allow-all', '--no-prompt', file], file, env),
  },
  { name: 'workerd', platform: 'workerd', start: startWorker },
]

/** A program that says `port N` when it listens. */
function startProgram(command: string, args: string[], file: string, env: Readonly<Record<string, string>>) {
  const child = spawn(command, args, {
    cwd: dirname(file),
    env: { PATH: process.env.PATH, HOME: dirname(file), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return portOf(child, child.stdout, line => /^port (\d+)$/.exec(line)?.[1])
}

/** workerd listens by a configuration file, and tells the port on a channel of its own. */
function startWorker(file: string, env: Readonly<Record<string, string>>): Promise<number> {
  const bindings = Object.entries(env).map(([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`)
  writeFileSync(
    join(dirname(file), 'worker.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "server", worker = (
      modules = [(name = "worker", esModule = embed "${basename(file)}")],
      bindings = [${bindings.join(', ')}],
      compatibilityDate = "2026-07-01",
      compatibilityFlags = ["nodejs_compat"],
    )),
    (name = "internet", network = (allow = ["private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "server")],
);`,
  )
  const child = spawn(at('.bin/workerd'), ['serve', 'worker.capnp', '--control-fd=3'], {
    cwd: dirname(file),
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  return portOf(child, child.stdio[3] as Readable, line => {
    const { event, port } = JSON.parse(line) as { event: string; port?: number }
    return event === 'listen' ? String(port) : undefined
  })
}

async function portOf(
  child: ChildProcess,
  channel: Readable,
  read: (line: string) => string | undefined,
): Promise<number> {
  let said = ''
  child.stderr?.on('data', chunk => {
    said += chunk
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const port = new Promise<number>(resolve => {
    createInterface({ input: channel }).on('line', line => {
      const found = read(line)
      if (found !== undefined) resolve(Number(found))
    })
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${code} before it listened\n${said}`)
  })
  ended.catch(() => {})
  return Promise.race([port, ended])
}
