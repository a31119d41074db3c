import type { RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import { authOf, type RequestOfUser, resultOf, userOf } from '../../../bench/edge-compositions.ts'
import type { CompositionSettings } from '../../../bench/http-compositions.ts'
import { protect as protectFastify } from '../../../src/edges/fastify.ts'
import { type AuthVariables, protect as protectHono } from '../../../src/edges/hono.ts'

// For bench/edges.ts, which runs without these frameworks, too.

function onHono(app: Hono<{ Variables: AuthVariables }>): RequestListener {
  app.post('/mcp', c => c.json(resultOf(c.get('parsedBody'), c.get('authInfo')?.clientId)))
  return getRequestListener(app.fetch)
}

async function onFastify(app: FastifyInstance): Promise<RequestListener> {
  app.post('/mcp', async request => resultOf(request.body, (request.raw as RequestOfUser).auth?.clientId))
  await app.ready()
  return (request, response) => app.routing(request, response)
}

export const compositions: Record<
  string,
  (settings: CompositionSettings) => RequestListener | Promise<RequestListener>
> = {
  'hono-protected': settings =>
    onHono(new Hono<{ Variables: AuthVariables }>().use('/mcp', protectHono(authOf(settings)))),
  'hono-minimum': () =>
    onHono(
      new Hono<{ Variables: AuthVariables }>().use('/mcp', async (c, next) => {
        c.set('authInfo', userOf(c.req.header('authorization')) as AuthVariables['authInfo'])
        c.set('parsedBody', await c.req.json())
        await next()
      }),
    ),
  'fastify-protected': settings => onFastify(fastify().register(protectFastify(authOf(settings)))),
  'fastify-minimum': () =>
    onFastify(
      fastify().addHook('onRequest', async ({ raw }: { raw: RequestOfUser }) => {
        raw.auth = userOf(raw.headers.authorization)
      }),
    ),
}
