import Table from 'cli-table3'
import type { Command } from 'commander'
import { type Configuration, encryptionKeysOf, type OpenStores } from 'idplug/internal'
import { DEFAULT_LIFETIMES } from '../../../demo-as/server.ts'
import {
  createSigningKeys,
  type KeyStatus,
  retiredSecondsFor,
  type SigningKeys,
} from '../../../demo-as/signing-keys.ts'
import { createSeal } from '../../../demo-as/upstream/sealed.ts'
import { EXIT } from '../exit.ts'
import { withOpenStore } from '../open-store.ts'

const EXAMPLES = `
Examples:
  idplug keys list
  idplug keys rotate                  a new key, published for 10 minutes first
  idplug keys rotate --drop-others    after a leak: it signs at once, and the
                                      others are published no more

The settings are those of the server, and so is its store. Running processes
notice within half a minute; without --drop-others nobody is logged out.

Exit codes: 0 done, 1 not done, 2 wrong arguments or settings.`

export function registerKeys(program: Command): void {
  const keys = program.command('keys').description('keys that the authorization server signs tokens with')
  keys
    .command('list')
    .description('list the keys that are published')
    .option('--json', 'print them as JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: { json?: boolean }, command: Command) =>
      withKeys(command, async signingKeys => show(await signingKeys.list(), options)),
    )
  keys
    .command('rotate')
    .description('make a new key and let it take over')
    .option('--announce <seconds>', 'how long it is published before it signs', '600')
    .option('--drop-others', 'publish no other key any more: their tokens die')
    .option('--json', 'print the keys as JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: { announce: string; dropOthers?: boolean; json?: boolean }, command: Command) => {
      if (!/^\d{1,6}$/.test(options.announce)) {
        command.error('error: --announce takes a number of seconds, such as 600', { exitCode: EXIT.usage })
      }
      return withKeys(command, async signingKeys => {
        await signingKeys.rotate(Number(options.announce), options)
        show(await signingKeys.list(), options)
      })
    })
}

const withKeys = (command: Command, work: (keys: SigningKeys) => Promise<void>): Promise<void> =>
  withOpenStore(command, 'every start of the authorization server makes a key of its own', (stores, configuration) =>
    work(createSigningKeys({ stores: stores.stores, ...keyOptions(configuration, stores) })),
  )

function keyOptions(configuration: Configuration, stores: OpenStores) {
  const { bridge, settings } = configuration
  const keys = encryptionKeysOf(configuration, stores)
  return {
    seal: keys && createSeal(keys),
    retiredSeconds: retiredSecondsFor(bridge ? settings.BRIDGE_RECHECK_SECONDS : DEFAULT_LIFETIMES.accessToken),
  }
}

function show(keys: readonly KeyStatus[], { json }: { json?: boolean }): void {
  if (json) {
    console.log(JSON.stringify(keys, null, 2))
    return
  }
  const table = new Table({ head: ['key id', 'state', 'made', 'signs from'], style: { head: [], border: [] } })
  const time = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
  for (const { kid, state, createdAt, signsFrom } of keys) table.push([kid, state, time(createdAt), time(signsFrom)])
  console.log(table.toString())
}
