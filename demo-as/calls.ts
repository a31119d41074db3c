import { wrapStore } from './stores/common.ts'
import type { StoreFactory } from './stores/store.ts'
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
    return wrapStore(store, (operation, run) => reported(onCall, { dependency: 'store', operation }, run))
  }
}

/** An upstream whose calls are reported. */
export function reportedUpstream(upstream: Upstream, onCall: OnCall): Upstream {
  const report =
    <A extends unknown[], R>(operation: string, run: (...args: A) => Promise<R>) =>
    (...args: A) =>
      reported(onCall, { dependency: 'upstream', operation }, () => run.apply(upstream, args))
  const { depart, identify, recheck, end } = upstream
  return {
    ...upstream,
    depart: report('depart', depart),
    identify: report('identify', identify),
    ...(recheck && { recheck: report('recheck', recheck) }),
    ...(end && { end: report('end', end) }),
  }
}

async function reported<T>(
  onCall: OnCall,
  call: Pick<Call, 'dependency' | 'operation'>,
  run: () => Promise<T>,
): Promise<T> {
  const began = performance.now()
  const done = (outcome: string) => onCall({ ...call, outcome, milliseconds: performance.now() - began })
  try {
    const answer = await run()
    done((call.dependency === 'upstream' && (answer as Partial<Identification> | undefined)?.outcome) || 'ok')
    return answer
  } catch (error) {
    done(error instanceof UpstreamError ? error.outcome : 'failed')
    throw error
  }
}
