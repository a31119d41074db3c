import { text } from 'node:stream/consumers'
import express, { type Request, type Response } from 'express-4'
import { authRoutes, protect } from '../../../src/edges/express.ts'
import { describeEdge } from '../../edges/describe-edge.ts'
import { sendResponse } from '../../edges/send-response.ts'
import { listen } from '../../support/http.ts'

describeEdge({
  name: 'idplug/express with Express 4',
  parsers: ['before', 'after'],
  async start({ mounted, handler, parser, port }) {
    const app = express().use(authRoutes(...mounted.map(({ auth }) => auth)))
    if (parser === 'before') app.use(express.json())
    for (const { path, auth } of mounted) {
      app.all(path, protect(auth))
      if (parser === 'after') app.all(path, express.json())
      app.all(path, async (request: Request, response: Response) => {
        const { method, body, auth: authInfo, token } = request as Request & { auth?: never }
        sendResponse(response, await handler({ method, body, authInfo, token, text: () => text(request) }))
      })
    }
    return listen(app, port)
  },
})
