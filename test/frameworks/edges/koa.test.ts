import Koa from 'koa'
import { authRoutes } from '../../../src/edges/node.ts'
import { describeEdge } from '../../edges/describe-edge.ts'
import { nodeListeners } from '../../edges/node-listeners.ts'
import { listen } from '../../support/http.ts'

describeEdge({
  name: 'idplug/node with Koa 3',
  parsers: [],
  start(fixture) {
    const routes = authRoutes(...fixture.mounted.map(({ auth }) => auth))
    const listeners = nodeListeners(fixture)
    const app = new Koa().use(context => {
      const { req, res } = context
      const listener = listeners.get(context.path)
      context.respond = false
      routes(req, res, listener && (() => listener(req, res)))
    })
    return listen(app.callback(), fixture.port)
  },
})
