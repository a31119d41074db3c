import type { Access, Answer, Auth, RequestHead } from '../auth.ts'
import type { AuthInfo, ValidatedToken } from '../token-validator.ts'
import { pathOf } from '../url.ts'
import { clientAddress } from './client-address.ts'
import { NO_BODY, type ReadBody, readBody, withBody } from './fetch-body.ts'
import { endWithToken } from './fetch-stream.ts'

/** What `protect` knows about a request that it accepted. */
export interface ProtectedContext {
  /** The validated token; `undefined` for an anonymous caller. */
  readonly token: ValidatedToken | undefined
  /** For `createMcpHandler(…).fetch` and the web-standard transports of the MCP SDKs. `undefined` for an anonymous caller. */
  readonly authInfo: AuthInfo | undefined
  /** The parsed body; `undefined` if the request has none. */
  readonly parsedBody: unknown
}

/**
 * Answers a request that `protect` accepted.
 *
 * @param further - What the platform passes to a handler after the request: `env` and `ctx` on Workers.
 */
export type ProtectedHandler<Further extends readonly unknown[] = []> = (
  request: Request,
  context: ProtectedContext,
  ...further: Further
) => Response | Promise<Response>

/**
 * A handler for runtimes where a server is a function from `Request` to `Response`. Serves what {@link authRoutes} serves, and passes
 * every other accepted request to `handler`, with its body unread.
 *
 * Answers on its own with 400, 401, 403, 413, 415, 500 or 503, and CORS preflights with 204. Errors of the handler are
 * rethrown.
 */
export function protect<Further extends readonly unknown[] = []>(
  auth: Auth,
  handler: ProtectedHandler<Further>,
): (request: Request, ...further: Further) => Promise<Response> {
  const routes = authRoutes(auth)
  return async (request, ...further) =>
    (await routes(request, ...further)) ??
    guard(auth, request, (admitted, context) => handler(admitted, context, ...further), further)
}

/**
 * Serves the metadata of the resources and, with `AUTH_MODE=embedded`, the authorization server.
 *
 * @returns A handler that returns `undefined` for all other paths. Also pass it what the platform passes after the request: without
 *   the client's address, the demo sign-in cannot tell who is on this machine.
 */
export function authRoutes(
  ...auths: readonly Auth[]
): (request: Request, ...further: readonly unknown[]) => Promise<Response | undefined> {
  return async (request, ...further) => {
    const path = pathOf(request.url)
    for (const { authorizationServer } of auths) {
      if (authorizationServer?.handles(path)) {
        return authorizationServer.respond(request, clientAddress(request, further))
      }
    }
    const head = requestHead(request, ...further)
    for (const auth of auths) {
      const answer = auth.serve(head)
      if (answer) return toResponse(await answer, request.method)
    }
    return undefined
  }
}

/**
 * What {@link Auth.authenticate} reads of a request of the platform.
 *
 * @param further - What the platform passes to a handler after the request, which may tell the client's address.
 */
export function requestHead(request: Request, ...further: readonly unknown[]): RequestHead {
  const { method, url, headers } = request
  return {
    method,
    url,
    get address() {
      return clientAddress(request, further)
    },
    header(name) {
      // Repeated headers are joined by a comma, which no token contains.
      const value = headers.get(name) ?? (name === 'host' ? new URL(url).host : null)
      return value === null ? [] : [value]
    },
  }
}

/**
 * For edges over the platform's `Request`: decides about a request, then answers or goes on.
 *
 * @param further - What the platform passed after the request. Default: nothing.
 */
export async function guard(
  auth: Auth,
  request: Request,
  next: (request: Request, context: ProtectedContext) => Response | Promise<Response>,
  further: readonly unknown[] = [],
): Promise<Response> {
  const access = await auth.authenticate(requestHead(request, ...further))
  if (access.outcome !== 'accepted') return toResponse(access, request.method)
  // Handlers may look into the body whatever the method.
  const mayAct = request.method === 'POST' || request.body !== null
  const body = mayAct ? await readBody(request, access.bodyLimit) : NO_BODY
  const refused = typeof body === 'string' ? auth.refuseBody(access, body) : auth.authorize(access, body.parsed)
  if (refused) return toResponse(refused, request.method)
  const { bytes, parsed: parsedBody } = body as ReadBody
  const { token, authInfo } = access
  // Read once, and left for handlers that read it again.
  const admitted = bytes ? withBody(request, bytes) : request
  return released(await next(admitted, { token, authInfo, parsedBody }), access)
}

/** The handler's answer, readable for web pages where one asks, and ended with its token where it is a stream. */
export function released(response: Response, access: Access): Response {
  const ended = endWithToken(response, access)
  const names = Object.entries(access.headers)
  if (names.length === 0) return ended
  // Those of a response that was fetched cannot be changed.
  const readable = new Response(ended.body, ended)
  for (const [name, value] of names) readable.headers.set(name, value)
  return readable
}

/** An answer of an {@link Auth} as a response of the platform. */
export function toResponse({ status, headers, body }: Answer, method: string): Response {
  if (body === undefined || method === 'HEAD') return new Response(null, { status, headers })
  return Response.json(body, { status, headers })
}
