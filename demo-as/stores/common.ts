import { TemporarilyUnavailable } from '../errors.ts'
import type { Store } from './store.ts'

/** Life of an entry, in whole milliseconds; at least one, since stores take no other. */
export const millisecondsOf = (seconds: number): number => Math.max(1, Math.ceil(seconds * 1000))

/** The store cannot do something now. */
export class StoreUnavailable extends TemporarilyUnavailable {
  /** @param detail - Which store, and why; for the log. */
  constructor(detail: string) {
    super('the store of this server does not answer; try again in a moment', detail)
  }
}

/** What the store gives back is not what was put in. Only its operator can mend that. */
export class DamagedValue extends StoreUnavailable {
  readonly collection: string
  constructor(collection: string) {
    super(`a value of the collection ${collection} is damaged: it is no JSON`)
    this.collection = collection
  }
}

/** @throws {DamagedValue} The text of the store is no JSON. The error does not tell it: it may be a secret. */
export function valueFrom<T>(collection: string, text: string): T {
  try {
    return JSON.parse(text)
  } catch {
    throw new DamagedValue(collection)
  }
}

export type StoreOperation = Exclude<keyof Store, 'isLocal'>

/**
 * A store whose operations all go through one function.
 *
 * @param around - Gets the name of the operation and what runs it; its answer is the operation's.
 */
export function wrapStore(
  store: Store,
  around: <T>(operation: StoreOperation, run: () => Promise<T>) => Promise<T>,
): Store {
  return {
    isLocal: store.isLocal,
    get: key => around('get', () => store.get(key)),
    set: (...entry) => around('set', () => store.set(...entry)),
    add: (...entry) => around('add', () => store.add(...entry)),
    swap: (...change) => around('swap', () => store.swap(...change)),
    take: key => around('take', () => store.take(key)),
    delete: key => around('delete', () => store.delete(key)),
    list: (...request) => around('list', () => store.list(...request)),
  }
}
