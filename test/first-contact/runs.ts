// What a person runs, and what they read then.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuth, type ResourceDeclaration } from 'idplug'
import { vi } from 'vitest'
import { runCommand } from '../../app/commands/index.ts'
import { withEnvFile } from '../../app/environment.ts'
import { notes } from '../../app/notes/declaration.ts'
import { createLogger } from '../../app/observe/log.ts'
import { start } from '../../app/serve/start.ts'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

type Settings = Readonly<Record<string, string>>

/**
 * `npm start` up to the point where the server would listen.
 *
 * @param envFile - Text of `.env`. Default: there is none.
 */
export function npmStart(settings: Settings, envFile?: string): string {
  const { env, file } = envFile === undefined ? { env: settings, file: undefined } : beside(envFile, settings)
  return orProblems(() => {
    const { warnings } = loadConfiguration(env, { resources: { notes }, file })
    return ['The server starts.', ...warnings.map(({ setting, problem }) => `${setting} ${problem}`)].join('\n')
  })
}

/** `npm start`, which also listens and opens the store. */
export async function npmStartForReal(settings: Settings): Promise<string> {
  const lines: string[] = []
  const logger = createLogger('info', { write: line => void lines.push(line) })
  try {
    const configuration = loadConfiguration(settings, { resources: { notes } })
    const { close } = await start({ configuration, env: settings, logger })
    await close()
    return `The server starts.\n${lines.join('')}`
  } catch (error) {
    return problemsOf(error)
  }
}

/** What reads settings: those that are wrong, as the program lists them. */
export function orProblems(run: () => string): string {
  try {
    return run()
  } catch (error) {
    return problemsOf(error)
  }
}

function problemsOf(error: unknown): string {
  if (!(error instanceof ConfigError)) throw error
  return `idplug does not start. ${error.message}`
}

function beside(envFile: string, settings: Settings) {
  const folder = temporaryFolder()
  writeFileSync(join(folder, '.env'), envFile)
  return withEnvFile(settings, folder, 'server')
}

/** A server of one's own, started in a folder with this `.env`: what the library writes to standard error. */
export async function besideEnvFile(envFile: string, declaration: ResourceDeclaration): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-first-'))
  writeFileSync(join(folder, '.env'), envFile)
  const here = process.cwd()
  const lines: string[] = []
  const spy = vi.spyOn(console, 'error').mockImplementation(line => void lines.push(line))
  try {
    process.chdir(folder)
    await createAuth(declaration).close()
  } finally {
    spy.mockRestore()
    process.chdir(here)
    rmSync(folder, { recursive: true })
  }
  return lines.join('\n')
}

/**
 * A command of `idplug`, in this process.
 *
 * @param person - Told all that was printed so far, whenever something is.
 */
export async function idplug(args: readonly string[], person?: (printed: string) => unknown): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-first-'))
  let printed = ''
  const hear = (text: unknown) => {
    printed += `${text}`
    person?.(printed)
    return true
  }
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(line => void hear(`${line}\n`)),
    vi.spyOn(console, 'error').mockImplementation(line => void hear(`${line}\n`)),
    vi.spyOn(process.stdout, 'write').mockImplementation(hear),
    vi.spyOn(process.stderr, 'write').mockImplementation(hear),
  ]
  vi.stubEnv('IDPLUG_TOKENS', join(folder, 'tokens.json'))
  const before = process.exitCode
  try {
    await runCommand(['node', 'idplug', ...args])
  } finally {
    process.stdout.removeAllListeners('error')
    process.exitCode = before
    for (const spy of spies) spy.mockRestore()
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  }
  return printed
}
