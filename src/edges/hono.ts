import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth } from '../auth.ts'
import type { AuthInfo, ValidatedToken } from '../token-validator.ts'
import { pathOf } from '../url.ts'
import { authRoutes as fetchRoutes, released, requestHead, toResponse } from './fetch.ts'
import { NO_BODY, type ReadBody } from './fetch-body.ts'
import { type HonoRequest, readNodeOnce, readOnce } from './hono-body.ts'
import { accept, requestHead as nodeHead } from './node.ts'
import { hasBody } from './node-body.ts'

/** What `protect` sets, for `new Hono<{ Variables: AuthVariables }>()` and `c.get('authInfo')`. */
export interface AuthVariables {
  /** The validated token; `undefined` for an anonymous caller. */
  token: ValidatedToken | undefined
  /** For `createMcpHandler(…).fetch` and the transports of the MCP SDKs. `undefined` for an anonymous caller. */
  authInfo: AuthInfo | undefined
  /** The same, under the name that the transport of `@hono/mcp` reads. */
  auth: AuthInfo | undefined
  /** The parsed body; `undefined` if the request has none. `c.req.json()` and `c.req.raw` still give it, too. */
  parsedBody: unknown
}

/** Fits `Context` of Hono 4, whose types are not needed here. */
export interface HonoContext {
  readonly req: HonoRequest
  readonly env: unknown
  res: Response
  set(key: never, value: never): void
}

/** Fits `MiddlewareHandler` of Hono 4. */
export type HonoMiddleware = (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined>

/**
 * Passes on only requests whose token allows what they ask for. Protects everything that it is mounted in front of,
 * whatever the path. Sets {@link AuthVariables}; with `@hono/node-server` also `c.env.incoming.auth`, for the SDKs' transports over
 * Node's request and response.
 *
 * Answers on its own with 400, 401, 403, 413, 415, 500 or 503, and CORS preflights with 204.
 */
export function protect(auth: Auth): HonoMiddleware {
  return async (context, next) => {
    const { raw } = context.req
    const node = nodeOf(context)
    const access = await auth.authenticate(node ? nodeHead(node.incoming) : requestHead(raw, context.env))
    if (access.outcome !== 'accepted') return toResponse(access, raw.method)
    // Handlers may look into the body whatever the method.
    const mayAct = raw.method === 'POST' || (node ? hasBody(node.incoming) : raw.body !== null)
    const body = mayAct ? await readBody(context.req, node?.incoming, access.bodyLimit) : NO_BODY
    const refused = typeof body === 'string' ? auth.refuseBody(access, body) : auth.authorize(access, body.parsed)
    if (refused) return toResponse(refused, raw.method)
    const { token, authInfo } = access
    const variables: AuthVariables = { token, authInfo, auth: authInfo, parsedBody: (body as ReadBody).parsed }
    for (const name in variables) context.set(name as never, variables[name as keyof AuthVariables] as never)
    if (node) {
      accept(access, node.incoming, node.outgoing)
      await next()
    } else {
      await next()
      context.res = released(context.res, access)
    }
    return undefined
  }
}

/**
 * Serves the metadata of the resources and, with `AUTH_MODE=embedded`, the authorization server. Mount it at the root, before
 * everything else: `app.use(authRoutes(auth))`.
 */
export function authRoutes(...auths: readonly Auth[]): HonoMiddleware {
  const routes = fetchRoutes(...auths)
  return async (context, next) => {
    const node = nodeOf(context)
    const path = node && pathOf(node.incoming.url ?? '')
    const own = path && auths.find(({ authorizationServer }) => authorizationServer?.handles(path))?.authorizationServer
    if (node && own) {
      const isOver = new Promise(resolve => node.outgoing.once('close', resolve))
      own.handler(node.incoming, node.outgoing)
      await isOver
      return alreadySent()
    }
    const response = await routes(context.req.raw, context.env)
    if (!response) await next()
    return response
  }
}

/** What node-server takes for an answer that it need not send. */
function alreadySent(): Response {
  const response = new Response(null, { headers: { 'x-hono-already-sent': 'true' } })
  // Makes a whole response of it: one that node-server has put off making would be sent without a look at its headers.
  void response.body
  return response
}

async function readBody(req: HonoRequest, incoming: IncomingMessage | undefined, limit: number) {
  return (incoming && (await readNodeOnce(req, incoming, limit))) ?? readOnce(req, limit)
}

/** Request and response of Node, where `@hono/node-server` is the server. */
function nodeOf({ env }: HonoContext): { incoming: IncomingMessage; outgoing: ServerResponse } | undefined {
  const { incoming, outgoing } = (env ?? {}) as { incoming?: IncomingMessage; outgoing?: ServerResponse }
  return incoming?.rawHeaders && outgoing ? { incoming, outgoing } : undefined
}
