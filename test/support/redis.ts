import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { freePort } from './http.ts'

/** A Redis of the test's own, which it may treat as badly as it likes. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Ends it, as a crash would. */
  kill(): Promise<void>
  /** Starts it again, on the same port and the same files. */
  restart(): Promise<void>
  /** Lets it hang with its connections open, until {@link RedisServer.resume}. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** Starts `redis-server` on a free port. Stopped when the test, or whoever calls `stop`, is done. */
export async function startRedis(options: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'redis-'))
  let child: ChildProcess

  async function run(): Promise<void> {
    const always = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '']
    child = spawn('redis-server', [...always, ...options], { stdio: 'ignore' })
    for (const deadline = Date.now() + 15_000; !(await accepts(port)); await delay(20)) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error('redis-server does not start')
    }
  }
  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await run()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    restart: run,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    stop: kill,
  }
}

/** For the one test that calls it. */
export async function redisForTest(options?: readonly string[]): Promise<RedisServer> {
  const redis = await startRedis(options)
  onTestFinished(() => redis.stop())
  return redis
}

/** Sends a command by itself; for setting up what a client cannot. */
export async function command(port: number, ...words: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString()
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
