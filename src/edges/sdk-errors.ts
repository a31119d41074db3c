import {
  InsufficientScopeError,
  InvalidRequestError,
  InvalidTokenError,
  ServerError,
} from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { OAuthError, OAuthErrorCode } from '@modelcontextprotocol/server'
import type { AuthorizationError } from '../errors.ts'

/**
 * The error as `requireBearerAuth` of `@modelcontextprotocol/sdk` 1.x and of `@modelcontextprotocol/express` 2.x both
 * recognise it: 401, 403 or 400 as RFC 6750 has them. An outage or a misconfiguration becomes `server_error`, so 500: the
 * middlewares have no 503, and 401 would log users out. The original is the `cause`.
 */
export function toSdkError(error: AuthorizationError): Error {
  const { publicMessage: message } = error
  switch (error.status) {
    case 401:
      return bothGenerations(new InvalidTokenError(message), OAuthErrorCode.InvalidToken, error)
    case 403:
      return bothGenerations(new InsufficientScopeError(message), OAuthErrorCode.InsufficientScope, error)
    case 400:
      return bothGenerations(new InvalidRequestError(message), OAuthErrorCode.InvalidRequest, error)
    case 500:
    case 503:
      return bothGenerations(new ServerError(message), OAuthErrorCode.ServerError, error)
  }
}

/**
 * SDK 1.x goes by class, SDK 2.x by a mark and members that its constructor puts on the instance itself. So an instance of
 * the one can be given what makes an instance of the other.
 */
function bothGenerations(legacy: Error, code: OAuthErrorCode, cause: AuthorizationError): Error {
  const { stack: _, ...own } = Object.getOwnPropertyDescriptors(new OAuthError(code, legacy.message))
  return Object.defineProperties(legacy, { ...own, cause: { value: cause } })
}
