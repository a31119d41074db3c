import { AsyncLocalStorage } from 'node:async_hooks'
import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import next from 'next'
import type { RunningServer, ServerPlan } from '../../edges/edge-fixture.ts'
import { listen } from '../../support/http.ts'

const dir = fileURLToPath(new URL('.', import.meta.url))

/** The routes of this folder as `next start` serves them. Takes half a minute. */
export async function buildNext(): Promise<void> {
  const next = fileURLToPath(new URL('../node_modules/.bin/next', import.meta.url))
  await promisify(execFile)(process.execPath, [next, 'build', dir], { env: { ...process.env, NODE_ENV: 'production' } })
}

/**
 * A server of Next with the routes of this folder, once per test file; each plan is served on a port of its own.
 *
 * @param dev - Whether it is that of `next dev`, or that of `next start` after {@link buildNext}.
 */
export async function startNext(dev: boolean): Promise<{
  serve(plan: ServerPlan): Promise<RunningServer>
  close(): Promise<void>
}> {
  const app = next({ dev, dir })
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
