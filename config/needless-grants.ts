import type { Adapter } from '../src/adapter.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import type { Environment } from './environment.ts'
import { expandReferences, referenceIn } from './references.ts'

/** Fits an option that demands a grant, and is taken out again. */
export const GRANT_OF_NOTHING = [{ scopes: ['nothing'], to: ['everyone'] }]

/**
 * Whether an adapter demands grants of scopes, and nobody configured one. A server without scopes has nothing to grant.
 *
 * @param grants - As the provider's file has them.
 * @param problems - A grant of which a part alone is set is added to it.
 */
export function lacksNeedlessGrants(
  grants: unknown,
  adapter: Adapter,
  env: Environment,
  problems: ConfigProblem[],
): boolean {
  const option = adapter.options.shape.grants
  const isDemanded = option !== undefined && !option.safeParse(undefined).success
  if (!isDemanded || !option.safeParse(GRANT_OF_NOTHING).success) return false
  const texts = textsOf(grants)
  const set = texts.filter(text => expandReferences(text, env).missing.size === 0)
  if (set.length > 0 && set.length < texts.length) {
    for (const text of set) {
      const setting = referenceIn(text, env)
      const problem = 'says who is granted scopes, but the server declares none: remove the setting'
      if (setting !== undefined) problems.push({ setting, problem })
    }
    return true
  }
  return set.length === 0
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}
