import type { Command } from 'commander'
import { ConfigError } from 'idplug'
import { type Configuration, loadConfiguration, loadServerPackage, openStores } from 'idplug/internal'
import { DATA_FOLDER, readEnvironment } from '../../environment.ts'
import { failWith } from '../open-store.ts'

const EXAMPLES = `
Examples:
  DATABASE_URL=postgres://… idplug store migrate
  idplug store check

The settings are those of the server (docs/production.md).

Exit codes: 0 done, 1 not done, 2 wrong arguments or settings.`

export function registerStore(program: Command): void {
  const store = program.command('store').description('where the authorization server keeps its state')
  store
    .command('migrate')
    .description('make the tables of PostgreSQL, or bring them up to date')
    .addHelpText('after', EXAMPLES)
    .action((_options: unknown, command: Command) => withStore(command, migrate))
  store
    .command('check')
    .description('try everything that the server needs of its store')
    .addHelpText('after', EXAMPLES)
    .action((_options: unknown, command: Command) => withStore(command, check))
}

type ServerPackage = Awaited<ReturnType<typeof loadServerPackage>>
type Place = Exclude<Configuration['store'], { kind: 'memory' }>

async function withStore(
  command: Command,
  work: (serverPackage: ServerPackage, store: Place, configuration: Configuration) => Promise<string>,
): Promise<void> {
  try {
    const { env, file } = readEnvironment('command')
    const configuration = loadConfiguration(env, { file, dataFolder: DATA_FOLDER })
    const { store } = configuration
    if (store.kind === 'memory') {
      const problem = 'is memory, because no setting names a store (AUTH_DATA_DIR, REDIS_URL, DATABASE_URL)'
      throw new ConfigError([{ setting: 'AUTH_STORE', problem, see: 'docs/production.md' }])
    }
    console.log(await work(await loadServerPackage(store.setting), store, configuration))
  } catch (error) {
    failWith(command, error)
  }
}

async function migrate({ migrateStore }: ServerPackage, store: Place): Promise<string> {
  const versions = await migrateStore(store)
  if (!versions) return `Nothing to do: ${store.setting} needs no migrations.`
  const { from, to } = versions
  if (from === to) return `Nothing to do: the tables are of version ${to}.`
  return from === 0 ? `The tables are made (version ${to}).` : `The tables are of version ${to} now (before: ${from}).`
}

async function check(serverPackage: ServerPackage, _store: Place, configuration: Configuration): Promise<string> {
  const stores = await openStores(serverPackage, configuration, () => {})
  await stores?.close()
  return `It works: ${stores?.place}`
}
