import { text } from 'node:stream/consumers'
import fastify from 'fastify'
import { authRoutes, protect } from '../../../src/edges/fastify.ts'
import type { ProtectedRequest } from '../../../src/edges/node.ts'
import { describeEdge } from '../../edges/describe-edge.ts'
import { closing } from '../support/closing.ts'

describeEdge({
  name: 'idplug/fastify with Fastify 5',
  parsers: [],
  async start({ mounted, handler, port }) {
    const app = fastify({ forceCloseConnections: true })
    app.register(authRoutes(...mounted.map(({ auth }) => auth)))
    for (const { path, auth } of mounted) {
      app.register(async scope => {
        scope.register(protect(auth))
        scope.all(path, async (request, reply) => {
          const { method, body } = request
          const { auth: authInfo, token } = request.raw as ProtectedRequest
          return reply.send(await handler({ method, body, authInfo, token, text: () => text(request.raw) }))
        })
      })
    }
    const origin = await app.listen({ port, host: '127.0.0.1' })
    return { origin, close: closing(app.server) }
  },
})
