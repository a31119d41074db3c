import { hash } from 'node:crypto'
import { createClient, createCluster, ErrorReply } from 'redis'
import { TemporarilyUnavailable } from '../errors.ts'
import { LIST_LIMIT, type ListOptions, type Store, type StoreFactory } from './store.ts'

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
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  zRangeByLex(
    key: string,
    from: string,
    to: string,
    options: { LIMIT: { offset: number; count: number } },
  ): Promise<string[]>
  connect(): Promise<unknown>
  destroy(): void
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'ready', listener: () => void): unknown
}

/**
 * Connects to Redis. Each entry is one key and changed by one command, so that is atomic, and a cluster needs no hash tags. Keys are
 * digests: they are tokens and codes otherwise, for whoever sees the database.
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

  return {
    stores: collection => createStore(connection, ask, `${prefix}:${collection}`),
    ping: async () => void (await ask(connection.get(`${prefix}:ping`))),
    async close() {
      connection.destroy()
    },
  }
}

function createStore(connection: Connection, ask: <T>(command: Promise<T>) => Promise<T>, prefix: string): Store {
  const keyOf = (key: string) => `${prefix}:${digest(key)}`
  // Both in one slot of a cluster.
  const indexOf = (word: string) => [`${prefix}:{${digest(word)}}:keys`, `${prefix}:{${digest(word)}}:ends`]
  const run = (script: string, keys: string[], ...args: string[]) =>
    ask(connection.eval(script, { keys, arguments: args }))
  const find = async (key: string) => parse(await ask(connection.get(keyOf(key))))
  const put = (key: string, value: unknown, seconds: number, words: readonly string[], condition: { NX?: true } = {}) =>
    ask(connection.set(keyOf(key), textOf(value, words), { PX: millisecondsOf(seconds), ...condition }))

  /**
   * Before the entry itself, so that every entry can be found. What is in the index and has no entry, or one without the word, does not
   * count; it leaves the index at the end that it would have had.
   */
  async function index(key: string, seconds: number, words: readonly string[]): Promise<void> {
    const [now, life] = [String(Date.now()), String(millisecondsOf(seconds))]
    await Promise.all(words.map(word => run(ADD_TO_INDEX, indexOf(word), key, now, life)))
  }

  async function list(word: string, { after, limit = LIST_LIMIT }: ListOptions = {}): Promise<readonly string[]> {
    const [keys = ''] = indexOf(word)
    const found: string[] = []
    for (let last = after; found.length < limit; ) {
      const from = last === undefined ? '-' : `(${last}`
      const page = await ask(connection.zRangeByLex(keys, from, '+', { LIMIT: { offset: 0, count: limit } }))
      const kept = await Promise.all(page.map(find))
      found.push(...page.filter((_, i) => kept[i]?.words.includes(word)))
      last = page.at(-1)
      if (page.length < limit) break
    }
    return found.slice(0, limit)
  }

  return {
    list,
    get: async key => (await find(key))?.value as never,
    set: async (key, value, seconds, words = []) => {
      if (words.length > 0) await index(key, seconds, words)
      await put(key, value, seconds, words)
    },
    add: async (key, value, seconds, words = []) => {
      if (words.length > 0) await index(key, seconds, words)
      return (await put(key, value, seconds, words, { NX: true })) !== null
    },
    swap: async (key, expected, next, seconds, words = []) => {
      if (words.length > 0 && next !== undefined) await index(key, seconds, words)
      const texts = [JSON.stringify(expected) ?? NOTHING, next === undefined ? NOTHING : textOf(next, words)]
      return (await run(SWAP, [keyOf(key)], ...texts, String(millisecondsOf(seconds)))) === 1
    },
    take: async key => parse(await ask(connection.getDel(keyOf(key))))?.value as never,
    delete: async key => void (await ask(connection.del(keyOf(key)))),
  }
}

const digest = (text: string) => hash('sha256', text, 'base64url')
const millisecondsOf = (seconds: number) => Math.max(1, Math.ceil(seconds * 1000))

/** No JSON is an empty text. */
const NOTHING = ''

/** JSON has no line break outside of a string, and none inside either. */
const textOf = (value: unknown, words: readonly string[]) =>
  words.length === 0 ? JSON.stringify(value) : `${JSON.stringify(value)}\n${JSON.stringify(words)}`

function parse(text: string | null): { value: unknown; words: readonly string[] } | undefined {
  if (text === null) return undefined
  const end = text.indexOf('\n')
  if (end < 0) return { value: JSON.parse(text), words: [] }
  return { value: JSON.parse(text.slice(0, end)), words: JSON.parse(text.slice(end)) }
}

/** Expected, next, milliseconds. */
const SWAP = `
local text = redis.call('GET', KEYS[1])
if (text and string.match(text, '^[^\\n]*') or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`

/** Key, now, milliseconds. An index ends with the last entry in it. */
const ADD_TO_INDEX = `
local ends = ARGV[2] + ARGV[3]
local known = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not known or tonumber(known) < ends then redis.call('ZADD', KEYS[2], ends, ARGV[1]) end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[2], 'LIMIT', 0, 10)) do
  redis.call('ZREM', KEYS[1], key)
  redis.call('ZREM', KEYS[2], key)
end
for _, name in ipairs(KEYS) do
  if redis.call('PTTL', name) < tonumber(ARGV[3]) then redis.call('PEXPIRE', name, ARGV[3]) end
end`

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
