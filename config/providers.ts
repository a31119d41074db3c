import { providerNamed } from '../adapters/index.ts'
import type { Adapter } from '../src/adapter.ts'
import { ConfigError, type ConfigProblem } from '../src/config-error.ts'
import { createScopeNames, type ScopeName, type ScopeNames } from '../src/scopes/names.ts'
import type { Environment } from './environment.ts'
import { GRANT_OF_NOTHING, lacksNeedlessGrants } from './needless-grants.ts'
import { PARSED_ONCE } from './parsed-once.ts'
import { adapterOf } from './provider-adapters.ts'
import { grantMistakes, wireByRule, withoutEmptyGrants } from './provider-grants.ts'
import { readSecrets, secretOptions } from './provider-secrets.ts'
import {
  isMissing,
  reportReferences,
  SEE_PROVIDERS,
  sentence,
  unsetSentence,
  withDescription,
} from './provider-sentences.ts'
import {
  addressedSource,
  contentOf,
  providerSources,
  type Source,
  shadowSource,
  sourceNamed,
} from './provider-sources.ts'
import { expandReferences, referenceIn } from './references.ts'
import { urlsNotToAsk } from './secure-urls.ts'
import type { Settings } from './settings.ts'
import { urlOfOtherProvider } from './url-of-other-provider.ts'

/** One provider whose tokens are accepted, as configured and checked. */
export interface ProviderConfiguration {
  /** As in `AUTH_PROVIDER`; that of the adapter where the file is the user's own. */
  readonly name: string
  readonly adapter: Adapter
  /** As the adapter's schema has it. */
  readonly options: Record<string, unknown>
  readonly scopeNames: ScopeNames
  /** Value of a secret that the options name. */
  secret(name: string): string
  /** For messages: the name under which the user set what stands at a place of the options, such as `grants.0.scopes`. */
  settingAt(place: string): string
  /** The variable that sets an option; `undefined` where the file refers to none there. */
  variableOf(option: string): string | undefined
}

/** Who decides about tokens, and who only looks on. */
export interface LoadedProviders {
  /** Providers whose tokens are accepted; one at least. */
  readonly providers: readonly ProviderConfiguration[]
  /** The provider that `AUTH_SHADOW` names. */
  readonly shadow?: ProviderConfiguration
}

/**
 * The providers in force: those that `AUTH_PROVIDER` names, else the one that recognises `AUTH_METADATA_URL`, else the demo
 * authorization server. `AUTH_CONFIG` puts files of the user's own in place of those in `config/`. Beside them the one in the
 * shadow, if any.
 *
 * @param derived - Settings with their defaults worked out, for references in the files.
 * @param hasScopes - Whether any server of the process has scopes, which some providers' tokens cannot carry.
 * @throws {ConfigError} Lists every problem at once.
 */
export function loadProviders(
  settings: Settings,
  env: Environment,
  derived: Environment,
  hasScopes: boolean,
): LoadedProviders {
  const problems: ConfigProblem[] = []
  const inForce = providerSources(settings, problems)
  const inShadow = shadowSource(settings, inForce, problems)
  const addressed = addressedSource(settings, inShadow ? [...inForce, inShadow] : inForce, problems)
  const surroundings = { env: { ...env, ...derived }, hasScopes, insecureHosts: settings.AUTH_INSECURE_HOSTS, problems }
  const loadSource = (source: Source) =>
    loadProvider(source, source === addressed ? settings.AUTH_METADATA_URL : undefined, surroundings)
  const providers: ProviderConfiguration[] = []
  for (const source of inForce) {
    const provider = loadSource(source)
    if (provider) providers.push(provider)
  }
  const shadow = inShadow && loadSource(inShadow)
  if (problems.length > 0) throw new ConfigError(problems.map(problem => ({ see: SEE_PROVIDERS, ...problem })))
  return { providers, shadow }
}

/** A provider with its options, for configuration in code: see `configure`. */
export interface ConfiguredProvider {
  readonly adapter: Adapter
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * Providers that were configured in code, checked as those of files are. Texts may refer to variables.
 *
 * @throws {ConfigError} Lists every problem at once.
 */
export function loadConfiguredProviders(
  configured: readonly ConfiguredProvider[],
  env: Environment,
  derived: Environment,
  { hasScopes, insecureHosts }: Pick<LoadSurroundings, 'hasScopes' | 'insecureHosts'>,
): LoadedProviders {
  const problems: ConfigProblem[] = []
  const surroundings = { env: { ...env, ...derived }, hasScopes, insecureHosts, problems }
  const providers = configured.flatMap(({ adapter, options }, index) => {
    const source: Source = {
      label: `providers.${index}`,
      content: { adapter: adapter.name, ...options },
      adapter,
    }
    return loadProvider(source, undefined, surroundings) ?? []
  })
  if (problems.length > 0) throw new ConfigError(problems.map(problem => ({ see: SEE_PROVIDERS, ...problem })))
  return { providers }
}

interface LoadSurroundings {
  readonly env: Environment
  /** Whether the servers have scopes, which grants then have to name. */
  readonly hasScopes: boolean
  /** Hosts that may be asked over http. */
  readonly insecureHosts: readonly string[]
  /** Every problem is added to it. */
  readonly problems: ConfigProblem[]
}

function loadProvider(
  source: Source,
  metadataUrl: string | undefined,
  { env, hasScopes, insecureHosts, problems }: LoadSurroundings,
): ProviderConfiguration | undefined {
  const { label } = source
  const raw = contentOf(source, problems)
  const found = source.adapter ?? (raw && adapterOf(raw.adapter, source, problems))
  if (!raw || !found) return undefined
  const { name, title } = source.provider ?? found
  const adapter = { ...found, title } // problems speak of the provider that was chosen
  if (metadataUrl !== undefined) raw.metadataUrl = metadataUrl
  const lacksGrants = !hasScopes && lacksNeedlessGrants(raw.grants, adapter, env, problems)
  if (lacksGrants) raw.grants = GRANT_OF_NOTHING

  const { value, missing, noHosts } = expandReferences(raw, env)
  const failed = new Set([...missing.values(), ...noHosts.values()].flat())
  /** The name under which the user set what stands at a place of the file. */
  const settingAt = (place: string) =>
    place === 'metadataUrl' && metadataUrl !== undefined
      ? 'AUTH_METADATA_URL'
      : (referenceIn(textAt(raw, place), env) ?? `${label}: ${place || 'file'}`)

  const ofOther = urlOfOtherProvider((value as { metadataUrl?: unknown }).metadataUrl, adapter)
  if (ofOther !== undefined) {
    problems.push({ setting: settingAt('metadataUrl'), problem: ofOther })
    return undefined
  }
  reportReferences({ missing, noHosts }, place => textAt(raw, place), adapter, problems)
  const complete = withoutEmptyGrants(value, raw, env, problems)
  const parsed = adapter.options.safeParse(complete, PARSED_ONCE)
  const read = parsed.data ?? (complete as Record<string, unknown>)
  const secrets = readSecrets(read, env, adapter, problems)
  for (const [place, message] of Object.entries(urlsNotToAsk(read, insecureHosts))) {
    problems.push({ setting: settingAt(place), problem: withDescription(message, adapter, place) })
    failed.add(place)
  }
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const place = issue.path.join('.')
      // A reference that may stay empty, to a variable that is needed all the same.
      const isUnset = isMissing(issue) && referenceIn(textAt(raw, place), env) !== undefined
      const problem = isUnset ? unsetSentence(adapter, [place]) : sentence(issue, adapter, place)
      if (!failed.has(place)) problems.push({ setting: settingAt(place), problem })
    }
    return undefined
  }
  const options = lacksGrants ? { ...parsed.data, grants: [] } : parsed.data
  const secret = (name: string) => {
    const found = secrets.get(name)
    if (found === undefined) throw new Error(`the secret ${name} was not loaded`)
    return found
  }
  const hasSecrets = secretOptions(options).every(([, name]) => secrets.has(name))
  const mistakes = { ...grantMistakes(options, hasScopes), ...(hasSecrets && adapter.mistakes?.(options, secret)) }
  for (const [place, problem] of Object.entries(mistakes)) {
    const secretIn = place.endsWith('Env') ? (options[place] as string | undefined) : undefined
    if (!failed.has(place)) problems.push({ setting: secretIn ?? settingAt(place), problem: problem ?? '' })
  }
  const { scopePrefix, scopeNames } = options as { scopePrefix?: string; scopeNames?: Record<string, ScopeName> }
  const names = createScopeNames({ prefix: scopePrefix, names: scopeNames, fixedWire: wireByRule(adapter, options) })
  const variableOf = (option: string) => referenceIn(textAt(raw, option), env)
  return { name, adapter: found, options, scopeNames: names, secret, settingAt, variableOf }
}

/** Where people sign in. */
export interface SignInPlace {
  readonly metadataUrl: string
  /** What the provider calls itself. Default: what follows from the metadata URL. */
  readonly issuer?: string
  /** Base of the provider's API, where it has one that says who people are. Default: what follows from the metadata URL. */
  readonly apiUrl?: string
}

/**
 * Metadata URL and issuer in a provider's file in `config/`.
 *
 * @param metadataUrl - Takes the place of the one in the file.
 * @param problems - Settings that they need and that are missing or wrong are added to it.
 */
export function signInPlaceOf(
  name: string,
  metadataUrl: string | undefined,
  env: Environment,
  problems: ConfigProblem[],
): SignInPlace | undefined {
  const provider = providerNamed(name)
  const raw = provider && contentOf(sourceNamed(name), problems)
  if (!raw) return undefined
  const adapter = { ...provider.adapter, title: provider.title }
  const { value, missing, noHosts } = expandReferences(
    { metadataUrl: metadataUrl ?? raw.metadataUrl, issuer: raw.issuer, apiUrl: raw.apiUrl },
    env,
  )
  const before = problems.length
  reportReferences({ missing, noHosts }, place => textAt(raw, place), adapter, problems)
  const place = value as Partial<SignInPlace>
  const ofOther = urlOfOtherProvider(place.metadataUrl, adapter)
  if (ofOther !== undefined) problems.push({ setting: 'AUTH_METADATA_URL', problem: ofOther, see: SEE_PROVIDERS })
  if (place.metadataUrl === undefined) {
    const setting = referenceIn(raw.metadataUrl, env) ?? 'AUTH_METADATA_URL'
    problems.push({ setting, problem: unsetSentence(adapter, ['metadataUrl']), see: SEE_PROVIDERS })
  }
  return problems.length === before ? { ...place, metadataUrl: place.metadataUrl ?? '' } : undefined
}

/** The text of a file at a place, or the one that the value at this place was made of. */
function textAt(file: unknown, place: string): unknown {
  let value = file
  for (const name of place.split('.')) {
    if (typeof value === 'object' && value !== null) value = (value as Record<string, unknown>)[name]
  }
  return value
}
