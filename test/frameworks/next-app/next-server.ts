import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import next from 'next'
import type { RunningServer, ServerPlan } from '../../edges/edge-fixture.ts'
import { listen } from '../../support/http.ts'

/** The development server of Next with the routes of this folder, once per test file; each plan is served on a port of its own. */
export async function startNext(): Promise<{
  serve(plan: ServerPlan): Promise<RunningServer>
  close(): Promise<void>
}> {
  const app = next({ dev: true, dir: fileURLToPath(new URL('.', import.meta.url)) })
  await app.prepare()
  const handle = app.getRequestHandler()
  const plans = new AsyncLocalStorage<ServerPlan>()
  Object.assign(globalThis, { idplugPlans: plans })
  return {
    serve: plan =>
      listen(
        createServer((request, response) => plans.run(plan, () => void handle(request, response))),
        plan.port,
      ),
    close: () => app.close(),
  }
}
