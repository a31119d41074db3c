import { LRUCache } from 'lru-cache'

/** How often something may be done: so many times at once, and again as time passes. */
export interface Rate {
  times: number
  seconds: number
}

/** Counts for keys that strangers may make up, in the memory of this process. */
export interface RateLimit {
  /** @returns Milliseconds until `key` has one left; 0 when it has. */
  wait(key: string): number
  /** Takes one. @returns The same as {@link wait}; nothing is taken unless that is 0. */
  take(key: string): number
}

/** More keys than this at once push out those that were counted longest ago: memory is bounded, and a limit in total still holds. */
const MAX_KEYS = 50_000

/** One number for each key: the time at which it will have used nothing (generic cell rate algorithm). */
export function createRateLimit({ times, seconds }: Rate): RateLimit {
  const each = (seconds * 1000) / times
  const most = seconds * 1000 - each
  // With `max` it would set aside room for all of them at the start, which took 60 ms and 20 MB of each server.
  const unusedAt = new LRUCache<string, number>({ maxSize: MAX_KEYS, sizeCalculation: () => 1 })
  /** More than there is was used by a clock that has been set back since: it would refuse everybody until it gets there again. */
  function usedFor(key: string, now: number): number {
    const used = (unusedAt.get(key) ?? now) - now
    return used > seconds * 1000 ? 0 : Math.max(0, used)
  }
  const waitOf = (used: number) => Math.max(0, Math.ceil(used - most))

  return {
    wait: key => waitOf(usedFor(key, Date.now())),
    take(key) {
      const now = Date.now()
      const used = usedFor(key, now)
      const wait = waitOf(used)
      if (wait === 0) unusedAt.set(key, now + used + each)
      return wait
    },
  }
}
