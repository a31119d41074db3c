/** Says how often something may be done. */
export interface Allowance {
  /** @returns 0 if it may be done, which then counts; else the seconds to wait. */
  take(): number
}

/**
 * Allows something some times in a row, then once per period.
 *
 * @param everySeconds - The period; 0 allows everything.
 * @param now - Milliseconds since the Unix epoch.
 */
export function createAllowance(
  { inARow, everySeconds }: { inARow: number; everySeconds: number },
  now: () => number,
): Allowance {
  const period = everySeconds * 1000
  let left = inARow
  let countedAt = now()
  return {
    take() {
      if (period === 0) return 0
      const earned = Math.floor((now() - countedAt) / period)
      left = Math.min(inARow, left + earned)
      countedAt = left === inARow ? now() : countedAt + earned * period
      if (left === 0) return (countedAt + period - now()) / 1000
      left--
      return 0
    },
  }
}
