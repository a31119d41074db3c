/** What a session, or a process beside sessions, takes up. */
export interface Place {
  /** Idempotent. */
  release(): void
}

export interface Places {
  /** @returns Which limit has been reached, where one has. */
  take(person: string): Place | 'person' | 'total'
}

export function createPlaces(maxPerPerson: number, maxTotal: number): Places {
  const taken = new Map<string, number>()
  let total = 0
  return {
    take(person) {
      const count = taken.get(person) ?? 0
      if (count >= maxPerPerson) return 'person'
      if (total >= maxTotal) return 'total'
      taken.set(person, count + 1)
      total++
      let isReleased = false
      return {
        release() {
          if (isReleased) return
          isReleased = true
          total--
          const left = (taken.get(person) ?? 0) - 1
          if (left > 0) taken.set(person, left)
          else taken.delete(person)
        },
      }
    },
  }
}
