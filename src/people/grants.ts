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
  const to = textListNonEmpty.refine(names => names.every(name => name === 'everyone' || principal.test(name)), {
    error: `must be everyone, or ${hint}`,
  })
  return z.array(strictObject({ scopes: textListNonEmpty, to })).min(1, { error: 'must hold one grant at least' })
}

/**
 * Scopes of all grants that hold for somebody.
 *
 * @param principals - Every name under which a grant may mean them.
 */
export function grantedScopes(grants: readonly ScopeGrant[], principals: readonly string[]): readonly string[] {
  const names = new Set(['everyone', ...principals])
  return [...new Set(grants.filter(({ to }) => to.some(name => names.has(name))).flatMap(({ scopes }) => scopes))]
}
