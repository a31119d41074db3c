import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from '../../servers/examples.ts'
import { spawnProgram } from '../../support/program.ts'

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
export async function startProgram({ args, cwd, env }: Command, url: string): Promise<Running> {
  // In a group of its own: workerd outlives miniflare.
  const launch = () => spawnProgram(args, { cwd, env, detached: true })
  let program = launch()

  async function answers(seconds: number): Promise<boolean> {
    for (
      const end = Date.now() + seconds * 1000;
      Date.now() < end && program.child.exitCode === null;
      await delay(100)
    ) {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
      await response?.body?.cancel()
      if (response) return true
    }
    return false
  }

  async function end(): Promise<void> {
    const { child, ended } = program
    if (child.exitCode !== null || child.signalCode !== null) return
    process.kill(-(child.pid as number), 'SIGKILL')
    await ended
  }

  if (!(await answers(START_SECONDS))) {
    await end()
    throw new Error(`${args.join(' ')} does not answer at ${url}: ${program.output()}`)
  }
  return {
    async restart(seconds) {
      await end()
      program = launch()
      return answers(seconds)
    },
    end,
  }
}
