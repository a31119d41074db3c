import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { migrateStore, openStores, type StorePlace } from '../../demo-as/stores/open.ts'
import { postgresForTest, programOf } from '../support/postgres.ts'
import { command, redisForTest } from '../support/redis.ts'

const runbook = readFileSync(new URL('../../docs/runbooks/store-lost.md', import.meta.url), 'utf8')
const blocks = [...runbook.matchAll(/```sh\n(.*?)```/gs)].map(([, text = '']) => text)

/** Runs the commands of the runbook that begin with this, as they are written there. */
async function runCommands(start: string, folder: string, env: Record<string, string> = {}): Promise<void> {
  const block = blocks.find(text => text.trimStart().startsWith(start))
  if (block === undefined) throw new Error(`the runbook has no ${start}`)
  const PATH = `${dirname(programOf('pg_dump'))}:${process.env.PATH}`
  await promisify(execFile)('sh', ['-e', '-c', block], { cwd: folder, env: { PATH, ...env } })
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'backup-'))

async function write(place: StorePlace, key: string): Promise<void> {
  const { stores, close } = await openStores(place)
  await stores('grants').set(key, { of: 'ada' }, 600, ['person:ada'])
  await close()
}

/** @returns Keys under a word; the entries of all of them are there. */
async function keysIn(place: StorePlace): Promise<readonly string[]> {
  const { stores, close } = await openStores(place)
  const store = stores('grants')
  const keys = await store.list('person:ada')
  for (const key of keys) expect(await store.get(key)).toEqual({ of: 'ada' })
  await close()
  return keys
}

const hasSqlite = (() => {
  try {
    execFileSync('sqlite3', ['-version'])
    return true
  } catch {
    return false
  }
})()

describe('the commands of the runbook back up and restore', () => {
  it.skipIf(!hasSqlite && !process.env.CI)('SQLite, while a server runs', async () => {
    const folder = newFolder()
    const data = join(folder, '.idplug')
    const place = { kind: 'sqlite', folder: data, file: 'demo.sqlite' } as const
    const running = await openStores(place)
    await running.stores('grants').set('before', { of: 'ada' }, 600, ['person:ada'])
    await runCommands('sqlite3', folder)
    await running.stores('grants').set('after', { of: 'ada' }, 600, ['person:ada'])
    await running.close()
    rmSync(data, { recursive: true })
    await (await openStores(place)).close()
    copyFileSync(join(folder, 'backup.sqlite'), join(data, 'demo.sqlite'))
    copyFileSync(join(folder, 'backup.key'), join(data, 'encryption-key'))
    for (const end of ['wal', 'shm']) rmSync(join(data, `demo.sqlite-${end}`), { force: true })
    expect(await keysIn(place)).toEqual(['before'])
    const restored = await openStores(place)
    expect(restored.key).toEqual(running.key)
    await restored.close()
  })

  it('PostgreSQL, in place of what is there and in an empty database', async () => {
    const postgres = await postgresForTest()
    const [url, empty] = [await postgres.createDatabase(), await postgres.createDatabase()]
    const place = { kind: 'postgres', url } as const
    await migrateStore(place)
    await write(place, 'before')
    const folder = newFolder()
    await runCommands('pg_dump', folder, { DATABASE_URL: url })
    await write(place, 'after')
    expect(await keysIn(place)).toEqual(['after', 'before'])
    for (const DATABASE_URL of [url, empty]) {
      await runCommands('psql', folder, { DATABASE_URL })
      expect(await keysIn({ kind: 'postgres', url: DATABASE_URL })).toEqual(['before'])
    }
  })

  it('Redis, which keeps append-only files again afterwards', async () => {
    const from = await redisForTest(['--appendonly', 'yes'])
    await write({ kind: 'redis', url: from.url, prefix: 'idplug' }, 'before')
    const folder = newFolder()
    await runCommands('redis-cli -u "$REDIS_URL" --rdb', folder, { REDIS_URL: from.url })
    await write({ kind: 'redis', url: from.url, prefix: 'idplug' }, 'after')
    const data = newFolder()
    copyFileSync(join(folder, 'backup.rdb'), join(data, 'dump.rdb'))
    const to = await redisForTest(['--dir', data, '--appendonly', 'no'])
    await runCommands('redis-cli -u "$REDIS_URL" config set', folder, { REDIS_URL: to.url })
    const place = { kind: 'redis', url: to.url, prefix: 'idplug' } as const
    expect(await keysIn(place)).toEqual(['before'])
    await vi.waitUntil(async () =>
      (await command(to.port, 'INFO', 'persistence')).includes('aof_rewrite_in_progress:0'),
    )
    expect(existsSync(join(data, 'appendonlydir'))).toBe(true)
  })
})
