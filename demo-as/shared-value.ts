import type { Store } from './stores/store.ts'
import type { Seal } from './upstream/sealed.ts'

/** As good as for ever: every entry of a store has an end. */
const KEPT_SECONDS = 10 * 365 * 24 * 3600

/** A key that sealed what is in the store is missing. */
export class SealedWithOtherKeyError extends Error {}

/** A value that all processes agree on, encrypted where there is a key for it. */
export interface SharedValue<T> {
  /** The value; `make` decides it where there is none yet. Of several processes at once, all get the same. */
  get(make: () => T | Promise<T>): Promise<T>
  /**
   * Puts another one in its place.
   *
   * @throws {Error} Somebody else has changed it meanwhile.
   */
  change(apply: (value: T | undefined) => T | Promise<T>): Promise<void>
}

/** @param seal - Absent where values may be read by whoever reads the store: in the memory of one process. */
export function createSharedValue<T>(store: Store, name: string, seal?: Seal): SharedValue<T> {
  const close = (value: T): unknown => (seal ? seal.seal(JSON.stringify(value), name) : value)
  const open = (kept: unknown): T => {
    if (!seal) return kept as T
    const text = typeof kept === 'string' ? seal.open(kept, name) : undefined
    if (text === undefined) {
      throw new SealedWithOtherKeyError(
        `${name} in the store cannot be read: it was encrypted under a key that is not among BRIDGE_KEYS`,
      )
    }
    return JSON.parse(text) as T
  }
  const change = (before: unknown, value: T) => store.swap(name, before, close(value), KEPT_SECONDS)

  /** Keys of before are dropped some day: what they sealed is sealed anew while they are there. */
  async function renew(kept: unknown): Promise<void> {
    // If somebody else changes it, the next one to read it looks again.
    if (seal && typeof kept === 'string' && !seal.isCurrent(kept)) await change(kept, open(kept))
  }

  return {
    async get(make) {
      const known = await store.get(name)
      if (known !== undefined) {
        const value = open(known)
        await renew(known)
        return value
      }
      const made = await make()
      if (await store.add(name, close(made), KEPT_SECONDS)) return made
      return open(await store.get(name))
    },

    async change(apply) {
      const latest = await store.get(name)
      const value = await apply(latest === undefined ? undefined : open(latest))
      if (!(await change(latest, value))) throw new Error(`${name}: another change came first`)
    },
  }
}
