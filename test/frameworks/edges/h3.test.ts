import { H3, serve } from 'h3'
import { expect, it } from 'vitest'
import { authRoutes, type ProtectedContext, protect, requestHead } from '../../../src/edges/fetch.ts'
import { describeEdge } from '../../edges/describe-edge.ts'

// The server under Nitro and Nuxt, by srvx: its requests are of a class of its own.
describeEdge({
  name: 'idplug/fetch with h3 2',
  parsers: [],
  async start({ mounted, handler, port }) {
    const routes = authRoutes(...mounted.map(({ auth }) => auth))
    const see = (request: Request, { token, authInfo, parsedBody: body }: ProtectedContext) =>
      handler({ method: request.method, body, authInfo, token, text: () => request.text() })
    const app = new H3().use(event => routes(event.req))
    for (const { path, auth } of mounted) {
      const guarded = protect(auth, see)
      app.all(path, event => guarded(event.req))
    }
    return running(app, port)
  },
})

it('srvx tells the address with its request', async () => {
  const app = new H3().all('/**', event => String(requestHead(event.req).address))
  const { origin, close } = await running(app, 0)
  expect(await (await fetch(origin)).text()).toMatch(/127\.0\.0\.1$|^::1$/)
  await close()
})

async function running(app: H3, port: number) {
  const server = await serve(app, { port, hostname: '127.0.0.1', silent: true }).ready()
  const { origin } = new URL(server.url ?? '')
  return { origin, close: () => server.close(true) }
}
