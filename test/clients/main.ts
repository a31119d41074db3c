import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Measured } from '../../app/commands/doctor/client-facts.ts'
import type { RealClient } from './client.ts'
import { clients } from './drivers/index.ts'
import { kinds } from './kinds.ts'
import { largeKinds, largeSettings } from './large/kinds.ts'
import { largePackages } from './large/packages.ts'
import { measure } from './measure.ts'
import { withTables } from './table.ts'

// `npm run measure:clients [-- part of a name]`: writes down what was measured, for the doctor, for docs/clients.md, and as what the tests expect.
const [wanted = ''] = process.argv.slice(2)
const file = new URL('../../app/commands/doctor/client-facts.json', import.meta.url)
const page = new URL('../../docs/clients.md', import.meta.url)

const large = existsSync(largePackages) ? (await import('./large/drivers/index.ts')).largeClients : []
const all = [...clients, ...large]
for (const client of all.filter(({ name }) => name.includes(wanted))) {
  const rows = await measureAll(client, large.includes(client))
  const facts = JSON.parse(readFileSync(file, 'utf8'))
  const date = new Date().toISOString().slice(0, 10)
  // One version of a package takes the place of the one before, unless several are measured.
  const packageOf = (name: string) => name.replace(/ \S+$/, '')
  const isMeasured = (name: string) => all.some(each => each.name === name)
  const measured = Object.entries(facts.measured).filter(
    ([name]) => isMeasured(name) || packageOf(name) !== packageOf(client.name),
  )
  facts.measured = Object.fromEntries([...measured, [client.name, { date, kinds: rows }]])
  writeFileSync(file, `${JSON.stringify(facts, null, 2)}\n`)
  writeFileSync(page, withTables(readFileSync(page, 'utf8'), facts))
}
// Old clients leave timers and streams behind.
process.exit()

async function measureAll(client: RealClient, isLarge: boolean): Promise<Record<string, Measured>> {
  const rows: Record<string, Measured> = {}
  for (const kind of isLarge ? largeKinds : kinds) {
    const { measured, problems } = await measure(client, kind, isLarge ? largeSettings : {})
    rows[kind] = measured
    console.error(client.name, kind, ...problems.map(problem => `\n  ${problem}`))
  }
  return rows
}
