import { hash } from 'node:crypto'
import { closeSync, openSync, statSync } from 'node:fs'
import { DatabaseSync, type StatementResultingChanges, type StatementSync } from 'node:sqlite'
import { millisecondsOf, StoreUnavailable, valueFrom } from './common.ts'
import { timeOfKey } from './key-time.ts'
import { LIST_LIMIT, type Store, type StoreFactory } from './store.ts'
import { together } from './together.ts'

export interface SqliteStores {
  readonly stores: StoreFactory
  close(): Promise<void>
}

/**
 * Collections in one file, which several processes of one machine may share. Made when it is not there, for its owner only. Keys are
 * digests: they are tokens and codes otherwise, for whoever sees the file.
 *
 * What was answered survives the end of the process. A power failure may lose what was written in the seconds before.
 *
 * @throws {Error} The file cannot be written, is no database, or was made by a later version.
 */
export function openSqliteStores(path: string): SqliteStores {
  const database = told(path, () => openOnceFree(path))
  const prepare = (sql: string) => database.prepare(sql)
  const statements: Statements = {
    get: prepare('SELECT value FROM entries WHERE id = ? AND ends_at > ?'),
    set: prepare(`${INSERT} DO UPDATE ${REPLACE}`),
    add: prepare(`${INSERT} DO UPDATE ${REPLACE} WHERE entries.ends_at <= ?`),
    swap: prepare(
      'UPDATE entries SET value = ?, ends_at = ?, has_words = ? WHERE id = ? AND value = ? AND ends_at > ?',
    ),
    remove: prepare('DELETE FROM entries WHERE id = ? AND value = ? AND ends_at > ?'),
    take: prepare('DELETE FROM entries WHERE id = ? RETURNING value, ends_at'),
    delete: prepare('DELETE FROM entries WHERE id = ?'),
    list: prepare(`${LIST} ORDER BY key LIMIT ?`),
    listAfter: prepare(`${LIST} AND key > ? ORDER BY key LIMIT ?`),
    dropWords: prepare('DELETE FROM words WHERE id = ?'),
    addWord: prepare('INSERT OR IGNORE INTO words (collection, word, key, id) VALUES (?, ?, ?, ?)'),
    clean: prepare(
      'DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE ends_at <= ? ORDER BY ends_at LIMIT 200)',
    ),
  }
  const identity = identityOf(path)
  const [begin, commit] = [database.prepare('BEGIN IMMEDIATE'), database.prepare('COMMIT')]

  function atOnce<T>(work: () => T): T {
    // An open file goes on without its name, and what is written to it ends with this process.
    if (identityOf(path) !== identity)
      throw new Error('it was removed or replaced: put it back, or restart this process')
    begin.run()
    try {
      const result = work()
      commit.run()
      return result
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }
  function alone({ isWrite, run, resolve, reject }: Work): void {
    try {
      resolve(isWrite ? atOnce(run) : run())
    } catch (error) {
      reject(unavailable(path, error))
    }
  }
  const enqueue = together<Work>(works => {
    if (works.length === 1 || !works.some(({ isWrite }) => isWrite)) return works.forEach(alone)
    let results: unknown[]
    try {
      results = atOnce(() => works.map(({ run }) => run()))
    } catch (error) {
      // Nothing of it was done. Reading does not wait for other processes, and what is wrong with one is not wrong with all.
      const isBusy = plainCode(error) === BUSY
      for (const work of works) {
        if (isBusy && work.isWrite) work.reject(unavailable(path, error))
        else alone(work)
      }
      return
    }
    for (const [i, { resolve }] of works.entries()) resolve(results[i])
  })

  let writes = 0
  /** Everything that has ended goes some day, a little with every hundredth write. */
  function cleanUp(): void {
    writes += 1
    if (writes % 100 === 0) statements.clean.run(Date.now())
  }
  const ask = <T>(isWrite: boolean, run: () => T): Promise<T> =>
    new Promise((resolve, reject) => enqueue({ isWrite, run, resolve: result => resolve(result as T), reject }))
  const read: Do = run => ask(false, run)
  const write: Do = run =>
    ask(true, () => {
      cleanUp()
      return run()
    })

  return {
    stores: collection => createStore(collection, statements, read, write),
    async close() {
      // What was asked for before is done before.
      await new Promise(setImmediate)
      if (database.isOpen) database.close()
    },
  }
}

/** Something to do with the database, and what is to be told of it. */
interface Work {
  isWrite: boolean
  run(): unknown
  resolve(result: unknown): void
  reject(error: Error): void
}

/** @throws {StoreUnavailable} The database cannot do it. */
type Do = <T>(run: () => T) => Promise<T>

type Statements = Readonly<
  Record<
    | 'get'
    | 'set'
    | 'add'
    | 'swap'
    | 'remove'
    | 'take'
    | 'delete'
    | 'list'
    | 'listAfter'
    | 'dropWords'
    | 'addWord'
    | 'clean',
    StatementSync
  >
>

/** @param write - As one transaction, which may be that of others as well. */
function createStore(collection: string, statements: Statements, read: Do, write: Do): Store {
  function idOf(key: string): Buffer {
    const digest = hash('sha256', `${collection}\0${key}`, 'buffer')
    const time = timeOfKey(key)
    return time === undefined ? digest : Buffer.concat([Buffer.from(time, 'hex'), digest])
  }
  const endOf = (seconds: number) => Date.now() + millisecondsOf(seconds)

  /** Writes an entry, and its words with it. @returns Whether it was written. */
  function put(
    key: string,
    words: readonly string[],
    change: (id: Buffer, hasWords: number) => StatementResultingChanges,
  ): Promise<boolean> {
    const id = idOf(key)
    return write(() => {
      if (change(id, words.length > 0 ? 1 : 0).changes === 0) return false
      if (words.length === 0) return true
      statements.dropWords.run(id)
      for (const word of words) statements.addWord.run(collection, word, key, id)
      return true
    })
  }
  const add: Store['add'] = (key, value, seconds, words = []) => {
    const [text, end] = [JSON.stringify(value), endOf(seconds)]
    return put(key, words, (id, hasWords) => statements.add.run(id, text, end, hasWords, Date.now()))
  }
  const find = (key: string) => {
    const id = idOf(key)
    return read(() => statements.get.get(id, Date.now())?.value as string | undefined)
  }

  return {
    add,
    get: async key => {
      const text = await find(key)
      return text === undefined ? undefined : valueFrom(collection, text)
    },
    set: async (key, value, seconds, words = []) => {
      const [text, end] = [JSON.stringify(value), endOf(seconds)]
      await put(key, words, (id, hasWords) => statements.set.run(id, text, end, hasWords))
    },
    swap: async (key, expected, next, seconds, words = []) => {
      if (expected === undefined) {
        return next === undefined ? (await find(key)) === undefined : add(key, next, seconds, words)
      }
      const text = JSON.stringify(expected)
      if (next === undefined) {
        const id = idOf(key)
        return write(() => statements.remove.run(id, text, Date.now()).changes > 0)
      }
      const [value, end] = [JSON.stringify(next), endOf(seconds)]
      return put(key, words, (id, hasWords) => statements.swap.run(value, end, hasWords, id, text, Date.now()))
    },
    take: async key => {
      const id = idOf(key)
      // To the end: only then is it known to be gone.
      const [taken] = (await write(() => statements.take.all(id))) as { value: string; ends_at: number }[]
      return taken && taken.ends_at > Date.now() ? valueFrom(collection, taken.value) : undefined
    },
    delete: async key => {
      const id = idOf(key)
      await write(() => statements.delete.run(id))
    },
    list: async (word, { after, limit = LIST_LIMIT } = {}) => {
      const place = [collection, word, Date.now()] as const
      const rows = await read(() =>
        after === undefined ? statements.list.all(...place, limit) : statements.listAfter.all(...place, after, limit),
      )
      return rows.map(({ key }) => key as string)
    },
  }
}

const INSERT = 'INSERT INTO entries (id, value, ends_at, has_words) VALUES (?, ?, ?, ?) ON CONFLICT (id)'
const REPLACE = 'SET value = excluded.value, ends_at = excluded.ends_at, has_words = excluded.has_words'
const LIST =
  'SELECT key FROM words JOIN entries USING (id) WHERE collection = ? AND word = ? AND ends_at > ? AND has_words'

/** In 2 the ids of keys that begin with a time begin with it as well; what a file has from before is found as before. */
const VERSION = 2
const SCHEMA = `
CREATE TABLE entries (
  id BLOB PRIMARY KEY,
  value TEXT NOT NULL,
  ends_at INTEGER NOT NULL,
  -- Of an entry that was written without words since, those in the table below do not count.
  has_words INTEGER NOT NULL
);
CREATE INDEX entries_by_end ON entries (ends_at);
CREATE TABLE words (
  collection TEXT NOT NULL,
  word TEXT NOT NULL,
  key TEXT NOT NULL,
  id BLOB NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  PRIMARY KEY (collection, word, key)
) WITHOUT ROWID;
CREATE INDEX words_by_id ON words (id);`

/**
 * Waits for others that make or open the file at the same moment: SQLite itself does not while it changes to WAL
 * (https://sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
 */
function openOnceFree(path: string): DatabaseSync {
  const end = Date.now() + BUSY_MILLISECONDS
  for (;;) {
    try {
      return open(path)
    } catch (error) {
      if (plainCode(error) !== BUSY || Date.now() >= end) throw error
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
  }
}

function open(path: string): DatabaseSync {
  // SQLite gives its further files the mode of this one.
  closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path, { timeout: BUSY_MILLISECONDS })
  try {
    database.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${CACHE_KIB}; BEGIN IMMEDIATE`,
    )
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
    if (version > VERSION) throw new Error('it was made by a later version of idplug')
    if (version === 0) database.exec(SCHEMA)
    if (version < VERSION) database.exec(`PRAGMA user_version = ${VERSION}`)
    database.exec('COMMIT')
  } catch (error) {
    database.close()
    throw error
  }
  return database
}

/** The inner pages of the trees of a million clients take nine megabytes; with the default of two they are read again and again. */
const CACHE_KIB = 16_000

/** Of the file that has this name, if any has. */
function identityOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat && `${stat.dev} ${stat.ino}`
}

/** Another process holds the file for much less. */
const BUSY_MILLISECONDS = 2000

/** Result codes of SQLite (https://sqlite.org/rescode.html) whose own words do not say what to do. */
const BUSY = 5
const WORDS: Readonly<Record<number, string>> = {
  [BUSY]: 'another process holds it',
  8: 'it cannot be written: it, its folder or the disk is read-only',
  10: 'reading or writing it failed; is the disk in order?',
  11: 'it is damaged; restore it from a backup, or move it away and start with a new one',
  13: 'the disk is full',
  14: 'it cannot be opened',
  26: 'it is damaged or not a database; restore it from a backup, or move it away and start with a new one',
}

function reasonOf(path: string, error: unknown): string {
  return `${path}: ${WORDS[plainCode(error)] ?? (error as Error).message}`
}

/** Extended result codes have the plain one in their last byte. */
function plainCode(error: unknown): number {
  return ((error as { errcode?: number }).errcode ?? 0) & 0xff
}

function told<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new Error(reasonOf(path, error), { cause: error })
  }
}

function unavailable(path: string, error: unknown): StoreUnavailable {
  return new StoreUnavailable(`SQLite: ${reasonOf(path, error)}`)
}
