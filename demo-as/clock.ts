/** The time in whole seconds since the Unix epoch, as tokens have it. */
export const nowSeconds = (): number => Math.floor(Date.now() / 1000)

/**
 * Milliseconds since a time of `Date.now()`. Where the clock was set back in between nobody knows how many: as if it were long ago, so that nothing is
 * put off until the clock gets there again.
 */
export function millisecondsSince(time: number): number {
  const passed = Date.now() - time
  return passed < 0 ? Number.POSITIVE_INFINITY : passed
}
