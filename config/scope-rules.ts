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
  /** The one in the shadow included. */
  readonly providers: readonly ProviderConfiguration[]
  /** Declared by the servers of the process. */
  readonly scopes: readonly Readonly<Record<string, string>>[]
}

/** Finds rules that give scopes which no server has: people would consent, and be refused. */
export function checkScopeRules(rules: ScopeRules, problems: ConfigProblem[]): void {
  const declared = [...new Set(rules.scopes.flatMap(scopes => Object.keys(scopes)))]
  const check = (setting: string, scopes: readonly string[], see: string) => {
    for (const scope of scopes) {
      if (declared.includes(scope)) continue
      const hint = didYouMean(scope, declared) || (declared.length > 0 ? `; there are ${declared.join(', ')}` : '')
      problems.push({ setting, problem: `names ${scope}, which the server does not declare${hint}`, see })
    }
  }
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
  for (const { id, scopes } of rules.apiKeys) check(`AUTH_API_KEYS_FILE: ${id}`, scopes, 'docs/api-keys.md')
  for (const { options, settingAt } of rules.providers) {
    const grants = (options.grants ?? []) as readonly { scopes: readonly string[] }[]
    for (const [index, { scopes }] of grants.entries()) {
      check(settingAt(`grants.${index}.scopes`), scopes, 'docs/providers.md')
    }
  }
}
