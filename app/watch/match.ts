import { type Attempt, isBefore, nameOf } from './attempt.ts'
import { isRuntime, nameByDocument } from './clients.ts'

/** What tells whose request it is. */
export interface Traces {
  readonly at: number
  readonly address?: string | undefined
  readonly product?: string | undefined
  /** Number of the process and of the connection. */
  readonly connection?: string | undefined
  readonly clientId?: string | undefined
  readonly flows?: readonly string[]
  /** The request is one that a client begins with. */
  readonly isFirst?: boolean
  /** The request is a person's, in a browser, which tells nothing about the client. */
  readonly isPerson?: boolean
}

/** A client that was silent for longer begins anew. */
const MOST_SILENCE = 600_000

/**
 * The attempt that a request belongs to: by the sign-in that it goes on with, by its client id, by its connection, then by address and
 * User-Agent. The parts of one client may send different ones.
 */
export function matching(attempts: readonly Attempt[], traces: Traces): Attempt | undefined {
  const latest = attempts.toSorted((a, b) => b.lastAt - a.lastAt)
  const { flows = [], clientId, connection, at } = traces
  const byFlow = latest.find(attempt => flows.some(flow => attempt.flows.has(flow)))
  if (byFlow) return byFlow
  if (clientId !== undefined) return byClient(latest, clientId, traces)
  if (traces.isPerson) return undefined
  const byConnection =
    connection === undefined
      ? undefined
      : latest.find(each => each.connections.has(connection) && likeness(each, traces) > 0)
  if (byConnection) return byConnection
  return best(
    latest.filter(({ lastAt }) => at - lastAt < MOST_SILENCE),
    attempt => (traces.isFirst && isThrough(attempt) ? 0 : likeness(attempt, traces)),
  )
}

/** Where a client id is new, it is that of a client that waits for one. Those of documents are shared by all copies of a client. */
function byClient(latest: readonly Attempt[], clientId: string, traces: Traces): Attempt | undefined {
  const published = nameByDocument(clientId)
  return best(latest, attempt => {
    if (attempt.clientId !== undefined && attempt.clientId !== clientId) return 0
    const isKnown = attempt.clientId === clientId
    const isRecent = traces.at - attempt.lastAt < MOST_SILENCE && isBefore(attempt.phase, 'authorization')
    if (!isKnown && !isRecent) return 0
    const alike = traces.isPerson ? Number(sameMachine(attempt, traces)) : likeness(attempt, traces)
    if (!isKnown && alike === 0) return 0
    const isNamed = published !== undefined && nameOf(attempt).startsWith(published)
    // Another copy of the client may be the one that asks now.
    const isDone = traces.isPerson === true && published !== undefined && !isBefore(attempt.phase, 'token')
    return (isKnown && !isDone ? 4 : 1) + alike + (isNamed ? 4 : 0) - (isDone ? 0.5 : 0)
  })
}

/** Nothing has to come from it, so whoever begins now is another one. */
const isThrough = ({ phase, expects }: Attempt) => expects === undefined && !isBefore(phase, 'token')

/** 0: another client. 1: may be. 2: says the same of itself. */
export function likeness(attempt: Attempt, traces: Traces): number {
  const { product } = traces
  const { products } = attempt
  const isSpecific = product !== undefined && !isRuntime(product)
  if (!sameMachine(attempt, traces)) {
    // The machines of a client that runs in a cloud share one name.
    return isSpecific && products.has(product) && product !== 'mozilla' ? 1 : 0
  }
  if (product === undefined || products.size === 0) return 1
  if (products.has(product)) return 2
  const isOfOther = [...products].some(known => isRuntime(known) !== isSpecific)
  return isOfOther ? 0 : 1
}

function sameMachine({ address }: Attempt, traces: Traces): boolean {
  return address === undefined || traces.address === undefined || address === traces.address
}

/** One machine has several spellings of its own address. */
export function machineOf(address: string | undefined): string | undefined {
  const text = address?.replace(/^::ffff:/, '')
  return text === '::1' || text?.startsWith('127.') ? '127.0.0.1' : text
}

function best(attempts: readonly Attempt[], score: (attempt: Attempt) => number): Attempt | undefined {
  let found: { attempt: Attempt; points: number } | undefined
  for (const attempt of attempts) {
    const points = score(attempt)
    if (points > 0 && (!found || points > found.points)) found = { attempt, points }
  }
  return found?.attempt
}
