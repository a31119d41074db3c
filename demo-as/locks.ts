import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { TemporarilyUnavailable } from './errors.ts'
import type { Store } from './stores/store.ts'

/** One at a time. */
export interface Locks {
  /**
   * Runs `task` alone, unless there is a result without it by then.
   *
   * @param instead - Asked while somebody else has the lock. What it returns is the result, without the lock, as soon as it is not `undefined`.
   * @throws {TemporarilyUnavailable} Somebody else has had the lock all the time, for 20 seconds.
   */
  aloneOr<T>(key: string, instead: () => Promise<T | undefined>, task: () => Promise<T>): Promise<T>
}

/** Lets go. Never throws: what was done under the lock is done, and the lock ends by itself. */
type Release = () => Promise<void>

/** A process that dies lets go after this long; one that lives renews its locks. */
const LOCK_SECONDS = 8
const RENEW_MILLISECONDS = 2500
const WAIT_SECONDS = 20
const FIRST_POLL_MILLISECONDS = 25
const LAST_POLL_MILLISECONDS = 400

/** Among the requests of this process. */
export function createOwnLocks(): Locks {
  const held = new Map<string, Promise<void>>()
  return {
    async aloneOr(key, instead, task) {
      const deadline = performance.now() + WAIT_SECONDS * 1000
      for (let other = held.get(key); other; other = held.get(key)) {
        await other
        const found = await instead()
        if (found !== undefined) return found
        if (performance.now() > deadline) throw stillUnderWay()
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      held.set(key, promise)
      try {
        return await task()
      } finally {
        held.delete(key)
        resolve()
      }
    },
  }
}

/**
 * Among all processes that share the store. Each lock has an owner, who alone renews and releases it: a process that was held up for too
 * long takes nothing from the one that came after it.
 */
export function createLocks(store: Store): Locks {
  /** @returns `undefined` while somebody else has the lock. */
  async function take(key: string): Promise<Release | undefined> {
    const owner = randomBytes(12).toString('base64url')
    const free = () => store.swap(key, owner, undefined, LOCK_SECONDS)
    try {
      if (!(await store.add(key, owner, LOCK_SECONDS))) return undefined
    } catch (error) {
      // It may be ours, without our knowing.
      void freeEventually(free)
      throw error
    }
    const renewal = setInterval(() => {
      store.swap(key, owner, owner, LOCK_SECONDS).catch(() => {})
    }, RENEW_MILLISECONDS).unref()
    return async () => {
      clearInterval(renewal)
      await free().catch(() => void freeEventually(free))
    }
  }

  return {
    async aloneOr(key, instead, task) {
      const deadline = performance.now() + WAIT_SECONDS * 1000
      let release = await take(key)
      for (let wait = FIRST_POLL_MILLISECONDS; !release; wait = Math.min(2 * wait, LAST_POLL_MILLISECONDS)) {
        if (performance.now() > deadline) throw stillUnderWay()
        await delay(wait)
        const found = await instead()
        if (found !== undefined) return found
        release = await take(key)
      }
      try {
        return await task()
      } finally {
        await release()
      }
    },
  }
}

const stillUnderWay = () => new TemporarilyUnavailable('another request for the same is still under way')

/** The store is away for a moment: others are not to wait until the lock ends by itself. */
async function freeEventually(free: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + LOCK_SECONDS * 1000
  for (let wait = 50; performance.now() < deadline; wait = Math.min(2 * wait, 1000)) {
    await delay(wait, undefined, { ref: false })
    const isDone = await free().then(
      () => true,
      () => false,
    )
    if (isDone) return
  }
}
