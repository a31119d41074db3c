import { ValidatorUnavailableError } from '../errors.ts'

/** Most questions that are put to the provider at the same time. */
const MAX_RUNNING = 64

/** Most tokens that wait for their turn. Each costs a request its time, and this process some memory. */
const MAX_WAITING = 1000

/**
 * Keeps a flood of tokens that nobody has seen yet away from the provider: only so many questions at a time, the others in
 * turn. Known tokens are answered from the cache and do not come here.
 *
 * @param endpoint - Who is asked, for the reason.
 * @returns Runs a task in its turn, or throws `ValidatorUnavailableError` when too many wait already.
 */
export function createLimiter(endpoint: () => string): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []

  return async task => {
    if (running >= MAX_RUNNING) {
      if (waiting.length >= MAX_WAITING) {
        throw new ValidatorUnavailableError(
          { kind: 'too_many_unknown_tokens', endpoint: endpoint(), waiting: waiting.length },
          { retryAfterSeconds: 1 },
        )
      }
      // Whoever finishes hands its place on, so that nobody slips in between.
      await new Promise<void>(resolve => waiting.push(resolve))
    } else {
      running++
    }
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
