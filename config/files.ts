/**
 * Files that settings name. Node's modules are asked for when they are needed, so that a server on a platform without files can
 * import everything that reads them.
 */

import { clip } from '../src/text.ts'
import { repeatedKey } from './repeated-key.ts'

type BuiltIn = {
  crypto: typeof import('node:crypto')
  fs: typeof import('node:fs')
  module: typeof import('node:module')
  path: typeof import('node:path')
}

/** @throws {Error} The platform has no such module. */
export function builtIn<Name extends keyof BuiltIn>(name: Name): BuiltIn[Name] {
  const found = globalThis.process?.getBuiltinModule?.(`node:${name}`) as BuiltIn[Name] | undefined
  if (!found) throw Object.assign(new Error('this platform has no files'), { code: 'ENOSYS' })
  return found
}

/**
 * A file without its byte order mark, in UTF-8 or, as Windows PowerShell writes what `>` sends to a file, in UTF-16.
 *
 * @throws {Error} With the `code` of the system.
 */
export function readTextFile(path: string): string {
  const bytes = builtIn('fs').readFileSync(path)
  const [first] = bytes
  // Two bytes mark UTF-16, FF FE or FE FF; no text in UTF-8 begins with either.
  return new TextDecoder(first === 0xff ? 'utf-16le' : first === 0xfe ? 'utf-16be' : 'utf-8').decode(bytes)
}

/**
 * A file that another one names.
 *
 * @param file - The one that names it, by a path relative to itself or an absolute one.
 * @returns Or why it cannot be read, as the end of a sentence about it.
 */
export function readFileBeside(file: string, name: string): { bytes: Uint8Array } | { problem: string } {
  try {
    const { dirname, resolve } = builtIn('path')
    return { bytes: builtIn('fs').readFileSync(resolve(dirname(file), name)) }
  } catch (error) {
    return { problem: `cannot be read (${(error as NodeJS.ErrnoException).code})` }
  }
}

/** Changes whenever the file does; empty when it is not there, and a code of the system when it cannot be looked at. Never throws. */
export function stateOfFile(path: string): string {
  try {
    const stats = builtIn('fs').statSync(path, { throwIfNoEntry: false })
    return stats ? `${stats.mtimeMs} ${stats.size} ${stats.ino}` : ''
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

/** What a file says, kept up to date while the process runs. */
export interface FollowedFile<T> {
  /** What was read last. */
  readonly content: T
  close(): void
}

/** How often a file that is followed is looked at. */
const LOOK_MILLISECONDS = 2_000

/**
 * Reads a file, and again whenever it changes. One that cannot be used then is reported, and what was read before stays.
 *
 * @param read - Its errors at the start are the caller's.
 * @param told.read - After each time but the first.
 * @param lookMilliseconds - How often the file is looked at. Default 2,000.
 */
export function followFile<T>(
  path: string,
  read: () => T,
  told: { read(content: T): void; failed(error: Error): void },
  lookMilliseconds = LOOK_MILLISECONDS,
): FollowedFile<T> {
  // Before it is read: a change in between is seen at the next look.
  let seen = stateOfFile(path)
  let content = read()
  const look = () => {
    const state = stateOfFile(path)
    if (state === seen) return
    seen = state
    try {
      content = read()
      told.read(content)
    } catch (error) {
      told.failed(error as Error)
    }
  }
  // By looking at it, not by events: those of a file that is replaced or mounted come or do not, by platform.
  const timer = setInterval(look, lookMilliseconds)
  timer.unref?.()
  return {
    get content() {
      return content
    },
    close: () => clearInterval(timer),
  }
}

/**
 * A JSON file. A member that stands twice in one object is a mistake in it: one of two rules, scopes or ids would be lost.
 *
 * @returns Or why it cannot be read, as the end of a sentence about it. Shows no value in it: that may be a secret.
 */
export function readJsonFile(path: string): { value: unknown } | { problem: string } {
  let text: string
  try {
    text = readTextFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const where = code === 'ENOENT' ? `: there is no ${builtIn('path').resolve(path)}` : ''
    return { problem: `cannot be read (${code})${where}` }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { problem: `is not JSON${placeOf(error as Error, text)}` }
  }
  const repeated = repeatedKey(text)
  if (!repeated) return { value }
  return { problem: `has ${clip(repeated.key)} twice in one object (line ${repeated.line}): remove one` }
}

/** Where the parser stopped; nothing where the engine does not tell. Its own sentence quotes the text around that place. */
function placeOf({ message }: Error, text: string): string {
  const at = positionOf(message, text)
  if (at === undefined) return ''
  const lines = text.slice(0, at).split('\n')
  return ` (line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1})`
}

function positionOf(message: string, text: string): number | undefined {
  const [, position] = /at position (\d+)/.exec(message) ?? []
  if (position !== undefined) return Number(position)
  if (/^Unexpected end/.test(message)) return text.length
  return isUnexpectedToken(message) ? unexpectedToken(text) : undefined
}

const isUnexpectedToken = (message: string) => /^Unexpected token/.test(message)

/** V8 quotes an unexpected token and says no position. A text that ends before the token has another fault: that it ends. */
function unexpectedToken(text: string): number {
  let [before, after] = [0, text.length]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (isUnexpectedToken(messageOf(text.slice(0, middle)))) after = middle
    else before = middle
  }
  return before
}

function messageOf(text: string): string {
  try {
    JSON.parse(text)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * Loads a module: a path relative to a file, or an installed package.
 *
 * @param file - The file that names the module.
 * @returns Or why it cannot be loaded, as the end of a sentence about it, with what to do.
 */
export function loadModule(
  name: string,
  file: string,
): { module: Readonly<Record<string, unknown>> } | { problem: string } {
  try {
    const from = builtIn('path').resolve(file)
    return { module: builtIn('module').createRequire(from)(name) as Readonly<Record<string, unknown>> }
  } catch (error) {
    return { problem: loadProblem(error, name) }
  }
}

/** What Node says of a module that it was told to read as CommonJS. */
const NOT_COMMONJS = /^(Cannot use import statement|Cannot use 'import\.meta'|Unexpected token 'export')/

function loadProblem(thrown: unknown, name: string): string {
  const error: NodeJS.ErrnoException = thrown instanceof Error ? thrown : new Error(String(thrown))
  const { code, message } = error
  if (code === 'MODULE_NOT_FOUND' && message.includes(`'${name}'`)) {
    return 'does not exist'
  }
  if (code === 'ERR_REQUIRE_ASYNC_MODULE')
    return 'cannot be loaded: it uses await at its top level; move that into a function'
  // Node reads a .ts or .js file as CommonJS where the nearest package.json says so.
  if (error instanceof SyntaxError && NOT_COMMONJS.test(message)) {
    return 'cannot be loaded as CommonJS: name the file .mts (or .mjs), or put "type": "module" into the nearest package.json'
  }
  // Below the first line Node lists who asked for whom.
  return `cannot be loaded: ${message.split('\n')[0]}`
}

/** @returns Or why there is none, as the end of a sentence about the file. */
export function readOrProblem(path: string): { text: string } | { problem: string } {
  try {
    return { text: readTextFile(path) }
  } catch (error) {
    return { problem: `cannot be read (${(error as NodeJS.ErrnoException).code})` }
  }
}

/**
 * A token that the platform wrote into a file.
 *
 * @returns Or why it is not one, as the end of a sentence about the file. What is no token is not sent to a provider.
 */
export function readAssertion(path: string): { text: string } | { problem: string } {
  const read = readOrProblem(path)
  if ('problem' in read) return read
  const text = read.text.trim()
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text) ? { text } : { problem: 'does not hold a signed JWT' }
}
