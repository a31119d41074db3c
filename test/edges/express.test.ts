import { text } from 'node:stream/consumers'
import express, { type Response as ExpressResponse, type Request } from 'express'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createAuth } from '../../auth/create-auth.ts'
import { authRoutes, protect } from '../../src/edges/express.ts'
import { createTestIssuer } from '../../src/testing/index.ts'
import { listen } from '../support/http.ts'
import { ownServer } from './behaviors/own-server.ts'
import { describeEdge } from './describe-edge.ts'
import type { EdgeFixture } from './edge-fixture.ts'
import { sendResponse } from './send-response.ts'
import { files, worldOf } from './world.ts'

const edge: EdgeFixture = {
  name: 'idplug/express with Express 5',
  parsers: ['before', 'after'],
  async start({ mounted, handler, parser, port }) {
    const app = express().use(authRoutes(...mounted.map(({ auth }) => auth)))
    if (parser === 'before') app.use(express.json())
    for (const { path, auth } of mounted) {
      app.all(path, protect(auth))
      if (parser === 'after') app.all(path, express.json())
      app.all(path, async (request: Request, response: ExpressResponse) => {
        const { method, body, auth: authInfo, token } = request as Request & { auth?: never }
        sendResponse(response, await handler({ method, body, authInfo, token, text: () => text(request) }))
      })
    }
    return listen(app, port)
  },
}

describeEdge(edge)

describe('body parsers for the whole app, in front of authRoutes', () => {
  const parsersFirst: EdgeFixture = {
    ...edge,
    start({ mounted, handler, port }) {
      const app = express().use(express.json(), express.urlencoded({ extended: false }))
      app.use(authRoutes(...mounted.map(({ auth }) => auth)))
      for (const { path, auth } of mounted) {
        app.all(path, protect(auth), async (request: Request, response: ExpressResponse) => {
          const { method, body, auth: authInfo, token } = request as Request & { auth?: never }
          sendResponse(response, await handler({ method, body, authInfo, token, text: () => text(request) }))
        })
      }
      return listen(app, port)
    },
  }

  it.each(ownServer)('do not get in the way of the authorization server', ({ run }) =>
    run(worldOf(parsersFirst), parsersFirst),
  )
})

it('idplug/express finds its paths behind routers that shorten them', async () => {
  const issuer = createTestIssuer()
  const auth = createAuth(files, { env: {}, providers: [issuer.provider], observer: {} })
  const app = express().use('/.well-known', authRoutes(auth))
  app.use('/mcp', protect(auth), (_request, response) => void response.send('done'))
  const server = await listen(app)
  onTestFinished(async () => {
    await server.close()
    await auth.close()
  })
  const metadata = await fetch(`${server.origin}/.well-known/oauth-protected-resource/mcp`)
  expect(await metadata.json()).toMatchObject({ resource: files.resource })
  expect((await fetch(`${server.origin}/mcp/anything?access_token=abc`)).status).toBe(400)
  const headers = { authorization: `Bearer ${await issuer.token()}` }
  expect(await (await fetch(`${server.origin}/mcp/anything`, { headers })).text()).toBe('done')
})
