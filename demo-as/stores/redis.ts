import { hash } from 'node:crypto'
import { createClient, createCluster, ErrorReply } from 'redis'
import { TemporarilyUnavailable } from '../errors.ts'
import type { Store, StoreFactory } from './store.ts'

export interface RedisStoresOptions {
  /** `redis://` or `rediss://`; several separated by commas are nodes of one cluster. */
  url: string
  /** What all keys begin with. Default `idplug`. */
  prefix?: string
  /** Longest wait for one answer. Default 2,000. */
  timeoutMilliseconds?: number
  /** Told when the connection is lost and when it is back. Gets no credentials. */
  log?: (event: string, facts: Readonly<Record<string, unknown>>) => void
}

/** Collections in Redis, shared by every process that uses the same one. */
export interface RedisStores {
  readonly stores: StoreFactory
  /** @throws {TemporarilyUnavailable} Redis does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** What the operations need of a client or a cluster. */
interface Connection {
  get(key: string): Promise<string | null>
  set(key: string, value: string, options: { PX: number; NX?: true }): Promise<string | null>
  getDel(key: string): Promise<string | null>
  del(key: string): Promise<number>
  connect(): Promise<unknown>
  destroy(): void
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'ready', listener: () => void): unknown
}

/**
 * Connects to Redis. Each operation is one command on one key, so it is atomic, and a cluster needs no hash tags. Keys are digests:
 * they are tokens and codes otherwise, for whoever sees the database.
 *
 * While Redis is away, operations fail at once rather than wait in line, and work again as soon as it is back.
 *
 * @throws {Error} Redis cannot be reached, or does not accept the credentials.
 */
export async function connectRedisStores(options: RedisStoresOptions): Promise<RedisStores> {
  const { prefix = 'idplug', timeoutMilliseconds = 2000, log = () => {} } = options
  const connection = open(options.url.split(',').map(url => url.trim()))
  const ask = <T>(command: Promise<T>) => answerOf(command, timeoutMilliseconds)
  let isAway = false
  connection.on('error', error => {
    if (!isAway) log('store_unreachable', { reason: (error as NodeJS.ErrnoException).code ?? error.message })
    isAway = true
  })
  connection.on('ready', () => {
    if (isAway) log('store_back', {})
    isAway = false
  })
  try {
    await answerOf(Promise.resolve(connection.connect()), 2 * timeoutMilliseconds)
  } catch (error) {
    connection.destroy()
    throw error
  }

  const keyIn = (collection: string) => (key: string) => `${prefix}:${collection}:${hash('sha256', key, 'base64url')}`
  return {
    stores: collection => createStore(connection, ask, keyIn(collection)),
    ping: async () => void (await ask(connection.get(`${prefix}:ping`))),
    async close() {
      connection.destroy()
    },
  }
}

function createStore(
  connection: Connection,
  ask: <T>(command: Promise<T>) => Promise<T>,
  keyOf: (key: string) => string,
): Store {
  const parse = (text: string | null) => (text === null ? undefined : JSON.parse(text))
  const put = (key: string, value: unknown, seconds: number, condition: { NX?: true } = {}) =>
    ask(connection.set(keyOf(key), JSON.stringify(value), { PX: Math.max(1, Math.ceil(seconds * 1000)), ...condition }))
  return {
    get: async key => parse(await ask(connection.get(keyOf(key)))),
    set: async (key, value, seconds) => void (await put(key, value, seconds)),
    add: async (key, value, seconds) => (await put(key, value, seconds, { NX: true })) !== null,
    take: async key => parse(await ask(connection.getDel(keyOf(key)))),
    delete: async key => void (await ask(connection.del(keyOf(key)))),
  }
}

function open(urls: readonly string[]): Connection {
  const [url = ''] = urls
  const socket = { connectTimeout: 2000, reconnectStrategy: (retries: number) => Math.min(50 * 2 ** retries, 1000) }
  const common = {
    disableOfflineQueue: true,
    // While Redis hangs: what waits beyond this is refused at once.
    commandsQueueMaxLength: 10_000,
    // The client's own timeout makes an AbortSignal for every command, which lives until it is over; answerOf is ours.
    commandOptions: { timeout: 0 },
    socket,
    RESP: 2 as const,
  }
  if (urls.length === 1) return createClient({ url, ...common }) as unknown as Connection
  const { username, password, protocol } = new URL(url)
  return createCluster({
    rootNodes: urls.map(node => ({ url: node })),
    // Nodes that are discovered are known by address only.
    defaults: {
      ...common,
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { socket: { ...socket, tls: true } }),
    },
  }) as unknown as Connection
}

/** States in which Redis answers, but not to what it is asked. */
const NOT_NOW = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|OOM)\b/

/** The client waits for ever when Redis hangs with its connections open. */
async function answerOf<T>(command: Promise<T>, timeoutMilliseconds: number): Promise<T> {
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(() => timeout.reject(unavailable('no answer in time')), timeoutMilliseconds)
  try {
    return await Promise.race([command, timeout.promise])
  } catch (error) {
    if (error instanceof TemporarilyUnavailable) throw error
    if (error instanceof ErrorReply && !NOT_NOW.test(error.message)) throw error
    throw unavailable((error as NodeJS.ErrnoException).code ?? (error as Error).message)
  } finally {
    clearTimeout(timer)
    // Whatever becomes of it now, nobody waits for it.
    command.catch(() => {})
  }
}

const unavailable = (detail: string) =>
  new TemporarilyUnavailable('the store of this server does not answer; try again in a moment', `Redis: ${detail}`)
