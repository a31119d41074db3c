import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import fc, { type Arbitrary } from 'fast-check'
import { createProviders } from '../../auth/providers.ts'
import { loadConfiguration } from '../../config/load.ts'
import type { TokenValidator, ValidatedToken } from '../../src/token-validator.ts'
import type { Change, Draft, Presented, Subject, Verdict } from './draft.ts'
import { NOW } from './values.ts'

/** What a good token is for, in every run. */
export const RESOURCE = 'https://mcp.example.com/mcp'

export interface Outcome {
  readonly runs: number
  /** How many were good. */
  readonly good: number
  readonly times: readonly Time[]
}

/**
 * Processor time of a decision in milliseconds, of all threads of the process: what compiles and what cleans memory up is in it, and
 * the decisions of a new process are slower than those of one that runs.
 */
export interface Time {
  readonly first: number
  /** Of up to ten attempts, made until one is quick enough. */
  readonly least: number
}

/**
 * Most that a decision may occupy the processor, in checks of an RS256 signature on the same machine: about 50 ms. What a decision costs
 * is for bench/validation.ts to say; here stands what no busy machine explains, such as a pattern that backtracks or a list that is gone
 * through for each member of another.
 */
export const MOST_SIGNATURES = 2_700
/** Nine of ten decisions take less than this at the first attempt. */
export const USUAL_SIGNATURES = 270
const MILLISECONDS_OF_SIGNATURE = signatureTime()
export const MOST_MILLISECONDS = MOST_SIGNATURES * MILLISECONDS_OF_SIGNATURE
export const USUAL_MILLISECONDS = USUAL_SIGNATURES * MILLISECONDS_OF_SIGNATURE
/** How often a decision is made again that took longer: memory may have been cleaned up during it. */
const REPETITIONS = 10

/**
 * Makes tokens and answers of one provider, and compares what becomes of them with what has to.
 *
 * @throws The smallest case that is decided wrongly, with the seed that makes it again.
 */
export async function check(subject: Subject, { runs, seed }: { runs: number; seed: number }): Promise<Outcome> {
  const createValidator = validators(subject)
  const times: Time[] = []
  let good = 0
  await fc.assert(
    fc.asyncProperty(casesOf(subject), async changes => {
      const draft = subject.draft()
      const isPerson = isOfPerson(draft)
      for (const change of changes) change.make(draft)
      // Made twice by chance, the id of the client is the subject of nobody: a case of its own, which no change is about.
      fc.pre(isOfPerson(draft) === isPerson)
      const verdicts = verdictsOf(changes)
      if (verdicts.includes('good')) good++
      const presented = subject.present(draft)
      const attempt = () => judge(createValidator, { subject, draft, presented, verdicts })
      const first = await attempt()
      let least = first
      for (let repetition = 1; repetition < REPETITIONS && least > MOST_MILLISECONDS; repetition++) {
        least = Math.min(least, await attempt())
      }
      times.push({ first, least })
    }),
    { numRuns: runs, seed },
  )
  return { runs, good, times }
}

/** Half of the cases hold what does no harm only; most others hold one thing that does. */
function casesOf({ changes }: Subject): Arbitrary<Change[]> {
  const of = (verdict: 'harmless' | 'bad') =>
    changes.filter(family => family.verdict === verdict).map(({ arbitrary }) => arbitrary)
  const harmless = fc.array(fc.oneof(...of('harmless')), { maxLength: 8 })
  const bad = fc.oneof(
    { weight: 4, arbitrary: fc.oneof(...of('bad')).map(change => [change]) },
    { weight: 1, arbitrary: fc.array(fc.oneof(...of('bad')), { minLength: 1, maxLength: 3 }) },
  )
  return fc
    .oneof(
      harmless,
      fc.tuple(bad, harmless).map(([first, rest]) => [...first, ...rest]),
    )
    .map(apart)
    .map(list =>
      Object.assign(list, { [fc.toStringMethod]: () => list.map(({ name }) => name).join('; ') || 'no change' }),
    )
}

/** Leaves out changes of parts that another change before them has made. */
function apart(changes: readonly Change[]): Change[] {
  const taken = new Set<string>()
  return changes.filter(({ part, also = [] }) => {
    const parts = [part, ...also]
    if (parts.some(one => taken.has(one))) return false
    for (const one of parts) taken.add(one)
    return true
  })
}

/** A bad token at a provider that fails may be found out before the provider is asked. */
function verdictsOf(changes: readonly Change[]): readonly Verdict[] {
  const verdicts = new Set(changes.map(({ verdict }) => verdict))
  verdicts.delete('good')
  return verdicts.size === 0 ? ['good'] : [...verdicts]
}

/** Processor time of a check of an RS256 signature, in milliseconds: the least of several rounds. */
function signatureTime(): number {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const message = randomBytes(600)
  const signature = sign('sha256', message, privateKey)
  const rounds = Array.from({ length: 10 }, () => {
    const before = process.cpuUsage()
    for (let check = 0; check < 200; check++) verify('sha256', message, publicKey, signature)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000 / 200
  })
  return Math.min(...rounds)
}

type CreateValidator = (fetch: typeof globalThis.fetch) => TokenValidator

/** The settings are read once; each case has a validator that knows nothing of the others. */
function validators({ name, env, findApiKey, findTenant }: Subject): CreateValidator {
  const inCode = findTenant && { isLibrary: true, providers: [], resources: { server: { resource: RESOURCE } } }
  const { providers, resource, resources } = loadConfiguration(
    { ...env, PUBLIC_URL: 'https://mcp.example.com' },
    inCode,
  )
  if (resource !== RESOURCE) throw new Error(`${name}: the resource is ${resource}`)
  const load = resources[0]?.loadTenant
  const further = { findApiKey, ...(findTenant && load !== undefined ? { tenants: { find: findTenant, load } } : {}) }
  // One token each: room for more would cost more than the decision.
  const context = { resource, now: () => NOW * 1000, cacheMaxEntries: 1 }
  return fetch => createProviders(providers, { ...context, fetch }, further).validator
}

interface Case {
  readonly subject: Subject
  readonly draft: Draft
  readonly presented: Presented
  readonly verdicts: readonly Verdict[]
}

const STATUSES: Readonly<Record<number, Verdict>> = { 401: 'refused', 503: 'unknown', 500: 'ours' }

const isOfPerson = ({ expected: { subject, clientId } }: Draft) => subject !== clientId

/** @returns Processor time of the decision, in milliseconds. */
async function judge(create: CreateValidator, { subject, draft, presented, verdicts }: Case): Promise<number> {
  const strangers: string[] = []
  const validator = create(async (input, init) => {
    const { origin, pathname } = new URL(String(input))
    const answer = presented.endpoints[origin + pathname]
    if (answer) return answer(init)
    strangers.push(origin + pathname)
    throw new TypeError('fetch failed')
  })
  if (subject.warm) await validator.warmUp()
  const before = process.cpuUsage()
  const outcome = await validator
    .validate(presented.token, undefined, draft.scheme)
    .catch((error: unknown) => error as Error)
  const { user, system } = process.cpuUsage(before)
  if (strangers.length > 0) throw new Error(`asks ${strangers}, which is none of its business`)
  const verdict = outcome instanceof Error ? STATUSES[(outcome as { status?: number }).status ?? 0] : 'good'
  if (verdict === undefined) throw outcome
  if (!verdicts.includes(verdict)) {
    throw new Error(
      `is ${verdict} rather than ${verdicts.join(' or ')}: ${outcome instanceof Error ? outcome.message : ''}`,
    )
  }
  if (!(outcome instanceof Error)) compare(outcome, draft.expected)
  return (user + system) / 1000
}

function compare(token: ValidatedToken, expected: Draft['expected']): void {
  for (const [member, value] of Object.entries(expected)) {
    const actual = token[member as keyof ValidatedToken]
    if (value !== undefined && !isDeepStrictEqual(actual, value)) {
      throw new Error(`${member} is ${JSON.stringify(actual)} rather than ${JSON.stringify(value)}`)
    }
  }
}
