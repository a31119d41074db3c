import type { Auth } from '../auth.ts'
import type { AuthInfo, ValidatedToken } from '../token-validator.ts'
import { authRoutes as fetchRoutes, guard } from './fetch.ts'

/** A request that `protect` let pass, of the class of the one that came in: `NextRequest`. */
export type ProtectedRequest<R extends Request = Request> = R & {
  /** For `mcp-handler`, which hands it to tools. `undefined` for an anonymous caller. */
  auth: AuthInfo | undefined
  /** The validated token; `undefined` for an anonymous caller. */
  token: ValidatedToken | undefined
  /** The parsed body; `undefined` if the request has none. The request itself can still be read. */
  parsedBody: unknown
}

/**
 * A route handler (`export { route as GET, route as POST, route as DELETE, route as OPTIONS }`) that lets only requests pass that carry a
 * token good enough for what they ask.
 *
 * Answers on its own with 400, 401, 403, 413, 415, 500 or 503, and CORS preflights with 204. Errors of the handler are
 * rethrown.
 *
 * @param handler - `createMcpHandler(…)` of `mcp-handler`, or any other route handler.
 */
export function protect<R extends Request, Further extends readonly unknown[] = []>(
  auth: Auth,
  handler: (request: ProtectedRequest<R>, ...further: Further) => Response | Promise<Response>,
): (request: R, ...further: Further) => Promise<Response> {
  return (request, ...further) =>
    guard(auth, plain(request), (admitted, { authInfo, token, parsedBody }) =>
      handler(Object.assign(like(request, admitted), { auth: authInfo, token, parsedBody }), ...further),
    )
}

type Route = (request: Request) => Promise<Response>

/**
 * Route handlers that serve the metadata of the resources, for `app/.well-known/[...path]/route.ts`:
 * `export const { GET, HEAD, OPTIONS, POST } = authRoutes(auth)`. Other paths below it are answered with 404. With `AUTH_MODE=embedded`
 * the same handlers serve the authorization server, from `app/oauth/[...path]/route.ts` and `app/fakeupstreamauth/[...path]/route.ts`.
 */
export function authRoutes(...auths: readonly Auth[]): { GET: Route; HEAD: Route; OPTIONS: Route; POST: Route } {
  const routes = fetchRoutes(...auths)
  const route: Route = async request => (await routes(plain(request))) ?? Response.json(NOT_FOUND, { status: 404 })
  return { GET: route, HEAD: route, OPTIONS: route, POST: route }
}

const NOT_FOUND = { error: 'not_found', error_description: 'There is nothing here.' }

/** Next hands over a proxy of its request, of which the platform makes no other, and with a body where there is none. */
function plain({ url, method, headers, body, signal }: Request): Request {
  const announcesBody = headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0'
  return new Request(url, { method, headers, signal, ...(announcesBody && { body, duplex: 'half' }) } as RequestInit)
}

/** With `nextUrl` and `cookies`, where the request that came in has them. */
function like<R extends Request>(original: R, admitted: Request): R {
  return new (original.constructor as new (request: Request) => R)(admitted)
}
