/**
 * Where the authorization server keeps what outlives a request. Values are JSON; keys are opaque. Every entry has an end.
 * One-time things go through {@link Store.take} and {@link Store.add}, which are atomic across processes too.
 */
export interface Store {
  /** Whether what is put in stays in the memory of this process. Elsewhere secrets are sealed before they are put in. */
  readonly isLocal?: boolean
  get<T>(key: string): Promise<T | undefined>
  set(key: string, value: unknown, seconds: number): Promise<void>
  /** Stores only if the key is free. @returns Whether this call stored it: of several at once, one. */
  add(key: string, value: unknown, seconds: number): Promise<boolean>
  /** Removes and returns. Of several at once, one gets the value. */
  take<T>(key: string): Promise<T | undefined>
  delete(key: string): Promise<void>
}

/** Makes or opens one collection; collections do not share keys. */
export type StoreFactory = (collection: string) => Store
