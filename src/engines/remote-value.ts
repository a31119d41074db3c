import { ValidatorUnavailableError } from '../errors.ts'

/** Something fetched from a provider and kept: its metadata, its keys. Loads on demand, never by timer. */
export interface RemoteValue<T> {
  /**
   * The value at hand, however old; one that is no longer fresh is renewed behind the caller's back. Loads when there is
   * none yet.
   */
  get(): Promise<T>
  /**
   * Loads anew. Callers share one load. After a failure nothing is asked until the back-off is over; until then the
   * failure is thrown again.
   */
  refresh(): Promise<T>
  readonly state: RemoteState<T> | undefined
  /** Why the last load failed; `undefined` once a load succeeds. */
  readonly failure: unknown
}

export interface RemoteState<T> {
  readonly value: T
  /** Milliseconds since the Unix epoch. */
  readonly loadedAt: number
  /** From here on `get` renews the value. Milliseconds since the Unix epoch. */
  readonly staleAt: number
}

/** Back-off after the first failure and at most, in seconds; doubled in between. */
const FIRST_RETRY_SECONDS = 1
const LAST_RETRY_SECONDS = 30

/**
 * @param load - Fetches the value and says how long it is fresh, in seconds.
 * @param now - Milliseconds since the Unix epoch.
 * @param onFailure - Told each failed load.
 */
export function createRemoteValue<T>(
  load: () => Promise<{ value: T; freshSeconds: number }>,
  now: () => number,
  onFailure?: (error: unknown) => void,
): RemoteValue<T> {
  let state: RemoteState<T> | undefined
  let failure: { error: unknown; retrySeconds: number; retryAt: number } | undefined
  let pending: Promise<T> | undefined

  async function attempt(): Promise<T> {
    try {
      const { value, freshSeconds } = await load()
      const loadedAt = now()
      state = { value, loadedAt, staleAt: loadedAt + freshSeconds * 1000 }
      failure = undefined
      return value
    } catch (error) {
      const retrySeconds = failure ? Math.min(failure.retrySeconds * 2, LAST_RETRY_SECONDS) : FIRST_RETRY_SECONDS
      failure = { error, retrySeconds, retryAt: now() + Math.max(retrySeconds, throttleSeconds(error)) * 1000 }
      onFailure?.(error)
      throw error
    } finally {
      pending = undefined
    }
  }

  function refresh(): Promise<T> {
    if (pending) return pending
    if (failure && now() < failure.retryAt) return Promise.reject(failure.error)
    pending = attempt()
    return pending
  }

  return {
    get() {
      if (!state) return refresh()
      if (now() >= state.staleAt) refresh().catch(() => {})
      return Promise.resolve(state.value)
    },
    refresh,
    get state() {
      return state
    },
    get failure() {
      return failure?.error
    },
  }
}

/** What a throttling provider asked for; the default of other failures is not a wish of the provider's. */
function throttleSeconds(error: unknown): number {
  return error instanceof ValidatorUnavailableError && error.reason.kind === 'provider_throttled'
    ? error.retryAfterSeconds
    : 0
}
