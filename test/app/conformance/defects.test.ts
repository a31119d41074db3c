import { describe, expect, it } from 'vitest'
import { checks } from '../../../app/conformance/checks/index.ts'
import { dpopDefects } from './defects/dpop.ts'
import { credentialDefects } from './defects/malformed.ts'
import { outageDefects } from './defects/outage.ts'
import { scopeDefects } from './defects/scopes.ts'
import type { TokenDefect } from './defects/token-defect.ts'
import { validationDefects } from './defects/validation.ts'
import { notPassed, runKit, told } from './kit.ts'

/** These take seconds each, and are run where a mistake is for them. */
const SLOW = new Set(['V13', 'V14', 'V21', 'V26', 'V28'])

const sections = {
  credentials: { defects: credentialDefects, others: ['B06', 'V01'] },
  validation: { defects: validationDefects, others: ['V'] },
  scopes: { defects: scopeDefects, others: ['S', 'V01'] },
  outage: { defects: outageDefects, others: ['V01'] },
  DPoP: { defects: dpopDefects, others: ['D', 'V01'] },
}

/** The checks that a mistake is for, and quick ones beside them, which it must not turn. */
function checksFor({ id, also = [] }: TokenDefect, others: readonly string[]): string[] {
  const ids = checks.map(check => check.id)
  const beside = ids.filter(each => others.some(other => each.startsWith(other)) && !SLOW.has(each))
  return [...new Set([id, ...also, ...beside])]
}

it.each(
  Object.values(sections).flatMap(({ defects }) => ['B', 'V', 'S', 'O', 'D'].map(letter => ({ defects, letter }))),
)('every check of tokens has a planted mistake', ({ defects, letter }) => {
  const planted = new Set(defects.map(({ id }) => id))
  const section = checks.filter(({ id, tier }) => id.startsWith(letter) && tier > 0).map(({ id }) => id)
  if (!section.some(id => planted.has(id))) return
  expect(section.filter(id => !planted.has(id))).toEqual([])
})

it.each(['jwt', 'introspection'] as const)(
  'a thousand made-up tokens leave an honest server as it is: %s',
  async mode => {
    const [result] = await runKit({ mode, only: ['B11'] })
    expect(result?.verdict, result?.because).toBe('pass')
  },
  120_000,
)

describe.each(Object.entries(sections))('a mistake in %s is found:', (_, { defects, others }) => {
  it.each(defects.map(defect => ({ name: `${defect.id}, ${defect.way}`, defect })))(
    '$name',
    async ({ defect }) => {
      const { id, also = [], plant, mild, mode, dpop, nonce } = defect
      const results = await runKit({ mode, dpop, nonce, only: checksFor(defect, others), patienceSeconds: 6 }, plant)
      expect(notPassed(results), told(results)).toEqual(
        checks.map(check => check.id).filter(each => [id, ...also].includes(each)),
      )
      const found = results.find(({ check }) => check.id === id)
      const expected = found?.check.level === 'MUST' && !mild ? 'fail' : 'warn'
      expect(found?.verdict, found?.because).toBe(expected)
      expect(JSON.stringify(results)).not.toMatch(/eyJ[\w-]{20}/)
    },
    60_000,
  )
})
