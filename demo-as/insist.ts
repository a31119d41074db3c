import { setTimeout as delay } from 'node:timers/promises'

/** A store that fails over is back by then. */
const LONGEST_SECONDS = 120
/** After that the request is answered; the attempts go on. */
const PATIENCE_SECONDS = 10

/**
 * Writes what cannot be had a second time. A store that fails is tried again until it takes it, also after the caller has been told that it
 * did not.
 *
 * @param write - Can be made twice without harm.
 * @throws {Error} The last failure, after 10 seconds of them.
 */
export async function insist<T>(write: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const patience = Promise.withResolvers<never>()
  patience.promise.catch(() => {})

  async function attempts(wait: number): Promise<T> {
    try {
      return await write()
    } catch (error) {
      const seconds = (performance.now() - began) / 1000
      if (seconds > PATIENCE_SECONDS) patience.reject(error)
      if (seconds > LONGEST_SECONDS) throw error
      await delay(wait, undefined, { ref: seconds < PATIENCE_SECONDS })
      return attempts(Math.min(2 * wait, 1000))
    }
  }
  const done = attempts(50)
  done.catch(() => {})
  return Promise.race([done, patience.promise])
}
