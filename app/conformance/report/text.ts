import { paint, WIDTH, wrap } from '../../terminal-text.ts'
import type { Result, Verdict } from '../run.ts'

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
  const notRun = results.filter(({ missing }) => missing !== undefined)
  const count = (verdict: Verdict) => results.filter(each => each.verdict === verdict).length
  const [passes, fails, warns, skips] = [count('pass'), count('fail'), count('warn'), count('skipped') - notRun.length]
  const color = fails > 0 ? 'red' : warns > 0 ? 'yellow' : 'green'
  const summary = [
    `${passes} passed`,
    `${fails} failed (MUST)`,
    `${warns} ${warns === 1 ? 'warning' : 'warnings'} (SHOULD, practice)`,
    `${skips} skipped`,
    ...(notRun.length > 0 ? [`${notRun.length} not run`] : []),
  ].join(', ')
  return [...notRunText(notRun), paint(color, summary)].join('\n')
}

/** One paragraph for each reason: without a token there are many. */
function notRunText(results: readonly Result[]): string[] {
  const reasons = [...new Set(results.map(({ because }) => because))]
  return reasons.flatMap(reason => {
    const ids = results.filter(({ because }) => because === reason).map(({ check }) => check.id)
    const lines = [
      ...wrap(`Not run: ${ranges(ids).join(' ')}`, WIDTH),
      ...wrap(reason ?? '', WIDTH - 2).map(line => `  ${line}`),
    ]
    return [...lines.map(line => paint('dim', line)), '']
  })
}

/** `V03 V04 V05` as `V03–V05`. */
function ranges(ids: readonly string[]): string[] {
  const found: { first: string; last: string }[] = []
  for (const id of ids) {
    const current = found.at(-1)
    const next = current && `${current.last[0]}${String(Number(current.last.slice(1)) + 1).padStart(2, '0')}`
    if (current && id === next) current.last = id
    else found.push({ first: id, last: id })
  }
  return found.map(({ first, last }) => (first === last ? first : `${first}–${last}`))
}

function part(label: string, text: string): string {
  return lines(label, wrap(text, WIDTH - INDENT.length))
}

function lines(label: string, texts: readonly string[]): string {
  return `${' '.repeat(7)}${label.padEnd(6)}${texts.join(`\n${INDENT}`)}`.trimEnd()
}
