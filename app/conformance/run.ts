import { type Check, type Judgement, type Need, skipped } from './check.ts'
import { type Evidence, evidenceOf } from './evidence.ts'
import type { Target } from './target.ts'

/** `fail`: a MUST is not met. `warn`: a SHOULD or a practice is not met. */
export type Verdict = 'pass' | 'fail' | 'warn' | 'skipped'

export interface Result {
  readonly check: Check
  readonly verdict: Verdict
  /** Why; absent where a check passed as its title says. */
  readonly because?: string
  /** What a person would have to give for the check to run. */
  readonly missing?: Need
  /** Requests that show a failure, and their answers; tokens are replaced by their kind. */
  readonly evidence: readonly Evidence[]
}

/** What a person has to give for a check that needs it. */
const MISSING: Readonly<Record<Need, string>> = {
  token: 'needs a token that the server accepts: --token-env or --token-stdin',
  'low-scope-token': 'needs a token that is not enough for a tool: --low-scope-token-env',
  'other-audience-token': 'needs a token for another server: --other-audience-token-env',
  tool: 'needs the name of a tool: --tool',
  own: 'sends many or large requests; --own says that the server is yours',
  issuer: 'needs a server that trusts the issuer of this kit: --issuer-port or --server-command',
  dpop: 'the server does not advertise DPoP',
}

/**
 * Runs the checks one after the other, in their order: some servers limit requests, and what one check does should not decide another.
 *
 * @param told - Is told of each result when it is there.
 */
export async function runChecks(
  target: Target,
  checks: readonly Check[],
  told: (result: Result) => void = () => {},
): Promise<Result[]> {
  const results: Result[] = []
  for (const check of checks) {
    const missing = check.needs?.find(need => !target.has(need))
    const result: Result = missing
      ? { check, verdict: 'skipped', because: MISSING[missing], missing, evidence: [] }
      : resultOf(check, await judge(check, target), target)
    results.push(result)
    told(result)
  }
  return results
}

async function judge(check: Check, target: Target): Promise<Judgement> {
  target.takeExchanges()
  const judgement = await check.run(target)
  if (judgement.kind === 'skipped') return judgement
  // What was refused for another reason says nothing, neither for the server nor against it.
  const shown = judgement.kind === 'failed' ? judgement.exchanges : []
  const isLimited = [...target.takeExchanges(), ...shown].some(({ status }) => status === 429)
  return isLimited ? skipped('the server limits requests (429), and waiting did not help') : judgement
}

function resultOf(check: Check, judgement: Judgement, target: Target): Result {
  const because = judgement.because === undefined ? undefined : target.redact(judgement.because)
  if (judgement.kind === 'passed') return { check, verdict: 'pass', because, evidence: [] }
  if (judgement.kind === 'skipped') return { check, verdict: 'skipped', because, evidence: [] }
  const verdict = check.level === 'MUST' && !judgement.isMild ? 'fail' : 'warn'
  return { check, verdict, because, evidence: judgement.exchanges.map(each => evidenceOf(each, target)) }
}

/**
 * @param patterns - Ids, or their beginning with `*`: `C01`, `P*`. Letters in any case. Default: all.
 * @returns Those checks in their order; a pattern that names none is in `unknown`.
 */
export function chooseChecks(
  checks: readonly Check[],
  patterns: readonly string[],
): { chosen: readonly Check[]; unknown: readonly string[] } {
  if (patterns.length === 0) return { chosen: checks, unknown: [] }
  const tests = patterns.map(pattern => {
    const wanted = pattern.toUpperCase()
    return (id: string) => (wanted.endsWith('*') ? id.startsWith(wanted.slice(0, -1)) : id === wanted)
  })
  return {
    chosen: checks.filter(({ id }) => tests.some(test => test(id))),
    unknown: patterns.filter((_, i) => !checks.some(({ id }) => tests[i]?.(id))),
  }
}
