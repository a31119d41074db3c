import type { AsyncLocalStorage } from 'node:async_hooks'
import type { ServerPlan } from '../../edges/edge-fixture.ts'

/** What a test put behind the server on which the request came in. The test and the routes share a process, and nothing else. */
export const planOfRequest = () => {
  const plan = (globalThis as { idplugPlans?: AsyncLocalStorage<ServerPlan> }).idplugPlans?.getStore()
  if (!plan) throw new Error('the request came in by another server')
  return plan
}
