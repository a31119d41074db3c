import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { withTables } from '../clients/table.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('docs/clients.md has the tables of what is known of clients (npm run measure:clients)', () => {
  const page = read('docs/clients.md')
  expect(withTables(page, JSON.parse(read('app/commands/doctor/client-facts.json')))).toBe(page)
})
