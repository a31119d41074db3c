import { InsufficientScopeError } from '../errors.ts'
import type { ValidatedToken } from '../token-validator.ts'

/**
 * Checks that a token carries all scopes of an operation.
 *
 * @param required - Every scope that the operation needs, in the token's spelling.
 * @param announced - Makes the scopes to name in the challenge. Default: `required`.
 * @throws {InsufficientScopeError} Names all scopes at once, those already granted included.
 */
export function requireScopes(token: ValidatedToken, required: readonly string[], announced = () => required): void {
  if (!required.every(scope => token.scopes.includes(scope)))
    throw new InsufficientScopeError(announced(), token.scopes)
}
