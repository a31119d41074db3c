import { LRUCache } from 'lru-cache'
import type { Store, StoreFactory } from './store.ts'

export interface MemoryStoreLimits {
  /** Entries per collection. Default 20,000. */
  maxEntries?: number
  /** Characters of JSON per collection. Default 32 million. */
  maxCharacters?: number
}

/**
 * Collections in the memory of this process, bounded in number and size: whoever fills them pushes out the entries that
 * were not used for longest.
 */
export function createMemoryStores({
  maxEntries = 20_000,
  maxCharacters = 32_000_000,
}: MemoryStoreLimits = {}): StoreFactory {
  const collections = new Map<string, Store>()
  return collection => {
    let store = collections.get(collection)
    if (!store) {
      store = createMemoryStore(maxEntries, maxCharacters)
      collections.set(collection, store)
    }
    return store
  }
}

function createMemoryStore(maxEntries: number, maxCharacters: number): Store {
  // Text instead of objects: a reader that changes its copy does not change the stored value.
  // Without `max`, for which it sets aside room, and clears all of that whenever the last entry is deleted: with each lock.
  const entries = new LRUCache<string, string>({
    maxSize: maxCharacters,
    sizeCalculation: (text, key) => text.length + key.length,
    perf: Date,
    ttlResolution: 0,
  })
  const put = (key: string, value: unknown, seconds: number) => {
    entries.set(key, JSON.stringify(value), { ttl: Math.max(1, Math.ceil(seconds * 1000)) })
    if (entries.size > maxEntries) entries.pop()
  }
  const parse = (text: string | undefined) => (text === undefined ? undefined : JSON.parse(text))

  return {
    isLocal: true,
    get: async key => parse(entries.get(key)),
    set: async (key, value, seconds) => void put(key, value, seconds),
    add: async (key, value, seconds) => {
      if (entries.has(key)) return false
      put(key, value, seconds)
      return true
    },
    take: async key => {
      const text = entries.get(key)
      entries.delete(key)
      return parse(text)
    },
    delete: async key => void entries.delete(key),
  }
}
