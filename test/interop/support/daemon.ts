import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { environment } from './program.ts'
import { until } from './until.ts'

/** A server of Debian, in a process of its own. */
export interface Daemon {
  /** Resolves when it answers. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface DaemonOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Answers when it is ready. */
  readonly url: string
}

export function createDaemon({ command, args, cwd, env, url }: DaemonOptions): Daemon {
  let child: ChildProcess | undefined
  let closed: Promise<unknown> | undefined
  return {
    async start() {
      let log = ''
      const started = spawn(command, args, {
        cwd,
        env: { ...environment(), ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      for (const stream of [started.stdout, started.stderr]) stream.on('data', chunk => (log += chunk))
      started.on('error', error => (log += error.message))
      closed = once(started, 'close')
      child = started
      const answers = async () => {
        if (started.exitCode !== null || started.pid === undefined) throw new Error(`${command} ended: ${log}`)
        const response = await fetch(url).catch(() => undefined)
        await response?.body?.cancel()
        return response !== undefined
      }
      if (!(await until(answers, Boolean, 30))) throw new Error(`${command} does not answer at ${url}: ${log}`)
    },
    async stop() {
      child?.kill('SIGTERM')
      await closed
    },
  }
}
