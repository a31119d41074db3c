import { server as createServer, type Lifecycle } from '@hapi/hapi'
import { authRoutes } from '../../../src/edges/node.ts'
import { describeEdge } from '../../edges/describe-edge.ts'
import { nodeListeners } from '../../edges/node-listeners.ts'

describeEdge({
  name: 'idplug/node with hapi 21',
  parsers: [],
  async start(fixture) {
    const routes = authRoutes(...fixture.mounted.map(({ auth }) => auth))
    const listeners = nodeListeners(fixture)
    const handOver: Lifecycle.Method = ({ raw: { req, res }, path }, h) => {
      if (req.headers.expect) res.writeContinue()
      const listener = listeners.get(path)
      routes(req, res, listener && (() => listener(req, res)))
      return h.abandon
    }
    const server = createServer({ port: fixture.port, host: '127.0.0.1' })
    server.ext('onRequest', handOver)
    await server.start()
    return { origin: server.info.uri, close: () => server.stop({ timeout: 0 }) }
  },
})
