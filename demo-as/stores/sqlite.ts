import { hash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { millisecondsOf, StoreUnavailable } from './common.ts'
import { LIST_LIMIT, type Store, type StoreFactory } from './store.ts'

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
  let writes = 0

  /** Everything that has ended goes some day, a little with every hundredth write. */
  function cleanUp(): void {
    writes += 1
    if (writes % 100 === 0) statements.clean.run(Date.now())
  }
  function atOnce<T>(work: () => T): T {
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }
  return {
    stores: collection => createStore(collection, statements, { atOnce, cleanUp, work: work => run(path, work) }),
    close: async () => {
      if (database.isOpen) database.close()
    },
  }
}

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

interface Means {
  /** As one transaction. */
  atOnce<T>(work: () => T): T
  cleanUp(): void
  /** @throws {StoreUnavailable} The database cannot do it. */
  work<T>(work: () => T): T
}

function createStore(collection: string, statements: Statements, { atOnce, cleanUp, work }: Means): Store {
  const idOf = (key: string) => hash('sha256', `${collection}\0${key}`, 'buffer')
  const endOf = (seconds: number) => Date.now() + millisecondsOf(seconds)

  /** Writes an entry, and its words with it. @returns Whether it was written. */
  function put(
    key: string,
    words: readonly string[],
    write: (id: Buffer, hasWords: number) => number | bigint,
  ): boolean {
    const id = idOf(key)
    if (words.length === 0) return write(id, 0) > 0
    return atOnce(() => {
      if (write(id, 1) === 0) return false
      statements.dropWords.run(id)
      for (const word of words) statements.addWord.run(collection, word, key, id)
      return true
    })
  }
  const add = (key: string, value: unknown, seconds: number, words: readonly string[]) =>
    put(
      key,
      words,
      (id, hasWords) => statements.add.run(id, JSON.stringify(value), endOf(seconds), hasWords, Date.now()).changes,
    )
  const find = (key: string) => statements.get.get(idOf(key), Date.now())?.value as string | undefined
  const changing = <T>(change: () => T): T =>
    work(() => {
      cleanUp()
      return change()
    })

  return {
    get: async key => {
      const text = work(() => find(key))
      return text === undefined ? undefined : JSON.parse(text)
    },
    set: async (key, value, seconds, words = []) => {
      changing(() =>
        put(
          key,
          words,
          (id, hasWords) => statements.set.run(id, JSON.stringify(value), endOf(seconds), hasWords).changes,
        ),
      )
    },
    add: async (key, value, seconds, words = []) => changing(() => add(key, value, seconds, words)),
    swap: async (key, expected, next, seconds, words = []) =>
      changing(() => {
        const text = JSON.stringify(expected)
        if (next === undefined) {
          if (expected === undefined) return find(key) === undefined
          return statements.remove.run(idOf(key), text, Date.now()).changes > 0
        }
        if (expected === undefined) return add(key, next, seconds, words)
        return put(key, words, (id, hasWords) => {
          const [value, end] = [JSON.stringify(next), endOf(seconds)]
          return statements.swap.run(value, end, hasWords, id, text, Date.now()).changes
        })
      }),
    take: async key => {
      // To the end: only then is it known to be gone.
      const [taken] = changing(() => statements.take.all(idOf(key))) as { value: string; ends_at: number }[]
      return taken && taken.ends_at > Date.now() ? JSON.parse(taken.value) : undefined
    },
    delete: async key => void changing(() => statements.delete.run(idOf(key))),
    list: async (word, { after, limit = LIST_LIMIT } = {}) => {
      const place = [collection, word, Date.now()] as const
      const rows = work(() =>
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

const VERSION = 1
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
CREATE INDEX words_by_id ON words (id);
PRAGMA user_version = ${VERSION};`

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
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE')
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
    if (version > VERSION) throw new Error('it was made by a later version of idplug')
    if (version === 0) database.exec(SCHEMA)
    database.exec('COMMIT')
  } catch (error) {
    database.close()
    throw error
  }
  return database
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

function run<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new StoreUnavailable(`SQLite: ${reasonOf(path, error)}`)
  }
}
