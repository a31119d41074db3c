import Koa from 'koa'
import { authRoutes, protect } from '../../../src/edges/node.ts'
import { describeEdge } from '../../edges/describe-edge.ts'
import { sendResponse } from '../../edges/send-response.ts'
import { listen } from '../../support/http.ts'

describeEdge({
  name: 'idplug/node with Koa 3',
  parsers: [],
  start({ mounted, handler, port }) {
    const routes = authRoutes(...mounted.map(({ auth }) => auth))
    const listeners = new Map(
      mounted.map(({ path, auth }) => [
        path,
        protect(auth, async ({ method = '', body, auth: authInfo, token }, response) => {
          sendResponse(response, await handler({ method, body, authInfo, token }))
        }),
      ]),
    )
    const app = new Koa().use(context => {
      const { req, res } = context
      const listener = listeners.get(context.path)
      context.respond = false
      routes(req, res, listener && (() => listener(req, res)))
    })
    return listen(app.callback(), port)
  },
})
