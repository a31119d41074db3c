import { hash } from 'node:crypto'
import { DatabaseError, Pool, type PoolConfig } from 'pg'
import { millisecondsOf, StoreUnavailable, valueFrom } from './common.ts'
import type { StoreConnection } from './open.ts'
import { LIST_LIMIT, type Store } from './store.ts'
import { authorities, tlsProblem } from './tls.ts'
import { together } from './together.ts'

export interface PostgresPlace {
  /** `postgres://user:password@host/database`; `?sslmode=verify-full` for TLS. */
  url: string
  /** Certificates (PEM) of authorities to trust besides those of Node. An `sslrootcert` in the URL replaces them all. */
  caFile?: string
}

/**
 * Connects to PostgreSQL. Each operation is one statement, or part of one that does several of its kind at once. Keys are digests: they
 * are tokens and codes otherwise, for whoever sees the database.
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
  const entries: Entries = {
    get: gathered(query, GET),
    set: gathered(query, SET),
    add: gathered(query, ADD),
    swap: gathered(query, SWAP),
    remove: gathered(query, REMOVE),
  }
  const { host, pathname } = new URL(place.url)
  return {
    place: `PostgreSQL at ${host}, database ${pathname.slice(1)}`,
    stores: collection => createStore(collection, query, entries, cleanUp),
    async close() {
      // What was asked for before is done before.
      await new Promise(setImmediate)
      await pool.end()
    },
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
  id: Buffer
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

/** One statement for one entry, and one that does the same for several. Both give a row for each entry that they found, or changed. */
interface Gathered {
  one: string
  /** Takes an array for each parameter; its rows have the ids. */
  several: string
}

/** @returns The row of the entry; `undefined` where it has none. */
type Entry = (id: Buffer, ...values: unknown[]) => Promise<Row | undefined>
type Entries = Readonly<Record<'get' | 'set' | 'add' | 'swap' | 'remove', Entry>>

interface Asked {
  values: [id: Buffer, ...unknown[]]
  resolve(row: Row | undefined): void
  reject(error: unknown): void
}

/** What is asked for in one turn of the event loop is one statement. */
function gathered(query: Query, { one, several }: Gathered): Entry {
  async function alone({ values, resolve, reject }: Asked): Promise<void> {
    try {
      resolve((await query(one, values)).rows[0])
    } catch (error) {
      reject(error)
    }
  }
  /** @param asked - For entries that differ. */
  async function atOnce(asked: readonly Asked[]): Promise<void> {
    const [first] = asked
    if (first && asked.length === 1) return alone(first)
    const columns = first?.values.map((_, at) => asked.map(({ values }) => values[at]))
    try {
      const { rows } = await query(several, columns)
      const found = new Map(rows.map(row => [row.id.toString('latin1'), row]))
      for (const { values, resolve } of asked) resolve(found.get(values[0].toString('latin1')))
    } catch (error) {
      // Nothing of it was done, and what is wrong with one is not wrong with all.
      if (error instanceof RefusedStatement) await Promise.all(asked.map(alone))
      else for (const { reject } of asked) reject(error)
    }
  }
  const enqueue = together<Asked>(asked => {
    for (const different of apart(asked)) void atOnce(different)
  })
  return (...values) => new Promise((resolve, reject) => enqueue({ values, resolve, reject }))
}

/** In groups that have no entry twice; each in the order of ids, so that no two processes wait for each other's entries. */
function apart(asked: readonly Asked[]): Asked[][] {
  if (asked.length === 1) return [[...asked]]
  const sorted = asked.toSorted((a, b) => a.values[0].compare(b.values[0]))
  const groups: Asked[][] = []
  let nth = 0
  for (const [i, call] of sorted.entries()) {
    nth = sorted[i - 1]?.values[0].equals(call.values[0]) ? nth + 1 : 0
    const group = groups[nth] ?? []
    group.push(call)
    groups[nth] = group
  }
  return groups
}

function createStore(collection: string, query: Query, entries: Entries, cleanUp: () => void): Store {
  const digest = (text: string) => hash('sha256', `${collection}\0${text}`, 'buffer')
  const textOf = (value: unknown) => JSON.stringify(value)

  /** @param write - What writes an entry without words. @param further - Its parameters after those of all writes. */
  async function put(
    write: 'set' | 'add' | 'swap',
    key: string,
    value: unknown,
    seconds: number,
    words: readonly string[] = [],
    ...further: string[]
  ): Promise<boolean> {
    cleanUp()
    const entry = [digest(key), textOf(value), millisecondsOf(seconds), ...further] as const
    if (words.length === 0) return (await entries[write](...entry)) !== undefined
    const { rowCount } = await query(WITH_WORDS[write], [...entry, words.map(digest), Buffer.from(key)])
    return rowCount === 1
  }
  const find = async (key: string): Promise<string | undefined> => (await entries.get(digest(key)))?.value
  const add: Store['add'] = (key, value, seconds, words) => put('add', key, value, seconds, words)

  return {
    add,
    get: async key => {
      const text = await find(key)
      return text === undefined ? undefined : valueFrom(collection, text)
    },
    set: async (key, value, seconds, words) => void (await put('set', key, value, seconds, words)),
    swap: async (key, expected, next, seconds, words) => {
      if (expected === undefined) {
        return next === undefined ? (await find(key)) === undefined : add(key, next, seconds, words)
      }
      const text = textOf(expected)
      if (next === undefined) return (await entries.remove(digest(key), text)) !== undefined
      return put('swap', key, next, seconds, words, text)
    },
    take: async key => {
      const { rows } = await query(TAKE, [digest(key)])
      const [taken] = rows
      return taken?.lives ? valueFrom(collection, taken.value) : undefined
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

const END = (milliseconds: string) => `now() + ${milliseconds} * interval '1 millisecond'`
const INSERT = (values: string) => `
INSERT INTO idplug_entries AS old (id, value, ends_at, words) ${values}
ON CONFLICT (id) DO UPDATE SET value = excluded.value, ends_at = excluded.ends_at, words = excluded.words`
/** @param words - A parameter, or `NULL`. */
const insertOne = (words: string) => INSERT(`VALUES ($1, $2, ${END('$3')}, ${words})`)
const INSERT_SEVERAL = INSERT(`
SELECT id, value, ${END('milliseconds')}, NULL::bytea[]
FROM unnest($1::bytea[], $2::text[], $3::float8[]) AS new (id, value, milliseconds)`)
const IF_FREE = 'WHERE old.ends_at <= now()'
const swapOne = (words: string) => `
UPDATE idplug_entries SET value = $2, ends_at = ${END('$3')}, words = ${words}
WHERE id = $1 AND value = $4 AND ends_at > now()`

const GET: Gathered = {
  one: 'SELECT value FROM idplug_entries WHERE id = $1 AND ends_at > now()',
  several: 'SELECT id, value FROM idplug_entries WHERE id = ANY ($1::bytea[]) AND ends_at > now()',
}
const SET: Gathered = { one: `${insertOne('NULL')} RETURNING id`, several: `${INSERT_SEVERAL} RETURNING id` }
const ADD: Gathered = {
  one: `${insertOne('NULL')} ${IF_FREE} RETURNING id`,
  several: `${INSERT_SEVERAL} ${IF_FREE} RETURNING id`,
}
// The ids once more: a plan from when the table was small still goes by the index when it is large.
const SWAP: Gathered = {
  one: `${swapOne('NULL')} RETURNING id`,
  several: `
UPDATE idplug_entries AS old SET value = new.value, ends_at = ${END('new.milliseconds')}, words = NULL
FROM unnest($1::bytea[], $2::text[], $3::float8[], $4::text[]) AS new (id, value, milliseconds, expected)
WHERE old.id = ANY ($1::bytea[]) AND old.id = new.id AND old.value = new.expected AND old.ends_at > now() RETURNING old.id`,
}
const REMOVE: Gathered = {
  one: 'DELETE FROM idplug_entries WHERE id = $1 AND value = $2 AND ends_at > now() RETURNING id',
  several: `
DELETE FROM idplug_entries AS old USING unnest($1::bytea[], $2::text[]) AS given (id, expected)
WHERE old.id = ANY ($1::bytea[]) AND old.id = given.id AND old.value = given.expected AND old.ends_at > now() RETURNING old.id`,
}

/** @param write - Writes the words that are its parameter `at`; the key comes after it. */
const listed = (write: string, at: number) => `
WITH written AS (${write} RETURNING id), listed AS (
  INSERT INTO idplug_words (word, key, id) SELECT unnest($${at}::bytea[]), $${at + 1}::bytea, id FROM written
  ON CONFLICT DO NOTHING)
SELECT id FROM written`
const WITH_WORDS = {
  set: listed(insertOne('$4'), 4),
  add: listed(`${insertOne('$4')} ${IF_FREE}`, 4),
  swap: listed(swapOne('$5'), 5),
}
const TAKE = 'DELETE FROM idplug_entries WHERE id = $1 RETURNING value, ends_at > now() AS lives'
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

/**
 * SQLSTATE codes that are about the connection or the server and not about one statement. The severity cannot tell: it is in the language
 * of the server.
 */
const OF_THE_SERVER = /^(08|25P|28|3D|53|57P|58|XX)/

/** PostgreSQL has answered that it did nothing of the statement, and takes others. */
class RefusedStatement extends StoreUnavailable {}

function unavailable(error: unknown): StoreUnavailable {
  const { code = '', message } = error as NodeJS.ErrnoException
  const isAnswer = error instanceof DatabaseError
  const words = WORDS[code] ?? tlsProblem(code) ?? (isAnswer ? `${message} (${code})` : code || message)
  const detail = `PostgreSQL: ${words}`
  return isAnswer && !OF_THE_SERVER.test(code) ? new RefusedStatement(detail) : new StoreUnavailable(detail)
}
