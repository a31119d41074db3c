import { toSdkError } from './sdk-errors.ts'
import type { TokenValidator } from './token-validator.ts'

/** A validator without what the MCP SDKs ask for. */
export type CoreValidator = Omit<TokenValidator, 'verifyAccessToken'>

/**
 * Adds `verifyAccessToken`, so that `requireBearerAuth` of an MCP SDK takes the validator as it is.
 *
 * @param validator - Is changed and returned: getters among its members stay getters.
 * @param resource - What tokens are accepted for.
 */
export function withVerifyAccessToken(validator: CoreValidator, resource: string): TokenValidator {
  return Object.assign(validator, {
    async verifyAccessToken(token: string) {
      try {
        const validated = await validator.validate(token)
        return {
          token,
          clientId: validated.clientId,
          scopes: [...validated.scopes],
          expiresAt: validated.expiresAt,
          resource: new URL(resource),
          extra: { token: validated },
        }
      } catch (error) {
        throw await toSdkError(error)
      }
    },
  })
}
