import { authRoutes, type ProtectedContext, protect } from '../../src/edges/fetch.ts'
import { describeEdge } from './describe-edge.ts'
import { describeInBrowser } from './describe-in-browser.ts'
import type { EdgeFixture } from './edge-fixture.ts'
import { serveFetch } from './serve-fetch.ts'

const edge: EdgeFixture = {
  name: 'idplug/fetch',
  parsers: [],
  leavesBody: true,
  start({ mounted, handler, port }) {
    const routes = authRoutes(...mounted.map(({ auth }) => auth))
    const see = (request: Request, { token, authInfo, parsedBody: body }: ProtectedContext) =>
      handler({ method: request.method, body, authInfo, token, text: () => request.text() })
    const endpoints = new Map(mounted.map(({ path, auth }) => [path, protect(auth, see)]))
    return serveFetch(async request => {
      const endpoint = endpoints.get(new URL(request.url).pathname)
      return (await routes(request)) ?? endpoint?.(request) ?? new Response('Not Found', { status: 404 })
    }, port)
  },
}

describeEdge(edge)
describeInBrowser(edge)
