import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { parseEnv } from 'node:util'
import { ConfigError, type ConfigProblem } from 'idplug'
import { type Environment, knownNames, readTextFile, type SettingsFile, settingsSchema } from 'idplug/internal'
import { lineProblems } from './env-file-lines.ts'

/** In the current folder: where an authorization server keeps its state unless settings say otherwise. */
export const DATA_FOLDER = '.idplug'

/**
 * Who reads `.env`. A server runs in a folder of its operator. A command gets a URL or a token from its user, in whatever folder
 * they are: there, the file chooses no code and no file to be sent to a provider.
 */
export type Reader = 'server' | 'command'

/** Settings as a program of ours sees them. */
export interface ProgramEnvironment {
  /** The environment, and behind it what was taken from the file. */
  readonly env: Environment
  /** Absent where there is none. */
  readonly file?: SettingsFile
}

/**
 * The settings for a command or server: the environment, and what `.env` in the working directory adds to it. Says on standard
 * error which file was read. `process.env` stays as it is.
 *
 * @throws {ConfigError} The file cannot be read.
 */
export function readEnvironment(reader: Reader): ProgramEnvironment {
  const read = withEnvFile(process.env, '.', reader)
  if (read.summary) console.error(read.summary)
  return read
}

/** What changes how requests are sent, or how Node runs. Nobody expects a file of settings to. */
const NEVER_FROM_FILE = /^((HTTPS?|ALL|FTP|NO)_PROXY|NODE_(?!ENV$).*|SSL_CERT_(FILE|DIR)|OPENSSL_CONF)$/i

/**
 * Adds what is missing in an environment from the `.env` of a folder: known settings, and variables that the configuration refers to.
 *
 * @returns `summary` says in one line what was taken from where; absent without a file.
 * @throws {ConfigError} The file cannot be read.
 */
export function withEnvFile(
  env: Environment,
  folder: string,
  reader: Reader,
): ProgramEnvironment & { readonly summary?: string } {
  const path = resolve(folder, '.env')
  if (isFolder(path)) return { env, ...(!isVirtualEnvironment(path) && { summary: FOLDER(path) }) }
  const text = readEnvText(path)
  if (text === undefined) return { env }
  const values = parseEnv(text)
  const missing = Object.entries(values).filter(([name]) => !(name in env) && !NEVER_FROM_FILE.test(name))
  const withheld =
    reader === 'server' ? [] : missing.flatMap(([name, value = '']) => withheldProblem(path, name, value))
  const offered = missing.filter(([name]) => withheld.every(({ setting }) => setting !== name))
  const { read, unread } = knownNames({ ...Object.fromEntries(offered), ...env })
  const taken = offered.filter(([name]) => read.has(name) || unread.has(name))
  return {
    env: { ...Object.fromEntries(taken), ...env },
    file: {
      path,
      values,
      problems: lineProblems(path, text, new Set([...read, ...unread.keys()])),
      withheld,
    },
    summary: summaryOf(path, taken, values),
  }
}

const isFolder = (path: string) => statOf(path)?.isDirectory() ?? false

/** The one of Python, which is often called so. */
const isVirtualEnvironment = (path: string) => existsSync(join(path, 'pyvenv.cfg'))

/** As Docker makes it where a file is to be mounted that does not exist. */
const FOLDER = (path: string) => `${path} is a folder: no settings are read from it.`

/**
 * The text of a `.env`, with line feeds only: what some editors write is one line otherwise.
 *
 * @returns `undefined` where there is no file.
 * @throws {ConfigError} The file cannot be read.
 */
export function readEnvText(path: string): string | undefined {
  if (!statOf(path)) return undefined
  try {
    return readTextFile(path).replace(/\r\n?/g, '\n')
  } catch (error) {
    throw unreadable(path, error)
  }
}

function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): ConfigError {
  const { code } = error as NodeJS.ErrnoException
  return new ConfigError([{ setting: path, problem: `cannot be read (${code})`, see: SEE }])
}

const SEE = 'docs/settings.md'

/** What a command does not let the file decide: which code runs, and which files of its user go to a provider as a secret. */
function withheldProblem(path: string, setting: string, value: string): ConfigProblem[] {
  const problem = (why: string) => [
    { setting, problem: `in ${path} ${why}. A command takes that from the environment only: set it there`, see: SEE },
  ]
  if (setting === 'AUTH_CONFIG' || (setting === 'AUTH_SHADOW' && value.trim().endsWith('.json'))) {
    return problem('names a provider file, which may load code and send any secret')
  }
  if (setting === 'AUTH_CA_FILE') return problem('names certificate authorities to trust')
  const isSent = setting === 'BRIDGE_CLIENT_ASSERTION_FILE'
  const isSecretFile = isSent || (setting.endsWith('_FILE') && !(setting in settingsSchema.shape))
  return isSecretFile && !isWithin(dirname(path), value.trim()) ? problem('names a secret in another folder') : []
}

/** Whether a file is in the folder or below it, links followed. One that does not exist is nowhere else. */
function isWithin(folder: string, file: string): boolean {
  const path = resolve(folder, file)
  const way = relative(realpathSync(folder), statSync(path, { throwIfNoEntry: false }) ? realpathSync(path) : path)
  return !isAbsolute(way) && way.split(sep)[0] !== '..'
}

function summaryOf(path: string, taken: readonly [string, unknown][], values: Environment): string {
  const names = taken.map(([name]) => name).join(', ') || 'no settings'
  const never = Object.keys(values).filter(name => NEVER_FROM_FILE.test(name))
  return `Read ${path}: ${names}.${never.length > 0 ? ` Not read from it: ${never.join(', ')}; set that in the environment.` : ''}`
}
