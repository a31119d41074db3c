import { hash } from 'node:crypto'
import { createClient, createCluster, createSentinel, ErrorReply } from 'redis'
import type { Log } from '../audit.ts'
import { millisecondsOf, StoreUnavailable, valueFrom } from './common.ts'
import type { StoreConnection } from './open.ts'
import { LIST_LIMIT, type ListOptions, type Store } from './store.ts'
import { authorities, tlsProblem } from './tls.ts'

export interface RedisStoresOptions {
  /**
   * One of these; `rediss` in place of `redis` for TLS:
   *
   * - `redis://user:password@host:6379`
   * - `redis+cluster://user:password@host:6379`, or several of `redis://` separated by commas: a cluster, found by these nodes
   * - `redis+sentinel://user:password@host:26379/name`, several separated by commas: the servers of that name, found by these Sentinels.
   *   Sentinels with a password of their own have it in `?sentinel_password=`, and a name in `sentinel_username`.
   */
  url: string
  /** What all keys begin with. Default `idplug`. */
  prefix?: string
  /** Certificates (PEM) of authorities to trust besides those of Node. */
  caFile?: string
  /** Longest wait for one answer. Default 2,000. */
  timeoutMilliseconds?: number
  log?: Log
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
}

/**
 * Connects to Redis 6.0 or later. Each entry is one key and changed by one command, so that is atomic, and a cluster needs no hash tags.
 * Keys are digests: they are tokens and codes otherwise, for whoever sees the database.
 *
 * While Redis is away, operations fail at once rather than wait in line, and work again as soon as it is back.
 *
 * @throws {Error} Redis cannot be reached, or does not accept the credentials.
 */
export async function connectRedisStores(options: RedisStoresOptions): Promise<StoreConnection> {
  const { prefix = 'idplug', timeoutMilliseconds = 2000, log = () => {} } = options
  const urls = options.url.split(',').map(url => new URL(url.trim()))
  const connection = open(urls, options.caFile)
  const ask = createAsk(timeoutMilliseconds)
  // Without a listener, a lost connection would end the process. Whoever asks is told.
  let lastError: NodeJS.ErrnoException | undefined
  const distrusted = Promise.withResolvers<never>()
  connection.on('error', error => {
    lastError = error
    // The client would try again and again, and wait for a certificate that does not change.
    if (tlsProblem(lastError.code ?? '') !== undefined) distrusted.reject(error)
  })
  try {
    await createAsk(2 * timeoutMilliseconds)(Promise.race([connection.connect(), distrusted.promise]))
    // One node of a cluster answers for part of the keys.
    await Promise.all(Array.from({ length: 16 }, (_, i) => ask(connection.get(`${prefix}:start:${i}`))))
    const policy = await evictionOf(connection, ask, prefix)
    if (policy !== undefined) log('store_evicts', { policy })
  } catch (error) {
    connection.destroy()
    // The client tries again and again; what it was told is more than that it took too long.
    if (!lastError || error instanceof RefusedCommand) throw error
    throw unavailable(`${reasonOf(lastError)}${tlsHint(urls, lastError)}`)
  }
  const take = createTake(connection, ask)
  return {
    place: `Redis at ${urls.map(({ host }) => host).join(', ')}`,
    stores: collection => createStore(connection, ask, take, prefix, collection),
    async close() {
      connection.destroy()
    },
  }
}

/** Neither side understands the other when one of them speaks TLS: one waits, or the other hangs up. */
function tlsHint([first]: readonly URL[], { code, message }: NodeJS.ErrnoException): string {
  const isSecure = first?.protocol.startsWith('rediss')
  if (isSecure && message === 'Connection timeout') return '; does it speak TLS at this port?'
  const hungUp = code === 'ECONNRESET' || message === 'Socket closed unexpectedly'
  return !isSecure && hungUp ? '; if it speaks TLS, write rediss://' : ''
}

/** @returns By what rule entries are dropped when there is no memory left; `undefined` when none are, or when the account may not know. */
async function evictionOf(connection: Connection, ask: Ask, prefix: string): Promise<string | undefined> {
  try {
    const memory = await ask(connection.eval(MEMORY, { keys: [`${prefix}:start`], arguments: [] }))
    const policy = /^maxmemory_policy:(\S+)/m.exec(String(memory))?.[1]
    return policy === 'noeviction' ? undefined : policy
  } catch (error) {
    if (error instanceof RefusedCommand) return undefined
    throw error
  }
}

type Ask = <T>(command: Promise<T>) => Promise<T>

/** Redis 6.0 has no GETDEL, and administrators may have taken it away. */
function createTake(connection: Connection, ask: Ask): (key: string) => Promise<string | null> {
  let hasGetDel = true
  return async key => {
    if (hasGetDel) {
      try {
        return await ask(connection.getDel(key))
      } catch (error) {
        if (!(error instanceof RefusedCommand) || !/getdel/i.test(error.reply)) throw error
        hasGetDel = false
      }
    }
    return (await ask(connection.eval(TAKE, { keys: [key], arguments: [] }))) as string | null
  }
}

function createStore(
  connection: Connection,
  ask: Ask,
  take: (key: string) => Promise<string | null>,
  allPrefix: string,
  collection: string,
): Store {
  const prefix = `${allPrefix}:${collection}`
  const keyOf = (key: string) => `${prefix}:${digest(key)}`
  // Both in one slot of a cluster.
  const indexOf = (word: string) => [`${prefix}:{${digest(word)}}:keys`, `${prefix}:{${digest(word)}}:ends`]
  const run = (script: string, keys: string[], ...args: string[]) =>
    ask(connection.eval(script, { keys, arguments: args }))
  const find = (key: string) => ask(connection.get(keyOf(key)))
  const valueIn = <T>(text: string | null): T | undefined =>
    text === null ? undefined : valueFrom(collection, partsOf(text).value)
  const put = (key: string, value: unknown, seconds: number, words: readonly string[], condition: { NX?: true } = {}) =>
    ask(connection.set(keyOf(key), textOf(value, words), { PX: millisecondsOf(seconds), ...condition }))

  const wordsIn = (text: string | null): readonly string[] =>
    text === null ? [] : valueFrom(collection, partsOf(text).words)

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
      found.push(...page.filter((_, i) => wordsIn(kept[i] ?? null).includes(word)))
      last = page.at(-1)
      if (page.length < limit) break
    }
    return found.slice(0, limit)
  }

  return {
    list,
    get: async key => valueIn(await find(key)),
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
    take: async key => valueIn(await take(keyOf(key))),
    delete: async key => void (await ask(connection.del(keyOf(key)))),
  }
}

const digest = (text: string) => hash('sha256', text, 'base64url')

/** No JSON is an empty text. */
const NOTHING = ''

/** JSON has no line break outside of a string, and none inside either. */
const textOf = (value: unknown, words: readonly string[]) =>
  words.length === 0 ? JSON.stringify(value) : `${JSON.stringify(value)}\n${JSON.stringify(words)}`

function partsOf(text: string): { value: string; words: string } {
  const [value = '', words = '[]'] = text.split('\n', 2)
  return { value, words }
}

const MEMORY = "return redis.call('INFO', 'memory')"

const TAKE = `
local text = redis.call('GET', KEYS[1])
if text then redis.call('DEL', KEYS[1]) end
return text`

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

function open(urls: readonly URL[], caFile: string | undefined): Connection {
  const [first] = urls as [URL]
  const { username, password, pathname, searchParams } = first
  const [scheme = '', kind = urls.length > 1 ? 'cluster' : ''] = first.protocol.replace(':', '').split('+')
  const tls = scheme === 'rediss' && ({ tls: true, ca: authorities(caFile) } as const)
  const socket = { connectTimeout: 2000, reconnectStrategy: (retries: number) => Math.min(50 * 2 ** retries, 1000) }
  const common = {
    disableOfflineQueue: true,
    // While Redis hangs: what waits beyond this is refused at once.
    commandsQueueMaxLength: 10_000,
    socket: { ...socket, ...tls },
    ...credentials(decodeURIComponent(username), decodeURIComponent(password)),
  }
  // The client's own timeout makes an AbortSignal for every command, which lives until it is over; createAsk is ours.
  const shared = { commandOptions: { timeout: 0 }, RESP: 2 as const }
  const plain = (url: URL) => url.href.replace(/^(rediss?)\+\w+:/, '$1:')

  if (kind === 'sentinel') {
    const name = decodeURIComponent(pathname.slice(1))
    const sentinelLogin = credentials(searchParams.get('sentinel_username'), searchParams.get('sentinel_password'))
    return createSentinel({
      ...shared,
      name,
      sentinelRootNodes: urls.map(({ hostname, port }) => ({
        host: hostname.replace(/^\[|\]$/g, ''),
        port: Number(port || 26_379),
      })),
      nodeClientOptions: common,
      sentinelClientOptions: { socket: common.socket, ...sentinelLogin },
      scanInterval: 1000,
      // One connection for all: without it, commands at once use up the pool of this client for good.
      reserveClient: true,
    }) as unknown as Connection
  }
  if (kind === 'cluster') {
    // Nodes that are discovered are known by address only.
    return createCluster({
      ...shared,
      rootNodes: urls.map(url => ({ url: plain(url) })),
      defaults: common,
    }) as unknown as Connection
  }
  return createClient({ ...common, ...shared, url: plain(first) }) as unknown as Connection
}

const credentials = (username: string | null, password: string | null) => ({
  ...(username && { username }),
  ...(password && { password }),
})

/** Redis answers, but not to what it is asked. */
class RefusedCommand extends StoreUnavailable {
  readonly reply: string
  constructor(reply: string) {
    super(`Redis: ${wordsFor(reply)}`)
    this.reply = reply
  }
}

/** What is sent to Redis. Servers and accounts that lack part of it are found out at the start. */
const COMMANDS =
  '+get +set +getdel +del +eval +zrangebylex +zadd +zscore +zrangebyscore +zrem +pttl +pexpire, for the keys of REDIS_PREFIX'

function wordsFor(reply: string): string {
  // Arguments may be secrets.
  const text = reply.replace(/,? with args.*/s, '')
  if (/^NOPERM/.test(text)) return `${text}. The account needs ${COMMANDS}`
  if (/^MOVED/.test(text))
    return 'it is a node of a cluster: write redis+cluster://, or name several nodes, separated by commas'
  if (/unknown command/i.test(text)) {
    return `${text}. Needed is Redis 6.0 or later that allows ${COMMANDS}. If it is a Sentinel, write redis+sentinel://host:port/name-of-the-servers`
  }
  return text
}

/**
 * Waits for answers, and no longer than `milliseconds`: the client waits for ever when Redis hangs with its connections open. One timer
 * looks after all commands that are under way, since one for each would cost a tenth of a refresh.
 */
function createAsk(milliseconds: number): Ask {
  // In the order in which their time ends.
  const waiting = new Set<{ ends: number; giveUp: () => void }>()
  let timer: NodeJS.Timeout | undefined
  function look() {
    timer = undefined
    for (const one of waiting) {
      const left = one.ends - performance.now()
      if (left > 0) {
        timer = setTimeout(look, left).unref()
        return
      }
      waiting.delete(one)
      one.giveUp()
    }
  }
  return command =>
    new Promise((resolve, reject) => {
      const one = { ends: performance.now() + milliseconds, giveUp: () => reject(unavailable('no answer in time')) }
      waiting.add(one)
      if (timer === undefined) timer = setTimeout(look, milliseconds).unref()
      command.then(
        answer => {
          waiting.delete(one)
          resolve(answer)
        },
        error => {
          waiting.delete(one)
          reject(asUnavailable(error))
        },
      )
    })
}

function asUnavailable(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error
  return error instanceof ErrorReply ? new RefusedCommand(error.message) : unavailable(reasonOf(error))
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === undefined ? message : (tlsProblem(code) ?? code)
}

const unavailable = (detail: string) => new StoreUnavailable(`Redis: ${detail}`)
