import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer, Auth } from '../auth.ts'
import { pathOf } from '../url.ts'
import { accept, decide, requestHead } from './node.ts'
import type { RequestWithBody } from './node-body.ts'

/** Fits `FastifyRequest` and `FastifyReply` of Fastify 5, whose types are not needed here. */
export interface FastifyRequest {
  readonly raw: IncomingMessage
}
export interface FastifyReply {
  readonly raw: ServerResponse
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(payload?: unknown): unknown
  hijack(): unknown
}

/** Fits `FastifyInstance`, as far as the plugins here use it. */
export interface FastifyScope {
  addHook(name: 'onRequest', hook: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): unknown
  removeAllContentTypeParsers(): void
  addContentTypeParser(
    types: string[],
    options: object,
    parser: (request: FastifyRequest, payload: never, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown
}

/** For `app.register(…)`. Applies to the scope in which it is registered, as if it were wrapped by `fastify-plugin`. */
export type FastifyPlugin = (scope: FastifyScope, options: unknown, done: (error?: Error) => void) => void

/**
 * Passes on only requests whose token allows what they ask for. Protects every route of the scope in which it is registered;
 * register it before those routes. Sets `request.raw.auth` for the MCP SDKs, `request.raw.token`, and `request.body`. The body is read
 * by this plugin, in place of the content type parsers of the scope: `bodyLimit` of Fastify does not apply.
 *
 * Answers on its own with 400, 401, 403, 413, 415, 500 or 503, and CORS preflights with 204.
 */
export function protect(auth: Auth): FastifyPlugin {
  return plugin(scope => {
    scope.removeAllContentTypeParsers()
    // By its name, too: Fastify looks into the content type of every request that only * is for.
    scope.addContentTypeParser(['application/json', '*'], {}, ({ raw }, _payload, done) =>
      done(null, (raw as RequestWithBody).body),
    )
    scope.addHook('onRequest', async ({ raw }, reply) => {
      const decided = await decide(auth, raw)
      if (decided.outcome !== 'accepted') return answer(reply, decided)
      accept(decided, raw, reply.raw)
      return undefined
    })
  })
}

/**
 * Serves the metadata of the resources and, with `AUTH_MODE=embedded`, the authorization server. Register it at the root, before
 * everything else.
 */
export function authRoutes(...auths: readonly Auth[]): FastifyPlugin {
  return plugin(scope => {
    scope.addHook('onRequest', async ({ raw }, reply) => {
      const head = requestHead(raw)
      for (const { authorizationServer } of auths) {
        if (!authorizationServer?.handles(pathOf(head.url))) continue
        reply.hijack()
        authorizationServer.handler(raw, reply.raw)
        return reply
      }
      for (const auth of auths) {
        const found = auth.serve(head)
        if (found) return answer(reply, await found)
      }
      return undefined
    })
  })
}

function answer(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  reply.code(status)
  reply.headers({ ...headers, ...(body && { 'Content-Type': 'application/json' }) })
  reply.send(body && JSON.stringify(body))
  return reply
}

/** Fastify encapsulates what a plugin adds, unless the plugin says otherwise. */
function plugin(install: (scope: FastifyScope) => void): FastifyPlugin {
  return Object.assign(
    (scope: FastifyScope, _options: unknown, done: (error?: Error) => void) => {
      install(scope)
      done()
    },
    { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'idplug' },
  )
}
