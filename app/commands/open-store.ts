import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { ConfigError } from 'idplug'
import { type Configuration, loadConfiguration, loadServerPackage, type OpenStores, openStores } from 'idplug/internal'
import { knownDeclarations } from '../declarations.ts'
import { DATA_FOLDER, readEnvironment } from '../environment.ts'
import { EXIT } from './exit.ts'

/**
 * Opens the store that the server uses, lets a command work on it, and closes it. What fails ends the command with a sentence.
 * Says on standard error which store it is: with other settings than the server's it would be another one.
 *
 * @param inMemory - What it means that there is no store but the memory of the running server.
 */
export async function withOpenStore(
  command: Command,
  inMemory: string,
  work: (stores: OpenStores, configuration: Configuration) => Promise<void>,
): Promise<void> {
  try {
    const { env, file } = readEnvironment('command')
    const configuration = loadConfiguration(env, { file, dataFolder: DATA_FOLDER, resources: knownDeclarations(env) })
    const stores = await open(configuration, inMemory)
    if (!command.opts().json) console.error(`Store: ${stores.place}`)
    try {
      await work(stores, configuration)
    } finally {
      await stores.close()
    }
  } catch (error) {
    failWith(command, error)
  }
}

/** @throws {ConfigError} There is none, or it does not answer. */
async function open(configuration: Configuration, inMemory: string): Promise<OpenStores> {
  const { store } = configuration
  if (store.kind === 'sqlite' && !existsSync(join(store.folder, store.file))) {
    const problem = `there is no store at ${resolve(store.folder, store.file)}. Run this where the server was started, with its settings. A server that keeps its state in memory has no store`
    throw new ConfigError([{ setting: store.setting, problem, see: 'docs/production.md' }])
  }
  const stores =
    store.kind === 'memory'
      ? undefined
      : await openStores(await loadServerPackage(store.setting), configuration, () => {})
  if (stores) return stores
  throw new ConfigError([{ setting: 'AUTH_STORE', problem: `is memory: ${inMemory}`, see: 'docs/settings.md' }])
}

/** Ends a command that needs the store: with 2 for settings, else with 1. */
export function failWith(command: Command, error: unknown): void {
  const { message, error_detail: detail } = error as Error & { error_detail?: string }
  if (error instanceof ConfigError) command.error(`error: ${message}`, { exitCode: EXIT.usage })
  console.error(`error: ${detail === undefined ? message : storeFailed(detail)}`)
  process.exitCode = EXIT.found
}

/** @param detail - Which store, and why. */
const storeFailed = (detail: string) =>
  `The store failed: ${detail}
"npx idplug store check" tries what the server needs of it; docs/runbooks/store-lost.md says what to do. Then run this command again.`
