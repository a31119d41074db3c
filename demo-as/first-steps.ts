import { hkdfSync } from 'node:crypto'
import { createSeal } from './upstream/sealed.ts'

/** Where a sign-in stands. */
export type Place = 'consent' | 'upstream'

/**
 * Steps whose names hold, encrypted, all that is known about a sign-in, so that strangers can begin as many as they like and nothing is
 * stored for them.
 */
export interface FirstSteps<T> {
  /** @returns Name of the step, which fits into a URL. */
  write(signIn: string, place: Place, value: T): string
  /** @returns `undefined` for a step that was not written by {@link write}, or for another place. */
  read(signIn: string, place: Place, step: string): T | undefined
}

/** @param key - A secret that is the same in all processes. */
export function createFirstSteps<T>(key: string): FirstSteps<T> {
  const seal = createSeal([Buffer.from(hkdfSync('sha256', key, '', 'first steps of sign-ins', 32))])
  return {
    write: (signIn, place, value) => `${signIn}.${seal.seal(JSON.stringify(value), `${place} ${signIn}`)}`,
    read(signIn, place, step) {
      const text = seal.open(step.slice(signIn.length + 1), `${place} ${signIn}`)
      return text === undefined ? undefined : (JSON.parse(text) as T)
    },
  }
}
