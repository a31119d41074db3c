import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Access, Answer, Auth } from '../auth.ts'
import type { AuthInfo, ValidatedToken } from '../token-validator.ts'
import { pathOf } from '../url.ts'
import { hasBody, parseNodeBody, type RequestWithBody } from './node-body.ts'
import { requestHead } from './node-head.ts'
import { endWithToken } from './node-streams.ts'
import { SEVERAL_HOSTS } from './origin.ts'

// For edges of your own that need a body as it came in.
export { hasBody, type ParsedBody, parseNodeBody } from './node-body.ts'
export { requestHead }

/** A request that `protect` accepted. */
export type ProtectedRequest = IncomingMessage & {
  /** For the transports of the MCP SDKs. Absent for an anonymous caller. */
  auth?: AuthInfo
  /** The parsed body; absent if the request has none. */
  body?: unknown
  /** The validated token. Absent for an anonymous caller. */
  token?: ValidatedToken
}

/**
 * Passes on only requests whose token allows what they ask for. Protects everything behind it, whatever
 * the path: a proxy that strips a prefix cannot get around it. Sets `request.auth` for the MCP SDKs, and `request.body`.
 *
 * Answers on its own with 400, 401, 403, 413, 415, 500 or 503, and CORS preflights with 204.
 */
export function protect(
  auth: Auth,
  listener: (request: ProtectedRequest, response: ServerResponse) => void,
): RequestListener {
  return (request, response) => {
    guard(auth, request, response, error => {
      if (error === undefined) listener(request, response)
      else fail(response, error)
    })
  }
}

/**
 * Serves the metadata of the resources and, with `AUTH_MODE=embedded`, the authorization server. Put it in front of everything else, at
 * the root.
 *
 * @returns A handler that calls `next` for all other paths; without `next`, it answers 404.
 */
export function authRoutes(
  ...auths: readonly Auth[]
): (request: IncomingMessage, response: ServerResponse, next?: () => void) => void {
  return (request, response, next = () => send(response, NOT_FOUND)) => {
    const head = requestHead(request)
    const namesOneHost = () => head.header('host').length < 2
    for (const { authorizationServer } of auths) {
      if (!authorizationServer?.handles(pathOf(head.url))) continue
      return namesOneHost() ? authorizationServer.handler(request, response) : send(response, HOST_UNCLEAR)
    }
    for (const auth of auths) {
      const answer = auth.serve(head)
      if (answer) return void answer.then(found => send(response, namesOneHost() ? found : HOST_UNCLEAR))
    }
    next()
  }
}

/**
 * For edges over `node:http`: decides about a request, then answers or goes on.
 *
 * @param next - Called without an argument for a request that may go on, outside of any `try`; with an error for a bug.
 */
export function guard(
  auth: Auth,
  request: RequestWithBody,
  response: ServerResponse,
  next: (error?: unknown) => void,
): void {
  decide(auth, request).then(decided => {
    if (decided.outcome !== 'accepted') return send(response, decided)
    accept(decided, request, response)
    // Not in this chain, where what a handler throws would become a rejection.
    process.nextTick(next)
  }, next)
}

/** Decides about a request, and leaves its parsed body in `request.body`. */
export async function decide(auth: Auth, request: RequestWithBody): Promise<Access | Answer> {
  const access = await auth.authenticate(requestHead(request))
  if (access.outcome !== 'accepted') return access
  // Handlers may look into the body whatever the method.
  if (request.method !== 'POST' && !hasBody(request)) return auth.authorize(access, undefined) ?? access
  const body = await parseNodeBody(request, access.bodyLimit, true)
  if ('problem' in body) return auth.refuseBody(access, body.problem)
  return auth.authorize(access, body.value) ?? access
}

/** Hands on what is known about the caller, and ends a stream with its token. */
export function accept(access: Access, request: ProtectedRequest, response: ServerResponse): void {
  const { headers } = access
  // Something in front may have answered meanwhile, for example that it takes too long.
  if (!response.headersSent) for (const name in headers) response.setHeader(name, headers[name] as string)
  request.auth = access.authInfo
  request.token = access.token
  endWithToken(access, request, response)
}

/** Sends an answer of an {@link Auth}. A response that is under way already is cut. */
export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.headersSent) return void response.destroy()
  const text = body === undefined ? '' : JSON.stringify(body)
  const { Connection, ...others } = headers
  response.writeHead(status, {
    ...others,
    // HTTP/2 has no such header.
    ...(Connection && response.req.httpVersionMajor < 2 && { Connection }),
    ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
  })
  response.end(response.req?.method === 'HEAD' ? undefined : text)
}

/** A bug. Express and its like have a place for these; here it is standard error. */
function fail(response: ServerResponse, error: unknown): void {
  console.error(error)
  send(response, { outcome: 'refused', status: 500, headers: {}, body: { error_description: 'Internal error.' } })
}

/** Node does not look. */
const HOST_UNCLEAR: Answer = {
  outcome: 'refused',
  status: 400,
  headers: {},
  body: { error: 'invalid_request', error_description: SEVERAL_HOSTS },
}

const NOT_FOUND: Answer = {
  outcome: 'refused',
  status: 404,
  headers: {},
  body: { error: 'not_found', error_description: 'There is nothing here.' },
}
