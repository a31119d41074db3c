import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { consoles } from '../../../../adapters/consoles.ts'
import type { CatalogueEntry } from '../../../../app/commands/doctor/catalogue/entry.ts'
import { catalogue } from '../../../../app/commands/doctor/catalogue/index.ts'
import { proxyFixes } from '../../../../app/commands/doctor/proxy.ts'

const entries = Object.entries(catalogue) as [string, CatalogueEntry][]

const textOf = (name: string) => readFileSync(new URL(`${name}.test.ts`, import.meta.url), 'utf8')

/**
 * Codes that a test makes the mistake of and then expects alone: keys of tables, first members of rows, and what is asserted in place. A code
 * that is merely mentioned, as among what a provider lacks anyway, does not count.
 */
function producedIn(name: string): string[] {
  const code = "'((?:config|tenant|token|bridge|server|gateway|proxy|attack)\\.\\w+)'"
  const places = [
    `^ {2}${code}: \\{`,
    `^ {2}\\[\\s*${code},`,
    `^ {2}${code},$`,
    `code: ${code}`,
    `\\[${code} satisfies`,
    `\\[${code}, expect`,
  ]
  return places.flatMap(place => Array.from(textOf(name).matchAll(new RegExp(place, 'gm')), ([, found = '']) => found))
}

const BY_KIT = 'finds what a naive server does with tokens, and with the headers of strangers'

/** Asserted by tests that expect more than one finding: the file, and the test. */
const TOGETHER: Readonly<Record<string, readonly [file: string, test: string]>> = {
  'tenant.registration_closed': ['tenant', 'finds at %s what it lacks whatever is set up'],
  'attack.forwarded_host': ['attack', BY_KIT],
  'attack.token_in_query': ['attack', BY_KIT],
  'attack.two_credentials': ['attack', BY_KIT],
  'attack.must_not_met': ['attack', BY_KIT],
  'attack.should_not_met': ['attack', BY_KIT],
}

test('each finding is produced in a test that makes the mistake', () => {
  const produced = ['tenant', 'bridge', 'server', 'gateway', 'proxy', 'attack'].flatMap(producedIn)
  for (const [file, title] of Object.values(TOGETHER)) expect(textOf(file)).toContain(title)
  expect(entries.map(([code]) => code).filter(code => !produced.includes(code) && !(code in TOGETHER))).toEqual([])
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
  for (const fixes of Object.values(proxyFixes)) {
    for (const [code, text] of Object.entries(fixes)) expect(text, code).toMatch(/[.)]$/)
  }
})
