import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { consoles } from '../../../../adapters/consoles.ts'
import type { CatalogueEntry } from '../../../../app/commands/doctor/catalogue/entry.ts'
import { catalogue } from '../../../../app/commands/doctor/catalogue/index.ts'

const entries = Object.entries(catalogue) as [string, CatalogueEntry][]

test('each finding is produced in a test', () => {
  const tests = ['tenant', 'bridge', 'server', 'attack'].map(name =>
    readFileSync(new URL(`${name}.test.ts`, import.meta.url)),
  )
  const text = tests.join('\n')
  expect(entries.map(([code]) => code).filter(code => !text.includes(`'${code}'`))).toEqual([])
})

test('cures are sentences, and those of a provider are for findings that there are', () => {
  for (const [code, { cure }] of entries) expect(cure, code).toMatch(/[.)]$/)
  for (const [name, { fixes, refusals = [] }] of Object.entries(consoles)) {
    for (const [code, text] of Object.entries(fixes)) {
      expect(Object.keys(catalogue), name).toContain(code)
      expect(text, `${code} for ${name}`).toMatch(/\.$/)
    }
    for (const [, code] of refusals) expect(Object.keys(catalogue), name).toContain(code)
  }
})
