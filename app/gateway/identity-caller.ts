import type { Access } from 'idplug'

/** A caller as the target should know it. */
export interface Caller {
  /** Who vouches for the subject: the provider, byte for byte. */
  readonly issuer: string
  /** Immutable id at that issuer. */
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
}

/**
 * The caller behind an access. A linked identity (`AUTH_LINKS`) is the one under which the things of the person are kept.
 *
 * @returns `undefined` for an anonymous caller.
 */
export function callerOf({ token, authInfo }: Pick<Access, 'token' | 'authInfo'>): Caller | undefined {
  if (!token) return undefined
  const { issuer, subject } = authInfo?.extra.identity ?? token
  return { issuer, subject, clientId: token.clientId, scopes: token.scopes }
}
