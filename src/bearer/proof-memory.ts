import { ValidatorUnavailableError } from '../errors.ts'

/** Remembers proofs that were used. Several processes that serve the same clients should share one. */
export interface ProofMemory {
  /**
   * Atomic across everybody who uses the memory.
   *
   * @param key - 43 characters that stand for one proof; no secret.
   * @param until - Seconds since the Unix epoch; afterwards it may be forgotten.
   * @returns Whether the key was new: of several calls at once, one gets true.
   */
  add(key: string, until: number): boolean | Promise<boolean>
}

/**
 * A memory in this process, bounded. When it is full of proofs that could still be used again, further ones are refused
 * rather than earlier ones forgotten.
 *
 * @param options.maxEntries - Default 200,000, some 40 MB.
 * @throws {ValidatorUnavailableError} From `add`: it is full.
 */
export function createProofMemory(options: { now: () => number; maxEntries?: number }): ProofMemory {
  const { now, maxEntries = 200_000 } = options
  const untilOf = new Map<string, number>()
  let soonestEnd = Number.POSITIVE_INFINITY

  function forgetEnded(seconds: number): void {
    soonestEnd = Number.POSITIVE_INFINITY
    for (const [key, until] of untilOf) {
      if (until <= seconds) untilOf.delete(key)
      else soonestEnd = Math.min(soonestEnd, until)
    }
  }

  return {
    add(key, until) {
      const seconds = now() / 1000
      if (untilOf.has(key)) return false
      if (untilOf.size >= maxEntries && soonestEnd <= seconds) forgetEnded(seconds)
      if (untilOf.size >= maxEntries) {
        throw new ValidatorUnavailableError({ kind: 'too_many_proofs', remembered: untilOf.size })
      }
      untilOf.set(key, until)
      soonestEnd = Math.min(soonestEnd, until)
      return true
    },
  }
}
