import { type AuthorizationError, type Outcome, outcomeOf } from './errors.ts'
import { optionalModule } from './optional-module.ts'

/** How the two generations of the MCP SDK name what {@link Outcome} stands for. They have no 503: an outage is a 500 there. */
const NAMES: Readonly<Record<Outcome, { legacy: string; code: string }>> = {
  no_credentials: { legacy: 'InvalidTokenError', code: 'invalid_token' },
  invalid_token: { legacy: 'InvalidTokenError', code: 'invalid_token' },
  invalid_proof: { legacy: 'InvalidTokenError', code: 'invalid_token' },
  insufficient_scope: { legacy: 'InsufficientScopeError', code: 'insufficient_scope' },
  invalid_request: { legacy: 'InvalidRequestError', code: 'invalid_request' },
  unavailable: { legacy: 'ServerError', code: 'server_error' },
  misconfigured: { legacy: 'ServerError', code: 'server_error' },
}

type ErrorClasses = Readonly<Record<string, new (message: string) => Error>>
interface ModernSdk {
  OAuthError: new (code: string, message: string) => Error
}

/**
 * The error as `requireBearerAuth` of `@modelcontextprotocol/sdk` 1.x and of `@modelcontextprotocol/express` 2.x recognize it: 401,
 * 403 or 400 as RFC 6750 has them. An outage or a misconfiguration becomes `server_error`, so 500: the middlewares have no 503, and
 * 401 would log users out. The original is the `cause`.
 *
 * SDK 1.x goes by class, so the class has to be that of the copy which the user installed; it is an optional peer.
 *
 * @returns The error itself where no SDK is installed.
 */
export async function toSdkError(error: unknown): Promise<unknown> {
  const outcome = outcomeOf(error)
  if (outcome === undefined) return error
  const { legacy, code } = NAMES[outcome]
  const { publicMessage: message } = error as AuthorizationError
  const [classes, modern] = await Promise.all([
    optionalModule<ErrorClasses>('@modelcontextprotocol/sdk/server/auth/errors.js'),
    optionalModule<ModernSdk>('@modelcontextprotocol/server'),
  ])
  const LegacyError = classes?.[legacy]
  const modernError = modern && new modern.OAuthError(code, message)
  if (!LegacyError) return modernError ? withCause(modernError, error) : error
  const legacyError = new LegacyError(message)
  if (!modernError) return withCause(legacyError, error)
  // SDK 2.x goes by a mark and members that its constructor puts on the instance itself, so one error can be both.
  const { stack: _, ...own } = Object.getOwnPropertyDescriptors(modernError)
  return withCause(Object.defineProperties(legacyError, own), error)
}

function withCause(error: Error, cause: unknown): Error {
  return Object.defineProperty(error, 'cause', { value: cause })
}
