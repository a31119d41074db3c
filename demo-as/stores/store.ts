/**
 * Where the authorization server keeps what outlives a request. Values are JSON; keys are opaque. Every entry has an end, after
 * which it is as if it had never been. Each operation is atomic, across processes too.
 *
 * Words are what {@link Store.list} finds an entry under, such as `person:ada`. The words of an entry are those of the last
 * write. Entries with words keep their key readable in the store, so only keys that are no secret may have any.
 *
 * All operations throw {@link TemporarilyUnavailable} when the store cannot do them now.
 */
export interface Store {
  /** Whether what is put in stays in the memory of this process. Elsewhere secrets are sealed before they are put in. */
  readonly isLocal?: boolean
  get<T>(key: string): Promise<T | undefined>
  set(key: string, value: unknown, seconds: number, words?: readonly string[]): Promise<void>
  /**
   * Stores only if the key is free. An entry that was added stays until its end: a store that runs out of room refuses new entries
   * rather than drop it.
   *
   * @returns Whether this call stored it: of several at once, one.
   */
  add(key: string, value: unknown, seconds: number, words?: readonly string[]): Promise<boolean>
  /**
   * Compare-and-set: puts `next` in place of `expected`. Values are compared as JSON text, so `expected` is what {@link Store.get}
   * gave. `undefined` stands for no entry, on either side.
   *
   * @returns Whether this call did: of several at once with the same `expected`, one.
   */
  swap(key: string, expected: unknown, next: unknown, seconds: number, words?: readonly string[]): Promise<boolean>
  /** Removes and returns. Of several at once, one gets the value. */
  take<T>(key: string): Promise<T | undefined>
  delete(key: string): Promise<void>
  /**
   * Keys of the entries that have a word, in an order that does not change.
   *
   * @param options.after - Only keys after this one: the last of the page before.
   * @param options.limit - Most keys to return. Default 100. Fewer are returned only when there are no more.
   */
  list(word: string, options?: ListOptions): Promise<readonly string[]>
}

export interface ListOptions {
  after?: string
  limit?: number
}

export const LIST_LIMIT = 100

/** Makes or opens one collection; collections do not share keys. */
export type StoreFactory = (collection: string) => Store
