import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Auth0Emulator } from '../../emulators/index.ts'
import { clockAhead } from '../support/clock-ahead.ts'
import { freePort, listen } from '../support/http.ts'
import type { Destination } from './client.ts'
import { createOpenFilesApp, files } from './files-server.ts'
import type { Place } from './kinds.ts'
import { surroundings } from './servers.ts'

export interface RunningPlace extends Destination {
  /** Ends all of our processes as a crash would, and starts them anew. */
  restart(): Promise<void>
  /** The same, and what they had stored is lost. Absent where they store nothing. */
  forget?(): Promise<void>
  /** Lets the access tokens end that were issued so far. */
  expire(): Promise<void>
  /** Takes away what a good token is checked with. Absent where that is the process itself. @returns Brings it back. */
  takeChecksAway?(): Promise<() => Promise<void>>
  /** Takes away what tokens are renewed at. Absent where nobody learns then that a token has ended. @returns Brings it back. */
  takeRenewalAway?(): Promise<() => Promise<void>>
  close(): Promise<void>
}

const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url))
const SERVER = [path('test/clients/files-main.ts')]
const DEMO = [path('app/main.ts'), 'authorization-server']
const gatewayTo = (url: string) => [path('app/main.ts'), 'gateway', '--to', url, '--identity', 'none']

/** A day, as of Auth0, and the hour of the demo: our clocks go ahead, and that of the client does not. */
const SECONDS_UNTIL_EXPIRED = 86_400 + 60
/** The shortest that the bridge allows. These are waited for, so that the clock of the client says so, too. */
const BRIDGE_SECONDS = 60
const TOLERANCE_SECONDS = 5
/** For a machine that is busy. */
const MOST_SECONDS = 120

export async function startPlace(place: Place): Promise<RunningPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'place-'))
  const data = join(folder, 'data')
  const port = await freePort()
  const origin = `http://localhost:${port}`
  let secondsLater = 0
  const closing: (() => Promise<unknown>)[] = []
  const start = (program: Program) => program.start(secondsLater)

  /** @param authorizationServer - The process that has the state, where that is not the server. */
  async function run(server: Program, authorizationServer?: Program) {
    const programs = authorizationServer ? [authorizationServer, server] : [server]
    closing.unshift(() => each(programs, program => program.kill()))
    async function startAll(): Promise<void> {
      await each(programs, start)
      await untilChecks()
    }
    async function restart(): Promise<void> {
      await each(programs, program => program.kill())
      await startAll()
    }
    await startAll()
    return {
      url: `${origin}/mcp`,
      restart,
      async forget() {
        await each(programs, program => program.kill())
        rmSync(data, { recursive: true, force: true })
        await startAll()
      },
      async expire() {
        secondsLater += SECONDS_UNTIL_EXPIRED
        await restart()
      },
      async close() {
        for (const close of closing) await close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  }

  /**
   * Until the server can say what it makes of a token: what it says before is about itself, not about clients.
   *
   * @param token - Default: one of nobody, another each time, since a refusal is remembered for some seconds. A server that checks tokens
   *   by key refuses it without the keys.
   */
  async function untilChecks(token?: string): Promise<void> {
    await until('it checks tokens', async () => {
      const headers = { authorization: `Bearer ${token ?? randomUUID()}` }
      const { status } = await fetch(`${origin}/mcp`, { method: 'POST', headers })
      return status !== 503
    })
  }

  const program = (args: readonly string[], ownPort: number, env: Readonly<Record<string, string>>) =>
    createProgram(folder, args, ownPort, { PUBLIC_URL: origin, TOKEN_CACHE_SECONDS: '0', ...env })
  const stored = { AUTH_STORE: 'sqlite', AUTH_DATA_DIR: data, CIMD: 'off' }

  async function withDemo(args: readonly string[]): Promise<RunningPlace> {
    const demoPort = await freePort()
    const issuer = `http://localhost:${demoPort}`
    const declaration = join(folder, 'files.json')
    writeFileSync(declaration, JSON.stringify(files))
    const shared = { AUTH_SERVER_URL: issuer, AUTH_RESOURCE: declaration, DEMO_RS_CLIENT_SECRET: 'the-secret-of-both' }
    const demo = program(DEMO, demoPort, { ...shared, ...stored, AUTH_SERVER_PORT: String(demoPort) })
    const server = program(args, port, { ...shared, AUTH_MODE: 'separate', PORT: String(port) })
    const running = await run(server, demo)
    return {
      ...running,
      issuer,
      login: 'ada',
      async takeChecksAway() {
        await demo.kill()
        return () => start(demo).then(() => untilChecks())
      },
    }
  }

  switch (place) {
    case 'demo':
      return withDemo(SERVER)
    case 'gateway': {
      const target = await listen(createOpenFilesApp())
      closing.push(target.close)
      return withDemo(gatewayTo(`${target.origin}/mcp`))
    }
    case 'bridge': {
      const { env, emulator, ...person } = await surroundings.bridge(origin)
      closing.push(async () => emulator?.close())
      const ours = { ...stored, PORT: String(port), BRIDGE_RECHECK_SECONDS: String(BRIDGE_SECONDS) }
      const running = await run(program(SERVER, port, { ...env, ...ours }))
      return {
        ...running,
        ...person,
        issuer: origin,
        expire: () => setTimeout((BRIDGE_SECONDS + TOLERANCE_SECONDS + 1) * 1000),
        async takeRenewalAway() {
          const bringBack = emulator?.fail({ kind: 'reset' })
          return async () => bringBack?.()
        },
      }
    }
    case 'direct': {
      const now = () => Date.now() + secondsLater * 1000
      const { env, emulator, ...person } = await surroundings.auth0(origin, now)
      closing.push(async () => emulator?.close())
      const { forget: _, ...running } = await run(program(SERVER, port, { ...env, PORT: String(port) }))
      const takeAway = (path?: string) => {
        const bringBack = emulator?.fail({ kind: 'status', status: 503, path })
        return async () => bringBack?.()
      }
      return {
        ...running,
        ...person,
        issuer: `${emulator?.origin}/`,
        async takeChecksAway() {
          const bringBack = takeAway()
          // Without the keys, which it had fetched before.
          await running.restart()
          return async () => {
            await bringBack()
            await untilChecks(await (emulator as Auth0Emulator).mint())
          }
        },
        takeRenewalAway: async () => takeAway('/oauth/token'),
      }
    }
  }
}

interface Program {
  /** Until it answers. @param secondsLater - How far its clock is ahead. */
  start(secondsLater: number): Promise<void>
  kill(): Promise<void>
}

function createProgram(
  folder: string,
  args: readonly string[],
  port: number,
  settings: Readonly<Record<string, string>>,
): Program {
  let child: ChildProcess | undefined
  return {
    async start(secondsLater) {
      const env = { PATH: process.env.PATH, HOME: folder, ...settings, NODE_OPTIONS: clockAhead(secondsLater) }
      const started = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
      child = started
      let output = ''
      for (const stream of [started.stdout, started.stderr]) stream.on('data', chunk => (output += chunk))
      const answers = () =>
        fetch(`http://127.0.0.1:${port}/`).then(
          () => true,
          () => false,
        )
      await until(`${args.join(' ')} answers`, () => {
        if (started.exitCode !== null) throw new Error(`${args.join(' ')} has ended:\n${output}`)
        return answers()
      })
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + MOST_SECONDS * 1000
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited ${MOST_SECONDS} seconds until ${what}`)
    await setTimeout(100)
  }
}

/** One after the other. */
async function each<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) await act(item)
}
