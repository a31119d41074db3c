import { expect, it } from 'vitest'
import { readArguments, readObject } from '../../../../app/commands/client/arguments.ts'

const schema = {
  type: 'object' as const,
  properties: {
    text: { type: 'string' },
    count: { type: 'integer' },
    share: { type: 'number' },
    pinned: { type: 'boolean' },
    tags: { type: 'array' },
    any: {},
  },
}

it.each([
  ['text=hello', { text: 'hello' }],
  ['text=a=b', { text: 'a=b' }],
  ['text=', { text: '' }],
  ['text=42', { text: '42' }],
  ['text=two\nlines', { text: 'two\nlines' }],
  ['count=3', { count: 3 }],
  ['share=0.5', { share: 0.5 }],
  ['pinned=true', { pinned: true }],
  ['tags=["a","b"]', { tags: ['a', 'b'] }],
  ['any=3', { any: '3' }],
  ['unknown=3', { unknown: '3' }],
  ['any:=3', { any: 3 }],
  ['any:={"a":null}', { any: { a: null } }],
])('reads %s', (word, expected) => expect(readArguments([word], schema)).toEqual(expected))

it.each([
  [['text'], 'text is not an argument; write text=hello, text="two words" or count:=3'],
  [['=x'], '=x is not an argument'],
  [['text=a', 'text=b'], 'text is given twice'],
  [['count=1.5'], 'count takes a whole number'],
  [['count='], 'count takes a whole number'],
  [['share=many'], 'share takes a number'],
  [['pinned=yes'], 'pinned takes true or false'],
  [['tags=a'], 'tags takes JSON'],
  [['any:=a'], 'any takes JSON'],
])('refuses %j with the reason', (words, reason) => expect(() => readArguments(words, schema)).toThrow(reason))

it('takes names that objects have by themselves for what they are', () => {
  expect(Object.keys(readArguments(['constructor=a', 'toString=b'], schema))).toEqual(['constructor', 'toString'])
})

it.each(['[]', 'null', '3', '{'])('refuses %s for --args', json => expect(() => readObject(json)).toThrow('--args'))
