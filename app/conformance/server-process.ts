import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { endWindowsTree } from '../gateway/stdio/process-tree.ts'

/** The server under test, run by a shell command. */
export interface ServerProcess {
  start(): void
  /** Ends it and what it started; it has some seconds to do so itself. */
  stop(): Promise<void>
  hasEnded(): boolean
  /** The last lines that it printed. */
  tail(): string
}

const MAX_TAIL = 4000
const STOP_MILLISECONDS = 5000

/**
 * @param env - Beside the environment of this process.
 * @param platform - Of `process.platform`; a parameter for tests.
 */
export function createServerProcess(
  command: string,
  env: Readonly<Record<string, string>>,
  platform: NodeJS.Platform = process.platform,
): ServerProcess {
  let child: ChildProcess | undefined
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-MAX_TAIL)
  }
  const hasEnded = () => child === undefined || child.exitCode !== null || child.signalCode !== null
  const signal = (name: NodeJS.Signals) => {
    if (child?.pid === undefined || hasEnded()) return
    // A shell does not pass signals on; its group has them all. A server that went on would hold our pipes, and the wait for their end.
    if (platform === 'win32') endWindowsTree(child)
    else process.kill(-child.pid, name)
  }
  process.once('exit', () => signal('SIGKILL'))
  return {
    start() {
      const detached = platform !== 'win32'
      child = spawn(command, {
        shell: true,
        detached,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      child.stdout?.on('data', keep)
      child.stderr?.on('data', keep)
      child.on('error', error => keep(Buffer.from(error.message)))
    },
    async stop() {
      if (!child || hasEnded()) return
      // Not `exit`: the shell may be gone while the server still answers what it has begun.
      const ended = once(child, 'close')
      signal('SIGTERM')
      const isLate = await Promise.race([ended.then(() => false), delay(STOP_MILLISECONDS, true)])
      if (isLate) signal('SIGKILL')
      await ended
    },
    hasEnded,
    tail: () => output.trim(),
  }
}
