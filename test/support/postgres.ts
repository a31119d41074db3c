import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import { freePort } from './http.ts'

const run = promisify(execFile)

const isRoot = userInfo().uid === 0
/** Neither PostgreSQL nor PgBouncer runs as root. */
const asPostgres = (file: string, args: readonly string[]): [string, string[]] =>
  isRoot ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', file, ...args]] : [file, [...args]]

/** A PostgreSQL of the test's own, which it may treat as badly as it likes. */
export interface PostgresServer {
  readonly port: number
  /** Of the database `postgres`, for a superuser. */
  readonly url: string
  /** A new, empty database. @returns Its URL. */
  createDatabase(): Promise<string>
  query(sql: string, url?: string): Promise<Record<string, unknown>[]>
  /** Ends it, as a crash would. */
  kill(): Promise<void>
  /** Starts it again, on the same port and the same files. */
  restart(): Promise<void>
  /** Lets all its processes hang with their connections open, until {@link PostgresServer.resume}. */
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
}

/** Starts PostgreSQL on a free port. Stopped when the test, or whoever calls `stop`, is done. */
export async function startPostgres(options: readonly string[] = []): Promise<PostgresServer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'))
  const data = join(folder, 'data')
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  if (isRoot) await run('chown', ['postgres', folder])
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8']
  await run(...asPostgres(programOf('initdb'), initdb))

  let child: ChildProcess
  let databases = 0
  async function start(): Promise<void> {
    const always = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'max_connections=200']
    const begin = () => spawn(...asPostgres(programOf('postgres'), [...always, ...options]), { stdio: 'ignore' })
    child = begin()
    for (const deadline = Date.now() + 60_000; !(await answers(url)); await delay(50)) {
      if (Date.now() > deadline) throw new Error('postgres does not start')
      // It does not start while a process of the one before is still there, which ends later than the first of them.
      if (child.exitCode !== null) child = begin()
    }
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    // Its processes end when they notice that the first one is gone.
    child.kill(signal)
    await once(child, 'exit')
  }
  const signalAll = (signal: string) =>
    run('sh', ['-c', `kill -${signal} ${child.pid} $(ps -o pid= --ppid ${child.pid})`]).then(() => {})

  async function query(sql: string, at = url): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: at })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  await start()
  return {
    port,
    url,
    query,
    async createDatabase() {
      const name = `test_${databases++}`
      await query(`CREATE DATABASE ${name}`)
      return url.replace(/postgres$/, name)
    },
    // With SIGKILL alone, children that hang would keep the shared memory.
    kill: () => end('SIGQUIT'),
    restart: start,
    pause: () => signalAll('STOP'),
    resume: () => signalAll('CONT'),
    stop: () => end('SIGQUIT'),
  }
}

/**
 * PgBouncer in front of it, which hands out another connection for each transaction. Until the test is done.
 *
 * @returns URL of the database by way of it.
 */
export async function poolForTest({ port: behind }: PostgresServer, url: string): Promise<string> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'pgbouncer-'))
  const settings = [
    '[databases]',
    `* = host=127.0.0.1 port=${behind}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 4',
  ]
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(file, settings.join('\n').replace('* =', '* = user=postgres'))
  if (isRoot) await run('chown', ['-R', 'postgres', folder])
  const child = spawn(...asPostgres('pgbouncer', [file]), { stdio: 'ignore' })
  onTestFinished(() => void child.kill())
  const pooled = url.replace(`:${behind}/`, `:${port}/`)
  for (const deadline = Date.now() + 60_000; !(await answers(pooled)); await delay(50)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('pgbouncer does not start')
  }
  return pooled
}

/** For the one test that calls it. */
export async function postgresForTest(options?: readonly string[]): Promise<PostgresServer> {
  const postgres = await startPostgres(options)
  onTestFinished(() => postgres.stop())
  return postgres
}

/** Debian keeps each version in a folder of its own, outside of PATH. */
export function programOf(name: string): string {
  const folder = '/usr/lib/postgresql'
  const versions = existsSync(folder) ? readdirSync(folder).sort((a, b) => Number(b) - Number(a)) : []
  const paths = versions.map(version => join(folder, version, 'bin', name))
  return paths.find(path => existsSync(path)) ?? name
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
