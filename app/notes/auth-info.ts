import type { ValidatedToken, VerifiedAuthInfo } from '../../src/token-validator.ts'

/**
 * What the SDKs pass from the HTTP request to a handler. It carries the validated token and leaves out the raw one: no
 * tool can send on what it has never seen.
 */
export type RequestAuthInfo = Omit<VerifiedAuthInfo, 'resource'>

export function authInfoOf(token: ValidatedToken): RequestAuthInfo {
  return {
    token: '',
    clientId: token.clientId,
    scopes: [...token.scopes],
    expiresAt: token.expiresAt,
    extra: { token },
  }
}

/** The token of the request that a handler serves. Handlers run behind authentication only, so there always is one. */
export function tokenOf(authInfo: { extra?: Record<string, unknown> } | undefined): ValidatedToken {
  const token = authInfo?.extra?.token
  if (!token) throw new Error('A request reached a handler without authentication')
  return token as ValidatedToken
}
