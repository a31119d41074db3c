import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { Pool } from 'pg'
import { createClient } from 'redis'
import type { StorePlace } from '../demo-as/stores/open.ts'

// What oidc-provider needs of a store and nothing more: one record under one key, an index where it looks for one, and the records of
// a grant by its id. Nothing is sealed, compared or counted. What others would write by its documentation, for comparison.

type AdapterFactory = (model: string) => Adapter

/** What each of the stores is asked for; the key names model and id. */
interface Records {
  get(key: string): Promise<string | undefined>
  set(key: string, text: string, seconds: number): Promise<void>
  delete(key: string): Promise<void>
}

const adapterOf =
  ({ get, set, delete: remove }: Records): AdapterFactory =>
  model => {
    const keyOf = (id: string) => `${model}:${id}`
    const find = async (id: string): Promise<AdapterPayload | undefined> => {
      const text = await get(keyOf(id))
      return text === undefined ? undefined : JSON.parse(text)
    }
    const findBy = async (index: string) => {
      const id = await get(index)
      return id === undefined ? undefined : find(id)
    }
    return {
      find,
      findByUid: uid => findBy(`uid:${uid}`),
      findByUserCode: code => findBy(`user-code:${code}`),
      async upsert(id, payload, seconds = 24 * 3600) {
        if (payload.uid) await set(`uid:${payload.uid}`, id, seconds)
        if (payload.userCode) await set(`user-code:${payload.userCode}`, id, seconds)
        await set(keyOf(id), JSON.stringify(payload), seconds)
      },
      async consume(id) {
        const payload = await find(id)
        if (!payload) return
        const now = Math.floor(Date.now() / 1000)
        await set(keyOf(id), JSON.stringify({ ...payload, consumed: now }), Math.max(1, (payload.exp ?? now) - now))
      },
      destroy: id => remove(keyOf(id)),
      async revokeByGrantId() {},
    }
  }

/** oidc-provider with the least that the kind of store needs. */
export async function leastAdapter(store: StorePlace | { kind: 'memory' }): Promise<AdapterFactory> {
  switch (store.kind) {
    case 'memory':
      return ownAdapter()
    case 'sqlite':
      return leastSqlite(join(store.folder, store.file))
    case 'redis':
      return leastRedis(store.url)
    case 'postgres':
      return leastPostgres(store.url)
  }
}

/** The one of oidc-provider itself, but for the bound of 1,000 entries, beyond which it forgets tokens in the middle of a run. */
async function ownAdapter(): Promise<AdapterFactory> {
  const file: string = 'oidc-provider/lib/adapters/memory_adapter.js'
  const { default: MemoryAdapter } = await import(file)
  const entries = new Map<string, unknown>()
  return model => new MemoryAdapter(model, entries)
}

function leastSqlite(path: string): AdapterFactory {
  const database = new DatabaseSync(path)
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, value TEXT NOT NULL, ends INTEGER NOT NULL) WITHOUT ROWID`)
  const select = database.prepare('SELECT value FROM records WHERE key = ? AND ends > ?')
  const insert = database.prepare('INSERT OR REPLACE INTO records (key, value, ends) VALUES (?, ?, ?)')
  const remove = database.prepare('DELETE FROM records WHERE key = ?')
  return adapterOf({
    get: async key => (select.get(key, Date.now()) as { value: string } | undefined)?.value,
    set: async (key, text, seconds) => void insert.run(key, text, Date.now() + seconds * 1000),
    delete: async key => void remove.run(key),
  })
}

async function leastRedis(url: string): Promise<AdapterFactory> {
  const client = await createClient({ url }).connect()
  return adapterOf({
    get: async key => (await client.get(key)) ?? undefined,
    set: async (key, text, seconds) => void (await client.set(key, text, { EX: Math.ceil(seconds) })),
    delete: async key => void (await client.del(key)),
  })
}

async function leastPostgres(connectionString: string): Promise<AdapterFactory> {
  const pool = new Pool({ connectionString, max: 10 })
  await pool.query(
    'CREATE TABLE IF NOT EXISTS least_records (key text PRIMARY KEY, value text NOT NULL, ends timestamptz NOT NULL)',
  )
  const ask = (name: string, text: string, values: unknown[]) => pool.query({ name, text, values })
  return adapterOf({
    get: async key =>
      (await ask('get', 'SELECT value FROM least_records WHERE key = $1 AND ends > now()', [key])).rows[0]?.value,
    set: async (key, text, seconds) =>
      void (await ask(
        'set',
        `INSERT INTO least_records VALUES ($1, $2, now() + $3 * interval '1 second')
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, ends = excluded.ends`,
        [key, text, seconds],
      )),
    delete: async key => void (await ask('delete', 'DELETE FROM least_records WHERE key = $1', [key])),
  })
}
