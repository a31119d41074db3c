import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { adapterNamed } from '../../../../adapters/index.ts'
import { type CatalogueEntry, catalogue } from '../../../../app/commands/doctor/catalogue.ts'

const entries = Object.entries(catalogue) as [string, CatalogueEntry][]

test('each finding is produced in a test', () => {
  const tests = ['tenant', 'server', 'attack'].map(name => readFileSync(new URL(`${name}.test.ts`, import.meta.url)))
  const text = tests.join('\n')
  expect(entries.map(([code]) => code).filter(code => !text.includes(`'${code}'`))).toEqual([])
})

test('cures are sentences, and those of a provider belong to an adapter', () => {
  for (const [code, { cure, cures = {} }] of entries) {
    expect(cure, code).toMatch(/[.)]$/)
    for (const [name, text] of Object.entries(cures)) {
      expect(adapterNamed(name), `${code} for ${name}`).toBeDefined()
      expect(text, `${code} for ${name}`).toMatch(/\.$/)
    }
  }
})
