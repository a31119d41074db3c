import fc from 'fast-check'

declare global {
  interface JSON {
    /** A number as it is to be spelled: Node has it, its types do not know it yet. */
    rawJSON(text: string): unknown
  }
}

/** 2026-11-01T00:00:00Z, in seconds. The clock of all runs. */
export const NOW = 1_793_491_200

/** What a number can be in JSON, and in no number type: infinite, tiny, longer than a double. */
export const infinity = JSON.rawJSON('1e999')

/** Any JSON value, of every type. */
export const anyJson = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1e15, 1.5, '', ' ', 'text', [], {}, [null], [[]], { a: null }),
  fc.constantFrom(infinity, JSON.rawJSON('-1e999'), JSON.rawJSON('123456789012345678901234567890')),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.jsonValue({ maxDepth: 3 }),
)

/** What may stand where a text is needed, and is none: of every other type, and nothing at all. */
export const noText = fc.constantFrom<unknown>(
  undefined,
  null,
  '',
  0,
  7,
  true,
  false,
  [],
  ['user-1'],
  {},
  { id: 'user-1' },
)

/** The same without what stands for absence. */
export const oddText = fc.constantFrom<unknown>(0, 7, 1e15, infinity, true, false, [], ['user-1'], {}, { id: 'user-1' })

/** What may stand where a number of seconds is needed, and is none. */
export const oddDate = fc.constantFrom<unknown>(
  String(NOW + 600),
  new Date((NOW + 600) * 1000).toISOString(),
  '',
  true,
  false,
  [],
  [NOW + 600],
  {},
  infinity,
  JSON.rawJSON('-1e999'),
)

/** Texts of every kind that are not empty. */
export const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  fc.constantFrom(
    'auth0|507f1f77',
    'system:serviceaccount:ns:name',
    'Ünïcode 😀',
    '0',
    'null',
    '__proto__',
    'a b',
    ' ',
  ),
)

/** Look-alikes and neighbors of a URL or another identifier. None of them is it. */
export function neighborsOf(text: string): string[] {
  const others = [
    text.toUpperCase(),
    `${text} `,
    ` ${text}`,
    `${text}/other`,
    `${text}//`,
    `${text}?`,
    `${text}#`,
    `${text}\u0000`,
    `${text}\u200b`,
    text.slice(0, -1),
    text.slice(1),
    text.replace(/[aeo]/, letter => ({ a: 'а', e: 'е', o: 'о' })[letter] ?? letter),
    text.replace(/^https:/, 'http:'),
    text.replace(/^(https:\/\/[^/]+)/, '$1:443'),
    text.replace(/^(https:\/\/[^/]+)/, '$1.evil.example'),
    text.replace(/^https:\/\//, 'https://evil.example/'),
    text.replace(/^https:\/\//, 'https://evil@'),
  ]
  return [...new Set(others)].filter(other => other !== text && other !== '')
}
