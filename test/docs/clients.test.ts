import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { withTable } from '../clients/table.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('docs/clients.md has the table of what was measured (npm run measure:clients)', () => {
  const page = read('docs/clients.md')
  expect(withTable(page, JSON.parse(read('test/clients/expected.json')))).toBe(page)
})
