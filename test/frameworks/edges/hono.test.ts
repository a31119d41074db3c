import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { type AuthVariables, authRoutes, protect } from '../../../src/edges/hono.ts'
import { describeEdge } from '../../edges/describe-edge.ts'
import type { EdgeFixture, ServerPlan } from '../../edges/edge-fixture.ts'
import { serveFetch } from '../../edges/serve-fetch.ts'
import { closing } from '../support/closing.ts'

function createApp({ mounted, handler, parser }: ServerPlan) {
  const app = new Hono<{ Variables: AuthVariables }>()
  app.use(authRoutes(...mounted.map(({ auth }) => auth)))
  if (parser === 'before') {
    app.use(async (c, next) => {
      if (c.req.method === 'POST') await c.req.text()
      return next()
    })
  }
  for (const { path, auth } of mounted) {
    app.all(path, protect(auth), async c => {
      const { method } = c.req
      const again = parser === 'after' && method === 'POST'
      const body = again ? await c.req.json() : c.get('parsedBody')
      const answer = await handler({
        method,
        body,
        authInfo: c.get('authInfo'),
        token: c.get('token'),
        text: () => c.req.raw.text(),
      })
      return c.body(answer.body as ReadableStream, answer)
    })
  }
  return app
}

const fixture: Omit<EdgeFixture, 'name' | 'start'> = { parsers: ['before', 'after'], leavesBody: true }

describeEdge({
  ...fixture,
  name: 'idplug/hono with @hono/node-server',
  start: plan =>
    new Promise(resolve => {
      const { fetch } = createApp(plan)
      const server = serve({ fetch, port: plan.port, hostname: '127.0.0.1' }, ({ port }) =>
        resolve({ origin: `http://127.0.0.1:${port}`, close: closing(server) }),
      )
    }),
})

describeEdge({
  ...fixture,
  name: 'idplug/hono with its fetch',
  start: plan => serveFetch(createApp(plan).fetch, plan.port),
})
