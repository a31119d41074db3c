import { clip, consoles, isLoopback, type ProviderConfiguration } from 'idplug/internal'
import type { RuleName } from './explain.ts'

/** Either of two sides may be wrong: what to change at the provider, or else in the settings of this server. */
export interface Sides {
  readonly provider: string
  readonly here: string
}

/** What is known about the server whose rule refused a token. */
export interface OurSide {
  readonly resource: string
  /** That of the token, or the only one. Absent: it is not known which it was. */
  readonly configured?: Pick<ProviderConfiguration, 'adapter' | 'variableOf'>
}

/** Findings of `idplug doctor` for which providers' consoles say what to do about a rule. */
const FINDING_OF: Partial<Record<RuleName, string>> = {
  algorithm: 'tenant.algorithm_unsupported',
  issuer: 'tenant.issuer_mismatch',
  audience: 'token.audience',
}

/**
 * What to change on either side, where a rule compares something of the token with a setting.
 *
 * @param actual - What the token says.
 * @param cure - What is known to help at the provider, where its console says nothing.
 */
export function sidesOf(
  rule: RuleName,
  actual: readonly string[],
  cure: string,
  { resource, configured }: OurSide,
): Sides | undefined {
  const here = hereOf(rule, actual, { resource, configured })
  if (here === undefined) return undefined
  const code = FINDING_OF[rule] ?? ''
  return { provider: consoles[configured?.adapter.name ?? '']?.fixes[code] ?? cure, here }
}

function hereOf(rule: RuleName, actual: readonly string[], { resource, configured }: OurSide): string | undefined {
  const [value] = actual
  if (value === undefined) return undefined
  const seen = clip(value)
  const variable = (option: string, general: string) => configured?.variableOf(option) ?? general
  switch (rule) {
    case 'audience': {
      const setting = `${variable('audience', 'audience in the configuration')}, if the token is meant for this server`
      const publicUrl = publicUrlFor(value, resource)
      return publicUrl === undefined
        ? `add ${seen} to ${setting}`
        : `set PUBLIC_URL=${clip(publicUrl)}, if clients reach this server there`
    }
    case 'issuer':
      return `add the provider that issues as ${seen} to AUTH_PROVIDER, or set ${variable('metadataUrl', 'AUTH_METADATA_URL')} to its metadata, if it is yours`
    case 'client':
      return `add ${seen} to ${variable('clientIds', 'clientIds in the configuration')}, if the client is yours`
    case 'algorithm':
      return configured?.variableOf('algorithms') === undefined
        ? undefined
        : `add ${seen} to ${configured.variableOf('algorithms')}`
    default:
      return undefined
  }
}

/** The `PUBLIC_URL` with which this server would be the audience; `undefined` where that is no URL of an endpoint like ours. */
function publicUrlFor(audience: string, resource: string): string | undefined {
  const url = URL.parse(audience)
  // No start takes another URL with http.
  if (!url || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))) return undefined
  const [, endpoint = ''] = /^https?:\/\/[^/]+(?:\/.*)?(\/[^/]+)\/?$/.exec(resource) ?? []
  const bare = audience.replace(/\/$/, '')
  return bare.endsWith(endpoint) && endpoint !== '' ? bare.slice(0, -endpoint.length) : undefined
}
