import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { StoreConnection } from './open.ts'

/**
 * A folder with a database and the key that encrypts the secrets in it, for the owner of this process only. Several processes may open it
 * at once.
 *
 * @throws {Error} It cannot be written, or the key or the database is damaged.
 */
export async function openDataFolder(path: string, file: string): Promise<StoreConnection> {
  const folder = resolve(path)
  try {
    makeFolder(folder)
    // Nobody commits it by accident.
    writeFileSync(join(folder, '.gitignore'), '*\n', { mode: 0o600 })
  } catch (error) {
    throw new Error(`${folder}: it cannot be written (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  }
  const key = keyIn(join(folder, 'encryption-key'))
  const { openSqliteStores } = await withoutWarning(() => import('./sqlite.ts'))
  const place = join(folder, file)
  return { ...openSqliteStores(place), place, key }
}

/** With those above it, one by one: `recursive` of `mkdir` tells ENOENT of a disk that is read-only. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

const KEY_BYTES = 32

/** Of several processes at once, all get the key of the first. */
function keyIn(path: string): Buffer {
  const made = `${path}.${randomBytes(8).toString('hex')}`
  try {
    writeFileSync(made, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
    linkSync(made, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw new Error(`${path}: it cannot be written (${code})`, { cause: error })
  } finally {
    rmSync(made, { force: true })
  }
  const key = Buffer.from(readFileSync(path, 'utf8'), 'base64')
  if (key.length === KEY_BYTES) return key
  throw new Error(
    `${path}: it is damaged. Restore it from a backup; without it, move the whole folder away, and people sign in again`,
  )
}

/** Node 22 warns about node:sqlite, which has been stable for longer than the versions that do not. */
async function withoutWarning<T>(load: () => Promise<T>): Promise<T> {
  const { emitWarning } = process
  process.emitWarning = (warning, ...rest) => {
    if (!String(warning).startsWith('SQLite is an experimental feature')) emitWarning(warning, ...(rest as []))
  }
  try {
    return await load()
  } finally {
    process.emitWarning = emitWarning
  }
}
