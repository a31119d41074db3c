import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
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

/**
 * Starts `redis-server` on a free port. Stopped when the test, or whoever calls `stop`, is done.
 *
 * @param file - Configuration, where options do not do.
 */
export async function startRedis(options: readonly string[] = [], file?: string): Promise<RedisServer> {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'redis-'))
  let child: ChildProcess

  async function run(): Promise<void> {
    const always = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir]
    const server = options.includes('--sentinel') ? [] : ['--save', '', '--repl-diskless-sync-delay', '0']
    child = spawn('redis-server', [...(file ? [file] : []), ...always, ...server, ...options], { stdio: 'ignore' })
    for (const deadline = Date.now() + 60_000; !(await accepts(port)); await delay(20)) {
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

export interface SentinelSetup {
  /** `redis+sentinel://…` of all Sentinels. */
  readonly url: string
  readonly primary: RedisServer
  readonly replica: RedisServer
  /** Any of them. */
  readonly sentinel: RedisServer
  stop(): Promise<void>
}

/** A primary, a replica that takes over when it is gone, and three Sentinels that watch them. */
export async function startSentinels(): Promise<SentinelSetup> {
  const primary = await startRedis()
  const replica = await startRedis(['--replicaof', '127.0.0.1', String(primary.port)])
  const config = [
    `sentinel monitor store 127.0.0.1 ${primary.port} 2`,
    // A primary that a busy machine holds up for a while is not to be replaced: a test says when, with SENTINEL FAILOVER.
    'sentinel down-after-milliseconds store 60000',
    'sentinel failover-timeout store 3000',
  ].join('\n')
  const sentinels = await Promise.all(
    [0, 1, 2].map(async () => {
      const file = join(mkdtempSync(join(tmpdir(), 'sentinel-')), 'sentinel.conf')
      writeFileSync(file, config)
      return startRedis(['--sentinel'], file)
    }),
  )
  const [sentinel] = sentinels as [RedisServer]
  const all = [primary, replica, ...sentinels]
  return {
    url: sentinels.map(({ port }) => `redis+sentinel://127.0.0.1:${port}/store`).join(),
    primary,
    replica,
    sentinel,
    stop: async () => void (await Promise.all(all.map(server => server.stop()))),
  }
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
