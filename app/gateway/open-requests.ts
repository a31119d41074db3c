import type { Access } from 'idplug'

export interface OpenRequestsOptions {
  /** Of one person, through whatever clients. Default 256. */
  readonly mostOfPerson?: number
  /** Of all together. Default 16,384. */
  readonly mostInTotal?: number
}

/** Counts the requests that are open, streams included, so that nobody takes all of the gateway. */
export interface OpenRequests {
  /**
   * @returns Gives the place back, once; or who has too many.
   */
  enter(access: Access): (() => void) | 'person' | 'total'
}

export function createOpenRequests(options: OpenRequestsOptions = {}): OpenRequests {
  const { mostOfPerson = 256, mostInTotal = 16_384 } = options
  const open = new Map<string, number>()
  let total = 0
  return {
    enter({ token }) {
      if (total >= mostInTotal) return 'total'
      // Whoever has no token is nobody in particular.
      const person = token && `${token.issuer}\n${token.subject}`
      if (person !== undefined) {
        const count = open.get(person) ?? 0
        if (count >= mostOfPerson) return 'person'
        open.set(person, count + 1)
      }
      total++
      return () => {
        total--
        if (person === undefined) return
        const left = (open.get(person) ?? 0) - 1
        if (left > 0) open.set(person, left)
        else open.delete(person)
      }
    },
  }
}
