import TinyQueue from 'tinyqueue'
import { TemporarilyUnavailable } from '../errors.ts'
import { millisecondsOf } from './common.ts'
import { LIST_LIMIT, type Store, type StoreFactory } from './store.ts'

export interface MemoryStoreLimits {
  /** Entries per collection. Default 20,000. */
  maxEntries?: number
  /** Characters of JSON per collection. Default 32 million. */
  maxCharacters?: number
}

/**
 * Collections in the memory of this process, bounded in number and size. Where there is no room, the entries go that would have ended
 * first: a registration that nobody used before a client in use, a sign-in that was begun before a session. What was added
 * ({@link Store.add}) never goes; neither does anything for an entry that would end sooner. Such an entry is refused.
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

interface Entry {
  readonly key: string
  /** Milliseconds since the Unix epoch. */
  readonly endsAt: number
  /** Text instead of an object: a reader that changes its copy does not change the stored value. */
  readonly text: string
  readonly words: readonly string[]
  readonly stays: boolean
}

function createMemoryStore(maxEntries: number, maxCharacters: number): Store {
  const entries = new Map<string, Entry>()
  const keysByWord = new Map<string, Set<string>>()
  const isCurrent = (entry: Entry) => entries.get(entry.key) === entry
  const staying = createEndings(isCurrent)
  const leaving = createEndings(isCurrent)
  let characters = 0

  function find(key: string): Entry | undefined {
    const entry = entries.get(key)
    if (!entry || entry.endsAt > Date.now()) return entry
    remove(entry)
    return undefined
  }

  function remove(entry: Entry): void {
    entries.delete(entry.key)
    characters -= sizeOf(entry)
    for (const word of entry.words) {
      const keys = keysByWord.get(word)
      keys?.delete(entry.key)
      if (keys?.size === 0) keysByWord.delete(word)
    }
  }

  /** @throws {TemporarilyUnavailable} There is no room for it. */
  function put(key: string, value: unknown, seconds: number, words: readonly string[] = [], stays = false): void {
    const endsAt = Date.now() + millisecondsOf(seconds)
    const entry: Entry = { key, text: JSON.stringify(value), endsAt, words, stays }
    const before = find(key)
    makeRoom(entry, before)
    if (before) remove(before)
    entries.set(key, entry)
    characters += sizeOf(entry)
    for (const word of words) keysByWord.set(word, (keysByWord.get(word) ?? new Set()).add(key))
    if (stays) staying.add(entry)
    else leaving.add(entry)
  }

  function makeRoom(entry: Entry, before: Entry | undefined): void {
    const now = Date.now()
    for (const endings of [staying, leaving]) {
      for (let first = endings.first(); first && first.endsAt <= now; first = endings.first()) remove(first)
    }
    const count = before ? 0 : 1
    const size = sizeOf(entry) - (before ? sizeOf(before) : 0)
    while (entries.size + count > maxEntries || characters + size > maxCharacters) {
      const first = leaving.first()
      if (!first || first.endsAt > entry.endsAt || first === before) {
        throw new TemporarilyUnavailable(
          'this server has no room for more right now; try again later',
          'memory store full',
        )
      }
      remove(first)
    }
  }

  const read = (entry: Entry | undefined) => entry && JSON.parse(entry.text)

  return {
    isLocal: true,
    get: async key => read(find(key)),
    set: async (key, value, seconds, words) => put(key, value, seconds, words),
    add: async (key, value, seconds, words) => {
      if (find(key)) return false
      put(key, value, seconds, words, true)
      return true
    },
    swap: async (key, expected, next, seconds, words) => {
      const entry = find(key)
      if (entry?.text !== JSON.stringify(expected)) return false
      if (next !== undefined) put(key, next, seconds, words, entry?.stays)
      else if (entry) remove(entry)
      return true
    },
    take: async key => {
      const entry = find(key)
      if (entry) remove(entry)
      return read(entry)
    },
    delete: async key => {
      const entry = entries.get(key)
      if (entry) remove(entry)
    },
    list: async (word, { after, limit = LIST_LIMIT } = {}) =>
      [...(keysByWord.get(word) ?? [])]
        .filter(key => find(key) && (after === undefined || key > after))
        .sort()
        .slice(0, limit),
  }
}

const sizeOf = ({ key, text, words }: Entry) => key.length + text.length + words.join().length

/**
 * Entries in the order of their ends. What is not current any more is left in it until it comes up, or until most of it is of that kind.
 */
function createEndings(isCurrent: (entry: Entry) => boolean) {
  const queueOf = (entries: Entry[]) => new TinyQueue(entries, (a, b) => a.endsAt - b.endsAt)
  let queue = queueOf([])
  let sweepAt = SWEEP_FROM
  return {
    add(entry: Entry): void {
      if (queue.length >= sweepAt) {
        queue = queueOf(queue.data.filter(isCurrent))
        sweepAt = Math.max(SWEEP_FROM, 2 * queue.length)
      }
      queue.push(entry)
    },
    first(): Entry | undefined {
      for (;;) {
        const entry = queue.peek()
        if (!entry || isCurrent(entry)) return entry
        queue.pop()
      }
    },
  }
}

const SWEEP_FROM = 1024
