import { expect, it } from 'vitest'
import { createLineEnds } from '../../../app/gateway/line-ends.ts'

it.each([
  ['a\r\rb\r\n\r\nc\n\n\r', 'a\n\nb\n\nc\n\n\n'],
  ['\n\r\r\n', '\n\n\n'],
])('writes %j with LF, whatever the pieces', (text, expected) => {
  for (let first = 0; first <= text.length; first++) {
    for (let second = first; second <= text.length; second++) {
      const lineEnds = createLineEnds()
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)]
      expect(pieces.map(lineEnds).join('')).toBe(expected)
    }
  }
})
