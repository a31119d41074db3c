/** A short text is another word after two changes; a long one is most likely a slip. */
const SHORT = 8

/**
 * The candidate that a text was most likely meant to be: the nearest one by edit distance, where upper and lower case and the
 * characters between words count for nothing. One change is a near miss, two where the candidate has 8 letters or more; letters
 * that swapped places are one change.
 *
 * @returns `undefined` where no candidate is near.
 */
export function closest(text: string, candidates: Iterable<string>): string | undefined {
  const given = letters(text)
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const wanted = letters(candidate)
    const limit = wanted.length < SHORT ? 1 : 2
    // Before the table is filled: most names of an environment differ in length already.
    if (Math.abs(wanted.length - given.length) > limit) continue
    const distance = editDistance(given, wanted, limit)
    if (distance <= limit && distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** A question to put after an error: ` (did you mean auth0?)`. Empty where no candidate is near. */
export function didYouMean(text: string, candidates: Iterable<string>): string {
  const near = closest(text, candidates)
  return near === undefined ? '' : ` (did you mean ${near}?)`
}

const letters = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

/**
 * Optimal string alignment: characters inserted, dropped, replaced, or swapped with their neighbor.
 *
 * @param limit - Only distances up to it are right; others are greater than it. What is further than that from the diagonal is not looked at.
 */
function editDistance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current: number[] = []
    if (row <= limit) current[0] = row
    for (let column = Math.max(1, row - limit); column <= Math.min(b.length, row + limit); column++) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1))
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped && row > 1 && column > 1) cost = Math.min(cost, at(beforeLast, column - 2) + 1)
      current[column] = cost
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

const at = (row: readonly number[], column: number) => row[column] ?? Number.POSITIVE_INFINITY
