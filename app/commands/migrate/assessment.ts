import type { Sample } from './metrics-text.ts'

/** Where a move stands: nothing begun, trying out, both in force, or one alone again. */
export type Phase = 'one' | 'shadow' | 'both'

export interface ProviderState {
  readonly name: string
  readonly role: 'active' | 'shadow'
  /** Whether every process could last reach it. */
  readonly ready: boolean
  /** Requests whose token it accepted. */
  readonly accepted: number
  /** Seconds since the Unix epoch. */
  readonly lastAcceptedAt?: number
}

/** How often those in force and the one in the shadow came to these verdicts. */
export interface Combination {
  readonly active: string
  readonly shadow: string
  readonly reason: string
  readonly count: number
}

export interface Assessment {
  readonly phase: Phase
  /** Since when has been counted, in seconds since the Unix epoch: the start of the process that started last. */
  readonly since: number
  readonly providers: readonly ProviderState[]
  readonly combinations: readonly Combination[]
  /** The step that comes next, as the setting to change. */
  readonly next?: string
  /** Whether that step is safe now. Without a next step: false. */
  readonly safe: boolean
  /** Why, or why not, in sentences. */
  readonly findings: readonly string[]
}

export interface AssessmentOptions {
  /** Seconds since the Unix epoch. */
  now: number
  /** How long no token of the former provider may have been accepted before it can go, in seconds. */
  quietSeconds: number
}

/**
 * What the metrics of all processes of a server say about the move. Total counts do not matter for the verdict, the last event of
 * each kind does: the first tries may well fail.
 *
 * @param processes - Samples of each process.
 */
export function assess(
  processes: readonly (readonly Sample[])[],
  { now, quietSeconds }: AssessmentOptions,
): Assessment {
  const providers = providerStates(processes)
  const samples = processes.flat()
  const since = Math.max(0, ...valuesOf(samples, 'process_start_time_seconds'))
  const combinations = combinationsOf(samples)
  const active = providers.filter(({ role }) => role === 'active')
  const shadow = providers.find(({ role }) => role === 'shadow')
  const common = { since, providers, combinations }
  if (shadow) {
    const next = `AUTH_PROVIDER=${[...active, shadow].map(({ name }) => name).join(',')}`
    return { phase: 'shadow', ...common, next, ...judgeShadow(shadow, combinations, samples) }
  }
  if (active.length > 1) return { phase: 'both', ...common, ...judgeBoth(active, since, now, quietSeconds) }
  const findings = [
    `Only ${active[0]?.name ?? 'no provider'} is in force. To begin a move, name the new provider: AUTH_SHADOW=<name>.`,
  ]
  return { phase: 'one', ...common, safe: false, findings }
}

type Judgement = Pick<Assessment, 'next' | 'safe' | 'findings'>

function judgeShadow(
  { name, ready }: ProviderState,
  combinations: readonly Combination[],
  samples: readonly Sample[],
): Omit<Judgement, 'next'> {
  const findings: string[] = []
  const lastAt = (verdict: string) =>
    Math.max(0, ...valuesOf(samples, 'idplug_shadow_last_timestamp_seconds', { shadow: verdict }))
  const acceptedAt = lastAt('accepted')
  const refusedAt = lastAt('refused')
  if (!ready)
    findings.push(`${name} cannot be reached, or its settings are wrong: look for provider_not_ready in the log.`)
  if (acceptedAt === 0 && refusedAt === 0) {
    findings.push(
      `No token of ${name} has been seen yet. Sign in there with one client, call the server with the token (it is refused), and look again.`,
    )
  } else if (refusedAt >= acceptedAt) {
    const reasons = combinations.filter(({ shadow }) => shadow === 'refused').map(({ reason }) => reason)
    findings.push(
      `The last token of ${name} that was seen would be refused (${[...new Set(reasons)].join(', ')}): the log says what to do.`,
    )
  }
  const disagreements = combinations.filter(({ active, shadow }) => active === 'accepted' && shadow === 'refused')
  const disagreed = disagreements.reduce((sum, { count }) => sum + count, 0)
  if (disagreed > 0) findings.push(`${disagreed} requests that are accepted today would be refused by ${name}.`)
  const safe = findings.length === 0
  if (safe)
    findings.push(`${name} can be reached and accepts its own tokens. Nobody is refused by having both in force.`)
  return { safe, findings }
}

function judgeBoth(active: readonly ProviderState[], since: number, now: number, quietSeconds: number): Judgement {
  const [former, ...others] = active as [ProviderState, ...ProviderState[]]
  const names = others.map(({ name }) => name).join(',')
  const next = `AUTH_PROVIDER=${names}`
  const findings: string[] = []
  for (const { name, ready, accepted } of others) {
    if (!ready) findings.push(`${name} cannot be reached, or its settings are wrong.`)
    else if (accepted === 0) findings.push(`No token of ${name} has been accepted yet: nobody has signed in there.`)
  }
  const quiet = now - Math.max(since, former.lastAcceptedAt ?? 0)
  if (quiet < quietSeconds) {
    const what = former.lastAcceptedAt
      ? `The last token of ${former.name} was accepted ${duration(quiet)} ago`
      : `The server has been counting for ${duration(quiet)} only`
    findings.push(`${what}; wait until none was for ${duration(quietSeconds)} (--quiet).`)
  }
  const safe = findings.length === 0
  if (safe) findings.push(`No token of ${former.name} was accepted for ${duration(quiet)}: it can go.`)
  return { next, safe, findings }
}

function providerStates(processes: readonly (readonly Sample[])[]): ProviderState[] {
  const states = new Map<string, ProviderState>()
  for (const { labels, value } of processes.flat().filter(({ name }) => name === 'idplug_provider_ready')) {
    const { provider = '', role } = labels
    const known = states.get(provider)
    const of = { provider }
    const lastAcceptedAt = Math.max(0, ...valuesOf(processes.flat(), 'idplug_last_accepted_timestamp_seconds', of))
    states.set(provider, {
      name: provider,
      role: role === 'shadow' ? 'shadow' : 'active',
      ready: value === 1 && known?.ready !== false,
      accepted: valuesOf(processes.flat(), 'idplug_accepted_total', of).reduce((sum, count) => sum + count, 0),
      lastAcceptedAt: lastAcceptedAt || undefined,
    })
  }
  return [...states.values()]
}

function combinationsOf(samples: readonly Sample[]): Combination[] {
  const counts = new Map<string, Combination>()
  for (const { name, labels, value } of samples) {
    if (name !== 'idplug_shadow_total') continue
    const { active = '', shadow = '', reason = '' } = labels
    const key = [active, shadow, reason].join(' ')
    counts.set(key, { active, shadow, reason, count: (counts.get(key)?.count ?? 0) + value })
  }
  return [...counts.values()]
}

function valuesOf(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number[] {
  return samples
    .filter(
      sample => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .map(({ value }) => value)
}

const UNITS = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const

/** In the largest unit that fits: `3 days`. */
export function duration(seconds: number): string {
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? UNITS[3]
  const count = Math.floor(seconds / size)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
