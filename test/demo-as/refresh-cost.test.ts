import { describe, expect, it } from 'vitest'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import type { Store, StoreFactory } from '../../demo-as/stores/store.ts'
import { createClient, startServer } from './support.ts'

/** Stores that say what they were asked for, in each turn of the event loop. */
function watchedStores() {
  const memory = createMemoryStores()
  const asked: string[][] = []
  const keys: string[] = []
  let turn: string[] | undefined
  const note = (call: string): Promise<void> => {
    if (!turn) {
      const calls: string[] = []
      turn = calls
      asked.push(calls)
      setImmediate(() => {
        if (turn === calls) turn = undefined
      })
    }
    turn.push(call)
    return new Promise(setImmediate)
  }
  const stores: StoreFactory = collection => {
    const store = memory(collection)
    const noted =
      <A extends unknown[], R>(name: keyof Store, run: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        keys.push(`${collection} ${args[0]}`)
        await note(`${collection}.${name}`)
        return run(...args)
      }
    return {
      get: noted('get', store.get) as Store['get'],
      set: noted('set', store.set),
      add: noted('add', store.add),
      swap: noted('swap', store.swap),
      take: noted('take', store.take) as Store['take'],
      delete: noted('delete', store.delete),
      list: noted('list', store.list),
    }
  }
  return { stores, asked, keys }
}

describe('a refresh', () => {
  it('asks the store no more than it needs to, and for what it can at once', async () => {
    const { stores, asked } = watchedStores()
    const { origin } = await startServer({ stores, encryptionKeys: [Buffer.alloc(32, 7)] })
    const client = createClient(origin)
    const { clientId, tokens } = await client.obtainTokens()
    asked.length = 0
    expect((await client.refresh(clientId, tokens.refresh_token)).status).toBe(200)
    expect(asked.map(calls => calls.join(' '))).toEqual([
      'Client.get',
      'RefreshToken.get',
      'Grant.get Account.get',
      // In this order: nothing is given again that is not there, and nothing is used up that cannot be given again.
      'RefreshToken.set AccessToken.set',
      'RefreshAnswer.add',
      'RefreshToken.swap',
    ])
  })

  it('puts what it makes under keys that begin with the time', async () => {
    const { stores, keys } = watchedStores()
    const client = createClient((await startServer({ stores })).origin)
    const { clientId, tokens } = await client.obtainTokens()
    keys.length = 0
    const { json } = await client.refresh(clientId, tokens.refresh_token)
    const made = keys.filter(key => /^(RefreshToken|RefreshAnswer|AccessToken) /.test(key))
    expect(made).toEqual(made.map(() => expect.stringMatching(/^\w+ [0-9a-f]{8}~[\w-]{43}$/)))
    expect(made).toContain(`AccessToken ${json.access_token}`)
    const madeAt = parseInt(json.access_token, 16) * 1000
    expect(Math.abs(Date.now() - madeAt)).toBeLessThan(600_000)
  })
})
