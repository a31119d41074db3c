import { expect, it } from 'vitest'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import type { StoreFactory } from '../../demo-as/stores/store.ts'
import { startWithClient } from './support.ts'

/** Stores in memory, and the keys that are read in them. */
function countedStores() {
  const memory = createMemoryStores()
  const reads: string[] = []
  const stores: StoreFactory = collection => {
    const store = memory(collection)
    const get: typeof store.get = key => {
      reads.push(`${collection} ${key}`)
      return store.get(key)
    }
    return { ...store, get }
  }
  const take = () => reads.splice(0)
  return { stores, take }
}

const of = (reads: readonly string[], collection: string) => reads.filter(read => read.startsWith(`${collection} `))

it('a refresh reads its client, grant, account and token once', async () => {
  const { stores, take } = countedStores()
  const { client } = await startWithClient({ stores })
  const { clientId, tokens } = await client.obtainTokens()
  take()
  expect((await client.refresh(clientId, tokens.refresh_token)).status).toBe(200)
  const reads = take()
  for (const collection of ['Client', 'Grant', 'Account']) expect(of(reads, collection)).toHaveLength(1)
  expect(of(reads, 'RefreshToken')).toEqual([`RefreshToken ${tokens.refresh_token}`])
})

it('an introspection reads the client of the token once', async () => {
  const { stores, take } = countedStores()
  const { client } = await startWithClient({ stores })
  const { clientId, tokens } = await client.obtainTokens()
  take()
  expect((await client.introspect(tokens.access_token)).json).toMatchObject({ active: true, client_id: clientId })
  expect(of(take(), 'Client')).toEqual([`Client ${clientId}`])
})

it('what one request found is looked for again by the next', async () => {
  const { stores } = countedStores()
  const { client } = await startWithClient({ stores })
  const { clientId, tokens } = await client.obtainTokens()
  await client.introspect(tokens.access_token)
  await stores('Client').delete(clientId)
  expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
})
