/**
 * Reads CSV (RFC 4180) whose first line names the columns: the few columns of a file of ours. Empty lines count for nothing.
 *
 * @returns A record for each line; columns that a line does not have are absent.
 * @throws {TypeError} Quotation marks that RFC 4180 does not allow, or more cells than the first line names: a comma that should have
 *   been in quotation marks would move everything after it into the wrong column.
 */
export function parseCsv(text: string): Record<string, string>[] {
  const csv = text.replace(/^\uFEFF/, '')
  const [{ cells: header } = { cells: [] }, ...rows] = rowsOf(csv)
  return rows.map(({ cells, start }) => {
    if (cells.length > header.length) throw mistake(csv, start, 'has more cells than the first line names')
    return Object.fromEntries(cells.map((cell, index) => [header[index] ?? '', cell]))
  })
}

interface Row {
  readonly cells: readonly string[]
  /** Where it begins in the text. */
  readonly start: number
}

function rowsOf(text: string): Row[] {
  const rows: Row[] = []
  let at = 0
  while (at < text.length) {
    const start = at
    const cells: string[] = []
    let end = at - 1
    do {
      const cell = text[end + 1] === '"' ? quoted(text, end + 1) : plain(text, end + 1)
      cells.push(cell.value)
      end = cell.end
    } while (text[end] === ',')
    if (cells.length > 1 || end > start) rows.push({ cells, start })
    at = text[end] === '\r' && text[end + 1] === '\n' ? end + 2 : end + 1
  }
  return rows
}

interface Cell {
  readonly value: string
  /** Where the text goes on: at a comma, a line break, or its end. */
  readonly end: number
}

function plain(text: string, start: number): Cell {
  const length = text.slice(start).search(/[,\r\n]/)
  const end = length === -1 ? text.length : start + length
  const value = text.slice(start, end)
  if (value.includes('"'))
    throw mistake(text, start, 'has a quotation mark inside a cell; put the whole cell into quotation marks')
  return { value, end }
}

function quoted(text: string, start: number): Cell {
  let value = ''
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] !== '"') value += text[at]
    else if (text[at + 1] === '"') value += text[at++]
    else if (at + 1 === text.length || /[,\r\n]/.test(text[at + 1] ?? '')) return { value, end: at + 1 }
    else throw mistake(text, at, 'has text after a quotation mark')
  }
  throw mistake(text, start, 'has a quotation mark that is not closed')
}

function mistake(text: string, at: number, what: string): TypeError {
  return new TypeError(`line ${text.slice(0, at).split(/\r\n|\r|\n/).length} ${what}`)
}
