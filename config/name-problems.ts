import { closest } from '../src/closest.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { clip } from '../src/text.ts'
import type { Environment } from './environment.ts'
import { type KnownNames, providerVariables } from './known-names.ts'
import { entryVariables, lostRule, peopleVariables, placeVariables } from './people-settings.ts'
import { decidingSettings } from './settings.ts'

/** A file of settings, such as `.env`. */
export interface SettingsFile {
  /** For messages. */
  readonly path: string
  readonly values: Environment
  /** Lines that do not say what was meant by them, such as `AUTH_PROVIDER: auth0`. They stop the start. */
  readonly problems: readonly ConfigProblem[]
  /** Settings that were deliberately not taken from the file. They stop the start unless the environment has them. */
  readonly withheld: readonly ConfigProblem[]
}

/** What names say. Lists names only, never values. */
export interface NameReport {
  /** They stop the start. */
  readonly problems: readonly ConfigProblem[]
  /** Worth a line at the start. */
  readonly warnings: readonly ConfigProblem[]
}

const SEE = 'docs/settings.md'

/**
 * Finds settings that would be lost silently: misspelled ones, those of a provider that nobody chose, those of a bridge that is
 * off. Other software sets variables as well: a name that it is known to use is a warning at most.
 *
 * @param env - Settings, including those taken from the file.
 * @param file - Checked for the names that were not taken from it.
 */
export function checkNames(env: Environment, known: KnownNames, file?: SettingsFile): NameReport {
  const set = variablesOf(env, file)
  const verdicts = [
    ...set.map(variable => misspelling(variable, env, known)),
    ...otherProviders(set, known),
    bridgeIsOff(set, env, known),
    rulesPassedOver(set, known),
    tokensPassedOver(set, known),
    serverIsUnused(set, known),
  ].filter(verdict => verdict !== undefined)
  const ofLevel = (wanted: Verdict['level']) =>
    verdicts.flatMap(({ level, setting, problem }) => (level === wanted ? { setting, problem, see: SEE } : []))
  return { problems: ofLevel('problem'), warnings: ofLevel('warning') }
}

interface Verdict {
  readonly level: 'problem' | 'warning'
  readonly setting: string
  readonly problem: string
}

/** A variable that has a value. */
interface Variable {
  readonly name: string
  readonly value: string
  /** For messages: the file that it stands in. */
  readonly where: string
}

function variablesOf(env: Environment, file: SettingsFile | undefined): Variable[] {
  const here = Object.entries(env).map(([name, value = '']) => ({ name, value, where: '' }))
  const there = Object.entries(file?.values ?? {})
    .filter(([name]) => !(name in env))
    .map(([name, value = '']) => ({ name, value, where: ` (in ${file?.path})` }))
  return [...here, ...there].filter(({ value }) => value.trim() !== '')
}

/** Names that other software is known to use and that differ from one of ours by a letter or two. */
const OF_OTHERS: ReadonlySet<string> = new Set([
  'APT_CONFIG',
  'AUTH_AUDIENCE',
  'AUTH_DOMAIN',
  'AZURE_AD_CLIENT_ID',
  'AZURE_AD_TENANT_ID',
  'CMD',
  'GOOGLE_CLIENT_ID',
  'LOGLEVEL',
  'MCP_SESSION_ID',
  'OIDC_CLIENT_ID',
  'OKTA_CLIENT_ID',
  'REDIS_URI',
])

/** Auth.js has `AUTH_SECRET`, `AUTH_GITHUB_ID` and their like; `AUTH_TOKEN` is everybody's. */
const AUTH_OF_OTHERS =
  /^AUTH_(TOKEN|SECRET(_\d)?|URL|TRUST_HOST|REDIRECT_PROXY_URL|DEBUG|(?!CLIENT_)\w+_(ID|SECRET|ISSUER|KEY))$/

/** Set by Kubernetes and Docker for every service they know. The service may be called like one of our settings begins. */
export function isServiceLink(name: string, value: string): boolean {
  const byName = /_SERVICE_(HOST|PORT)(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)
  return byName || (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value))
}

/** Of the commands that sign in, `idplug login` and its kin. */
const CLIENT_SETTING = 'IDPLUG_TOKENS'

function misspelling(variable: Variable, env: Environment, known: KnownNames): Verdict | undefined {
  const { name, value, where } = variable
  const { read, unread } = known
  if (read.has(name) || unread.has(name) || name === CLIENT_SETTING || isServiceLink(name, value)) return undefined
  const verdict = (level: Verdict['level'], problem: string) => ({
    level,
    setting: clip(name),
    problem: `is not a setting${where}${problem}`,
  })
  const isOfOthers = OF_OTHERS.has(name)
  const meant = meantBy(name, [...read, ...unread.keys()])
  const provider = unread.get(meant ?? '')

  if (provider !== undefined) {
    if (!known.isDemoByDefault) return undefined
    return verdict(isOfOthers ? 'warning' : 'problem', `; did you mean ${meant}, with AUTH_PROVIDER=${provider}?`)
  }
  if (meant !== undefined) {
    const isSet = Boolean(env[meant]?.trim())
    if (isOfOthers) return isSet ? undefined : verdict('warning', `; did you mean ${meant}?`)
    // Where names ignore case, as on Windows, the two are one variable.
    if (name.toUpperCase() === meant && env[meant] === value) return undefined
    return verdict('problem', `; did you mean ${meant}? Correct the name, or remove the variable`)
  }
  const [, ofFile = ''] = /^(\w+_\w+)_FILE$/.exec(name) ?? []
  if (read.has(ofFile)) return verdict('problem', `: only secrets can be read from files. Set ${ofFile} itself`)
  if (
    decidingSettings.some(setting => name.startsWith(`${setting}_`)) ||
    (name.startsWith('BRIDGE_') && env.AUTH_BRIDGE?.trim() === 'on')
  ) {
    return verdict('problem', '. Correct the name, or remove the variable')
  }
  const lost = lostRule(name, read)
  if (lost !== undefined) return verdict('problem', lost)
  const isLikeOurs = /^(AUTH|IDPLUG|DANGEROUSLY_ALLOW|BRIDGE|CIMD|DPOP)_/.test(name) && !AUTH_OF_OTHERS.test(name)
  return isLikeOurs ? verdict('warning', ' and has no effect') : undefined
}

/** The setting that a name comes near to, also after what people and shells put before it. */
function meantBy(name: string, candidates: readonly string[]): string | undefined {
  const bare = name.replace(/^(\$env:|set\s+|export\s+)/i, '')
  // PORT2 is another port, not a slip.
  const unnumbered = bare.replace(/_?\d+$/, '')
  if (unnumbered !== bare && candidates.includes(unnumbered) && !isDeciding(unnumbered)) return undefined
  const withoutPrefix = (prefix: RegExp, among: readonly string[]) =>
    prefix.test(bare) ? closest(bare.replace(prefix, ''), among) : undefined
  // MCP_HOST and MCP_PORT are everybody's.
  return (
    closest(bare, candidates) ?? withoutPrefix(/^IDPLUG_/i, candidates) ?? withoutPrefix(/^MCP_/i, decidingSettings)
  )
}

const isDeciding = (name: string) => decidingSettings.some(setting => setting === name)

/** Set without being asked: by GitHub in all of its workflows, by Azure wherever a workload has an identity. */
const SET_BY_PLATFORMS: ReadonlySet<string> = new Set(['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'GITHUB_API_URL'])

/** Alone they do not say that somebody set the provider up for this server. */
const INCONCLUSIVE: ReadonlySet<string> = new Set(['AZURE_CLIENT_ID', 'GITHUB_API_URL', 'OIDC_ISSUER'])

function otherProviders(set: readonly Variable[], { unread, byUrl, adapters, isDemoByDefault }: KnownNames): Verdict[] {
  const passedOver = isDemoByDefault ? INCONCLUSIVE : SET_BY_PLATFORMS
  const byProvider = new Map<string, string[]>()
  for (const { name } of set) {
    const provider = unread.get(name)
    if (provider !== undefined && !passedOver.has(name)) {
      byProvider.set(provider, [...(byProvider.get(provider) ?? []), name])
    }
  }
  if (!isDemoByDefault) {
    return [...byProvider].map(([provider, names]) => {
      const setting = names.join(', ')
      // A list of clients must not get lost because the product behind the URL is known.
      if (byUrl?.adapter === provider && names.some(name => !INCONCLUSIVE.has(name))) {
        return { level: 'problem', setting, problem: ofProduct(byUrl, provider) }
      }
      // Who may enter must not get lost because the provider is configured under another name.
      return adapters.has(provider) && names.some(name => entryVariables(provider).includes(name))
        ? { level: 'problem', setting, problem: ofOtherName(provider) }
        : { level: 'warning', setting, problem: `has no effect: ${provider} is not in use` }
    })
  }
  const [first] = byProvider.keys()
  if (first === undefined) return []
  // A provider that is set up and not chosen must not end in the demo sign-in.
  const found = [...byProvider].map(([provider, names]) => `${names.join(', ')} (of ${provider})`).join(', ')
  const problem = `is not set, but there is ${found}. Set AUTH_PROVIDER=${first}, or AUTH_PROVIDER=demo to start the demo sign-in anyway`
  return [{ level: 'problem', setting: 'AUTH_PROVIDER', problem }]
}

function ofProduct({ name, title }: NonNullable<KnownNames['byUrl']>, provider: string): string {
  return `has no effect: AUTH_METADATA_URL is that of ${title}, which has settings of its own. Set AUTH_PROVIDER=${provider} to use this one, or AUTH_PROVIDER=${name} and the settings of ${name} (docs/providers/presets.md)`
}

function ofOtherName(provider: string): string {
  return `has no effect: the settings of ${provider} are read with AUTH_PROVIDER=${provider} only. Set the ones of the provider that AUTH_PROVIDER names, refer to them in your own file (AUTH_CONFIG) or code, or remove them`
}

/** With the bridge, its own rules say who may enter. Both sets of rules may stand side by side, for those who switch. */
function rulesPassedOver(set: readonly Variable[], { bridged }: KnownNames): Verdict | undefined {
  const rules = bridged === undefined ? [] : peopleVariables(bridged)
  const found = set.map(({ name }) => name).filter(name => rules.includes(name))
  if (found.length === 0) return undefined
  const problem = 'has no effect: with AUTH_BRIDGE=on, BRIDGE_ALLOW and BRIDGE_GRANT_SCOPES hold the rules about people'
  return { level: 'warning', setting: found.join(', '), problem }
}

/** With the bridge, nobody sends tokens of the provider: only where people sign in there is read. */
function tokensPassedOver(set: readonly Variable[], { bridged }: KnownNames): Verdict | undefined {
  if (bridged === undefined) return undefined
  const read = [...placeVariables(bridged), ...peopleVariables(bridged)]
  const unread = providerVariables(bridged).filter(variable => !read.includes(variable))
  const found = set.map(({ name }) => name).filter(name => unread.includes(name))
  if (found.length === 0) return undefined
  const problem =
    'has no effect: with AUTH_BRIDGE=on, clients send tokens of our own authorization server, and this is for tokens of the provider'
  return { level: 'warning', setting: found.join(', '), problem }
}

/**
 * Rules of who may enter must not get lost with the switch that turns them on. `off` is a decision, and is respected. The keys are no such
 * rule: the demo encrypts with them as well.
 */
function bridgeIsOff(set: readonly Variable[], env: Environment, { read }: KnownNames): Verdict | undefined {
  const found = set
    .map(({ name }) => name)
    .filter(name => name !== 'BRIDGE_KEYS' && name.startsWith('BRIDGE_') && read.has(name))
  if (env.AUTH_BRIDGE?.trim() || found.length === 0) return undefined
  const problem = `is not set, but there is ${found.join(', ')}. Set AUTH_BRIDGE=on to use the bridge, or AUTH_BRIDGE=off to ignore its settings`
  return { level: 'problem', setting: 'AUTH_BRIDGE', problem }
}

/** What people rely on and only our own authorization server obeys. */
const OF_OWN_SERVER = [
  'AUTH_BRANDING',
  'AUTH_CLIENTS_FILE',
  'BRIDGE_KEYS',
  'CIMD',
  'CIMD_ALLOWED_HOSTS',
  'CLIENT_REDIRECT_HOSTS',
  'REGISTRATION',
  'REVOKE_BEFORE',
  'SIGN_IN_IDLE_SECONDS',
  'SIGN_IN_MAX_SECONDS',
]

function serverIsUnused(set: readonly Variable[], { usesOwnServer }: KnownNames): Verdict | undefined {
  const found = set.map(({ name }) => name).filter(name => OF_OWN_SERVER.includes(name))
  if (usesOwnServer || found.length === 0) return undefined
  const problem = 'has no effect: only the demo and the bridge use it, and neither is active'
  return { level: 'warning', setting: found.join(', '), problem }
}
