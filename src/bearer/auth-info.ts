import type { ValidatedToken, VerifiedAuthInfo } from '../token-validator.ts'
import { bearerToken, dpopToken, isDpopScheme } from './credentials.ts'

/**
 * The shape that the MCP SDKs' transports hand on to tools.
 *
 * @param authorization - The header that the token was accepted from.
 * @param resource - Identifier of this server.
 */
export function authInfoOf(
  token: ValidatedToken,
  authorization: string | null | undefined,
  resource: string,
): VerifiedAuthInfo {
  return {
    token: rawTokenOf(authorization ?? undefined),
    clientId: token.clientId,
    scopes: [...token.scopes],
    expiresAt: token.expiresAt,
    resource: new URL(resource),
    extra: { token },
  }
}

function rawTokenOf(authorization: string | undefined): string {
  const source = { authorization, authorizationCount: 1, url: '' }
  return isDpopScheme(authorization) ? dpopToken(source) : bearerToken(source)
}
