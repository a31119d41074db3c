import { styleText } from 'node:util'

/** Columns that every terminal has. */
export const WIDTH = 80
const INDENT = ' '.repeat(12)

/** Colours only at a terminal that takes them, and not where `NO_COLOR` is set. */
export function paint(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { stream: process.stdout })
}

/** A count with its word: `1 error`, `2 errors`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

/** A labelled paragraph. */
export function row(label: string, text: string): string {
  return `  ${label.padEnd(INDENT.length - 2)}${wrap(text, WIDTH - INDENT.length).join(`\n${INDENT}`)}`
}

/** Lines of at most `width` columns; a word that is longer, like a URL, keeps its line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}
