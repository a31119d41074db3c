import type { ConfigProblem } from '../src/config-error.ts'
import type { Environment } from './environment.ts'
import type { ProviderConfiguration } from './providers.ts'
import type { Settings } from './settings.ts'

/** Claims by which rules know people, and how the principals begin that need them. */
const CLAIMS = { groupsClaim: 'group:', rolesClaim: 'role:' } as const

/**
 * Settings that are right and that change nothing, for a warning: whoever set them expects something.
 *
 * @param providers - In force, and in the shadow.
 */
export function mootSettings(
  { AUTH_SIGN_IN_SCOPES }: Pick<Settings, 'AUTH_SIGN_IN_SCOPES'>,
  providers: readonly ProviderConfiguration[],
  env: Environment,
): ConfigProblem[] {
  const isByRule = providers.length > 0 && providers.every(({ scopeNames }) => !scopeNames.requestable)
  const signIn =
    isByRule && AUTH_SIGN_IN_SCOPES.length > 0
      ? 'has no effect: rules grant the scopes of this server, so clients request the same scopes of the provider whatever they need'
      : undefined
  return [
    ...(signIn ? [{ setting: 'AUTH_SIGN_IN_SCOPES', problem: signIn, see: 'docs/people.md' }] : []),
    ...providers.flatMap(provider => unusedClaims(provider, env)),
  ]
}

function unusedClaims({ options, variableOf }: ProviderConfiguration, env: Environment): ConfigProblem[] {
  const { allow = [], grants = [] } = options as { allow?: string[]; grants?: { to: string[] }[] }
  const principals = [...allow, ...grants.flatMap(({ to }) => to)]
  return Object.entries(CLAIMS).flatMap(([option, prefix]) => {
    const setting = variableOf(option)
    if (setting === undefined || !env[setting]?.trim()) return []
    if (principals.some(name => name.startsWith(prefix))) return []
    const problem = `has no effect: no rule names a ${prefix.slice(0, -1)} (${prefix}NAME)`
    return [{ setting, problem, see: 'docs/people.md' }]
  })
}
