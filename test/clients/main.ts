import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Measurement } from '../../app/commands/doctor/client-facts.ts'
import { writeWhole } from '../../app/replace-file.ts'
import type { RealClient } from './client.ts'
import { packages } from './desk.ts'
import { endure } from './endure.ts'
import { kinds, places } from './kinds.ts'
import { largeKinds, largeSettings } from './large/kinds.ts'
import { largePackages } from './large/packages.ts'
import { measure, takesForeign, takesParent } from './measure.ts'
import { type Facts, withTables } from './table.ts'

// `npm run measure:clients [-- part of a name [row...]]`: writes down what was measured, for the doctor, for docs/clients.md, and as what the tests expect.
// A row is a kind of sign-in, as `bridge`; whose metadata it is, `parent` or `foreign`; or a place with what happens there, as `endures:bridge`.
const [wanted = '', ...rows] = process.argv.slice(2)
const file = fileURLToPath(new URL('../../app/commands/doctor/client-facts.json', import.meta.url))
const page = fileURLToPath(new URL('../../docs/clients.md', import.meta.url))

// What is not installed is left out.
const clients = existsSync(packages) ? (await import('./drivers/index.ts')).clients : []
const large = existsSync(largePackages) ? (await import('./large/drivers/index.ts')).largeClients : []
const all = [...clients, ...large]
for (const client of all.filter(({ name }) => name.includes(wanted))) {
  for (const kind of large.includes(client) ? largeKinds : kinds) {
    if (!isWanted(kind)) continue
    const { measured, problems } = await measure(client, kind, large.includes(client) ? largeSettings : {})
    await note(client, kind, problems, ({ kinds }) => ({ kinds: { ...kinds, [kind]: measured } }))
  }
  if (isWanted('parent')) {
    const { takes, problem } = await takesParent(client, large.includes(client) ? largeSettings : {})
    await note(client, 'parent', problem ? [problem] : [], () => ({ takesParent: takes }))
  }
  if (isWanted('foreign')) {
    const { takes, problem } = await takesForeign(client, large.includes(client) ? largeSettings : {})
    await note(client, 'foreign', problem ? [problem] : [], () => ({ takesForeign: takes }))
  }
  for (const place of client.endures ?? places) {
    const row = `endures:${place}`
    if (!isWanted(row)) continue
    try {
      const { endured, problems } = await endure(client, place)
      await note(client, row, problems, ({ endures }) => ({ endures: { ...endures, [place]: endured } }))
    } catch (error) {
      // The others are measured all the same.
      console.error(client.name, place, error)
      process.exitCode = 1
    }
  }
}
// Old clients leave timers and streams behind.
process.exit()

function isWanted(row: string): boolean {
  return rows.length === 0 || rows.includes(row)
}

/** At once, because a measurement of all of them takes an hour; and whole, because it may be ended at any moment. */
async function note(
  { name }: RealClient,
  row: string,
  problems: readonly string[],
  add: (measurement: Measurement) => Partial<Measurement>,
): Promise<void> {
  console.error(name, row, ...problems.map(problem => `\n  ${problem}`))
  const facts = JSON.parse(readFileSync(file, 'utf8')) as Facts
  const before = facts.measured[name] ?? { dates: {}, kinds: {} }
  const dates = { ...before.dates, [row]: new Date().toISOString().slice(0, 10) }
  const measurement = { ...before, ...add(before), dates }
  // One version of a package takes the place of the one before, unless several are measured.
  const isMeasured = (other: string) => all.some(each => each.name === other)
  const others = Object.entries(facts.measured).filter(
    ([other]) => isMeasured(other) || packageOf(other) !== packageOf(name),
  )
  const measured = { ...Object.fromEntries(others), [name]: measurement }
  await writeWhole(file, `${JSON.stringify({ ...facts, measured }, null, 2)}\n`)
  await writeWhole(page, withTables(readFileSync(page, 'utf8'), { ...facts, measured }))
}

function packageOf(name: string): string {
  return name.replace(/ \S+$/, '')
}
