import { errors } from 'oidc-provider'
import { namedScopes } from './scopes.ts'

/** What the grant of a refresh token holds, for its resource. */
export interface GrantedScopes {
  /** Scopes that the resource has. */
  known: readonly string[]
  /** Those that were granted and still are. */
  granted: readonly string[]
  /** Those that the person was asked for and could not grant, or may grant no more. */
  passedOver: ReadonlySet<string>
  /** Whether there is an ID token to renew. */
  openid: boolean
}

/**
 * Decides what a refresh gives. Clients send the scopes of their authorization request again, or those of an answer, or none. What was
 * passed over at the authorization, without an error, is passed over here, and a request that names no scope of the resource gets all that
 * was granted. Nothing is ever added to it.
 *
 * @param asked - `scope` of the request; `undefined` when it has none.
 * @returns `scope` as oidc-provider is to read it; `undefined` for all that was granted.
 * @throws {errors.InvalidScope} It asks for a scope of the resource that the person was never asked for, or for nothing that was granted
 *   (RFC 6749 §6).
 */
export function scopeOfRefresh(
  asked: unknown,
  { known, granted, passedOver, openid }: GrantedScopes,
): string | undefined {
  const wanted = namedScopes(asked, known)
  const widened = wanted.filter(scope => !granted.includes(scope) && !passedOver.has(scope))
  if (widened.length > 0)
    throw new errors.InvalidScope('was not granted, and a refresh cannot add it', widened.join(' '))
  if (wanted.length === 0) return undefined
  const left = wanted.filter(scope => granted.includes(scope))
  if (left.length === 0) throw new errors.InvalidScope('nothing of this is granted', wanted.join(' '))
  return [...(openid ? namedScopes(asked, ['openid']) : []), ...left].join(' ')
}
