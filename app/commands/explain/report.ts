import { clip } from 'idplug/internal'
import { paint, row } from '../doctor/report.ts'
import type { LoggedRefusal } from './audit-log.ts'
import type { Explanation, RuleVerdict } from './explain.ts'
import { meaningOf } from './reasons.ts'

/** Claims that everything else follows from; the others are named only. */
const SHOWN = ['iss', 'sub', 'aud', 'azp', 'client_id', 'scope', 'scp', 'roles', 'permissions', 'ver'] as const

/** An explanation for people, within 80 columns. */
export function explanationText({ verdict, form, claims, rules, reason, meaning }: Explanation): string {
  const colors = { accepted: 'green', refused: 'red', undecided: 'yellow' } as const
  const others = Object.keys(claims).filter(name => !SHOWN.some(shown => shown === name))
  const parts = [
    `${paint([colors[verdict], 'bold'], verdict.toUpperCase())}  ${form}${reason ? `  ${paint('dim', reason)}` : ''}`,
    rules.map(ruleText).join('\n'),
    [
      ...SHOWN.filter(name => claims[name] !== undefined).map(name => row(name, clip(claims[name]))),
      ...(others.length > 0 ? [row('also', clip(others.join(', ')))] : []),
    ].join('\n'),
    meaning ? `${row('means', meaning.means)}\n${row('fix', meaning.cure)}` : '',
  ]
  return parts.filter(Boolean).join('\n\n')
}

function ruleText({ rule, expected, seen, passed }: RuleVerdict): string {
  if (passed === false) {
    return `${paint('red', '✗')} ${rule}\n${row('expected', expected)}\n${row('seen', seen)}`
  }
  const mark = passed ? paint('green', '✓') : paint('dim', '·')
  const text = row(rule, seen).slice(2)
  return `${mark} ${passed ? text : paint('dim', text)}`
}

/** A refusal of the log in words. */
export function refusalText({ id, time, status, reason, facts, who }: LoggedRefusal): string {
  const { means, cure } = meaningOf(reason, facts)
  const seen = Object.entries(facts)
    .filter(([name, value]) => name !== 'cure' && name !== 'detail' && value !== undefined)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(', ') : clip(value)}`)
  return [
    `${paint('bold', `${id}  status ${status}`)}  ${paint('dim', reason)}`,
    row('time', time),
    ...(who ? [row('who', who)] : []),
    ...(seen.length > 0 ? [row('seen', clip(seen.join('; ')))] : []),
    row('means', means),
    row('fix', cure),
  ].join('\n')
}
