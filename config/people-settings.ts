import { namedProviders } from '../adapters/index.ts'
import { providerFiles } from './provider-files.ts'

/** Options that say who may use a server. Without one of them, everybody may whose token is good. */
const ENTRY_OPTIONS = ['allow', 'hostedDomains', 'allowedTenants'] as const

/** How the variables of people rules end, at the providers that have them. */
const ENDINGS = ['ALLOW', 'GRANT_SCOPES', 'GRANT_TO', 'GROUPS_CLAIM', 'ROLES_CLAIM', 'WIRE_SCOPES'] as const

const variablesIn = (value: unknown) =>
  [...JSON.stringify(value ?? null).matchAll(/\$\{(\w+)/g)].map(match => match[1] ?? '')

const optionsOf = (provider: string) => (providerFiles[provider] ?? {}) as Readonly<Record<string, unknown>>

/** Variables of a provider's file in `config/` that say who may use a server. */
export function entryVariables(provider: string): readonly string[] {
  return ENTRY_OPTIONS.flatMap(option => variablesIn(optionsOf(provider)[option]))
}

/** Variables of a provider's file in `config/` that hold rules about people. */
export function peopleVariables(provider: string): readonly string[] {
  return [...entryVariables(provider), ...variablesIn(optionsOf(provider).grants)]
}

/** Where people sign in: what the bridge takes from a provider's file in `config/`. */
const PLACE_OPTIONS = ['metadataUrl', 'issuer', 'apiUrl'] as const

/** Variables of that file that say where people sign in. */
export function placeVariables(provider: string): readonly string[] {
  return PLACE_OPTIONS.flatMap(option => variablesIn(optionsOf(provider)[option]))
}

/**
 * What is wrong with a variable that is no setting, and reads like a rule about people of a provider whose settings are read; nothing for
 * any other name. A rule that gets lost lets everybody in.
 *
 * @param read - Names of settings that are read.
 */
export function lostRule(name: string, read: ReadonlySet<string>): string | undefined {
  for (const { name: provider } of namedProviders) {
    const rules = entryVariables(provider).filter(variable => read.has(variable))
    const [allow = ''] = rules
    const meant = rules.find(rule => name.startsWith(rule))
    if (meant !== undefined) return `; did you mean ${meant}? Correct the name, or remove the variable`
    const prefix = allow.endsWith('_ALLOW') ? allow.slice(0, -'ALLOW'.length) : undefined
    if (prefix !== undefined && ENDINGS.some(ending => name === prefix + ending)) {
      return `: AUTH_PROVIDER=${provider} has none of this name. Set it in a file of your own (AUTH_CONFIG), or remove the variable`
    }
  }
  return undefined
}
