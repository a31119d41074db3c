import { MisconfigurationError, ValidatorUnavailableError } from '../errors.ts'

/** One kind of question to a provider, and what keeps it from being asked too often. */
export interface ProviderGate<T> {
  /**
   * Asks the provider. Everybody who asks at the same time shares one call. After a failure nothing is asked until the back-off
   * is over, or the time that the provider named; until then the failure is thrown again, with the seconds that are left.
   */
  ask(): Promise<T>
  /** Reports the failure of a call that was made beside {@link ask}. The back-off begins as if `ask` had failed. */
  failed(error: unknown): void
  /** Why the last call failed; `undefined` once a call succeeds. */
  readonly failure: unknown
  /** Failures in a row, each after a back-off. */
  readonly failures: number
  /** Whether {@link ask} would make a call of its own now, instead of joining one or waiting. */
  readonly isFree: boolean
}

interface Failure {
  readonly error: unknown
  readonly count: number
  readonly backOffSeconds: number
  /** Milliseconds since the Unix epoch. */
  readonly retryAt: number
}

/** Back-off after the first failure and at most, in seconds; doubled in between. */
const BACK_OFF_SECONDS = { first: 1, longest: 30 }

/** Longest time that a provider may ask us to stay away, in seconds: with 429, and with any other failure. */
const LONGEST_WISH_SECONDS = { throttled: 3600, failing: 300 }

/**
 * The gate in front of one endpoint of a provider: pending calls are shared, failures are followed by a back-off, and
 * `Retry-After` is obeyed.
 *
 * @param call - Asks the provider. What it throws is a failure of the provider.
 * @param now - Milliseconds since the Unix epoch.
 */
export function createProviderGate<T>(call: () => Promise<T>, now: () => number): ProviderGate<T> {
  let failure: Failure | undefined
  let pending: Promise<T> | undefined

  function failed(error: unknown): void {
    const wish = wishedSeconds(error)
    if (failure && now() < failure.retryAt) {
      // One of many calls that were under way: the same failure, not the next one.
      failure = { ...failure, retryAt: Math.max(failure.retryAt, now() + wish * 1000) }
      return
    }
    const backOffSeconds = failure
      ? Math.min(failure.backOffSeconds * 2, BACK_OFF_SECONDS.longest)
      : BACK_OFF_SECONDS.first
    const retryAt = now() + Math.max(backOffSeconds, wish) * 1000
    failure = { error, count: (failure?.count ?? 0) + 1, backOffSeconds, retryAt }
  }

  async function attempt(): Promise<T> {
    try {
      const answer = await call()
      failure = undefined
      return answer
    } catch (error) {
      failed(error)
      throw error
    } finally {
      pending = undefined
    }
  }

  const isBackingOff = () => failure !== undefined && now() < failure.retryAt

  return {
    ask() {
      if (pending) return pending
      if (failure && isBackingOff()) return Promise.reject(withTimeLeft(failure.error, failure.retryAt - now()))
      pending = attempt()
      return pending
    },
    failed,
    get failure() {
      return failure?.error
    },
    get failures() {
      return failure?.count ?? 0
    },
    get isFree() {
      return !pending && !isBackingOff()
    },
  }
}

/** Whether an error says that the provider cannot be asked, or not by us: it says nothing about any token. */
export function isProviderFailure(error: unknown): boolean {
  return error instanceof ValidatorUnavailableError || error instanceof MisconfigurationError
}

/** How long the provider wants to be left alone, in seconds; 0 if it said nothing about that. */
function wishedSeconds(error: unknown): number {
  if (!(error instanceof ValidatorUnavailableError)) return 0
  const { throttled, failing } = LONGEST_WISH_SECONDS
  return Math.min(error.askedSeconds ?? 0, error.reason.kind === 'provider_throttled' ? throttled : failing)
}

function withTimeLeft(error: unknown, milliseconds: number): unknown {
  if (!(error instanceof ValidatorUnavailableError)) return error
  const { reason, cause } = error
  return new ValidatorUnavailableError(reason, {
    retryAfterSeconds: milliseconds / 1000,
    ...(cause !== undefined && { cause }),
  })
}
