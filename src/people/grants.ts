import { z } from 'zod'
import { strictObject, textListNonEmpty } from '../adapter-options.ts'

/** Scopes given by rule, for providers whose tokens cannot carry scopes of ours. */
export interface ScopeGrant {
  /** By the names that tools require. */
  readonly scopes: readonly string[]
  /** `everyone`, or principals in the provider's own spelling. */
  readonly to: readonly string[]
}

/**
 * Schema of a list of grants, one at least: without any, nobody could use a tool.
 *
 * @param principal - What `to` may name besides `everyone`.
 * @param hint - Says what that is; follows "must be everyone, or".
 */
export function scopeGrants(principal: RegExp, hint: string) {
  return optionalScopeGrants(principal, hint).min(1, { error: 'must hold one grant at least' })
}

/** The same, where there may be none. */
export function optionalScopeGrants(principal: RegExp, hint: string) {
  return z.array(
    strictObject({
      scopes: textListNonEmpty.describe('Scopes of this server that these people get, such as notes:read.'),
      to: principalList(principal, hint).describe(`Who gets these scopes: everyone, or ${hint}.`),
    }),
  )
}

/** Schema of a list of principals, one at least. A bare number is the id of a user. */
export function principalList(principal: RegExp, hint: string) {
  return textListNonEmpty
    .transform(names => names.map(name => (/^\d+$/.test(name) ? `user:${name}` : name)))
    .refine(names => names.every(name => name === 'everyone' || principal.test(name)), {
      error: `must be everyone, or ${hint}`,
    })
}
