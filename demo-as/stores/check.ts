import { randomUUID } from 'node:crypto'
import { millisecondsSince } from '../clock.ts'
import type { Store, StoreFactory } from './store.ts'

/** Enough for those who ask all the time; strangers may. */
const FRESH_MILLISECONDS = 1000

/** Rejects with the error of the step that failed. Those who ask at once, or within a second, share an answer. */
export interface StoreCheck {
  (): Promise<void>
  /** Something else failed since: the next to ask gets no answer from before that. */
  doubt(): void
}

/**
 * Tries everything that the authorization server needs of its store, on an entry of its own: a store may answer and take no writes, or
 * lack a command.
 */
export function createStoreCheck(stores: StoreFactory): StoreCheck {
  let last: { at: number; answer: Promise<void>; works?: boolean } | undefined
  function check(): Promise<void> {
    if (!last || millisecondsSince(last.at) > FRESH_MILLISECONDS) {
      const latest: typeof last = { at: Date.now(), answer: tryOut(stores('Check')) }
      latest.answer.then(
        () => {
          latest.works = true
        },
        () => {},
      )
      last = latest
    }
    return last.answer
  }
  return Object.assign(check, {
    doubt() {
      // A failure is kept: a store that hangs need not be asked by everybody.
      if (last?.works) last = undefined
    },
  })
}

async function tryOut(store: Store): Promise<void> {
  const key = randomUUID()
  const word = `check:${key}`
  await step('set', store.set(key, 1, SECONDS, [word]))
  await step('get', store.get(key), 1)
  await step('add', store.add(key, 2, SECONDS), false)
  await step('swap', store.swap(key, 1, 2, SECONDS, [word]), true)
  await step('list', store.list(word), [key])
  await step('take', store.take(key), 2)
  await step('delete', store.delete(key))
}

const SECONDS = 60

async function step(name: string, working: Promise<unknown>, expected?: unknown): Promise<void> {
  const answer = await working
  if (JSON.stringify(answer) !== JSON.stringify(expected)) {
    throw new Error(`the store does not keep what it is given: ${name} answered ${JSON.stringify(answer)}`)
  }
}
