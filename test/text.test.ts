import { expect, it } from 'vitest'
import { clip } from '../src/text.ts'

it('a value that nests deeper than the stack is clipped to its type', () => {
  const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
  expect(clip(deep)).toBe('(object)')
  expect(clip({ a: [1] })).toBe('{"a":[1]}')
})
