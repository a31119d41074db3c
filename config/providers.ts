import type { z } from 'zod'
import { adapterNamed, adapters, providerNamed, recognizeProvider } from '../adapters/index.ts'
import type { Adapter } from '../src/adapter.ts'
import { unknownMembers } from '../src/adapter-options.ts'
import { didYouMean } from '../src/closest.ts'
import { ConfigError, type ConfigProblem } from '../src/config-error.ts'
import { createScopeNames, type ScopeName, type ScopeNames } from '../src/scopes/names.ts'
import { type Environment, readSecret } from './environment.ts'
import { loadModule, readJsonFile } from './files.ts'
import { GRANT_OF_NOTHING, lacksNeedlessGrants } from './needless-grants.ts'
import { providerFiles } from './provider-files.ts'
import { type Expansion, expandReferences, referenceIn } from './references.ts'
import { insecureUrls } from './secure-urls.ts'
import type { Settings } from './settings.ts'

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

const SEE = 'docs/providers.md'

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
  hasScopes = true,
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
  if (problems.length > 0) throw new ConfigError(problems.map(problem => ({ see: SEE, ...problem })))
  return { providers, shadow }
}

/** Where a provider's configuration stands: in a file of ours, in one of the user's own, or in their code. */
interface Source {
  /** For messages: `config/auth0.json`, the user's own path, or `providers.0`. */
  readonly label: string
  /** Absent: it is the user's own file at {@link label}. */
  readonly content?: Readonly<Record<string, unknown>>
  /** Given in code. */
  readonly adapter?: Adapter
  /** What the file in `config/` is for: the provider's name, and its own name for people. */
  readonly provider?: { readonly name: string; readonly title: string }
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
  { hasScopes = true, insecureHosts = [] }: Partial<Pick<LoadSurroundings, 'hasScopes' | 'insecureHosts'>> = {},
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
  if (problems.length > 0) throw new ConfigError(problems.map(problem => ({ see: SEE, ...problem })))
  return { providers }
}

function providerSources(settings: Settings, problems: ConfigProblem[]): Source[] {
  const { AUTH_CONFIG, AUTH_PROVIDER, AUTH_METADATA_URL, AUTH_SHADOW } = settings
  if (AUTH_CONFIG.length > 0 && AUTH_PROVIDER.length > 0) {
    problems.push({ setting: 'AUTH_CONFIG', problem: 'and AUTH_PROVIDER are both set; keep one' })
  }
  if (AUTH_CONFIG.length > 0) return AUTH_CONFIG.map(sourceAt)
  // Beside a shadow the URL is the shadow's.
  const names = AUTH_PROVIDER.length > 0 ? AUTH_PROVIDER : [recognized(AUTH_SHADOW ? undefined : AUTH_METADATA_URL)]
  return [...new Set(names)].map(sourceNamed)
}

function shadowSource(
  { AUTH_SHADOW }: Settings,
  inForce: readonly Source[],
  problems: ConfigProblem[],
): Source | undefined {
  if (AUTH_SHADOW === undefined) return undefined
  const source = AUTH_SHADOW.endsWith('.json') ? sourceAt(AUTH_SHADOW) : sourceNamed(AUTH_SHADOW)
  if (inForce.every(({ label }) => label !== source.label)) return source
  problems.push({
    setting: 'AUTH_SHADOW',
    problem: `is already active (AUTH_PROVIDER, AUTH_CONFIG); remove it from one of the two`,
  })
  return undefined
}

/** The one that `AUTH_METADATA_URL` is meant for. The demo authorization server has AUTH_SERVER_URL, so it steps back. */
function addressedSource(
  { AUTH_METADATA_URL }: Settings,
  sources: readonly Source[],
  problems: ConfigProblem[],
): Source | undefined {
  const demo = sourceNamed('demo').label
  const candidates = sources.length === 1 ? sources : sources.filter(({ label }) => label !== demo)
  if (candidates.length > 1 && AUTH_METADATA_URL !== undefined) {
    problems.push({
      setting: 'AUTH_METADATA_URL',
      problem: 'cannot be meant for several providers; use the settings of each, or files of your own (AUTH_CONFIG)',
    })
  }
  return candidates.length === 1 ? candidates[0] : undefined
}

const sourceAt = (path: string): Source => ({ label: path })

function sourceNamed(name: string): Source {
  return { label: `config/${name}.json`, content: providerFiles[name] ?? {}, provider: providerNamed(name) }
}

function recognized(metadataUrl: string | undefined): string {
  return metadataUrl === undefined ? 'demo' : recognizeProvider(new URL(metadataUrl)).name
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
  reportReferences({ missing, noHosts }, adapter, problems)

  /** The name under which the user set what stands at a place of the file. */
  const settingAt = (place: string) =>
    place === 'metadataUrl' && metadataUrl !== undefined
      ? 'AUTH_METADATA_URL'
      : (referenceIn(textAt(raw, place), env) ?? `${label}: ${place || 'file'}`)

  const complete = withoutEmptyGrants(value, raw, env, problems)
  const parsed = adapter.options.safeParse(complete)
  const read = parsed.data ?? (complete as Record<string, unknown>)
  const secrets = readSecrets(read, env, adapter, problems)
  for (const [place, message] of Object.entries(insecureUrls(read, insecureHosts))) {
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
  for (const [place, problem] of Object.entries((hasSecrets && adapter.mistakes?.(options, secret)) || {})) {
    const secretIn = place.endsWith('Env') ? (options[place] as string | undefined) : undefined
    if (!failed.has(place)) problems.push({ setting: secretIn ?? settingAt(place), problem: problem ?? '' })
  }
  const { scopePrefix, scopeNames } = options as { scopePrefix?: string; scopeNames?: Record<string, ScopeName> }
  const names = createScopeNames({ prefix: scopePrefix, names: scopeNames, fixedWire: wireByRule(adapter, options) })
  const variableOf = (option: string) => referenceIn(textAt(raw, option), env)
  return { name, adapter: found, options, scopeNames: names, secret, settingAt, variableOf }
}

/** What clients request where scopes are granted by rule; `undefined` where they request what they need. */
function wireByRule({ people }: Adapter, options: Record<string, unknown>): readonly string[] | undefined {
  const { wireScopes, grants = [] } = options as { wireScopes?: readonly string[]; grants?: readonly unknown[] }
  if (wireScopes === undefined && grants.length === 0) return undefined
  return people?.wireScopes?.(options) ?? wireScopes ?? ['openid']
}

/**
 * Leaves out grants whose scopes are a variable that is not set.
 *
 * @param raw - The same before its references were replaced.
 */
function withoutEmptyGrants(value: unknown, raw: unknown, env: Environment, problems: ConfigProblem[]): unknown {
  const { grants } = value as { grants?: unknown }
  const { grants: texts } = raw as { grants?: unknown }
  if (!Array.isArray(grants) || !Array.isArray(texts)) return value
  const kept = grants.filter((grant, index) => {
    const { scopes, to } = (texts[index] ?? {}) as { scopes?: unknown; to?: unknown }
    if (typeof grant !== 'object' || grant === null || 'scopes' in grant || scopes === undefined) return true
    const [setting = '', recipient = ''] = [referenceIn(scopes, env), referenceIn(to, env)]
    if (env[recipient]?.trim()) {
      problems.push({ setting, problem: `is not set, and ${recipient} says who has these scopes`, see: SEE })
    }
    return false
  })
  return { ...(value as object), grants: kept }
}

/** Where people sign in. */
export interface SignInPlace {
  readonly metadataUrl: string
  /** What the provider calls itself. Default: what follows from the metadata URL. */
  readonly issuer?: string
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
    { metadataUrl: metadataUrl ?? raw.metadataUrl, issuer: raw.issuer },
    env,
  )
  const before = problems.length
  reportReferences({ missing, noHosts }, adapter, problems)
  const place = value as Partial<SignInPlace>
  if (place.metadataUrl === undefined) {
    const setting = referenceIn(raw.metadataUrl, env) ?? 'AUTH_METADATA_URL'
    problems.push({ setting, problem: unsetSentence(adapter, ['metadataUrl']), see: SEE })
  }
  return problems.length === before ? { metadataUrl: place.metadataUrl ?? '', issuer: place.issuer } : undefined
}

function reportReferences(
  { missing, noHosts }: Pick<Expansion, 'missing' | 'noHosts'>,
  adapter: Adapter,
  problems: ConfigProblem[],
): void {
  for (const setting of noHosts.keys()) {
    const problem = 'must be a host name alone, like auth.example.com: no https:// before it, no slash or path after it'
    problems.push({ setting, problem, see: SEE })
  }
  for (const [setting, places] of missing) {
    problems.push({ setting, problem: unsetSentence(adapter, places), see: SEE })
  }
}

function unsetSentence(adapter: Adapter, places: readonly string[]): string {
  const description = places.map(place => describe(adapter, place)).find(Boolean)
  const otherwise = places.includes('metadataUrl') ? ', unless AUTH_METADATA_URL is set' : ''
  return `is not set. ${adapter.title} needs it for ${places.join(', ')}${otherwise}${description ? `: ${description}` : ''}`
}

/** A member that the schema needs, or that one of its rules does. */
function isMissing({ code, message }: z.core.$ZodIssue): boolean {
  return (code === 'invalid_type' && message.endsWith('received undefined')) || message === 'is not set'
}

/** A copy, which may be changed. */
function contentOf({ label, content }: Source, problems: ConfigProblem[]): Record<string, unknown> | undefined {
  if (content) return { ...content }
  const file = readJsonFile(label)
  if ('problem' in file) {
    problems.push({ setting: 'AUTH_CONFIG', problem: `${label} ${file.problem}` })
    return undefined
  }
  const { value } = file
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  problems.push({ setting: label, problem: 'must hold a JSON object' })
  return undefined
}

/** One of ours by its name, or one of the user's own: by the path of its module, relative to the file, or by its package. */
function adapterOf(name: unknown, { label, content }: Source, problems: ConfigProblem[]): Adapter | undefined {
  const own = typeof name === 'string' ? adapterNamed(name) : undefined
  if (own) return own
  const setting = `${label}: adapter`
  const isPath = typeof name === 'string' && /^\.{0,2}\//.test(name)
  const loaded = typeof name === 'string' && !content ? loadModule(name, label) : { problem: 'does not exist' }
  if ('module' in loaded) {
    const { adapter } = loaded.module
    if (isAdapter(adapter)) return adapter
    problems.push({ setting, problem: `${name} must export an adapter under the name "adapter"`, see: SEE_ADAPTERS })
    return undefined
  }
  if (isPath || loaded.problem !== 'does not exist') {
    problems.push({ setting, problem: `${name} ${loaded.problem}`, see: SEE_ADAPTERS })
    return undefined
  }
  const known = adapters.map(adapter => adapter.name)
  const hint = didYouMean(String(name), known)
  problems.push({
    setting,
    problem: `must be one of ${known.join(', ')}, the path of a module that begins with ./, or an installed package${hint}`,
  })
  return undefined
}

const SEE_ADAPTERS = 'docs/adapters.md'

/** Modules are checked as far as we call them; their zod may be another copy than ours. */
function isAdapter(value: unknown): value is Adapter {
  if (typeof value !== 'object' || value === null) return false
  const { name, title, options, create } = value as Partial<Adapter>
  return (
    typeof name === 'string' &&
    typeof title === 'string' &&
    typeof options?.safeParse === 'function' &&
    typeof options.shape === 'object' &&
    typeof create === 'function'
  )
}

/** What is wrong with an option. What stands there already is not repeated: it may be a secret put into the wrong place. */
function sentence(issue: z.core.$ZodIssue, adapter: Adapter, place: string): string {
  // The schema of a third-party adapter may come from another copy of zod and so without our sentence.
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    return unknownMembers(issue.keys, Object.keys(adapter.options.shape), adapter.title)
  }
  if (issue.code === 'unrecognized_keys') return issue.message
  const description = describe(adapter, place)
  if (isMissing(issue)) {
    return `is missing${description ? `: ${description}` : ''}`
  }
  return withDescription(issue.message, adapter, place)
}

function withDescription(message: string, adapter: Adapter, place: string): string {
  const description = describe(adapter, place)
  return description ? `${message}. It is: ${description}` : message
}

/** The text of a file at a place, or the one that the value at this place was made of. */
function textAt(file: unknown, place: string): unknown {
  let value = file
  for (const name of place.split('.')) {
    if (typeof value === 'object' && value !== null) value = (value as Record<string, unknown>)[name]
  }
  return value
}

function describe(adapter: Adapter, place: string): string | undefined {
  return adapter.options.shape[place.split('.')[0] ?? '']?.description
}

/** Secrets are the options whose name ends in `Env`. */
function secretOptions(options: object): [option: string, name: string][] {
  return Object.entries(options).filter(
    (entry): entry is [string, string] => entry[0].endsWith('Env') && typeof entry[1] === 'string',
  )
}

function readSecrets(
  options: object,
  env: Environment,
  adapter: Adapter,
  problems: ConfigProblem[],
): ReadonlyMap<string, string> {
  const secrets = new Map<string, string>()
  for (const [option, name] of secretOptions(options)) {
    const found: ConfigProblem[] = []
    const value = readSecret(name, env, found)
    if (value) secrets.set(name, value)
    else if (found.length > 0) problems.push(...found)
    else {
      const description = describe(adapter, option)
      problems.push({
        setting: name,
        problem: `is not set, nor is ${name}_FILE. ${adapter.title} needs it${description ? `: ${description}` : ''}`,
      })
    }
  }
  return secrets
}
