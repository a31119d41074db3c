import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { parse } from 'csv-parse'
import { readTextFile } from 'idplug/internal'
import { z } from 'zod'

/** A user as a list has them; `docs/migration.md` describes the format. */
export interface UserRecord {
  /** Place in the list, from 1; the header of a CSV does not count. */
  readonly row: number
  /** Subject at the provider that the list comes from. */
  readonly id: string
  readonly username?: string
  readonly name?: string
  readonly givenName?: string
  readonly familyName?: string
  readonly email?: string
  /** True only where the list says so. */
  readonly emailVerified: boolean
  readonly scopes: readonly string[]
}

/** A row that is no user. */
export interface BrokenRow {
  readonly row: number
  readonly problem: string
}

/** Rows of a list, in their order. A list can be read more than once, and is the same each time. */
export interface UserSource {
  /** Tells this list in this state from others. */
  readonly fingerprint: string
  /** @returns Rows, with the share of the list that was read so far, from 0 to 1. */
  read(): AsyncIterable<{ entry: UserRecord | BrokenRow; share: number }>
}

const text = z
  .string()
  .optional()
  .nullable()
  .transform(value => value?.trim() || undefined)
const truth = z.union([z.boolean(), z.string().transform(value => /^(true|yes|1)$/i.test(value.trim()))]).nullish()
const scopeList = z
  .union([z.array(z.string()), z.string().transform(value => value.split(/[\s;]+/).filter(Boolean))])
  .nullish()

/** Lists of other servers have members of their own; those that we know are read strictly. */
const rowSchema = z.object({
  id: text,
  /** As exports of Auth0 have it. */
  user_id: text,
  username: text,
  name: text,
  given_name: text,
  family_name: text,
  email: text,
  email_verified: truth,
  scopes: scopeList,
})

/**
 * A list of users in a file: CSV with a header, JSON lines (`.jsonl`, `.ndjson`) or a JSON array (`.json`). The first two are read
 * bit by bit, an array as a whole.
 *
 * @throws {RangeError} The file's name says none of these formats, or it holds no array. Errors of the file system as they are.
 */
export async function openUserFile(path: string): Promise<UserSource> {
  const { size, mtimeMs } = await stat(path)
  const rowsOf = readerFor(path)
  return {
    fingerprint: JSON.stringify([path, size, mtimeMs]),
    async *read() {
      let row = 0
      for await (const { value, offset } of rowsOf(path)) {
        row++
        yield { entry: entryOf(row, value), share: size === 0 ? 1 : Math.min(1, offset / size) }
      }
    },
  }
}

/** A list that is there already. */
export function listedUsers(fingerprint: string, users: readonly Omit<UserRecord, 'row'>[]): UserSource {
  return {
    fingerprint,
    async *read() {
      for (const [index, user] of users.entries()) {
        yield { entry: { ...user, row: index + 1 }, share: (index + 1) / users.length }
      }
    },
  }
}

/** One value of a file, or the error that stands in its place; and how many bytes were read. */
type Reader = (path: string) => AsyncIterable<{ value: unknown; offset: number }>

function readerFor(path: string): Reader {
  if (/\.csv$/i.test(path)) return readCsv
  if (/\.(jsonl|ndjson)$/i.test(path)) return readJsonLines
  if (/\.json$/i.test(path)) return readJsonArray
  throw new RangeError(`${path}: the name has to end in .csv, .jsonl, .ndjson or .json`)
}

async function* readCsv(path: string): ReturnType<Reader> {
  const parser = createReadStream(path).pipe(
    parse({
      columns: true,
      bom: true,
      skip_empty_lines: true,
      relax_column_count: true,
      relax_quotes: true,
      info: true,
    }),
  )
  for await (const { record, info } of parser as AsyncIterable<{
    record: unknown
    info: { bytes: number; error?: Error }
  }>) {
    yield { value: info.error ?? record, offset: info.bytes }
  }
}

async function* readJsonLines(path: string): ReturnType<Reader> {
  let offset = 0
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    offset += Buffer.byteLength(line) + 1
    // The mark at the beginning of the file counts as space.
    if (line.trim()) yield { value: parsed(line.trim()), offset }
  }
}

async function* readJsonArray(path: string): ReturnType<Reader> {
  const content = readTextFile(path)
  const values = parsed(content)
  if (!Array.isArray(values)) throw new RangeError(`${path} holds no JSON array of users`)
  for (const [index, value] of values.entries()) {
    yield { value, offset: (Buffer.byteLength(content) * (index + 1)) / values.length }
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // The parser's message would repeat part of the text.
    return new Error('is not valid JSON')
  }
}

function entryOf(row: number, value: unknown): UserRecord | BrokenRow {
  if (value instanceof Error) return { row, problem: value.message }
  const { success, data, error } = rowSchema.safeParse(value)
  if (!success) {
    return {
      row,
      problem: error.issues.map(({ path, message }) => `${path.join('.') || 'row'}: ${message}`).join('; '),
    }
  }
  const id = data.id ?? data.user_id
  if (id === undefined) return { row, problem: 'has no id' }
  return {
    row,
    id,
    username: data.username,
    name: data.name,
    givenName: data.given_name,
    familyName: data.family_name,
    email: data.email,
    emailVerified: data.email_verified ?? false,
    scopes: data.scopes ?? [],
  }
}
