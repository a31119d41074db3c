import { type Kind, kinds } from './kinds.ts'
import type { Measured } from './measured.ts'

/** By client and kind. */
export type Table = Readonly<Record<string, Readonly<Record<Kind, Measured>>>>

/** What docs/clients.md says before and after the table. */
export const MARKS = ['<!-- measured -->', '<!-- /measured -->'] as const

const COLUMNS: Readonly<Record<string, (row: Measured) => string>> = {
  'signs in, calls a tool': ({ connects, calls }) =>
    calls ? 'yes' : connects ? 'signs in, every call is refused' : 'no',
  'a tool that needs another scope': ({ calls, isRefused, stepsUp }) =>
    !calls ? '–' : stepsUp ? 'steps up' : isRefused ? 'refused' : 'has the scope already',
  'the same with `AUTH_SIGN_IN_SCOPES=all`': ({ connects, writesWithAllScopes }) =>
    !connects ? '–' : writesWithAllScopes ? 'works' : 'refused',
  'asks for at first': ({ asksFor }) => (asksFor ? `\`${asksFor}\`` : 'nothing'),
  'sends `resource`': ({ sendsResource }) => (sendsResource ? 'yes' : 'no'),
  revision: ({ revisions }) => revisions.join(', ') || 'not said',
}

/** The table of docs/clients.md in Markdown: one line for each client. */
export function markdownOf(table: Table): string {
  const lines = Object.entries(table).map(([client, rows]) => [
    client.replace('@modelcontextprotocol/', ''),
    ...Object.values(COLUMNS).map(cell => byKind(kind => cell(rows[kind]))),
  ])
  const head = ['client', ...Object.keys(COLUMNS)]
  return [head, head.map(() => '---'), ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** @returns The page with the table between its marks. */
export function withTable(page: string, table: Table): string {
  const [before, after] = MARKS
  const [start, end] = [page.indexOf(before), page.indexOf(after)]
  if (start < 0 || end < start) throw new Error(`the page has no ${before} … ${after}`)
  return `${page.slice(0, start + before.length)}\n\n${markdownOf(table)}\n\n${page.slice(end)}`
}

/** One text where all kinds have the same, otherwise what each has. */
function byKind(textOf: (kind: Kind) => string): string {
  const kindsOf = new Map<string, Kind[]>()
  for (const kind of kinds) {
    const text = textOf(kind)
    kindsOf.set(text, [...(kindsOf.get(text) ?? []), kind])
  }
  const [first] = kindsOf.keys()
  if (kindsOf.size === 1 && first !== undefined) return first
  return [...kindsOf].map(([text, names]) => `${names.join(', ')}: ${text}`).join('<br>')
}
