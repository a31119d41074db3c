/** Keeps a command that ends at once from being started again and again. By person: what one sends may be what ends it. */
export interface Restarts {
  /** How long it is not to be started; `undefined`: it may be. */
  wait(person: string): { readonly seconds: number; readonly reason: string } | undefined
  failed(person: string, reason: string): void
  succeeded(person: string): void
  /** Forgets what is long past. */
  sweep(): void
}

interface Failure {
  readonly count: number
  readonly reason: string
  /** On the clock of `performance.now()`. */
  readonly until: number
}

const MAX_SECONDS = 60

export function createRestarts(): Restarts {
  const failures = new Map<string, Failure>()
  return {
    wait(person) {
      const failure = failures.get(person)
      if (!failure) return undefined
      const seconds = Math.ceil((failure.until - performance.now()) / 1000)
      return seconds > 0 ? { seconds, reason: failure.reason } : undefined
    },
    failed(person, reason) {
      const count = (failures.get(person)?.count ?? 0) + 1
      const seconds = Math.min(2 ** (count - 1), MAX_SECONDS)
      failures.set(person, { count, reason, until: performance.now() + seconds * 1000 })
    },
    succeeded: person => void failures.delete(person),
    sweep() {
      const past = performance.now() - MAX_SECONDS * 1000
      for (const [person, { until }] of failures) if (until < past) failures.delete(person)
    },
  }
}
