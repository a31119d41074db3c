import facts from './client-facts.json' with { type: 'json' }

interface MeasuredEvidence {
  /** `measured`: by `npm run measure:clients`; `measured by hand`: once, by a person with a logging proxy. */
  readonly how: 'measured' | 'measured by hand'
  readonly version: string
  readonly date: string
}

/** How something about a client is known. */
export type Evidence =
  | MeasuredEvidence
  /** In the client's own documentation or in reports. */
  | { readonly how: 'read'; readonly source: string }
  /** By the doctor, about the server: it is in the way of every client. */
  | { readonly how: 'found here' }

/** Facts that can be known in another way than the rest. */
type Fact = 'documents' | 'manual' | 'secret' | 'withoutPkce' | 'parentResource' | 'foreignResource' | 'stepUp'

/** What is known of a client. An absent fact is not known. */
export interface KnownClient {
  readonly name: string
  /** On npm. */
  readonly package?: string
  /** Runs in somebody's cloud: it cannot reach this machine. */
  readonly cloud?: boolean
  /** Runs in a web page, so the browser has a say. */
  readonly page?: boolean
  /** Publishes a client ID metadata document; registration (RFC 7591) is known to all. */
  readonly documents?: boolean
  /** Where a person enters a client id. Absent: nowhere. */
  readonly manual?: string
  /** Whether a person can enter the secret of that client id as well, so that it is sent. */
  readonly secret?: boolean
  readonly redirectUri?: string
  /** What a person types to sign in again; NAME is what they called the server. */
  readonly signIn?: string
  /** What it does where the metadata does not mention PKCE. */
  readonly withoutPkce?: 'fails' | 'connects'
  /** What it does where the metadata is that of a URL above the one it was given. */
  readonly parentResource?: 'fails' | 'connects'
  /** What it does where the metadata is that of a URL on another origin. */
  readonly foreignResource?: 'fails' | 'connects'
  /** Refuses authorization responses without `iss` (RFC 9207). */
  readonly needsResponseIssuer?: boolean
  /** Goes on where an authorization server spells its issuer in two ways. */
  readonly toleratesOtherIssuer?: boolean
  /** Whether it asks for more scopes by itself when a tool needs them, or has asked for all at first. */
  readonly stepsUp?: boolean
  /** What it does instead, in words. */
  readonly stepUp?: string
  /** What people have to do after what can happen. */
  readonly aftermath?: Aftermath
  /** Of all facts that `also` does not name. */
  readonly evidence: Evidence
  readonly also?: Partial<Record<Fact, Evidence>>
}

/** What one client does with one kind of sign-in (`test/clients/kinds.ts`). */
export interface Measured {
  connects: boolean
  lists: boolean
  calls: boolean
  /** Whether a tool beyond the granted scopes was refused; `false` for a client that asks for all scopes at once. */
  isRefused: boolean
  /** Whether the refused call succeeded in the end, after another sign-in. */
  stepsUp: boolean
  /** Whether the same tool works with `AUTH_SIGN_IN_SCOPES=all`. */
  writesWithAllScopes: boolean
  registers: 'by itself' | 'is given a client id' | 'by a document' | 'never got that far'
  /** Whether the authorization request names the MCP server (RFC 8707). */
  sendsResource: boolean
  /** What the first authorization request asks for; empty where it has no `scope`. */
  asksFor: string
  /** Revisions that it named in `MCP-Protocol-Version`; none: no such header. */
  revisions: string[]
  /** How it found the authorization server: well-known documents that it got from the MCP server's origin, in order. */
  discovers: string[]
}

/**
 * What a person has to do until a call works again: nothing; sign in where the client opens the browser; start the client anew; sign in
 * by a command of the client; or it does not work after that either.
 */
export type Outcome = 'goes on' | 'opens the browser' | 'goes on when started anew' | 'needs a sign-in' | 'fails'

/** What one client makes of what happens after the sign-in, at one place (`test/clients/places.ts`). */
export interface Endured {
  /** A tool needs another scope; `goes on` for a client that has asked for all scopes at once. */
  stepUp: Outcome
  /** The access token has ended. */
  expiry: Outcome
  /** Our processes crashed and were started anew. */
  restart: Outcome
  /** The same, and what they had stored was lost. */
  loss?: Outcome
  /** Nobody could say whether a token is good, and now it is back. */
  uncheckable?: Outcome
  /** The access token had ended while nobody could renew it, and now it is back. */
  unrenewable?: Outcome
}

/** The worst of all places where it was measured; of `expiry`, that of the bridge, where the client's clock says so too. */
export interface Aftermath {
  readonly outcomes: Partial<Readonly<Record<keyof Endured, Outcome>>>
  readonly evidence: MeasuredEvidence
}

/** The worst first. */
const WORDS: Readonly<Record<Outcome, string>> = {
  fails: 'it does not work again, not even after a sign-in',
  'needs a sign-in': 'people sign in again by hand',
  'goes on when started anew': 'people end the program and start it again',
  'opens the browser': 'the browser opens for a sign-in',
  'goes on': 'nobody has to do anything',
}
const OUTCOMES = Object.keys(WORDS) as Outcome[]

/** What was measured of one version of a package. */
export interface Measurement {
  /** When each row was measured (ISO 8601), by its name on the command line: `demo`, `parent`, `endures:bridge`. */
  readonly dates: Readonly<Record<string, string>>
  /** Whether it gets in where the metadata is that of the server's origin, in place of the URL that it was given. */
  readonly takesParent?: boolean
  /** The same where the metadata is that of a URL on another origin. */
  readonly takesForeign?: boolean
  /** By the kind of sign-in. */
  readonly kinds: Readonly<Record<string, Measured>>
  /** By the place. */
  readonly endures?: Readonly<Record<string, Endured>>
}

/** By package and version. Written by `npm run measure:clients`. */
export const measurements = facts.measured as Readonly<Record<string, Measurement>>

/** In the order in which they are listed; what was measured takes the place of what is noted. */
export const knownClients: readonly KnownClient[] = (facts.clients as readonly KnownClient[]).map(withMeasurement)

/** @param name - May end in a version. */
export function knownClient(name: string): KnownClient | undefined {
  return knownClients.find(client => name.startsWith(client.name))
}

/** For people: which clients sign in where `resource` is a URL above the one that they were given. */
export function whoTakesParents(): string {
  const names = (what: KnownClient['parentResource']) =>
    knownClients
      .flatMap(({ name, page, parentResource }) => (parentResource === what && !page ? [name] : []))
      .join(', ')
  return `${names('connects')} accept that; ${names('fails')} refuses it; what ${names(undefined)} do is not known`
}

/** For people: what they have to do in a client after something has happened. Absent where that is nothing, or not known. */
export function aftermathIn({ aftermath, signIn }: KnownClient, event: keyof Endured): string | undefined {
  const outcome = aftermath?.outcomes[event]
  if (outcome === undefined || outcome === 'goes on') return undefined
  return outcome === 'needs a sign-in' && signIn !== undefined ? `${WORDS[outcome]}: ${signIn}` : WORDS[outcome]
}

/** For people: the same by what they have to do, the worst first, with all clients for which it was measured. */
export function aftermathText(event: keyof Endured): string {
  const measured = knownClients.flatMap(({ name, signIn, aftermath }) => {
    const outcome = aftermath?.outcomes[event]
    return aftermath && outcome ? [{ name, signIn, outcome, ...aftermath.evidence }] : []
  })
  const groups = OUTCOMES.flatMap(outcome => {
    const names = measured
      .filter(each => each.outcome === outcome)
      .map(({ name, version, signIn }) => `${name} ${version}${outcome === 'needs a sign-in' ? ` (${signIn})` : ''}`)
    return names.length > 0 ? [`${WORDS[outcome]}: ${names.join(', ')}`] : []
  })
  const dates = measured.map(({ date }) => date).sort()
  return `${groups.join('; ')} (measured, ${[...new Set([dates[0], dates.at(-1)])].join(' to ')})`
}

function outcomesOf(endures: Readonly<Record<string, Endured>>): Aftermath['outcomes'] {
  const rows = Object.values(endures)
  const events = new Set(rows.flatMap(row => Object.keys(row) as (keyof Endured)[]))
  const worst = [...events].map(event => [event, OUTCOMES.find(outcome => rows.some(row => row[event] === outcome))])
  const { bridge } = endures
  return { ...Object.fromEntries(worst), ...(bridge && { expiry: bridge.expiry }) }
}

function withMeasurement(client: KnownClient): KnownClient {
  const [name, measurement] =
    Object.entries(measurements).find(([key]) => key.replace(/ \S+$/, '') === client.package) ?? []
  const demo = measurement?.kinds.demo
  if (name === undefined || measurement === undefined || demo === undefined) return client
  const version = name.slice(name.lastIndexOf(' ') + 1)
  const { takesParent, takesForeign, endures, dates } = measurement
  const measuredIn = (row: string): MeasuredEvidence => ({ how: 'measured', version, date: dates[row] ?? '' })
  const verdict = (takes: boolean) => (takes ? 'connects' : 'fails')
  return {
    ...client,
    ...(takesParent !== undefined && { parentResource: verdict(takesParent) }),
    ...(takesForeign !== undefined && { foreignResource: verdict(takesForeign) }),
    stepsUp: demo.stepsUp || !demo.isRefused,
    ...(endures && {
      aftermath: {
        outcomes: outcomesOf(endures),
        evidence: measuredIn(`endures:${Object.keys(endures)[0]}`),
      },
    }),
    evidence: measuredIn('demo'),
    also: {
      ...client.also,
      ...(client.stepUp !== undefined && { stepUp: client.evidence }),
      ...(takesParent !== undefined && { parentResource: measuredIn('parent') }),
      ...(takesForeign !== undefined && { foreignResource: measuredIn('foreign') }),
    },
  }
}

/** For people: `measured, 2.1.332, 2026-11-30`. */
export function evidenceText(evidence: Evidence): string {
  return 'version' in evidence ? `${evidence.how}, ${evidence.version}, ${evidence.date}` : evidence.how
}
