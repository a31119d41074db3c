import { describe, expect, it, vi } from 'vitest'
import { TemporarilyUnavailable } from '../../demo-as/errors.ts'
import { createLocks, type Locks } from '../../demo-as/locks.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import type { Store } from '../../demo-as/stores/store.ts'

/** A store whose next call of one kind fails, after it was made. */
function failingStore() {
  const store = createMemoryStores()('Lock')
  const failing = new Set<keyof Store>()
  const lost =
    <A extends unknown[], R>(name: keyof Store, run: (...args: A) => Promise<R>) =>
    async (...args: A) => {
      const answer = failing.has(name) && name === 'swap' ? undefined : await run(...args)
      if (failing.delete(name)) throw new TemporarilyUnavailable('the store does not answer')
      return answer as R
    }
  return { store: { ...store, add: lost('add', store.add), swap: lost('swap', store.swap) }, failing }
}

const alone = <T>(locks: Locks, task: () => Promise<T>) => locks.aloneOr('key', async () => undefined, task)

describe('a lock', () => {
  it('lets one in at a time, each as soon as the one before is done', async () => {
    const { store } = failingStore()
    const [one, other] = [createLocks(store), createLocks(store)]
    const running = { now: 0, most: 0, all: 0 }
    const task = async () => {
      running.now++
      running.all++
      running.most = Math.max(running.most, running.now)
      await new Promise(resolve => setTimeout(resolve, 5))
      running.now--
    }
    await Promise.all(Array.from({ length: 10 }, (_, i) => alone(i % 2 ? one : other, task)))
    expect(running).toEqual({ now: 0, most: 1, all: 10 })
  })

  it('keeps what was done although it cannot be released at that moment, and holds up nobody for long', async () => {
    const { store, failing } = failingStore()
    const locks = createLocks(store)
    const done = await alone(locks, async () => {
      failing.add('swap')
      return 'done'
    })
    expect(done).toBe('done')
    expect(await store.get('key')).toEqual(expect.any(String))
    await vi.waitUntil(async () => (await store.get('key')) === undefined)
  })

  it('that was taken without an answer is released', async () => {
    const { store, failing } = failingStore()
    failing.add('add')
    const locks = createLocks(store)
    await expect(alone(locks, async () => {})).rejects.toThrow(TemporarilyUnavailable)
    expect(await alone(locks, async () => 'done')).toBe('done')
  })

  it('of another is left alone by one that was held up for too long', async () => {
    const { store } = failingStore()
    const locks = createLocks(store)
    await alone(locks, async () => {
      await store.set('key', 'of another', 60)
    })
    expect(await store.get('key')).toBe('of another')
  })

  it('is not waited for where there is an answer without it', async () => {
    const { store } = failingStore()
    const locks = createLocks(store)
    await store.set('key', 'of another', 60)
    expect(
      await locks.aloneOr(
        'key',
        async () => 'the answer',
        async () => 'not done',
      ),
    ).toBe('the answer')
  })
})
