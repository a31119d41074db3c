import type { Log } from './audit.ts'
import { millisecondsSince } from './clock.ts'
import type { SigningKey, SigningKeys } from './signing-keys.ts'

/** How long after a rotation a process may still work with the keys of before. */
const RELOAD_MILLISECONDS = 30_000

/**
 * What was made of the keys in force; made anew when they have changed. Looked for with the requests that come in, so that there is
 * no timer to stop. While the store is away, the last one goes on.
 */
export async function followKeys<T>(
  keys: SigningKeys,
  create: (keys: readonly SigningKey[]) => T,
  log: Log,
): Promise<() => Promise<T>> {
  let loaded = await keys.load()
  let current = create(loaded)
  let checkedAt = Date.now()

  return async () => {
    if (millisecondsSince(checkedAt) < RELOAD_MILLISECONDS) return current
    checkedAt = Date.now()
    try {
      const found = await keys.load()
      if (kidsOf(found) !== kidsOf(loaded)) {
        log('signing_keys_changed', { signing: found[0].kid, published: found.length })
        loaded = found
        current = create(found)
      }
    } catch (error) {
      log('signing_keys_not_loaded', { reason: (error as Error).message })
    }
    return current
  }
}

const kidsOf = (keys: readonly SigningKey[]) => keys.map(({ kid }) => kid).join()
