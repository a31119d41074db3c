import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createAuth } from '../../../index.ts'
import { type AuthVariables, authRoutes, protect } from '../../../src/edges/hono.ts'
import { createTestIssuer } from '../../../src/testing/index.ts'
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

const fixture: Omit<EdgeFixture, 'name' | 'start'> = { parsers: ['before', 'after'] }

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

describe('behind idplug/hono with @hono/node-server, a body is readable', () => {
  const issuer = createTestIssuer()
  const auth = createAuth(
    { name: 'Files', resource: 'http://localhost/mcp', scopes: {} },
    { env: {}, providers: [issuer.provider], observer: {} },
  )
  const inFront: Record<string, (raw: Request) => unknown> = {
    nothing: () => {},
    'something that looks at the request': raw => raw.mode,
    'something that copies it': raw => raw.clone(),
    'something that has begun to read it': raw => raw.body,
  }
  const ways: Record<string, (req: { raw: Request; json(): Promise<unknown> }) => Promise<unknown>> = {
    'c.req.json': req => req.json(),
    'c.req.raw.json': ({ raw }) => raw.json(),
    'a copy': ({ raw }) => raw.clone().json(),
    'another request': ({ raw }) => new Request(raw).json(),
    'its stream': async ({ raw }) => JSON.parse(await new Response(raw.body).text()),
    bytes: async ({ raw }) => JSON.parse(Buffer.from(await raw.arrayBuffer()).toString()),
  }
  const app = new Hono<{ Variables: AuthVariables }>()
    .use((c, next) => {
      inFront[c.req.header('x-in-front') ?? '']?.(c.req.raw)
      return next()
    })
    .use(protect(auth))
    .post('/mcp', async c => c.json([c.get('parsedBody'), await ways[c.req.header('x-way') ?? '']?.(c.req)]))
  let origin = ''
  let close = async () => {}
  beforeAll(async () => {
    await new Promise<void>(resolve => {
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
        origin = `http://127.0.0.1:${port}`
        resolve()
      })
      close = closing(server)
    })
  })
  afterAll(() => close())

  const cases = Object.keys(inFront).flatMap(front => Object.keys(ways).map(way => [way, front] as const))
  it.each([...cases, ...cases])('by %s with %s in front', async (way, front) => {
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'é', text: 'x'.repeat(200_000) } }
    const response = await fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await issuer.token({ audience: 'http://localhost/mcp' })}`,
        'x-way': way,
        'x-in-front': front,
      },
      body: JSON.stringify(body),
    })
    expect(await response.json()).toEqual([body, body])
  })
})

it('behind idplug/hono with @hono/node-server, the authorization server answers alone', async () => {
  const complaints = vi.spyOn(console, 'error').mockReturnValue()
  onTestFinished(() => complaints.mockRestore())
  const auth = createAuth(
    { name: 'Files', resource: 'http://localhost:3000/mcp', scopes: {} },
    { env: {}, observer: {} },
  )
  const { fetch: answer } = new Hono().use(authRoutes(auth))
  const origin = await new Promise<string>(resolve => {
    const server = serve({ fetch: answer, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
      resolve(`http://127.0.0.1:${port}`),
    )
    onTestFinished(closing(server))
  })
  for (let times = 0; times < 3; times++) {
    const response = await fetch(`${origin}/oauth/jwks`)
    expect([response.status, Object.keys((await response.json()) as object)]).toEqual([200, ['keys']])
  }
  expect(complaints.mock.calls).toEqual([])
})
