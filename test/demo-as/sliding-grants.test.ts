import { afterEach, describe, expect, it, vi } from 'vitest'
import type { AuthorizationServerOptions } from '../../demo-as/server.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import type { StoreFactory } from '../../demo-as/stores/store.ts'
import { startWithClient } from './support.ts'

const DAY = 86_400

afterEach(() => void vi.useRealTimers())

/** Somebody who has signed in, and a client that refreshes when it is told to. */
async function start(options: Partial<AuthorizationServerOptions> = {}) {
  let now = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now })
  const { client } = await startWithClient(options)
  const { clientId, tokens } = await client.obtainTokens()
  let refreshToken = tokens.refresh_token
  /** @returns `error` of the answer, or `scope`. */
  async function refreshAfter(days: number): Promise<string> {
    now += days * DAY * 1000
    vi.setSystemTime(now)
    const { json } = await client.refresh(clientId, refreshToken)
    refreshToken = json.refresh_token ?? refreshToken
    return json.error ?? json.scope
  }
  return { client, clientId, refreshAfter, refreshToken: () => refreshToken }
}

const GRANTED = 'notes:read notes:write'

describe('a grant', () => {
  it('goes on for as long as it is used, with its client and its person', async () => {
    const { client, refreshAfter, refreshToken, clientId } = await start()
    for (let month = 0; month < 14; month++) expect(await refreshAfter(29)).toBe(GRANTED)
    const { json } = await client.refresh(clientId, refreshToken())
    expect((await client.introspect(json.access_token)).json).toMatchObject({ active: true, username: 'ada' })
  })

  it('ends when it is not used', async () => {
    const { refreshAfter } = await start()
    expect(await refreshAfter(29)).toBe(GRANTED)
    expect(await refreshAfter(31)).toBe('invalid_grant')
  })

  it('ends at a time of its own, however often it is used, where there is one', async () => {
    const { refreshAfter } = await start({ lifetimes: { grantMax: 100 * DAY } })
    for (const _month of [1, 2, 3, 4]) expect(await refreshAfter(24)).toBe(GRANTED)
    expect(await refreshAfter(5)).toBe('invalid_grant')
  })

  it('may end before its refresh token would', async () => {
    const { refreshAfter } = await start({ lifetimes: { grantMax: 10 * DAY } })
    expect(await refreshAfter(9)).toBe(GRANTED)
    expect(await refreshAfter(1.1)).toBe('invalid_grant')
  })

  it('that is revoked while its end moves does not come back', async () => {
    const stores = createMemoryStores()
    const revoking: StoreFactory = collection => {
      const store = stores(collection)
      if (collection !== 'Grant') return store
      return {
        ...store,
        async swap(key, expected, next, ...rest) {
          await store.delete(key)
          return store.swap(key, expected, next, ...rest)
        },
      }
    }
    const { refreshAfter } = await start({ stores: revoking })
    expect(await refreshAfter(20)).toBe(GRANTED)
    expect(await refreshAfter(1)).toBe('invalid_grant')
  })

  it('is not written at every refresh, and its answer does not wait for a store that takes nothing', async () => {
    const stores = createMemoryStores()
    let [reads, swaps] = [0, 0]
    const failing: StoreFactory = collection => {
      const store = stores(collection)
      if (collection !== 'Grant') return store
      return {
        ...store,
        get(key) {
          reads++
          return store.get(key)
        },
        async swap() {
          swaps++
          throw new Error('read-only')
        },
      }
    }
    const { refreshAfter } = await start({ stores: failing })
    reads = 0
    for (const _hour of [1, 2, 3]) expect(await refreshAfter(1 / 24)).toBe(GRANTED)
    // One for each refresh, which needs it anyway.
    expect([reads, swaps]).toEqual([3, 0])
    expect(await refreshAfter(2)).toBe(GRANTED)
    expect(swaps).toBe(1)
  })
})
