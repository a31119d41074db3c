import type { Log } from '../audit.ts'
import { createStoreCheck } from './check.ts'
import { DamagedValue, type StoreOperation, wrapStore } from './common.ts'
import type { StoreFactory } from './store.ts'

/** Where the stores are; those in memory need no opening. */
export type StorePlace =
  | {
      kind: 'sqlite' /** Made when it is not there. */
      folder: string /** Name of the database in it. */
      file: string
    }
  | {
      kind: 'redis'
      url: string
      /** What all keys begin with. */
      prefix: string
      caFile?: string
    }
  | {
      kind: 'postgres'
      url: string
      /** Certificates (PEM) of authorities to trust besides those of Node. */
      caFile?: string
    }

export interface OpenStores {
  readonly stores: StoreFactory
  /** Where it is, for people; without credentials. */
  readonly place: string
  /** 32 bytes that were made with the store and are kept beside it; they encrypt what is in it where nobody says otherwise. */
  readonly key?: Buffer
  /** Tries everything that the stores are needed for. @throws {TemporarilyUnavailable} Part of that does not work. */
  check(): Promise<void>
  close(): Promise<void>
}

/** What a kind of store gives; the check is the same for all. */
export type StoreConnection = Omit<OpenStores, 'check'>

/**
 * Opens stores and tries them. Loads the driver of this kind only.
 *
 * @param log - Told when a store is lost and when it is back, and what is wrong with it or with how it is set up. Gets no credentials.
 * @throws {Error} They cannot be opened, or cannot do what is needed; says what to do.
 */
export async function openStores(place: StorePlace, log: Log = () => {}): Promise<OpenStores> {
  const connection = await connect(place, log)
  const stores = watched(connection.stores, log, () => check.doubt())
  const check = createStoreCheck(stores)
  try {
    await check()
  } catch (error) {
    await connection.close()
    throw error
  }
  return { ...connection, stores, check }
}

async function connect(place: StorePlace, log: Log): Promise<StoreConnection> {
  switch (place.kind) {
    case 'sqlite':
      return (await import('./data-folder.ts')).openDataFolder(place.folder, place.file)
    case 'redis':
      return (await import('./redis.ts')).connectRedisStores({ ...place, log })
    case 'postgres':
      return (await import('./postgres.ts')).connectPostgresStores(place)
  }
}

/**
 * Makes the tables that a store of this kind needs, or brings them up to date; nothing for those that do that by themselves.
 *
 * @returns Versions before and after, 0 for none; `undefined` where there is nothing to do.
 */
export async function migrateStore(place: StorePlace): Promise<{ from: number; to: number } | undefined> {
  if (place.kind !== 'postgres') return undefined
  return (await import('./postgres.ts')).migratePostgres(place)
}

/** Says when the stores stop working, and when they work again; once each. What can be read only is not back: a full disk, a standby. */
function watched(stores: StoreFactory, log: Log, failed: () => void): StoreFactory {
  let away: 'for all' | 'for writing' | undefined
  async function watch<T>(operation: StoreOperation, run: () => Promise<T>): Promise<T> {
    const wrote = WRITES[operation]
    try {
      const answer = await run()
      if (away === 'for all' || (away && wrote?.(answer))) {
        log('store_back', {})
        away = undefined
      }
      return answer
    } catch (error) {
      if (error instanceof DamagedValue) {
        log('store_value_damaged', { collection: error.collection })
        throw error
      }
      const { message, error_detail: detail } = error as Error & { error_detail?: string }
      if (!away) log('store_unreachable', { reason: detail ?? message })
      away = wrote || away === 'for writing' ? 'for writing' : 'for all'
      failed()
      throw error
    }
  }
  return collection => wrapStore(stores(collection), watch)
}

/** Operations that write, and whether their answer says that they did. */
const WRITES: { readonly [operation in StoreOperation]?: (answer: unknown) => boolean } = {
  set: () => true,
  add: answer => answer === true,
  swap: answer => answer === true,
  // They may have had nothing to remove.
  take: () => false,
  delete: () => false,
}
