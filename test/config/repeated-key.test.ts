import { expect, it } from 'vitest'
import { repeatedKey } from '../../config/repeated-key.ts'

it.each([
  ['{"a": 1, "a": 2}', 'a', 1],
  ['{"access": {"tools": {\n"write": ["w"],\n"write": ["r"]}}}', 'write', 3],
  ['{"x": [{"a": 1}, {"b": {}, "b": []}]}', 'b', 1],
  ['{"a": "}", "\\u0061": 2}', 'a', 1],
  ['{"a": {"a": 1}, "b": ["a", "a"], "a": 3}', 'a', 1],
  ['{"say \\"a\\"": 1, "say \\"a\\"": 2}', 'say "a"', 1],
])('finds what stands twice in %s', (json, key, line) => {
  expect(JSON.parse(json)).toBeDefined()
  expect(repeatedKey(json)).toEqual({ key, line })
})

it.each([
  '{}',
  '[]',
  '"a"',
  '{"a": {"a": {"a": ["a", "a", {"a": 1}]}}, "b": "a"}',
  '[{"a": 1}, {"a": 2}]',
  '{"a": "\\"a\\": 1, \\"a\\": 2", "b": "{,[\\\\"}',
])('finds nothing in %s', json => {
  expect(JSON.parse(json)).toBeDefined()
  expect(repeatedKey(json)).toBeUndefined()
})
