import { chmod, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConfigError } from 'idplug'
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose'
import type { Logger } from 'pino'
import { lock } from 'proper-lockfile'
import { z } from 'zod'
import { jsonObject } from '../json-object.ts'
import { writeWhole } from '../replace-file.ts'

/** The keys that a gateway signs its assertions with (ES256), made and rotated by themselves. */
export interface AssertionKeys {
  sign(claims: JWTPayload, type: string): Promise<string>
  /** Public keys: the one that signs, the next one before it signs, and earlier ones until their last assertion has ended. */
  published(): Promise<JSONWebKeySet>
}

export interface AssertionKeysOptions {
  /** Keeps the keys over a restart, and for other processes of the same gateway: a file that only its owner can read. Default: in memory. */
  readonly file?: string
  /** Told that the file cannot be used any more. The keys that were read before go on meanwhile. Default: nobody is told. */
  readonly onError?: (error: Error) => void
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: () => number
}

/** Life of an assertion. */
export const ASSERTION_SECONDS = 60

/** A key signs for a day. */
const SIGNING_SECONDS = 86_400
/** So long is a key published before it signs. Verifiers that keep keys look again sooner. */
const ANNOUNCED_SECONDS = 3_600
/** For verifiers with another clock, and processes that have not looked at the file. */
const MARGIN_SECONDS = 120
/** How old the content of the file may be. Much less than a key is announced. */
const LOOK_SECONDS = 10

const entrySchema = z.object({
  key: z.looseObject({ kid: z.string(), kty: z.literal('EC'), d: z.string() }),
  /** Seconds since the Unix epoch. */
  signsFrom: z.number(),
})
const fileSchema = z.object({ version: z.literal(1), keys: z.array(entrySchema).min(1) })

/** A private key, and when it begins to sign. */
interface Entry {
  readonly key: JWK & { kid: string }
  readonly signsFrom: number
}

/** The file of keys cannot be used. The message names it and says what to do. */
class AssertionKeysError extends Error {
  override name = 'AssertionKeysError'
}

/**
 * Keys that sign for a day each. The next one is published an hour before it signs; the previous one stays until its last assertion has
 * ended. Nothing runs in the background: whoever signs or asks for the keys first after their time makes the next one.
 *
 * @throws {AssertionKeysError} From its members: the file cannot be used, and no keys were read before.
 */
export function createAssertionKeys({ file, onError, now = Date.now }: AssertionKeysOptions = {}): AssertionKeys {
  const seconds = () => Math.floor(now() / 1000)
  const imported = new WeakMap<Entry, ReturnType<typeof importJWK>>()
  let entries: readonly Entry[] = []
  let lookedAt = Number.NEGATIVE_INFINITY
  let underWay: Promise<void> | undefined

  const isOld = () => seconds() - lookedAt >= LOOK_SECONDS

  /** Entries in the order in which they sign, with the next one as soon as it has to be announced. */
  async function current(): Promise<readonly Entry[]> {
    if (entries.length === 0 || (file === undefined ? needsNext(entries, seconds()) : isOld())) {
      underWay ??= update().finally(() => {
        underWay = undefined
      })
      await underWay
    }
    return entries.filter((_, index) => isPublished(entries, index, seconds()))
  }

  async function update(): Promise<void> {
    if (file === undefined) {
      entries = await withNext(entries, seconds())
      return
    }
    try {
      entries = await entriesOf(file)
    } catch (error) {
      // A disk that is away must not stop all calls.
      if (entries.length === 0) throw error
      onError?.(error as Error)
    }
    lookedAt = seconds()
  }

  async function entriesOf(path: string): Promise<readonly Entry[]> {
    const read = await readEntries(path)
    if (!needsNext(read, seconds())) return sameEntries(entries, read)
    return exclusively(path, async () => {
      const found = sameEntries(entries, await readEntries(path))
      // Somebody took the file away: what was signed with our keys is still under way.
      const next = await withNext(found.length > 0 ? found : entries, seconds())
      await writeEntries(path, next)
      return next
    })
  }

  return {
    async sign(claims, type) {
      const signing = signingEntry(await current(), seconds())
      const key = imported.get(signing) ?? importJWK(signing.key, 'ES256')
      imported.set(signing, key)
      return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: type, kid: signing.key.kid }).sign(await key)
    },
    async published() {
      return { keys: (await current()).map(({ key: { d: _private, ...rest } }) => rest) }
    },
  }
}

/**
 * The keys of a program, which are read or made before they are needed: with a file that cannot be used, no call would reach its target.
 *
 * @param folder - Of their file. Without one, they are those of this process.
 * @param isUsed - Whether anything is signed with them.
 * @throws {ConfigError} The file cannot be used.
 */
export async function openAssertionKeys(
  folder: string | undefined,
  isUsed: boolean,
  logger: Logger,
): Promise<AssertionKeys> {
  const keys = createAssertionKeys({
    ...(folder !== undefined && { file: join(folder, 'assertion-keys.json') }),
    onError: ({ message }) => logger.error({ event: 'assertion_keys_not_read', message }),
  })
  if (isUsed) await requireAssertionKeys(keys)
  return keys
}

/**
 * Reads or makes the keys, before anything is signed with them.
 *
 * @throws {ConfigError} Their file cannot be used.
 */
export async function requireAssertionKeys(keys: Pick<AssertionKeys, 'published'>): Promise<void> {
  try {
    await keys.published()
  } catch (error) {
    if (!(error instanceof AssertionKeysError)) throw error
    throw new ConfigError([{ setting: 'AUTH_DATA_DIR', problem: error.message, see: 'docs/identity-to-target.md' }])
  }
}

/** The last one that has begun; the first one where the clock was set back. */
function signingEntry(entries: readonly Entry[], now: number): Entry {
  return entries.findLast(({ signsFrom }) => signsFrom <= now) ?? (entries[0] as Entry)
}

function needsNext(entries: readonly Entry[], now: number): boolean {
  const last = entries.at(-1)
  return !last || now >= last.signsFrom + SIGNING_SECONDS - ANNOUNCED_SECONDS
}

function isPublished(entries: readonly Entry[], index: number, now: number): boolean {
  const successor = entries[index + 1]
  return !successor || successor.signsFrom + ASSERTION_SECONDS + MARGIN_SECONDS > now
}

async function withNext(entries: readonly Entry[], now: number): Promise<Entry[]> {
  const kept = entries.filter((_, index) => isPublished(entries, index, now))
  if (!needsNext(entries, now)) return kept
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  const key = { ...jwk, alg: 'ES256', use: 'sig', kid: await calculateJwkThumbprint(jwk) }
  return [...kept, { key, signsFrom: kept.length > 0 ? now + ANNOUNCED_SECONDS : now }]
}

/** Keeps the objects of keys that are known, because their imported form hangs on them. */
function sameEntries(known: readonly Entry[], read: readonly Entry[]): Entry[] {
  return read.map(entry => known.find(({ key }) => key.kid === entry.key.kid) ?? entry)
}

async function readEntries(file: string): Promise<Entry[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
    await chmod(file, 0o600).catch(() => {}) // a copy that was put back may be readable by everybody
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw unusable(file, error)
  }
  const parsed = fileSchema.safeParse(jsonObject(text))
  if (parsed.success) return parsed.data.keys as Entry[]
  throw new AssertionKeysError(`${file} does not hold the keys of a gateway; move it away, and new ones are made`)
}

async function writeEntries(file: string, keys: readonly Entry[]): Promise<void> {
  try {
    await writeWhole(file, `${JSON.stringify({ version: 1, keys }, null, 2)}\n`, 0o600)
  } catch (error) {
    throw unusable(file, error)
  }
}

async function exclusively<T>(file: string, work: () => Promise<T>): Promise<T> {
  let release: () => Promise<void>
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    release = await lock(file, { realpath: false, retries: { retries: 50, minTimeout: 20, maxTimeout: 200 } })
  } catch (error) {
    throw unusable(file, error)
  }
  try {
    return await work()
  } finally {
    await release()
  }
}

function unusable(file: string, error: unknown): AssertionKeysError {
  if (error instanceof AssertionKeysError) return error
  return new AssertionKeysError(
    `${file} cannot be used (${(error as NodeJS.ErrnoException).code}): check its folder and owner`,
  )
}
