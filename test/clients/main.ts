import { readFileSync, writeFileSync } from 'node:fs'
import { clients } from './drivers/index.ts'
import { type Kind, kinds } from './kinds.ts'
import { measure } from './measure.ts'
import type { Measured } from './measured.ts'
import { markdownOf, withTable } from './table.ts'

// `npm run measure:clients [-- part of a name]`: prints what was measured; of all clients, writes down that it is expected from now on.
const [wanted = ''] = process.argv.slice(2)
const table: Record<string, Record<Kind, Measured>> = {}
for (const client of clients) {
  if (!client.name.includes(wanted)) continue
  const row: Partial<Record<Kind, Measured>> = {}
  for (const kind of kinds) {
    const { measured, problems } = await measure(client, kind)
    row[kind] = measured
    console.error(client.name, kind, ...problems.map(problem => `\n  ${problem}`))
  }
  table[client.name] = row as Record<Kind, Measured>
}
if (wanted) {
  console.log(markdownOf(table))
} else {
  const page = new URL('../../docs/clients.md', import.meta.url)
  writeFileSync(page, withTable(readFileSync(page, 'utf8'), table))
  writeFileSync(new URL('./expected.json', import.meta.url), `${JSON.stringify(table, null, 2)}\n`)
}
// Old clients leave timers and streams behind.
process.exit()
