import { styleText } from 'node:util'
import type { Result, Verdict } from '../run.ts'

const WIDTH = 80
const INDENT = ' '.repeat(13)
const MARKS: Readonly<Record<Verdict, string>> = { pass: '✓', fail: '✗', warn: '!', skipped: '·' }
const COLORS = { pass: 'green', fail: 'red', warn: 'yellow', skipped: 'dim' } as const satisfies Record<Verdict, string>

/** One result; of what failed also the demand, what was sent and what was seen. */
export function resultText({ check, verdict, because, evidence }: Result): string {
  const { id, title, level, source } = check
  const isFailure = verdict === 'fail' || verdict === 'warn'
  const head = `${paint(COLORS[verdict], MARKS[verdict])} ${id}  ${wrap(title, WIDTH - 7).join(`\n${' '.repeat(7)}`)}`
  if (!isFailure) return because === undefined ? head : `${head}\n${paint('dim', part('', because))}`
  return [
    head,
    part('', `${level}  ${source.document}`),
    ...(source.sentence === undefined ? [] : [part('', `“${source.sentence}”`)]),
    part('', source.url),
    part('why', because ?? ''),
    ...evidence.flatMap(({ sent, seen }) => [
      lines('sent', sent.split('\n')),
      lines(
        'seen',
        seen.flatMap(line => wrap(line, WIDTH - INDENT.length)),
      ),
    ]),
  ].join('\n')
}

export function summaryText(results: readonly Result[]): string {
  const count = (verdict: Verdict) => results.filter(each => each.verdict === verdict).length
  const [passes, fails, warns, skips] = [count('pass'), count('fail'), count('warn'), count('skipped')]
  const color = fails > 0 ? 'red' : warns > 0 ? 'yellow' : 'green'
  return paint(
    color,
    `${passes} passed, ${fails} failed (MUST), ${warns} ${warns === 1 ? 'warning' : 'warnings'} (SHOULD, practice), ${skips} skipped`,
  )
}

function part(label: string, text: string): string {
  return lines(label, wrap(text, WIDTH - INDENT.length))
}

function lines(label: string, texts: readonly string[]): string {
  return `${' '.repeat(7)}${label.padEnd(6)}${texts.join(`\n${INDENT}`)}`.trimEnd()
}

function paint(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { stream: process.stdout })
}

/** Lines of at most `width` columns; a word that is longer, like a URL, keeps its line. */
function wrap(text: string, width: number): string[] {
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
