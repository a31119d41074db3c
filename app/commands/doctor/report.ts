import { paint, plural, row, WIDTH, wrap } from '../../terminal-text.ts'
import type { Severity } from './catalogue/entry.ts'
import type { ClientOutlook } from './clients.ts'
import type { Finding } from './finding.ts'

const COLORS = { error: 'red', warning: 'yellow', note: 'cyan' } as const satisfies Record<Severity, string>
const MARKS = { error: '✗', warning: '!', note: 'i' } as const satisfies Record<Severity, string>

/** Findings for people, the worst first, within 80 columns. */
export function findingsText(findings: readonly Finding[]): string {
  const order: Severity[] = ['error', 'warning', 'note']
  const sorted = order.flatMap(severity => findings.filter(finding => finding.severity === severity))
  return sorted
    .map(({ severity, title, code, seen, expected, cure }) =>
      [
        `${paint(COLORS[severity], `${MARKS[severity]} ${severity}`)}  ${paint('bold', title)}`,
        row('code', code),
        row('seen', seen),
        row('expected', expected),
        row('fix', cure),
      ].join('\n'),
    )
    .join('\n\n')
}

export function summaryText(findings: readonly Finding[]): string {
  const count = (severity: Severity) => findings.filter(finding => finding.severity === severity).length
  const [errors, warnings, notes] = [count('error'), count('warning'), count('note')]
  if (errors + warnings + notes === 0) return paint('green', 'Nothing to fix.')
  return `${plural(errors, 'error')}, ${plural(warnings, 'warning')}, ${plural(notes, 'note')}. What each code means: docs/findings.md`
}

export function outlooksText(outlooks: readonly ClientOutlook[]): string {
  const indent = ' '.repeat(31)
  const lines = outlooks.map(({ client, verdict, because, evidence }) => {
    const color = verdict === 'connects' ? 'green' : verdict === 'fails' ? 'red' : 'yellow'
    const wrapped = (words: string) => (words === '' ? [] : wrap(words, WIDTH - indent.length))
    const text = [...wrapped(because), ...wrapped(evidence).map(line => paint('dim', line))].join(`\n${indent}`)
    return `  ${client.padEnd(14)} ${paint(color, verdict.padEnd(13))} ${text}`
  })
  return `${paint('bold', 'What clients would do, and how that is known')}\n${lines.join('\n')}`
}
