import { spawn } from 'node:child_process'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { timedKey } from '../../demo-as/stores/key-time.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import { migrateStore, openStores } from '../../demo-as/stores/open.ts'
import { connectRedisStores } from '../../demo-as/stores/redis.ts'
import type { Store, StoreFactory } from '../../demo-as/stores/store.ts'
import { freePort } from '../support/http.ts'
import { type PostgresServer, poolForTest, postgresForTest, startPostgres } from '../support/postgres.ts'
import { command, type RedisServer, type SentinelSetup, startRedis, startSentinels } from '../support/redis.ts'
import { describeStore } from './store-contract.ts'

let redis: RedisServer
/** As 6.0 is. */
let old: RedisServer
let sentinels: SentinelSetup
let postgres: PostgresServer
let cluster: RedisServer[]
const open: { close(): Promise<void> }[] = []

async function opened(place: Parameters<typeof openStores>[0]): Promise<StoreFactory> {
  const { stores, close } = await openStores(place)
  open.push({ close })
  return stores
}
const onRedis = (url: string) => opened({ kind: 'redis', url, prefix: `test-${open.length}` })
const inFolder = () => mkdtempSync(join(tmpdir(), 'data-'))
const onSqlite = (folder = inFolder()) => opened({ kind: 'sqlite', folder, file: 'state.sqlite' })

async function onPostgres(): Promise<StoreFactory> {
  const url = await postgres.createDatabase()
  await migrateStore({ kind: 'postgres', url })
  return opened({ kind: 'postgres', url })
}

/** Three nodes, a third of the slots each. */
async function startCluster(): Promise<RedisServer[]> {
  const buses = [await freePort(), await freePort(), await freePort()]
  const startNode = (bus: number) => startRedis(['--cluster-enabled', 'yes', '--cluster-port', String(bus)])
  const nodes = await Promise.all(buses.map(startNode))
  const [first] = nodes as [RedisServer]
  const slots = ['0 5460', '5461 10922', '10923 16383']
  for (const [index, { port }] of nodes.entries()) {
    await command(port, 'CLUSTER', 'ADDSLOTSRANGE', ...(slots[index] as string).split(' '))
    if (index > 0) await command(first.port, 'CLUSTER', 'MEET', '127.0.0.1', String(port), String(buses[index]))
  }
  for (const { port } of nodes) {
    await vi.waitUntil(async () => {
      const state = await command(port, 'CLUSTER', 'INFO')
      return state.includes('cluster_state:ok') && state.includes('cluster_size:3')
    })
  }
  return nodes
}

beforeAll(async () => {
  redis = await startRedis()
  old = await startRedis(['--rename-command', 'GETDEL', ''])
  sentinels = await startSentinels()
  postgres = await startPostgres()
  cluster = await startCluster()
})
afterAll(async () => {
  for (const { close } of open) await close()
  await redis.stop()
  await old.stop()
  await sentinels.stop()
  await postgres.stop()
  for (const node of cluster) await node.stop()
})

it('the cluster of these tests has keys on each of its nodes', async () => {
  const store = (await onRedis(cluster.map(({ url }) => url).join()))('spread')
  for (let i = 0; i < 50; i++) await store.set(`key-${i}`, i, 60)
  for (const { port } of cluster) expect(Number(/:(\d+)/.exec(await command(port, 'DBSIZE'))?.[1])).toBeGreaterThan(0)
})

const kinds: [string, () => Promise<StoreFactory>][] = [
  ['memory', async () => createMemoryStores()],
  ['SQLite', () => onSqlite()],
  ['PostgreSQL', onPostgres],
  ['Redis', () => onRedis(redis.url)],
  ['Redis without GETDEL', () => onRedis(old.url)],
  ['Redis behind Sentinels', () => onRedis(sentinels.url)],
  ['a Redis cluster', () => onRedis(cluster.map(({ url }) => url).join())],
]

const refused = { error: 'temporarily_unavailable', status: 503 }

/** Waits until the store takes values again. */
const isBack = (store: Store) =>
  vi.waitUntil(() =>
    store.set('a', 1, 60).then(
      () => true,
      () => false,
    ),
  )

describe.each(kinds)('the store in %s', (_name, create) => {
  describeStore(create)
})

describe('the memory store', () => {
  const fill = async (store: Store, count: number, seconds: number) => {
    for (let i = 0; i < count; i++) await store.set(`filler ${i}`, i, seconds)
  }

  it.each([
    ['number', { maxEntries: 100 }],
    ['size', { maxCharacters: 1000 }],
  ])('is bounded in %s: what ends first goes first', async (_name, limits) => {
    const store = createMemoryStores(limits)('clients')
    await store.set('client in use', 1, 3600)
    for (let i = 0; i < 10_000; i++) await store.set(`client ${i}`, i, 60, ['person:ada'])
    expect(await store.get('client in use')).toBe(1)
    expect(await store.get('client 0')).toBeUndefined()
    expect(await store.get('client 9999')).toBe(9999)
    expect((await store.list('person:ada', { limit: 10_000 })).length).toBeLessThanOrEqual(100)
  })

  it('never drops what was added, and refuses to add more when there is no room', async () => {
    const store = createMemoryStores({ maxEntries: 100 })('marks')
    for (let i = 0; i < 50; i++) expect(await store.add(`mark ${i}`, true, 60)).toBe(true)
    await fill(store, 1000, 600)
    for (let i = 0; i < 50; i++) expect(await store.add(`mark ${i}`, true, 60)).toBe(false)
    for (let i = 50; i < 100; i++) await store.add(`mark ${i}`, true, 600)
    await expect(store.add('one more', true, 600)).rejects.toMatchObject(refused)
    await expect(store.set('one more', true, 600)).rejects.toMatchObject(refused)
    for (let i = 0; i < 100; i++) expect(await store.add(`mark ${i}`, true, 60)).toBe(false)
  })

  it('refuses what would end before everything that is there, and still replaces what is there', async () => {
    const store = createMemoryStores({ maxEntries: 100 })('clients')
    await fill(store, 100, 3600)
    await expect(store.set('registration of a stranger', true, 60)).rejects.toMatchObject(refused)
    await store.set('filler 7', 'renewed', 60)
    expect(await store.get('filler 7')).toBe('renewed')
    expect(await store.get('filler 8')).toBe(8)
  })

  it('has room again when entries have ended', async () => {
    const store = createMemoryStores({ maxEntries: 10 })('marks')
    for (let i = 0; i < 10; i++) await store.add(`mark ${i}`, true, 0.05)
    await vi.waitUntil(() =>
      store.add('one more', true, 60).then(
        () => true,
        () => false,
      ),
    )
  })
})

/** Holds the file as one does that has made it and not yet changed it to WAL, until there is another file. */
const MAKER = `
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
const [file, release] = process.argv.slice(1)
const database = new DatabaseSync(file)
database.exec('BEGIN IMMEDIATE')
const interval = setInterval(() => {
  if (!existsSync(release)) return
  clearInterval(interval)
  database.exec('ROLLBACK')
  database.close()
}, 100)
console.log('held')`

/** As the first version made it. */
const VERSION_1 = `
CREATE TABLE entries (id BLOB PRIMARY KEY, value TEXT NOT NULL, ends_at INTEGER NOT NULL, has_words INTEGER NOT NULL);
CREATE INDEX entries_by_end ON entries (ends_at);
CREATE TABLE words (
  collection TEXT NOT NULL, word TEXT NOT NULL, key TEXT NOT NULL, id BLOB NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  PRIMARY KEY (collection, word, key)
) WITHOUT ROWID;
CREATE INDEX words_by_id ON words (id);
PRAGMA user_version = 1;`

describe('the SQLite store', () => {
  it('is shared by all who open the folder, and gives each thing to one of them', async () => {
    const folder = inFolder()
    const [one, other] = await Promise.all([onSqlite(folder), onSqlite(folder)])
    await one('codes').set('a', 1, 60)
    const swapped = await Promise.all(
      Array.from({ length: 100 }, (_, i) => (i % 2 ? one : other)('codes').swap('a', 1, `by ${i}`, 60)),
    )
    expect(swapped.filter(Boolean)).toHaveLength(1)
    expect(await other('codes').get('a')).toBe(`by ${swapped.indexOf(true)}`)
  })

  it('keeps what it has, and its key, for whoever opens it next', async () => {
    const folder = inFolder()
    const first = await openStores({ kind: 'sqlite', folder, file: 'state.sqlite' })
    await first.stores('grants').set('a', { kept: true }, 60, ['person:ada'])
    await first.close()
    const second = await openStores({ kind: 'sqlite', folder, file: 'state.sqlite' })
    open.push(second)
    expect(await second.stores('grants').get('a')).toEqual({ kept: true })
    expect(await second.stores('grants').list('person:ada')).toEqual(['a'])
    expect(second.key).toEqual(first.key)
  })

  it('drops what has ended from the file', async () => {
    const folder = inFolder()
    const store = (await onSqlite(folder))('codes')
    for (let i = 0; i < 150; i++) await store.set(`ended ${i}`, i, 0.001, ['word'])
    for (let i = 0; i < 200; i++) await store.set('kept', i, 600)
    const database = new DatabaseSync(join(folder, 'state.sqlite'))
    expect(database.prepare('SELECT count(*) AS count FROM entries').get()?.count).toBe(1)
    expect(database.prepare('SELECT count(*) AS count FROM words').get()?.count).toBe(0)
    database.close()
  })

  it('answers 503 and says why while another process holds the file', async () => {
    const folder = inFolder()
    const { stores, check, close } = await openStores({ kind: 'sqlite', folder, file: 'state.sqlite' })
    open.push({ close })
    const database = new DatabaseSync(join(folder, 'state.sqlite'))
    database.exec('BEGIN IMMEDIATE')
    await expect(stores('codes').set('a', 1, 60)).rejects.toMatchObject({
      ...refused,
      error_detail: expect.stringContaining('another process holds it'),
    })
    expect(await stores('codes').get('a')).toBeUndefined()
    database.exec('ROLLBACK')
    database.close()
    await check()
  })

  it('does the others of those asked for at once when one of them fails', async () => {
    const folder = inFolder()
    const store = (await onSqlite(folder))('codes')
    await store.set('before', 1, 60)
    const database = new DatabaseSync(join(folder, 'state.sqlite'))
    database.exec(`CREATE TRIGGER refusing BEFORE INSERT ON entries WHEN new.value = '"bad"'
      BEGIN SELECT RAISE(ABORT, 'not this one'); END`)
    const answers = await Promise.allSettled([
      store.add('first', 'good', 60, ['word']),
      store.set('second', 'bad', 60),
      store.get('before'),
      store.take('before'),
      store.set('third', 'good', 60),
    ])
    expect(answers).toMatchObject([
      { value: true },
      { reason: { ...refused, error_detail: expect.stringContaining('not this one') } },
      { value: 1 },
      { value: 1 },
      { value: undefined },
    ])
    expect(await Promise.all(['first', 'second', 'third'].map(key => store.get(key)))).toEqual([
      'good',
      undefined,
      'good',
    ])
    expect(await store.list('word')).toEqual(['first'])
    database.close()
  })

  it('goes on reading while another process holds the file, also at the same moment as it writes', async () => {
    const folder = inFolder()
    const store = (await onSqlite(folder))('codes')
    await store.set('a', 1, 60)
    const database = new DatabaseSync(join(folder, 'state.sqlite'))
    database.exec('BEGIN IMMEDIATE')
    const run = vi.spyOn(StatementSync.prototype, 'run')
    onTestFinished(() => run.mockRestore())
    const answers = await Promise.allSettled([store.get('a'), store.set('a', 2, 60), store.set('a', 3, 60)])
    // They wait for it together.
    const waits = run.mock.contexts.filter(statement => (statement as StatementSync).sourceSQL === 'BEGIN IMMEDIATE')
    expect(waits).toHaveLength(1)
    expect(answers).toMatchObject([{ value: 1 }, { reason: refused }, { reason: refused }])
    database.exec('ROLLBACK')
    database.close()
    expect(await store.get('a')).toBe(1)
  })

  it('does what it was asked for before it closes', async () => {
    const folder = inFolder()
    const { stores, close } = await openStores({ kind: 'sqlite', folder, file: 'state.sqlite' })
    await Promise.all([stores('codes').set('a', 1, 60), close()])
    expect(await (await onSqlite(folder))('codes').get('a')).toBe(1)
  })

  it('waits for a process that makes the file at the same moment', async () => {
    const folder = inFolder()
    const [file, release] = [join(folder, 'state.sqlite'), join(folder, 'release')]
    const maker = spawn(process.execPath, ['--input-type=module', '--eval', MAKER, file, release])
    onTestFinished(() => void maker.kill())
    await once(maker.stdout, 'data')
    writeFileSync(release, '')
    const { stores, close } = await openStores({ kind: 'sqlite', folder, file: 'state.sqlite' })
    open.push({ close })
    await stores('codes').set('a', 1, 60)
    expect(await stores('codes').get('a')).toBe(1)
  })

  it('opens a file of version 1, with everything that is in it', async () => {
    const folder = inFolder()
    const database = new DatabaseSync(join(folder, 'state.sqlite'))
    database.exec(VERSION_1)
    const insert = database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?)')
    const end = Date.now() + 60_000
    const idOf = (text: string) => hash('sha256', text, 'buffer')
    insert.run(idOf('RefreshToken\0of-before'), '{"of":"ada"}', end, 0)
    insert.run(idOf('Grant\0grant'), '{"of":"ada"}', end, 1)
    database.prepare('INSERT INTO words VALUES (?, ?, ?, ?)').run('Grant', 'person:ada', 'grant', idOf('Grant\0grant'))
    database.close()
    const stores = await onSqlite(folder)
    expect(await stores('RefreshToken').get('of-before')).toEqual({ of: 'ada' })
    expect(await stores('Grant').list('person:ada')).toEqual(['grant'])
    expect(await stores('RefreshToken').take('of-before')).toEqual({ of: 'ada' })
    await stores('RefreshToken').set(timedKey('of-now'), 1, 60)
    const after = new DatabaseSync(join(folder, 'state.sqlite'))
    // A version that would not find what is put in now refuses it.
    expect(after.prepare('PRAGMA user_version').get()?.user_version).toBe(2)
    after.close()
  })

  it('tells keys with the same time apart, and from those that differ in it', async () => {
    const store = (await onSqlite())('codes')
    const keys = [timedKey('a', '00000001'), timedKey('b', '00000001'), timedKey('a', '00000002'), 'a', '00000001a']
    for (const [i, key] of keys.entries()) expect(await store.add(key, i, 60)).toBe(true)
    for (const [i, key] of keys.entries()) expect(await store.take(key)).toBe(i)
  })

  it('writes a few pages for all keys that begin with the same time, and one for each of the others', async () => {
    const folder = inFolder()
    const stores = await onSqlite(folder)
    const database = new DatabaseSync(join(folder, 'state.sqlite'))
    const pagesFor = async (keys: string[]) => {
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      await Promise.all(keys.map(key => stores('AccessToken').set(key, 1, 60)))
      return Number(database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()?.log)
    }
    database.exec(`WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
      INSERT INTO entries SELECT randomblob(32), '1', ${Date.now() + 60_000}, 0 FROM numbers`)
    const keys = Array.from({ length: 50 }, () => randomBytes(32).toString('base64url'))
    expect(await pagesFor(keys)).toBeGreaterThan(25)
    expect(await pagesFor(keys.map(key => timedKey(key, '00000001')))).toBeLessThan(15)
    database.close()
  })

  it('takes nothing more when its file was removed or replaced: that would be lost with the end of the process', async () => {
    const folder = inFolder()
    const path = join(folder, 'state.sqlite')
    const { stores, check, close } = await openStores({ kind: 'sqlite', folder, file: 'state.sqlite' })
    open.push({ close })
    const store = stores('grants')
    await store.set('a', 1, 60)
    const gone = { ...refused, error_detail: expect.stringContaining(`${path}: it was removed or replaced`) }
    renameSync(path, `${path}.away`)
    await expect(store.set('a', 2, 60)).rejects.toMatchObject(gone)
    await expect(Promise.all([store.take('a'), store.get('a')])).rejects.toMatchObject(gone)
    await expect(check()).rejects.toMatchObject(gone)
    writeFileSync(path, '')
    await expect(store.set('a', 2, 60)).rejects.toMatchObject(gone)
    // It is back as it was.
    renameSync(`${path}.away`, path)
    await store.set('a', 3, 60)
    expect(await store.get('a')).toBe(3)
  })

  it('says so when it was made by a later version', async () => {
    const folder = inFolder()
    const { close } = await openStores({ kind: 'sqlite', folder, file: 'state.sqlite' })
    await close()
    const database = new DatabaseSync(join(folder, 'state.sqlite'))
    database.exec('PRAGMA user_version = 99')
    database.close()
    await expect(onSqlite(folder)).rejects.toThrow('a later version of idplug')
  })
})

describe('the PostgreSQL store', () => {
  it('is refused at the start without its tables, and with those of a later version', async () => {
    const url = await postgres.createDatabase()
    const start = () => opened({ kind: 'postgres', url })
    await expect(start()).rejects.toThrow('its tables are missing: run npx idplug store migrate')
    const migrations = await Promise.all(Array.from({ length: 4 }, () => migrateStore({ kind: 'postgres', url })))
    expect(migrations.filter(versions => versions?.from === 0)).toHaveLength(1)
    await start()
    await postgres.query('UPDATE idplug_schema SET version = 99', url)
    await expect(start()).rejects.toThrow('by a later version of idplug')
    await expect(migrateStore({ kind: 'postgres', url })).rejects.toThrow('by a later version of idplug')
  })

  it('is shared by processes, holds no key to read, and drops what has ended', async () => {
    const url = await postgres.createDatabase()
    await migrateStore({ kind: 'postgres', url })
    const [one, other] = await Promise.all([opened({ kind: 'postgres', url }), opened({ kind: 'postgres', url })])
    await one('AccessToken').set('secret-token', 1, 60)
    expect(await other('AccessToken').get('secret-token')).toBe(1)
    const [kept] = await postgres.query('SELECT * FROM idplug_entries', url)
    expect(JSON.stringify(kept)).not.toContain(Buffer.from('secret-token').toString('hex'))
    await postgres.query("UPDATE idplug_entries SET ends_at = now() - interval '1 second'", url)
    for (let i = 0; i < 200; i++) await one('codes').set('kept', i, 600)
    await vi.waitUntil(async () => (await postgres.query('SELECT id FROM idplug_entries', url)).length === 1)
  })

  it('works behind PgBouncer, where each statement may meet another connection', async () => {
    const url = await postgres.createDatabase()
    await migrateStore({ kind: 'postgres', url })
    const pooled = await poolForTest(postgres, url)
    const stores = await Promise.all([1, 2].map(() => opened({ kind: 'postgres', url: pooled })))
    const work = stores.flatMap(store =>
      Array.from({ length: 100 }, async (_, i) => {
        const key = `${i % 50}`
        await store('codes').add(key, i, 60, ['all'])
        await store('codes').get(key)
        return (await store('codes').take(key)) !== undefined
      }),
    )
    const taken = (await Promise.all(work)).filter(Boolean)
    expect(taken.length).toBeGreaterThanOrEqual(50)
    expect(await stores[0]?.('codes').list('all')).toEqual([])
  })

  it('refuses while the database is away or hangs, and works again by itself', async () => {
    const own = await postgresForTest()
    await migrateStore({ kind: 'postgres', url: own.url })
    const events: string[] = []
    const place = { kind: 'postgres', url: own.url } as const
    const { stores, close } = await openStores(place, event => events.push(event))
    const store = stores('codes')
    await own.kill()
    for (let i = 0; i < 3; i++) await expect(store.get('a')).rejects.toMatchObject(refused)
    await own.restart()
    await isBack(store)
    expect(events).toEqual(['store_unreachable', 'store_back'])
    await own.pause()
    await expect(store.get('a')).rejects.toMatchObject(refused)
    await own.resume()
    await isBack(store)
    expect(await store.get('a')).toBe(1)
    await close()
  })

  it('does the others of those asked for at once when one of them fails', async () => {
    const url = await postgres.createDatabase()
    await migrateStore({ kind: 'postgres', url })
    await postgres.query(`ALTER TABLE idplug_entries ADD CONSTRAINT "not this one" CHECK (value <> '"bad"')`, url)
    const store = (await opened({ kind: 'postgres', url }))('codes')
    for (const key of ['a', 'b', 'c']) await store.set(key, 1, 60)
    const bad = { reason: { ...refused, error_detail: expect.stringContaining('not this one') } }
    expect(
      await Promise.allSettled([
        ...['good', 'bad'].map(value => store.set(`set ${value}`, value, 60)),
        ...['good', 'bad'].map(value => store.add(`added ${value}`, value, 60)),
        store.swap('a', 1, 'good', 60),
        store.swap('b', 1, 'bad', 60),
        store.swap('c', 'other', 'good', 60),
      ]),
    ).toMatchObject([{ value: undefined }, bad, { value: true }, bad, { value: true }, bad, { value: false }])
    const keys = ['set good', 'set bad', 'added good', 'added bad', 'a', 'b', 'c']
    expect(await Promise.all(keys.map(key => store.get(key)))).toEqual([
      'good',
      undefined,
      'good',
      undefined,
      'good',
      1,
      1,
    ])
  })

  it('serves processes that change the same entries at the same moments', async () => {
    const url = await postgres.createDatabase()
    await migrateStore({ kind: 'postgres', url })
    const processes = await Promise.all([1, 2].map(() => opened({ kind: 'postgres', url })))
    const keys = Array.from({ length: 40 }, (_, i) => `key ${i}`)
    for (let round = 0; round < 20; round++) {
      await Promise.all(keys.map(key => processes[0]?.('codes').set(key, round, 60)))
      const changes = await Promise.all(
        processes.map((stores, i) => {
          const order = i === 0 ? keys : keys.toReversed()
          return Promise.all(
            order.map(async key => ((await stores('codes').swap(key, round, `by ${i}`, 60)) ? key : [])),
          )
        }),
      )
      // Each of them once.
      expect(changes.flat(2).sort()).toEqual(keys.toSorted())
    }
  })

  it('notices a database that takes no writes', async () => {
    const own = await postgresForTest(['-c', 'default_transaction_read_only=on'])
    const url = own.url
    await expect(migrateStore({ kind: 'postgres', url })).rejects.toMatchObject({
      error_detail: expect.stringContaining('it takes no writes'),
    })
    const writable = `${url}?options=${encodeURIComponent('-c default_transaction_read_only=off')}`
    await migrateStore({ kind: 'postgres', url: writable })
    await expect(opened({ kind: 'postgres', url })).rejects.toMatchObject({
      error_detail: expect.stringContaining('it takes no writes'),
    })
  })
})

describe('the Redis store', () => {
  it('is shared by processes that use the same prefix, and by no others', async () => {
    const [one, same, other] = await Promise.all(
      ['shared', 'shared', 'other'].map(prefix => connectRedisStores({ url: redis.url, prefix })),
    )
    await one?.stores('codes').set('a', 1, 60)
    expect(await same?.stores('codes').get('a')).toBe(1)
    expect(await other?.stores('codes').get('a')).toBeUndefined()
    for (const stores of [one, same, other]) await stores?.close()
  })

  it('leaves every key with an end, and no name of a key to read', async () => {
    const own = await startRedis()
    const { stores, close } = await connectRedisStores({ url: own.url })
    await stores('AccessToken').set('secret-token', 1, 60)
    await stores('AccessToken').add('secret-code', 1, 60)
    const keys = (await command(own.port, 'KEYS', '*')).split('\r\n').filter(line => line.startsWith('idplug:'))
    expect(keys).toHaveLength(2)
    expect(keys.join()).not.toContain('secret')
    for (const key of keys) expect(Number((await command(own.port, 'TTL', key)).slice(1))).toBeGreaterThan(0)
    await close()
    await own.stop()
  })

  it('refuses at once while Redis is away, says so once, and works again by itself', async () => {
    const own = await startRedis()
    const events: string[] = []
    const { stores, check, close } = await openStores({ kind: 'redis', url: own.url, prefix: 'test' }, event =>
      events.push(event),
    )
    const store = stores('codes')
    await own.kill()
    for (let i = 0; i < 5; i++) await expect(store.get('a')).rejects.toMatchObject(refused)
    await vi.waitUntil(() =>
      check().then(
        () => false,
        ({ status }) => status === 503,
      ),
    )
    await own.restart()
    await isBack(store)
    expect(await store.get('a')).toBe(1)
    await vi.waitUntil(() =>
      check().then(
        () => true,
        () => false,
      ),
    )
    expect(events).toEqual(['store_unreachable', 'store_back'])
    await close()
    await own.stop()
  })

  it('does not call ready what has failed since somebody asked last', async () => {
    const own = await startRedis()
    const { stores, check, close } = await openStores({ kind: 'redis', url: own.url, prefix: 'test' })
    await check()
    await own.kill()
    await expect(stores('codes').get('a')).rejects.toMatchObject(refused)
    await expect(check()).rejects.toMatchObject(refused)
    await close()
    await own.stop()
  })

  it('refuses in time while Redis hangs with its connections open, and goes on when it does', async () => {
    const own = await startRedis()
    const { stores, close } = await connectRedisStores({ url: own.url, timeoutMilliseconds: 1000 })
    own.pause()
    await expect(stores('codes').get('a')).rejects.toMatchObject(refused)
    own.resume()
    await isBack(stores('codes'))
    expect(await stores('codes').get('a')).toBe(1)
    await close()
    await own.stop()
  })

  it('waits as long for each command, whatever was asked before it', async () => {
    const own = await startRedis()
    const { stores, close } = await connectRedisStores({ url: own.url, timeoutMilliseconds: 300 })
    const store = stores('codes')
    own.pause()
    const earlier = store.get('a').catch(() => performance.now())
    await new Promise(resolve => setImmediate(resolve))
    const askedAt = performance.now()
    const later = await store.get('b').catch(() => performance.now())
    expect(later as number).toBeGreaterThanOrEqual(askedAt + 299)
    expect(await earlier).toBeLessThanOrEqual(later as number)
    const afterwards = performance.now()
    await expect(store.get('c')).rejects.toMatchObject(refused)
    expect(performance.now()).toBeGreaterThanOrEqual(afterwards + 299)
    own.resume()
    await close()
    await own.stop()
  })

  it('refuses at once what would wait behind 10,000 others while Redis hangs', async () => {
    const own = await startRedis()
    const { stores, close } = await connectRedisStores({ url: own.url, timeoutMilliseconds: 1000 })
    const store = stores('codes')
    own.pause()
    const waiting = Promise.allSettled(Array.from({ length: 10_000 }, () => store.get('a')))
    await expect(store.get('a')).rejects.toMatchObject({ ...refused, error_detail: 'Redis: The queue is full' })
    expect((await waiting).every(({ status }) => status === 'rejected')).toBe(true)
    own.resume()
    await isBack(store)
    await close()
    await own.stop()
  })

  it('is refused at the start where Redis cannot be reached or wants other credentials, and tells no password', async () => {
    const own = await startRedis(['--requirepass', 'right'])
    const wrong = connectRedisStores({ url: `redis://:wrong-secret@127.0.0.1:${own.port}`, timeoutMilliseconds: 500 })
    const error = await wrong.then(
      () => undefined,
      (problem: Error) => problem,
    )
    expect(error).toBeInstanceOf(Error)
    expect(`${error?.stack}${JSON.stringify(error)}`).not.toContain('wrong-secret')
    const right = await connectRedisStores({ url: `redis://:right@127.0.0.1:${own.port}` })
    await right.stores('codes').get('a')
    await right.close()
    await own.stop()
    await expect(connectRedisStores({ url: own.url, timeoutMilliseconds: 500 })).rejects.toMatchObject(refused)
  })

  it.each<[string, () => Promise<{ url: string; stop(): Promise<void> }>, string]>([
    [
      'an account without a command',
      async () => {
        const own = await startRedis(['--user', 'app', 'on', '>pw', '~*', '+@all', '-eval'])
        return { url: `redis://app:pw@127.0.0.1:${own.port}`, stop: own.stop }
      },
      'eval',
    ],
    [
      'an account without its keys',
      async () => {
        const own = await startRedis(['--user', 'app', 'on', '>pw', '~other:*', '+@all'])
        return { url: `redis://app:pw@127.0.0.1:${own.port}`, stop: own.stop }
      },
      'REDIS_PREFIX',
    ],
    [
      'a replica',
      async () => {
        const primary = await startRedis()
        const own = await startRedis(['--replicaof', '127.0.0.1', String(primary.port)])
        const stop = async () => void (await Promise.all([own.stop(), primary.stop()]))
        return { url: own.url, stop }
      },
      'READONLY',
    ],
    ['a node of a cluster', async () => ({ url: cluster[0]?.url ?? '', stop: async () => {} }), 'redis+cluster://'],
    ['a Sentinel', async () => ({ url: sentinels.sentinel.url, stop: async () => {} }), 'redis+sentinel://'],
  ])('says at the start what is missing: %s', async (_name, start, missing) => {
    const { url, stop } = await start()
    const error = await openStores({ kind: 'redis', url, prefix: 'test' }).then(
      () => undefined,
      problem => problem,
    )
    expect(error).toMatchObject({ ...refused, error_detail: expect.stringContaining(missing) })
    expect(error.error_detail).not.toContain('check:')
    await stop()
  })

  it.each([
    ['noeviction', []],
    ['volatile-lru', [['store_evicts', { policy: 'volatile-lru' }]]],
  ])('says at the start that entries may be dropped: %s', async (policy, expected) => {
    const own = await startRedis(['--maxmemory-policy', policy])
    const events: unknown[] = []
    const { close } = await openStores({ kind: 'redis', url: own.url, prefix: 'test' }, (...said) => events.push(said))
    expect(events).toEqual(expected)
    await close()
    await own.stop()
  })

  it('finds a cluster by one of its nodes', async () => {
    const url = (cluster[1]?.url ?? '').replace('redis:', 'redis+cluster:')
    const store = (await onRedis(url))('one-node')
    for (let i = 0; i < 50; i++) await store.set(`key-${i}`, i, 60)
    expect(await store.get('key-49')).toBe(49)
  })

  it('goes on with the replica that Sentinels put in the place of a primary that is gone', async () => {
    const own = await startSentinels()
    onTestFinished(own.stop)
    const { stores, close } = await openStores({ kind: 'redis', url: own.url, prefix: 'test' })
    const store = stores('codes')
    await store.set('kept', 1, 600)
    const sizes = () => Promise.all([own.primary, own.replica].map(({ port }) => command(port, 'DBSIZE')))
    await vi.waitUntil(async () => new Set(await sizes()).size === 1)
    await vi.waitUntil(async () => (await command(own.sentinel.port, 'SENTINEL', 'CKQUORUM', 'store')).includes('OK 3'))
    await own.primary.kill()
    await expect(store.get('kept')).rejects.toMatchObject(refused)
    expect(await command(own.sentinel.port, 'SENTINEL', 'FAILOVER', 'store')).toBe('+OK\r\n')
    await vi.waitUntil(
      () =>
        store.add('again', 1, 60).then(
          () => true,
          () => false,
        ),
      { interval: 100 },
    )
    expect(await store.get('kept')).toBe(1)
    await close()
  })
})
