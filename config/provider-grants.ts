import type { Adapter } from '../src/adapter.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import type { Environment } from './environment.ts'
import { SEE_PROVIDERS } from './provider-sentences.ts'
import { referenceIn } from './references.ts'

/** What clients request where scopes are granted by rule; `undefined` where they request what they need. */
export function wireByRule({ people }: Adapter, options: Record<string, unknown>): readonly string[] | undefined {
  const { wireScopes, grants = [] } = options as { wireScopes?: readonly string[]; grants?: readonly unknown[] }
  if (wireScopes === undefined && grants.length === 0) return undefined
  return people?.wireScopes?.(options) ?? wireScopes ?? ['openid']
}

/** What of the rules cannot work; as `Adapter.mistakes`. */
export function grantMistakes(options: Record<string, unknown>, hasScopes: boolean): { wireScopes?: string } {
  const { wireScopes, grants } = options as { wireScopes?: readonly string[]; grants?: readonly unknown[] }
  if (!hasScopes || wireScopes === undefined || grants === undefined || grants.length > 0) return {}
  return {
    wireScopes:
      'is what clients request instead of the scopes of this server where grants say who has those, and there are no grants: nobody could get a scope. Add grants, or use AUTH_EXTRA_SCOPES for what clients are to request besides',
  }
}

/**
 * Leaves out grants whose scopes are a variable that is not set.
 *
 * @param raw - The same before its references were replaced.
 */
export function withoutEmptyGrants(value: unknown, raw: unknown, env: Environment, problems: ConfigProblem[]): unknown {
  const { grants } = value as { grants?: unknown }
  const { grants: texts } = raw as { grants?: unknown }
  if (!Array.isArray(grants) || !Array.isArray(texts)) return value
  const kept = grants.filter((grant, index) => {
    const { scopes, to } = (texts[index] ?? {}) as { scopes?: unknown; to?: unknown }
    if (typeof grant !== 'object' || grant === null || 'scopes' in grant || scopes === undefined) return true
    const [setting = '', recipient = ''] = [referenceIn(scopes, env), referenceIn(to, env)]
    if (env[recipient]?.trim()) {
      problems.push({ setting, problem: `is not set, and ${recipient} says who has these scopes`, see: SEE_PROVIDERS })
    }
    return false
  })
  return { ...(value as object), grants: kept }
}
