import { text } from 'node:stream/consumers'
import 'reflect-metadata'
import { All, Controller, Module, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { authRoutes, protect } from '../../../src/edges/fastify.ts'
import type { ProtectedRequest } from '../../../src/edges/node.ts'
import { describeEdge } from '../../edges/describe-edge.ts'
import type { Handler } from '../../edges/edge-fixture.ts'
import { closing } from '../support/closing.ts'

describeEdge({
  name: 'idplug/fastify with NestJS 11 on Fastify',
  parsers: [],
  async start({ mounted, handler, port }) {
    const app = fastify({ forceCloseConnections: true })
    app.register(authRoutes(...mounted.map(({ auth }) => auth)))
    for (const { path, auth } of mounted) {
      const serve = async (scope: FastifyInstance) => {
        scope.register(protect(auth))
        await serveNest(scope, handler)
      }
      app.register(serve, { prefix: path })
    }
    const origin = await app.listen({ port, host: '127.0.0.1' })
    return { origin, close: closing(app.server) }
  },
})

async function serveNest(instance: FastifyInstance, handler: Handler): Promise<void> {
  class McpController {
    async serve({ method, body, raw }: FastifyRequest, reply: FastifyReply) {
      const { auth: authInfo, token } = raw as ProtectedRequest
      return reply.send(await handler({ method, body, authInfo, token, text: () => text(raw) }))
    }
  }
  // What decorators come to, which Node does not know yet.
  const { prototype } = McpController
  const descriptor = Object.getOwnPropertyDescriptor(prototype, 'serve') as PropertyDescriptor
  All()(prototype, 'serve', descriptor)
  Req()(prototype, 'serve', 0)
  Res()(prototype, 'serve', 1)
  Controller()(McpController)
  class AppModule {}
  Module({ controllers: [McpController] })(AppModule)

  // Nest pins a Fastify of its own, whose types are not quite these.
  const adapter = new FastifyAdapter(instance as never)
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, adapter, { bodyParser: false, logger: false })
  await app.init()
}
