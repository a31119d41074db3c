import { didYouMean } from '../src/closest.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import type { ApiKeyEntry } from './api-keys-file.ts'
import type { BridgeConfiguration } from './bridge.ts'
import type { ClientEntry } from './clients.ts'
import type { ProviderConfiguration } from './providers.ts'
import type { Settings } from './settings.ts'

/** Everything that gives scopes by rule, and the scopes that there are. */
export interface ScopeRules {
  readonly settings: Settings
  readonly bridge: BridgeConfiguration | undefined
  readonly clients: readonly ClientEntry[]
  readonly apiKeys: readonly ApiKeyEntry[]
  readonly scopes: DeclaredScopes
}

/** Of each server of the process; `undefined` where they are not known, and nothing can be said. */
export type DeclaredScopes = readonly (Readonly<Record<string, string>> | undefined)[]

/** Finds rules that give scopes which no server has: people would consent, and be refused. */
export function checkScopeRules(rules: ScopeRules, problems: ConfigProblem[]): void {
  const check = scopeCheck(rules.scopes, problems)
  const { AUTH_SIGN_IN_SCOPES, BRIDGE_CONFIG } = rules.settings
  check(
    'AUTH_SIGN_IN_SCOPES',
    AUTH_SIGN_IN_SCOPES.filter(scope => scope !== 'all'),
    'docs/settings.md',
  )
  const bridgeScopes = rules.bridge?.grants.flatMap(({ scopes }) => scopes) ?? []
  check(
    BRIDGE_CONFIG === undefined ? 'BRIDGE_GRANT_SCOPES' : `${BRIDGE_CONFIG}: grants`,
    bridgeScopes,
    'docs/bridge.md',
  )
  for (const { client_id, scope = '' } of rules.clients) {
    check(`AUTH_CLIENTS_FILE: ${client_id}`, scope.split(' ').filter(Boolean), 'docs/clients.md')
  }
  checkApiKeyScopes(rules.apiKeys, rules.scopes, problems)
}

/** The same for API keys. */
export function checkApiKeyScopes(
  keys: readonly Pick<ApiKeyEntry, 'id' | 'scopes'>[],
  scopes: DeclaredScopes,
  problems: ConfigProblem[],
): void {
  const check = scopeCheck(scopes, problems)
  for (const { id, scopes } of keys) check(`AUTH_API_KEYS_FILE: ${id}`, scopes, 'docs/api-keys.md')
}

/** The same for the grants of providers. */
export function checkGrants(
  providers: readonly Pick<ProviderConfiguration, 'options' | 'settingAt'>[],
  scopes: DeclaredScopes,
  problems: ConfigProblem[],
): void {
  const check = scopeCheck(scopes, problems)
  for (const { options, settingAt } of providers) {
    const grants = (options.grants ?? []) as readonly { scopes: readonly string[] }[]
    for (const [index, { scopes }] of grants.entries()) {
      check(settingAt(`grants.${index}.scopes`), scopes, 'docs/providers.md')
    }
  }
}

function scopeCheck(all: DeclaredScopes, problems: ConfigProblem[]) {
  const declared = [...new Set(all.flatMap(scopes => Object.keys(scopes ?? {})))]
  const isKnown = all.every(scopes => scopes !== undefined)
  return (setting: string, scopes: readonly string[], see: string) => {
    for (const scope of scopes) {
      if (!isKnown || declared.includes(scope)) continue
      const hint = didYouMean(scope, declared) || (declared.length > 0 ? `; there are ${declared.join(', ')}` : '')
      problems.push({ setting, problem: `names ${scope}, which the server does not declare${hint}`, see })
    }
  }
}
