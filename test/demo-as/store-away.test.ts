import { describe, expect, it } from 'vitest'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import type { StoreFactory } from '../../demo-as/stores/store.ts'
import { createBrowser } from '../support/browser.ts'
import { startWithClient as start } from './support.ts'

/** Stores that can be switched off, as a database can. */
function createSwitchedStores() {
  const near = createMemoryStores()
  let isAway = false
  const stores: StoreFactory = collection => {
    const store = near(collection)
    const guarded = Object.entries(store).map(([name, operation]) => [
      name,
      typeof operation === 'function'
        ? (...args: unknown[]) =>
            isAway ? Promise.reject(new Error('the store is away')) : operation.apply(store, args as never)
        : operation,
    ])
    return Object.fromEntries(guarded)
  }
  return {
    stores,
    goAway: () => {
      isAway = true
    },
    comeBack: () => {
      isAway = false
    },
  }
}

describe('while its store is away, the authorization server', () => {
  it('does not call a good token inactive, and knows it again afterwards', async () => {
    const { stores, goAway, comeBack } = createSwitchedStores()
    const { client } = await start({ stores })
    const { tokens } = await client.obtainTokens()
    goAway()
    const { status, json } = await client.introspect(tokens.access_token)
    expect(status).toBeGreaterThanOrEqual(500)
    expect(json).not.toHaveProperty('active')
    comeBack()
    expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
  })

  it('does not end the grant of a client that refreshes', async () => {
    const { stores, goAway, comeBack } = createSwitchedStores()
    const { client } = await start({ stores })
    const { clientId, tokens } = await client.obtainTokens()
    goAway()
    const refused = await client.refresh(clientId, tokens.refresh_token)
    expect(refused.status).toBeGreaterThanOrEqual(500)
    expect(refused.json?.error).not.toBe('invalid_grant')
    comeBack()
    expect((await client.refresh(clientId, tokens.refresh_token)).status).toBe(200)
  })

  it('tells the log why, and the person that it is not their fault', async () => {
    const { stores, goAway } = createSwitchedStores()
    const { client, events } = await start({ stores })
    const { json } = await client.register()
    goAway()
    const page = await createBrowser().open(client.authorizeUrl(json.client_id).url, { accept: 'text/html' })
    expect(page.status).toBeGreaterThanOrEqual(500)
    expect(page.text).not.toContain('the store is away')
    const causes = events.filter(({ event }) => event === 'server_error').map(({ facts }) => String(facts.error))
    expect(causes).toEqual([expect.stringContaining('the store is away')])
  })
})
