import type { Identity } from '../identity-links.ts'
import type { AuthInfo, ValidatedToken } from '../token-validator.ts'

/**
 * What the MCP SDKs hand to tools. It carries the validated token and leaves out the raw one: no tool can send on what it has never
 * seen.
 *
 * @param identity - Under which the things of the person are kept.
 */
export function authInfoOf(token: ValidatedToken, resource: URL, identity: Identity): AuthInfo {
  return {
    token: '',
    clientId: token.clientId,
    scopes: [...token.scopes],
    expiresAt: token.expiresAt,
    resource,
    extra: { token, identity },
  }
}
