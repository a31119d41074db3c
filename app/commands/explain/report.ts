import { clip } from 'idplug/internal'
import { paint, row } from '../../terminal-text.ts'
import type { LoggedRefusal } from './audit-log.ts'
import { type Explanation, NOT_KNOWN, type RuleVerdict } from './explain.ts'
import { nearMiss } from './near-miss.ts'
import { meaningOf } from './reasons.ts'

/** Claims that everything else follows from; the others are named only. */
const SHOWN = ['iss', 'sub', 'aud', 'azp', 'client_id', 'scope', 'scp', 'roles', 'permissions', 'ver'] as const

/** An explanation for people, within 80 columns. */
export function explanationText(explanation: Explanation): string {
  const { verdict, form, claims, rules, reason, meaning, sides } = explanation
  const colors = { accepted: 'green', refused: 'red', undecided: 'yellow' } as const
  const others = Object.keys(claims).filter(name => !SHOWN.some(shown => shown === name))
  const parts = [
    `${paint([colors[verdict], 'bold'], verdict.toUpperCase())}  ${form}${reason ? `  ${paint('dim', reason)}` : ''}`,
    rulesText(rules),
    [
      ...SHOWN.filter(name => claims[name] !== undefined).map(name => row(name, clip(claims[name]))),
      ...(others.length > 0 ? [row('also', clip(others.join(', ')))] : []),
    ].join('\n'),
    [
      ...(meaning ? [row('means', meaning.means)] : []),
      ...(explanation.nearMiss ? [row('near', explanation.nearMiss)] : []),
      ...(sides
        ? [row('fix', `At the provider: ${sides.provider}`), row('or here', `${capitalized(sides.here)}.`)]
        : []),
      ...(meaning && !sides ? [row('fix', meaning.cure)] : []),
    ].join('\n'),
  ]
  return parts.filter(Boolean).join('\n\n')
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** Rules of which nothing is known and that nobody looked at share a line. */
function rulesText(rules: readonly RuleVerdict[]): string {
  const isIdle = ({ passed, seen }: RuleVerdict) => passed === undefined && seen === NOT_KNOWN
  const idle = rules.filter(isIdle).map(({ rule }) => rule)
  const rest = idle.length > 0 ? `\n${paint('dim', `· not known: ${idle.join(', ')}`)}` : ''
  return (
    rules
      .filter(rule => !isIdle(rule))
      .map(ruleText)
      .join('\n') + rest
  )
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
  const near = nearMiss(textsIn(facts.actual), textsIn(facts.expected))
  return [
    `${paint('bold', `${id}  status ${status}`)}  ${paint('dim', reason)}`,
    row('time', time),
    ...(who ? [row('who', who)] : []),
    ...(seen.length > 0 ? [row('seen', clip(seen.join('; ')))] : []),
    row('means', means),
    ...(near ? [row('near', near)] : []),
    row('fix', cure),
  ].join('\n')
}

const textsIn = (value: unknown) => [value].flat().filter(item => typeof item === 'string')
