import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { balance } from '../e2e/balancer.ts'
import { freePort } from '../support/http.ts'
import { main } from '../support/program.ts'

export interface Processes {
  readonly issuer: string
  readonly count: number
  /** Ends one as a crash would, and starts it again on the same port. */
  crash(index: number): Promise<void>
  log(): string
}

/** Authorization servers behind a load balancer that hands each request to the next of them. Stopped when the test ends. */
export async function startProcesses(
  count: number,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<Processes> {
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  await balance(ports, port)
  const issuer = `http://localhost:${port}`
  const children: ChildProcess[] = []
  let output = ''

  async function run(index: number): Promise<void> {
    const env = { PATH: process.env.PATH, AUTH_SERVER_PORT: String(ports[index]), AUTH_SERVER_URL: issuer, ...settings }
    const child = spawn(process.execPath, [main, 'authorization-server'], { env })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        output = (output + chunk).slice(-200_000)
      })
    }
    children[index] = child
    const isReady = async () => (await fetch(`http://localhost:${ports[index]}/ready`).catch(() => undefined))?.ok
    for (let tries = 0; !(await isReady()); tries++) {
      // A store that is away at the start ends the process; who runs it starts it again.
      if (child.exitCode !== null) return run(index)
      if (tries > 600) throw new Error(`a process does not start:\n${output.slice(-5000)}`)
      await delay(50)
    }
  }
  async function kill(index: number): Promise<void> {
    const child = children[index]
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  onTestFinished(async () => void (await Promise.all(ports.map((_port, index) => kill(index)))))
  await Promise.all(ports.map((_port, index) => run(index)))
  return {
    issuer,
    count,
    log: () => output,
    async crash(index) {
      await kill(index)
      await run(index)
    },
  }
}
