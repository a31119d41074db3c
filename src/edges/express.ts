import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth } from '../auth.ts'
import type { ValidatedToken } from '../token-validator.ts'
import { guard, authRoutes as nodeRoutes } from './node.ts'

declare global {
  namespace Express {
    interface Request {
      /** Set by `protect`: the token as it was accepted. Absent for an anonymous caller. */
      token?: ValidatedToken
    }
  }
}

/** Fits `RequestHandler` of Express 4 and 5, whose types are not needed here. */
export type ExpressHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Passes on only requests whose token allows what they ask for. Protects everything mounted behind it,
 * whatever the path: a proxy that strips a prefix cannot get around it. Sets `req.auth` for the MCP SDKs, `req.token`, and
 * `req.body`. Handlers can still read the request on their own; a later `express.json()` of Express 5 does so too, up to its own limit.
 *
 * Answers on its own with 400, 401, 403, 413, 415, 500 or 503, and CORS preflights with 204.
 */
export function protect(auth: Auth): ExpressHandler {
  return (request, response, next) => guard(auth, request, response, next)
}

/**
 * Serves the metadata of the resources and, with `AUTH_MODE=embedded`, the authorization server. Mount it at the root, before
 * everything else.
 */
export function authRoutes(...auths: readonly Auth[]): ExpressHandler {
  return nodeRoutes(...auths)
}
