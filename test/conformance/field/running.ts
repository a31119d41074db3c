import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

export interface Running {
  /** Ends the process and starts it again. @returns Whether it answers within `seconds`. */
  restart(seconds: number): Promise<boolean>
  end(): Promise<void>
}

const START_SECONDS = 60

/**
 * Starts a program that serves `url`.
 *
 * @throws {Error} It ended, or does not answer; with what it printed.
 */
export async function startProgram(
  program: string,
  url: string,
  settings: Readonly<Record<string, string>>,
): Promise<Running> {
  let log = ''
  let child = launch()

  function launch() {
    const env = {
      NODE_ENV: 'production',
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      MCP_USE_ANONYMIZED_TELEMETRY: 'false',
      ...settings,
    }
    // In a group of its own, which ends with what the program started: workerd outlives miniflare.
    const options = { cwd: tmpdir(), env, detached: true }
    const started = spawn(process.execPath, [program], { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [started.stdout, started.stderr]) stream.on('data', chunk => (log += chunk))
    return started
  }

  async function answers(seconds: number): Promise<boolean> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end && child.exitCode === null; await delay(100)) {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
      await response?.body?.cancel()
      if (response) return true
    }
    return false
  }

  async function end(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    process.kill(-(child.pid as number), 'SIGKILL')
    await once(child, 'close')
  }

  if (!(await answers(START_SECONDS))) {
    await end()
    throw new Error(`${program} does not answer at ${url}: ${log}`)
  }
  return {
    async restart(seconds) {
      await end()
      child = launch()
      return answers(seconds)
    },
    end,
  }
}
