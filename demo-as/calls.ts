import type { Store, StoreFactory } from './stores/store.ts'
import { type Identification, type Upstream, UpstreamError } from './upstream/upstream.ts'

/** One call to what the authorization server depends on. Holds nothing of what was asked. */
export interface Call {
  dependency: 'store' | 'upstream'
  /** Of the store: `get`, `set` and the like; of the upstream: `depart`, `identify`, `recheck`, `end`. */
  operation: string
  /** `ok`; of the upstream, what it says about a person as well, and why it says nothing (`behind`, `away`, `rejected_us`); `failed` else. */
  outcome: string
  milliseconds: number
}

export type OnCall = (call: Call) => void

/** Collections whose calls are reported, unless they are in the memory of this process. */
export function reportedStores(stores: StoreFactory, onCall: OnCall): StoreFactory {
  return collection => {
    const store = stores(collection)
    if (store.isLocal) return store
    const report = reporter('store', onCall, () => 'ok')
    return {
      get: report('get', store.get.bind(store)),
      set: report('set', store.set.bind(store)),
      add: report('add', store.add.bind(store)),
      swap: report('swap', store.swap.bind(store)),
      take: report('take', store.take.bind(store)),
      delete: report('delete', store.delete.bind(store)),
      list: report('list', store.list.bind(store)),
    } satisfies Store
  }
}

/** An upstream whose calls are reported. */
export function reportedUpstream(upstream: Upstream, onCall: OnCall): Upstream {
  const told = (answer: unknown) => (answer as Partial<Identification> | undefined)?.outcome ?? 'ok'
  const report = reporter('upstream', onCall, told)
  const { depart, identify, recheck, end } = upstream
  return {
    ...upstream,
    depart: report('depart', depart.bind(upstream)),
    identify: report('identify', identify.bind(upstream)),
    ...(recheck && { recheck: report('recheck', recheck.bind(upstream)) }),
    ...(end && { end: report('end', end.bind(upstream)) }),
  }
}

function reporter(dependency: Call['dependency'], onCall: OnCall, told: (answer: unknown) => string) {
  return <Run extends (...args: never[]) => Promise<unknown>>(operation: string, run: Run): Run => {
    const reported = async (...args: never[]) => {
      const began = performance.now()
      const done = (outcome: string) =>
        onCall({ dependency, operation, outcome, milliseconds: performance.now() - began })
      try {
        const answer = await run(...args)
        done(told(answer))
        return answer
      } catch (error) {
        done(outcomeOf(error))
        throw error
      }
    }
    return reported as unknown as Run
  }
}

const outcomeOf = (error: unknown) => (error instanceof UpstreamError ? error.outcome : 'failed')
