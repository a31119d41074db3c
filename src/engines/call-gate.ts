import { LRUCache } from 'lru-cache'
import { createProviderGate, isProviderFailure } from './provider-gate.ts'

/** Makes a call, or throws the last failure while the endpoint is not asked. */
export type CallGate = <T>(call: () => Promise<T>) => Promise<T>

/** How many tenants of one provider are remembered at most. */
const MAX_TENANTS = 1000

/** A value for each tenant of a provider. Bounded, because strangers can name any number of tenants; the least recently used goes first. */
export const createTenantMemory = <Value extends object>() => new LRUCache<string, Value>({ max: MAX_TENANTS })

/**
 * A {@link createCallGate} for each tenant, since one tenant's failure is not another's.
 *
 * @param now - Milliseconds since the Unix epoch.
 */
export function createTenantGates(now: () => number): (tenant: string) => CallGate {
  const gates = createTenantMemory<CallGate>()
  return tenant => {
    const gate = gates.get(tenant) ?? createCallGate(now)
    gates.set(tenant, gate)
    return gate
  }
}

/**
 * The gate in front of an endpoint whose calls differ and that has nothing harmless to try out: after each back-off, one call goes
 * first, and the others wait for its end.
 *
 * @param now - Milliseconds since the Unix epoch.
 */
export function createCallGate(now: () => number): CallGate {
  let first: () => Promise<void> = async () => {}
  const gate = createProviderGate(() => first(), now)

  return async call => {
    if (gate.failure !== undefined && gate.isFree) return await goFirst(call)
    if (gate.failure !== undefined) await gate.ask()
    try {
      return await call()
    } catch (error) {
      if (isProviderFailure(error)) gate.failed(error)
      throw error
    }
  }

  /** A refusal shows that the endpoint works. */
  async function goFirst<T>(call: () => Promise<T>): Promise<T> {
    let outcome: Promise<T> | undefined
    first = async () => {
      outcome = call()
      await outcome.catch(error => {
        if (isProviderFailure(error)) throw error
      })
    }
    await gate.ask()
    return await (outcome as unknown as Promise<T>)
  }
}
