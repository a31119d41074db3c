import { hash } from 'node:crypto'
import { DatabaseError, Pool, type PoolConfig } from 'pg'
import { millisecondsOf, StoreUnavailable } from './common.ts'
import type { StoreConnection } from './open.ts'
import { LIST_LIMIT, type Store } from './store.ts'
import { authorities, tlsProblem } from './tls.ts'

export interface PostgresPlace {
  /** `postgres://user:password@host/database`; `?sslmode=verify-full` for TLS. */
  url: string
  /** Certificates (PEM) of authorities to trust besides those of Node. An `sslrootcert` in the URL replaces them all. */
  caFile?: string
}

/**
 * Connects to PostgreSQL. Each operation is one statement. Keys are digests: they are tokens and codes otherwise, for whoever sees the
 * database.
 *
 * While the database is away, operations fail, after some seconds when it hangs, and work again as soon as it is back.
 *
 * @throws {Error} It cannot be reached, or its tables are missing or of another version.
 */
export async function connectPostgresStores(place: PostgresPlace): Promise<StoreConnection> {
  const pool = openPool(place, { max: MOST_CONNECTIONS })
  const query = prepared(pool)
  try {
    checkVersion(await versionOf(query))
  } catch (error) {
    await pool.end()
    throw error
  }

  let writes = 0
  /** Everything that has ended goes some day, a little with every hundredth write. */
  const cleanUp = () => {
    writes += 1
    if (writes % 100 === 0) query(CLEAN).catch(() => {})
  }
  const { host, pathname } = new URL(place.url)
  return {
    place: `PostgreSQL at ${host}, database ${pathname.slice(1)}`,
    stores: collection => createStore(collection, query, cleanUp),
    close: () => pool.end(),
  }
}

/** Statements are planned once for each connection, unless a pooler in front of the database hands out another one each time. */
function prepared(pool: Pool): Query {
  const names = new Map<string, string>()
  let isPooled = false
  const nameOf = (text: string) => {
    // Of the text, so that processes which share connections by a pooler never mean different statements by one name.
    const name = names.get(text) ?? `idplug_${hash('sha256', text, 'hex').slice(0, 32)}`
    names.set(text, name)
    return name
  }
  return async (text, values = []) => {
    try {
      if (!isPooled) {
        try {
          return await pool.query({ name: nameOf(text), text, values })
        } catch (error) {
          // Nothing of it was done.
          if (!OF_ANOTHER_CONNECTION.has((error as NodeJS.ErrnoException).code ?? '')) throw error
          isPooled = true
        }
      }
      return await pool.query({ text, values })
    } catch (error) {
      throw unavailable(error)
    }
  }
}

/** SQLSTATE: a prepared statement that is not there, or that somebody else has prepared under the name. */
const OF_ANOTHER_CONNECTION = new Set(['26000', '42P05'])

interface Row {
  value: string
  lives: boolean
  key: Buffer
  made: boolean
  version: number
}
interface Answer {
  /** Each has what its statement asks for. */
  rows: Row[]
  rowCount: number | null
}
type Query = (text: string, values?: unknown[]) => Promise<Answer>

function createStore(collection: string, query: Query, cleanUp: () => void): Store {
  const digest = (text: string) => hash('sha256', `${collection}\0${text}`, 'buffer')
  const wordsOf = (words: readonly string[]) => (words.length === 0 ? null : words.map(digest))

  /** @param write - A statement with a row for each entry that it wrote, for what is in {@link entryOf}. */
  async function put(write: string, key: string, entry: unknown[], words: readonly string[]): Promise<boolean> {
    cleanUp()
    if (words.length === 0) return (await query(write, entry)).rowCount === 1
    const at = entry.length + 1
    const text = `WITH written AS (${write}), listed AS (${INDEX.replace('$key', `$${at}`)}) SELECT id FROM written`
    return (await query(text, [...entry, Buffer.from(key)])).rowCount === 1
  }
  const entryOf = (key: string, value: unknown, seconds: number, words: readonly string[]) => [
    digest(key),
    JSON.stringify(value),
    millisecondsOf(seconds),
    wordsOf(words),
  ]
  const find = async (key: string): Promise<string | undefined> =>
    (await query('SELECT value FROM idplug_entries WHERE id = $1 AND ends_at > now()', [digest(key)])).rows[0]?.value
  const add: Store['add'] = (key, value, seconds, words = []) =>
    put(ADD, key, entryOf(key, value, seconds, words), words)

  return {
    add,
    get: async key => {
      const text = await find(key)
      return text === undefined ? undefined : JSON.parse(text)
    },
    set: async (key, value, seconds, words = []) => {
      await put(SET, key, entryOf(key, value, seconds, words), words)
    },
    swap: async (key, expected, next, seconds, words = []) => {
      if (expected === undefined) {
        return next === undefined ? (await find(key)) === undefined : add(key, next, seconds, words)
      }
      const text = JSON.stringify(expected)
      if (next === undefined) return (await query(REMOVE, [digest(key), text])).rowCount === 1
      return put(SWAP, key, [...entryOf(key, next, seconds, words), text], words)
    },
    take: async key => {
      const { rows } = await query(TAKE, [digest(key)])
      const [taken] = rows
      return taken?.lives ? JSON.parse(taken.value) : undefined
    },
    delete: async key => void (await query('DELETE FROM idplug_entries WHERE id = $1', [digest(key)])),
    list: async (word, { after, limit = LIST_LIMIT } = {}) => {
      const { rows } =
        after === undefined
          ? await query(`${LIST} ORDER BY key LIMIT $2`, [digest(word), limit])
          : await query(`${LIST} AND key > $3 ORDER BY key LIMIT $2`, [digest(word), limit, Buffer.from(after)])
      return rows.map(({ key }) => key.toString())
    },
  }
}

const INSERT = `
INSERT INTO idplug_entries AS old (id, value, ends_at, words)
VALUES ($1, $2, now() + $3 * interval '1 millisecond', $4)
ON CONFLICT (id) DO UPDATE SET value = excluded.value, ends_at = excluded.ends_at, words = excluded.words`
const SET = `${INSERT} RETURNING id`
const ADD = `${INSERT} WHERE old.ends_at <= now() RETURNING id`
const SWAP = `
UPDATE idplug_entries SET value = $2, ends_at = now() + $3 * interval '1 millisecond', words = $4
WHERE id = $1 AND value = $5 AND ends_at > now() RETURNING id`
const REMOVE = 'DELETE FROM idplug_entries WHERE id = $1 AND value = $2 AND ends_at > now()'
const TAKE = 'DELETE FROM idplug_entries WHERE id = $1 RETURNING value, ends_at > now() AS lives'
const INDEX = `
INSERT INTO idplug_words (word, key, id) SELECT unnest($4::bytea[]), $key::bytea, id FROM written ON CONFLICT DO NOTHING`
/** Rows of earlier writes stay as long as the entry does; the entry says which count. */
const LIST = `
SELECT key FROM idplug_words JOIN idplug_entries USING (id) WHERE word = $1 AND ends_at > now() AND word = ANY (words)`
const CLEAN = `
DELETE FROM idplug_entries WHERE id IN
  (SELECT id FROM idplug_entries WHERE ends_at <= now() ORDER BY ends_at LIMIT 200 FOR UPDATE SKIP LOCKED)`

/** Each makes the next version out of the one before. What was released is not changed any more. */
const MIGRATIONS = [
  `
CREATE TABLE idplug_entries (
  id bytea PRIMARY KEY,
  value text NOT NULL,
  ends_at timestamptz NOT NULL,
  words bytea[]
);
CREATE INDEX idplug_entries_by_end ON idplug_entries (ends_at);
CREATE TABLE idplug_words (
  word bytea NOT NULL,
  key bytea NOT NULL,
  id bytea NOT NULL REFERENCES idplug_entries (id) ON DELETE CASCADE,
  PRIMARY KEY (word, key)
);
CREATE INDEX idplug_words_by_id ON idplug_words (id);`,
]

/**
 * Makes the tables, or those of an earlier version into those of this one. Of several at once, one does it.
 *
 * @returns The versions before and after; 0 for no tables.
 * @throws {Error} The database cannot be reached, the account may not make tables, or they are of a later version.
 */
export async function migratePostgres(place: PostgresPlace): Promise<{ from: number; to: number }> {
  const pool = openPool(place, { max: 1 })
  try {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await client.query("SELECT pg_advisory_xact_lock(hashtext('idplug migrations'))")
      await client.query('CREATE TABLE IF NOT EXISTS idplug_schema (version integer NOT NULL)')
      const from = await versionOf((text, values) => client.query(text, values))
      if (from > MIGRATIONS.length) checkVersion(from)
      for (const migration of MIGRATIONS.slice(from)) await client.query(migration)
      await client.query('DELETE FROM idplug_schema')
      await client.query('INSERT INTO idplug_schema VALUES ($1)', [MIGRATIONS.length])
      await client.query('COMMIT')
      client.release()
      return { from, to: MIGRATIONS.length }
    } catch (error) {
      client.release(true)
      throw error
    }
  } catch (error) {
    throw error instanceof VersionError ? error : unavailable(error)
  } finally {
    await pool.end()
  }
}

class VersionError extends Error {}

async function versionOf(query: Query): Promise<number> {
  const { rows } = await query("SELECT to_regclass('idplug_schema') IS NOT NULL AS made")
  if (!rows[0]?.made) return 0
  return (await query('SELECT version FROM idplug_schema')).rows[0]?.version ?? 0
}

/** @throws {VersionError} It is not the version of this code. */
function checkVersion(version: number): void {
  if (version === MIGRATIONS.length) return
  if (version > MIGRATIONS.length) {
    throw new VersionError(`its tables were made by a later version of idplug (${version}, not ${MIGRATIONS.length})`)
  }
  const state = version === 0 ? 'missing' : `of an earlier version (${version}, not ${MIGRATIONS.length})`
  throw new VersionError(`its tables are ${state}: run npx idplug store migrate`)
}

const MOST_CONNECTIONS = 10
/** For a free connection, and again for the answer. */
const TIMEOUT_MILLISECONDS = 5000

function openPool(place: PostgresPlace, options: PoolConfig): Pool {
  const pool = new Pool({
    ...addressOf(place),
    connectionTimeoutMillis: TIMEOUT_MILLISECONDS,
    // Also of a server that hangs, which notices no timeout of its own.
    query_timeout: TIMEOUT_MILLISECONDS + 1000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: 'idplug',
    // By a statement: connection poolers refuse it as a parameter of the connection.
    onConnect: async client => void (await client.query(`SET statement_timeout = ${TIMEOUT_MILLISECONDS}`)),
    ...options,
  })
  // Without a listener, an idle connection that is lost would end the process. Whoever asks is told.
  pool.on('error', () => {})
  return pool
}

/** The driver takes no authorities beside an `sslmode`, which it takes for `verify-full` in all of these spellings. */
function addressOf({ url, caFile }: PostgresPlace): PoolConfig {
  const address = new URL(url)
  const { searchParams } = address
  const isOurs = /^(verify-full|verify-ca|require|prefer)$/.test(searchParams.get('sslmode') ?? '')
  const isTheirs = ['sslrootcert', 'sslcert', 'sslkey', 'uselibpqcompat'].some(name => searchParams.has(name))
  if (caFile === undefined || !isOurs || isTheirs) return { connectionString: url }
  searchParams.delete('sslmode')
  return { connectionString: address.href, ssl: { ca: authorities(caFile) } }
}

/** SQLSTATE codes whose own words do not say what to do. */
const WORDS: Readonly<Record<string, string>> = {
  '25006': 'it takes no writes: is it a standby?',
  '42P01': 'its tables are missing: run npx idplug store migrate',
  '42501':
    'the account may not use its tables: GRANT SELECT, INSERT, UPDATE, DELETE ON idplug_entries, idplug_words, and SELECT ON idplug_schema',
  '53100': 'its disk is full',
}

function unavailable(error: unknown): StoreUnavailable {
  const { code = '', message } = error as NodeJS.ErrnoException
  const isAnswer = error instanceof DatabaseError
  const words = WORDS[code] ?? tlsProblem(code) ?? (isAnswer ? `${message} (${code})` : code || message)
  return new StoreUnavailable(`PostgreSQL: ${words}`)
}
