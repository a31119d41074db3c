import { authRoutes, type ProtectedContext, protect } from '../../../src/edges/cloudflare.ts'
import { describeEdge } from '../../edges/describe-edge.ts'
import { serveFetch } from '../../edges/serve-fetch.ts'

// In Node, where the table can look inside; test/frameworks/workers runs the same edge in workerd.
describeEdge({
  name: 'idplug/cloudflare',
  parsers: [],
  start({ mounted, handler, port }) {
    const env = {}
    const routes = authRoutes(
      ...mounted.map(
        ({ auth }) =>
          () =>
            auth,
      ),
    )
    const see = (request: Request, { token, authInfo, parsedBody: body }: ProtectedContext) =>
      handler({ method: request.method, body, authInfo, token, text: () => request.text() })
    const endpoints = new Map(mounted.map(({ path, auth }) => [path, protect(() => auth, see)]))
    return serveFetch(async request => {
      const endpoint = endpoints.get(new URL(request.url).pathname)
      const response = (await routes(request, env)) ?? endpoint?.(request, env, {})
      return response ?? new Response('Not Found', { status: 404 })
    }, port)
  },
})
