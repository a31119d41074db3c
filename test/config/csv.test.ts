import { describe, expect, it } from 'vitest'
import { parseCsv } from '../../config/csv.ts'

describe('a CSV file (RFC 4180)', () => {
  it.each<[string, string, Record<string, string>[]]>([
    [
      'a line for each record',
      'a,b\n1,2\n3,4\n',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['no line break at the end', 'a,b\n1,2', [{ a: '1', b: '2' }]],
    ['line breaks of Windows', 'a,b\r\n1,2\r\n', [{ a: '1', b: '2' }]],
    ['line breaks of an old Macintosh', 'a,b\r1,2\r', [{ a: '1', b: '2' }]],
    ['a byte order mark', '\uFEFFa,b\n1,2\n', [{ a: '1', b: '2' }]],
    ['empty lines', '\n\na,b\n\n1,2\r\n\r\n', [{ a: '1', b: '2' }]],
    ['cells in quotation marks', '"a","b"\n"1","2"\n', [{ a: '1', b: '2' }]],
    ['a comma within quotation marks', 'a,b\n"1,5",2\n', [{ a: '1,5', b: '2' }]],
    ['a line break within quotation marks', 'a,b\n"1\r\n2",3\n', [{ a: '1\r\n2', b: '3' }]],
    ['a doubled quotation mark', 'a,b\n"say ""hi""",""""\n', [{ a: 'say "hi"', b: '"' }]],
    [
      'empty cells',
      'a,b,c\n,,\n"",2,\n',
      [
        { a: '', b: '', c: '' },
        { a: '', b: '2', c: '' },
      ],
    ],
    ['an empty last cell at the end of the file', 'a,b\n1,', [{ a: '1', b: '' }]],
    ['an empty cell in quotation marks alone in its line', 'a\n""\n', [{ a: '' }]],
    ['spaces, which belong to the cell', 'a,b\n 1 , 2\n', [{ a: ' 1 ', b: ' 2' }]],
    ['letters beyond ASCII', 'a\nÄdа 𝕏\n', [{ a: 'Ädа 𝕏' }]],
    ['fewer cells than columns', 'a,b,c\n1,2\n', [{ a: '1', b: '2' }]],
    ['columns alone', 'a,b\n', []],
    ['nothing', '', []],
  ])('may have %s', (_what, text, records) => {
    expect(parseCsv(text)).toEqual(records)
  })

  it('drops cells beyond the columns, and leaves out columns that a line lacks', () => {
    expect(Object.keys(parseCsv('a,b\n1\n')[0] ?? {})).toEqual(['a'])
  })

  it.each([
    ['a,b\n1,2,3\n', 'line 2 has more cells than the first line names'],
    ['a,b\n1,2\n\n"x\ny",2\n1,2,\n', 'line 6 has more cells than the first line names'],
    ['a,b\r\n"1,2\r\n3,4\r\n', 'line 2 has a quotation mark that is not closed'],
    ['a,b\n1,"', 'line 2 has a quotation mark that is not closed'],
    ['a,b\n"1"x,2\n', 'line 2 has text after a quotation mark'],
    ['a,b\n"1" ,2\n', 'line 2 has text after a quotation mark'],
    ['a,b\n1"1,2\n', 'line 2 has a quotation mark inside a cell; put the whole cell into quotation marks'],
    ['a,b\n1, "2"\n', 'line 2 has a quotation mark inside a cell; put the whole cell into quotation marks'],
  ])('%j is refused, with the line', (text, message) => {
    expect(() => parseCsv(text)).toThrow(new TypeError(message))
  })

  it('reads a CSV file in linear time', () => {
    // A quadratic reader needs far longer than a test may take.
    const lines = 200_000
    const text = `a,b\n${'"x ""y""",z\n'.repeat(lines)}`
    expect(parseCsv(text)).toHaveLength(lines)
  })
})
