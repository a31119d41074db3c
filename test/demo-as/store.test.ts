import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import { connectRedisStores, type RedisStores } from '../../demo-as/stores/redis.ts'
import type { Store, StoreFactory } from '../../demo-as/stores/store.ts'
import { freePort } from '../support/http.ts'
import { command, type RedisServer, startRedis } from '../support/redis.ts'
import { describeStore } from './store-contract.ts'

let redis: RedisServer
let cluster: RedisServer[]
const open: RedisStores[] = []

async function connected(url: string): Promise<StoreFactory> {
  const stores = await connectRedisStores({ url, prefix: `test-${open.length}` })
  open.push(stores)
  return stores.stores
}

/** Three nodes, a third of the slots each. */
async function startCluster(): Promise<RedisServer[]> {
  const buses = [await freePort(), await freePort(), await freePort()]
  const startNode = (bus: number) => startRedis(['--cluster-enabled', 'yes', '--cluster-port', String(bus)])
  const nodes = await Promise.all(buses.map(startNode))
  const [first] = nodes as [RedisServer]
  const slots = ['0 5460', '5461 10922', '10923 16383']
  for (const [index, { port }] of nodes.entries()) {
    await command(port, 'CLUSTER', 'ADDSLOTSRANGE', ...(slots[index] as string).split(' '))
    if (index > 0) await command(first.port, 'CLUSTER', 'MEET', '127.0.0.1', String(port), String(buses[index]))
  }
  for (const { port } of nodes) {
    await vi.waitUntil(async () => {
      const state = await command(port, 'CLUSTER', 'INFO')
      return state.includes('cluster_state:ok') && state.includes('cluster_size:3')
    }, 20_000)
  }
  return nodes
}

beforeAll(async () => {
  redis = await startRedis()
  cluster = await startCluster()
})
afterAll(async () => {
  for (const { close } of open) await close()
  await redis.stop()
  for (const node of cluster) await node.stop()
})

it('the cluster of these tests has keys on each of its nodes', async () => {
  const store = (await connected(cluster.map(({ url }) => url).join()))('spread')
  for (let i = 0; i < 50; i++) await store.set(`key-${i}`, i, 60)
  for (const { port } of cluster) expect(Number(/:(\d+)/.exec(await command(port, 'DBSIZE'))?.[1])).toBeGreaterThan(0)
})

const kinds: [string, () => Promise<StoreFactory>][] = [
  ['memory', async () => createMemoryStores()],
  ['Redis', () => connected(redis.url)],
  ['a Redis cluster', () => connected(cluster.map(({ url }) => url).join())],
]

/** Waits until Redis takes values again. */
const isBack = (store: Store) =>
  vi.waitUntil(
    () =>
      store.set('a', 1, 60).then(
        () => true,
        () => false,
      ),
    15_000,
  )

describe.each(kinds)('the store in %s', (_name, create) => {
  describeStore(create)
})

describe('the memory store', () => {
  const refused = { error: 'temporarily_unavailable', status: 503 }
  const fill = async (store: Store, count: number, seconds: number) => {
    for (let i = 0; i < count; i++) await store.set(`filler ${i}`, i, seconds)
  }

  it.each([
    ['number', { maxEntries: 100 }],
    ['size', { maxCharacters: 1000 }],
  ])('is bounded in %s: what ends first goes first', async (_name, limits) => {
    const store = createMemoryStores(limits)('clients')
    await store.set('client in use', 1, 3600)
    for (let i = 0; i < 10_000; i++) await store.set(`client ${i}`, i, 60, ['person:ada'])
    expect(await store.get('client in use')).toBe(1)
    expect(await store.get('client 0')).toBeUndefined()
    expect(await store.get('client 9999')).toBe(9999)
    expect((await store.list('person:ada', { limit: 10_000 })).length).toBeLessThanOrEqual(100)
  })

  it('never drops what was added, and refuses to add more when there is no room', async () => {
    const store = createMemoryStores({ maxEntries: 100 })('marks')
    for (let i = 0; i < 50; i++) expect(await store.add(`mark ${i}`, true, 60)).toBe(true)
    await fill(store, 1000, 600)
    for (let i = 0; i < 50; i++) expect(await store.add(`mark ${i}`, true, 60)).toBe(false)
    for (let i = 50; i < 100; i++) await store.add(`mark ${i}`, true, 600)
    await expect(store.add('one more', true, 600)).rejects.toMatchObject(refused)
    await expect(store.set('one more', true, 600)).rejects.toMatchObject(refused)
    for (let i = 0; i < 100; i++) expect(await store.add(`mark ${i}`, true, 60)).toBe(false)
  })

  it('refuses what would end before everything that is there, and still replaces what is there', async () => {
    const store = createMemoryStores({ maxEntries: 100 })('clients')
    await fill(store, 100, 3600)
    await expect(store.set('registration of a stranger', true, 60)).rejects.toMatchObject(refused)
    await store.set('filler 7', 'renewed', 60)
    expect(await store.get('filler 7')).toBe('renewed')
    expect(await store.get('filler 8')).toBe(8)
  })

  it('has room again when entries have ended', async () => {
    const store = createMemoryStores({ maxEntries: 10 })('marks')
    for (let i = 0; i < 10; i++) await store.add(`mark ${i}`, true, 0.05)
    await vi.waitUntil(
      () =>
        store.add('one more', true, 60).then(
          () => true,
          () => false,
        ),
      10_000,
    )
  })
})

describe('the Redis store', () => {
  it('is shared by processes that use the same prefix, and by no others', async () => {
    const [one, same, other] = await Promise.all(
      ['shared', 'shared', 'other'].map(prefix => connectRedisStores({ url: redis.url, prefix })),
    )
    await one?.stores('codes').set('a', 1, 60)
    expect(await same?.stores('codes').get('a')).toBe(1)
    expect(await other?.stores('codes').get('a')).toBeUndefined()
    for (const stores of [one, same, other]) await stores?.close()
  })

  it('leaves every key with an end, and no name of a key to read', async () => {
    const own = await startRedis()
    const { stores, close } = await connectRedisStores({ url: own.url })
    await stores('AccessToken').set('secret-token', 1, 60)
    await stores('AccessToken').add('secret-code', 1, 60)
    const keys = (await command(own.port, 'KEYS', '*')).split('\r\n').filter(line => line.startsWith('idplug:'))
    expect(keys).toHaveLength(2)
    expect(keys.join()).not.toContain('secret')
    for (const key of keys) expect(Number((await command(own.port, 'TTL', key)).slice(1))).toBeGreaterThan(0)
    await close()
    await own.stop()
  })

  const refused = { error: 'temporarily_unavailable', status: 503 }

  it('refuses at once while Redis is away, says so once, and works again by itself', async () => {
    const own = await startRedis()
    const events: string[] = []
    const { stores, ping, close } = await connectRedisStores({ url: own.url, log: event => events.push(event) })
    const store = stores('codes')
    await own.kill()
    for (let i = 0; i < 5; i++) await expect(store.get('a')).rejects.toMatchObject(refused)
    await expect(ping()).rejects.toMatchObject(refused)
    await own.restart()
    await isBack(store)
    expect(await store.get('a')).toBe(1)
    await ping()
    expect(events).toEqual(['store_unreachable', 'store_back'])
    await close()
    await own.stop()
  })

  it('refuses in time while Redis hangs with its connections open, and goes on when it does', async () => {
    const own = await startRedis()
    const { stores, close } = await connectRedisStores({ url: own.url, timeoutMilliseconds: 200 })
    own.pause()
    await expect(stores('codes').get('a')).rejects.toMatchObject(refused)
    own.resume()
    await isBack(stores('codes'))
    expect(await stores('codes').get('a')).toBe(1)
    await close()
    await own.stop()
  })

  it('refuses at once what would wait behind 10,000 others while Redis hangs', async () => {
    const own = await startRedis()
    const { stores, close } = await connectRedisStores({ url: own.url, timeoutMilliseconds: 1000 })
    const store = stores('codes')
    own.pause()
    const waiting = Promise.allSettled(Array.from({ length: 10_000 }, () => store.get('a')))
    await expect(store.get('a')).rejects.toMatchObject({ ...refused, error_detail: 'Redis: The queue is full' })
    expect((await waiting).every(({ status }) => status === 'rejected')).toBe(true)
    own.resume()
    await isBack(store)
    await close()
    await own.stop()
  })

  it('is refused at the start where Redis cannot be reached or wants other credentials, and tells no password', async () => {
    const own = await startRedis(['--requirepass', 'right'])
    const wrong = connectRedisStores({ url: `redis://:wrong-secret@127.0.0.1:${own.port}`, timeoutMilliseconds: 500 })
    const error = await wrong.then(
      () => undefined,
      (problem: Error) => problem,
    )
    expect(error).toBeInstanceOf(Error)
    expect(`${error?.stack}${JSON.stringify(error)}`).not.toContain('wrong-secret')
    const right = await connectRedisStores({ url: `redis://:right@127.0.0.1:${own.port}` })
    await right.ping()
    await right.close()
    await own.stop()
    await expect(connectRedisStores({ url: own.url, timeoutMilliseconds: 500 })).rejects.toMatchObject(refused)
  })
})
