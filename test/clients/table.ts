import {
  type Endured,
  type Evidence,
  evidenceText,
  type KnownClient,
  type Measured,
  type Measurement,
} from '../../app/commands/doctor/client-facts.ts'
import { kinds as allKinds, places as allPlaces } from './kinds.ts'

/** What `app/commands/doctor/client-facts.json` holds. */
export interface Facts {
  readonly measured: Readonly<Record<string, Measurement>>
  readonly clients: readonly KnownClient[]
}

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

/** One line for each version of a package that was measured. */
function measuredTable({ measured }: Facts): string {
  const lines = Object.entries(measured).map(([client, { dates, kinds, takesParent, takesForeign }]) => [
    shortName(client),
    spanOf([...Object.keys(kinds), 'parent', 'foreign'].map(row => dates[row])),
    ...Object.values(COLUMNS).map(cell => byName(kinds, allKinds, cell)),
    takesText(takesParent),
    takesText(takesForeign),
  ])
  const resources = ['`resource` is the origin', '`resource` is on another origin']
  return markdownOf(['client', 'measured', ...Object.keys(COLUMNS), ...resources], lines)
}

const takesText = (takes: boolean | undefined) =>
  takes === undefined ? 'not measured' : takes ? 'signs in, calls a tool' : 'does not get in'

const EVENTS: Readonly<Record<string, keyof Endured>> = {
  'the access token ends': 'expiry',
  'our processes crash and start again': 'restart',
  'the same, and what they stored is lost': 'loss',
  'nobody can say whether the token is good': 'uncheckable',
  'the access token ends, and nobody can renew it': 'unrenewable',
  'a tool needs another scope': 'stepUp',
}

/** One line for each version of a package with which people stayed signed in, or did not. */
function enduredTable({ clients, measured }: Facts): string {
  const lines = Object.entries(measured).flatMap(([client, { dates, endures }]) => {
    if (!endures) return []
    const signIn = clients.find(known => known.package === packageOf(client))?.signIn
    const cells = Object.values(EVENTS).map(event => byName(endures, allPlaces, row => row[event]) || '–')
    const days = spanOf(Object.keys(endures).map(place => dates[`endures:${place}`]))
    return [[shortName(client), days, ...cells, signIn === undefined ? '–' : `\`${signIn}\``]]
  })
  return markdownOf(['client', 'measured', ...Object.keys(EVENTS), 'to sign in again'], lines)
}

const shortName = (client: string) => client.replace(/@modelcontextprotocol\/(sdk|client|inspector)/, '$1')

/** One day, or the first and the last of several. */
function spanOf(days: readonly (string | undefined)[]): string {
  const [first, ...others] = [...new Set(days)].filter(day => day !== undefined).sort()
  return [first, ...others.slice(-1)].join(' to ')
}

const packageOf = (client: string) => client.replace(/ \S+$/, '')

/** One line for each client that people know by name. */
function knownTable({ clients, measured }: Facts): string {
  const packages = Object.keys(measured).map(packageOf)
  const lines = clients
    .filter(({ page }) => !page)
    .map(client => {
      const { name, documents, manual, redirectUri, withoutPkce, stepUp, evidence, also } = client
      const isMeasured = packages.includes(client.package ?? '')
      return [
        name,
        documents === undefined ? 'not known' : documents ? 'its document, else registers' : 'registers',
        manual === undefined ? '–' : `\`${manual}\``,
        redirectUri === undefined ? 'not known' : `\`${redirectUri}\``,
        withoutPkce === undefined ? 'not known' : withoutPkce === 'fails' ? 'refuses' : 'signs in',
        stepUp ?? (isMeasured ? 'see above' : 'not known'),
        [...new Set([evidence, ...Object.values(also ?? {})].map(sourceText))].join('; '),
      ]
    })
  const head = ['client', 'becomes known by', 'client id', 'redirect URI', 'without PKCE in the metadata', 'step-up']
  return markdownOf([...head, 'known how'], lines)
}

function sourceText(evidence: Evidence): string {
  return evidence.how === 'read' ? `[read](${evidence.source})` : evidenceText(evidence)
}

function markdownOf(head: readonly string[], lines: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

const TABLES = { measured: measuredTable, endured: enduredTable, known: knownTable }

/** @returns The page with each table between its marks: `<!-- measured -->`, `<!-- endured -->` and `<!-- known -->`. */
export function withTables(page: string, facts: Facts): string {
  let text = page
  for (const [name, table] of Object.entries(TABLES)) {
    const [before, after] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const [start, end] = [text.indexOf(before), text.indexOf(after)]
    if (start < 0 || end < start) throw new Error(`the page has no ${before} … ${after}`)
    text = `${text.slice(0, start + before.length)}\n\n${table(facts)}\n\n${text.slice(end)}`
  }
  return text
}

/** One text where all were tried and have the same, otherwise what each has that has something. */
function byName<Row>(
  rows: Readonly<Record<string, Row>>,
  all: readonly string[],
  textOf: (row: Row) => string | undefined,
): string {
  const namesOf = new Map<string, string[]>()
  for (const name of all) {
    const row = rows[name]
    const text = row && textOf(row)
    if (text !== undefined) namesOf.set(text, [...(namesOf.get(text) ?? []), name])
  }
  const [first] = namesOf.entries()
  if (first && first[1].length === all.length) return first[0]
  return [...namesOf].map(([text, names]) => `${names.join(', ')}: ${text}`).join('<br>')
}
