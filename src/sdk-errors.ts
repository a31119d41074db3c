import { type AuthorizationError, type Outcome, outcomeOf } from './errors.ts'
import { optionalModule } from './optional-module.ts'

/** OAuth error codes, after which both generations of the MCP SDK name their errors. They have no 503: an outage is a 500 there. */
const CODES: Readonly<Record<Outcome, string>> = {
  no_credentials: 'invalid_token',
  invalid_token: 'invalid_token',
  invalid_proof: 'invalid_token',
  insufficient_scope: 'insufficient_scope',
  invalid_request: 'invalid_request',
  unavailable: 'server_error',
  misconfigured: 'server_error',
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
  const code = CODES[outcome]
  const { publicMessage: message } = error as AuthorizationError
  const [classes, modern] = await Promise.all([
    optionalModule<ErrorClasses>('@modelcontextprotocol/sdk/server/auth/errors.js'),
    optionalModule<ModernSdk>('@modelcontextprotocol/server'),
  ])
  const LegacyError = classes?.[classNameOf(code)]
  const modernError = modern && new modern.OAuthError(code, message)
  if (!LegacyError) return modernError ? withCause(modernError, error) : error
  const legacyError = new LegacyError(message)
  if (!modernError) return withCause(legacyError, error)
  // SDK 2.x goes by a mark and members that its constructor puts on the instance itself, so one error can be both.
  const { stack: _, ...own } = Object.getOwnPropertyDescriptors(modernError)
  return withCause(Object.defineProperties(legacyError, own), error)
}

/** `InvalidTokenError` for `invalid_token`, `ServerError` for `server_error`. */
function classNameOf(code: string): string {
  const name = code.replace(/(?:^|_)(.)/g, (_match, first: string) => first.toUpperCase())
  return name.endsWith('Error') ? name : `${name}Error`
}

function withCause(error: Error, cause: unknown): Error {
  return Object.defineProperty(error, 'cause', { value: cause })
}
