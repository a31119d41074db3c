import { createProviderGate } from './provider-gate.ts'

/** Something fetched from a provider and kept: its metadata, its keys. Loads on demand, never by timer. */
export interface RemoteValue<T> {
  /**
   * Returns the value at hand, however old, and renews one that is no longer fresh in the background. Loads when there is none
   * yet.
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
  /** Whether {@link refresh} would ask the provider now, instead of joining a load or waiting for the end of the back-off. */
  readonly isFree: boolean
}

export interface RemoteState<T> {
  readonly value: T
  /** When the provider was asked for it. Milliseconds since the Unix epoch. */
  readonly askedAt: number
  /** Milliseconds since the Unix epoch. */
  readonly loadedAt: number
  /** From here on `get` renews the value. Milliseconds since the Unix epoch. */
  readonly staleAt: number
}

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

  const gate = createProviderGate(async () => {
    const askedAt = now()
    try {
      const { value, freshSeconds } = await load()
      const loadedAt = now()
      state = { value, askedAt, loadedAt, staleAt: loadedAt + freshSeconds * 1000 }
      return value
    } catch (error) {
      onFailure?.(error)
      throw error
    }
  }, now)

  return {
    get() {
      if (!state) return gate.ask()
      if (now() >= state.staleAt) gate.ask().catch(() => {})
      return Promise.resolve(state.value)
    },
    refresh: gate.ask,
    get state() {
      return state
    },
    get failure() {
      return gate.failure
    },
    get isFree() {
      return gate.isFree
    },
  }
}
