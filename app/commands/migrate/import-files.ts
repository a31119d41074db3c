import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { stringify } from 'csv-stringify/sync'
import { replaceFile, writeWhole } from '../../replace-file.ts'
import { type ImportableUser, type ImportTarget, importFormats, importTargets } from './import-formats.ts'
import type { BrokenRow, UserRecord, UserSource } from './user-file.ts'

export interface ImportFilesOptions {
  source: UserSource
  target: ImportTarget
  /** Made when it is not there. */
  folder: string
  /** Domain that addresses must be in, where the target takes only its own. Default: any. */
  domain?: string
  /** Most users in one file. Default: what the target takes. */
  maxRows?: number
  /** Begin anew, whatever is there. Default: go on where the last run ended. */
  restart?: boolean
  /** @param share - From 0 to 1. */
  onProgress?: (share: number, rows: number) => void
}

export interface ImportSummary {
  /** Users in the files. */
  readonly written: number
  /** Rows that cannot go, listed in `rejected.csv`. */
  readonly rejected: number
  /** Names of the import files, in order. */
  readonly files: readonly string[]
  /** Files that were there from a run before, and were left as they are. */
  readonly kept: number
}

interface State {
  /** What the run is about; another run must not go on with its files. */
  run: string
  /** Files that are complete. */
  finished: number
  /** Files of the whole run, once it is complete. */
  complete?: boolean
}

const STATE = 'state.json'
const IMPORT_FILE = new RegExp(`^(${importTargets.join('|')})-\\d{4,}\\.(json|csv)(\\.part)?$`)
export const REJECTED = 'rejected.csv'
const PAIRS = 'pairs.csv'

/** The folder holds files of another run. */
export class OtherRunError extends Error {}

/**
 * Writes the files that a provider imports users from, split by what it takes, and beside them the rows that cannot go with the
 * reason (`rejected.csv`) and, where the provider keeps ids, old and new subjects (`pairs.csv`). A run that was cut off goes on at
 * the first file that is not complete; complete ones are not touched, since they may have been imported already.
 *
 * @throws {OtherRunError} The folder holds files of another list, target or limit.
 */
export async function writeImportFiles(options: ImportFilesOptions): Promise<ImportSummary> {
  const { source, target, folder, domain, restart = false, onProgress } = options
  const format = importFormats[target]
  const maxRows = Math.min(options.maxRows ?? format.maxRows, format.maxRows)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const run = JSON.stringify([source.fingerprint, target, domain ?? null, maxRows])
  const state = await readState(folder, run, restart)
  const parts = createParts(folder, target, maxRows, state.finished, finished => saveState(folder, { run, finished }))
  const rejected = createList(folder, REJECTED, ['row', 'id', 'reason'])
  const pairs = format.subject && createList(folder, PAIRS, ['old_subject', 'new_subject'])
  const addresses = new Map<string, number>()
  let rows = 0
  try {
    for await (const { entry, share } of source.read()) {
      rows++
      const problem = problemOf(entry, addresses, target, domain)
      if (problem !== undefined) await rejected.add([String(entry.row), 'id' in entry ? entry.id : '', problem])
      else await parts.add(entry as ImportableUser)
      const subject = problem === undefined ? format.subject?.(entry as UserRecord) : undefined
      if (subject) await pairs?.add([(entry as UserRecord).id, subject])
      onProgress?.(share, rows)
    }
    await parts.end()
  } finally {
    await Promise.all([rejected.close(), pairs?.close(), parts.close()])
  }
  await saveState(folder, { run, finished: parts.names.length, complete: true })
  return { written: parts.written, rejected: rejected.count, files: parts.names, kept: state.finished }
}

/** Spreadsheet programs run cells that begin so. */
const FORMULA = /^[=+\-@\t\r]/
const ADDRESS = /^[^\s@"(),:;<>[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/

function problemOf(
  entry: UserRecord | BrokenRow,
  addresses: Map<string, number>,
  target: ImportTarget,
  domain: string | undefined,
): string | undefined {
  if ('problem' in entry) return entry.problem
  const { email } = entry
  if (email === undefined) return 'has no e-mail address'
  if (!ADDRESS.test(email)) return 'has an e-mail address that is not well formed'
  const key = email.toLowerCase()
  const first = addresses.get(key)
  if (first !== undefined) return `has the same e-mail address as row ${first}`
  const format = importFormats[target]
  if (domain !== undefined && format.ownDomainOnly && !key.endsWith(`@${domain.toLowerCase()}`)) {
    return `has an e-mail address that is not in ${domain}`
  }
  const cells = [entry.id, email, entry.username, entry.name, entry.givenName, entry.familyName, ...entry.scopes]
  if (cells.some(cell => cell !== undefined && FORMULA.test(cell))) {
    return 'has a value that begins like a formula (= + - @), which spreadsheet programs run'
  }
  if (cells.some(cell => cell !== undefined && /\p{Cc}/u.test(cell)))
    return 'has a value with line breaks or control characters'
  const problem = format.problem({ ...entry, email })
  if (problem === undefined) addresses.set(key, entry.row)
  return problem
}

/** The import files, one after the other. Each is written under another name until it is complete. */
function createParts(
  folder: string,
  target: ImportTarget,
  maxRows: number,
  alreadyFinished: number,
  onFinished: (count: number) => Promise<void>,
) {
  const { before, between, after, extension, maxBytes, encode } = importFormats[target]
  const names: string[] = []
  let stream: WriteStream | undefined
  let rows = 0
  let bytes = 0
  let written = 0
  const isKept = () => names.length < alreadyFinished
  const nameOf = (index: number) => `${target}-${String(index + 1).padStart(4, '0')}.${extension}`

  async function write(text: string): Promise<void> {
    bytes += Buffer.byteLength(text)
    if (isKept()) return
    stream ??= openPrivate(join(folder, `${nameOf(names.length)}.part`))
    await writeText(stream, text)
  }

  async function end(): Promise<void> {
    if (rows === 0) return
    await write(after)
    const name = nameOf(names.length)
    if (!isKept()) {
      await close()
      await replaceFile(join(folder, `${name}.part`), join(folder, name))
      await onFinished(names.length + 1)
    }
    names.push(name)
    rows = 0
    bytes = 0
  }

  async function close(): Promise<void> {
    const open = stream
    stream = undefined
    open?.end()
    if (open) await finished(open)
  }

  return {
    names,
    get written() {
      return written
    },
    async add(user: ImportableUser) {
      const text = encode(user)
      const size = Buffer.byteLength(between + text + after)
      if (rows >= maxRows || (rows > 0 && bytes + size > maxBytes)) await end()
      await write(rows === 0 ? before + text : between + text)
      rows++
      written++
    },
    end,
    close,
  }
}

/** A list beside the files, made anew by every run. */
function createList(folder: string, name: string, columns: readonly string[]) {
  const stream = openPrivate(join(folder, name))
  const add = (cells: readonly string[]) => writeText(stream, stringify([[...cells]], { escape_formulas: true }))
  const started = add(columns)
  let count = 0
  return {
    get count() {
      return count
    },
    async add(cells: readonly string[]) {
      await started
      count++
      await add(cells)
    },
    async close() {
      stream.end()
      await finished(stream)
    },
  }
}

function openPrivate(path: string): WriteStream {
  const stream = createWriteStream(path, { mode: 0o600 })
  // What goes wrong comes back from the write that it went wrong in.
  stream.on('error', () => {})
  return stream
}

function writeText(stream: WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => stream.write(text, error => (error ? reject(error) : resolve())))
}

async function readState(folder: string, run: string, restart: boolean): Promise<State> {
  const fresh: State = { run, finished: 0 }
  const path = join(folder, STATE)
  if (restart) {
    const files = (await readdir(folder)).filter(name => name === STATE || IMPORT_FILE.test(name))
    for (const name of files) await rm(join(folder, name))
    return fresh
  }
  const text = await readFile(path, 'utf8').catch(error => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return fresh
  const state = JSON.parse(text) as State
  if (state.run === run) return state
  throw new OtherRunError(
    `${folder} holds files of another list, target or limit, or the list has changed since; choose another folder (--out), or begin anew with --restart`,
  )
}

async function saveState(folder: string, state: State): Promise<void> {
  const path = join(folder, STATE)
  await writeWhole(path, JSON.stringify(state), 0o600)
}
