import { describe, expect, it } from 'vitest'
import { mistakes } from './mistakes/index.ts'

/** Output is wrapped for a terminal: words are compared. */
const flat = (text: string) => text.replace(/\s+/g, ' ')

function says(words: string): RegExp {
  const parts = flat(words)
    .split('…')
    .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(parts.join('.{0,200}?'))
}

describe.each(Object.entries(mistakes))('%s', (_group, list) => {
  describe.each(list.map(each => [each.mistake, each] as const))('%s', (_mistake, { run, cause, fix, see }) => {
    it(`${run} says what is wrong, and what to do`, async () => {
      const printed = flat(await see())
      expect(printed).toMatch(says(cause))
      expect(printed).toMatch(says(fix))
    })
  })
})

it('the list is as long as it is said to be', () => {
  expect(Object.values(mistakes).flat().length).toBeGreaterThanOrEqual(60)
})
