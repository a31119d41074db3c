import { z } from 'zod'
import { groupLookUps } from '../adapters/group-lookups.ts'
import { type NamedProvider, namedProviders, providerNamed, recognizeProvider } from '../adapters/index.ts'
import { type PeopleProvider, people } from '../adapters/people.ts'
import { httpsUrl, strictObject, textList, textListNonEmpty } from '../src/adapter-options.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { scopeGrants } from '../src/people/grants.ts'
import { authorizationParameters } from './authorization-parameters.ts'
import { type ClientKeyEntry, readClientKey } from './client-key.ts'
import type { Environment } from './environment.ts'
import { readAssertion, readJsonFile, readOrProblem } from './files.ts'
import { type SignInPlace, signInPlaceOf } from './providers.ts'
import { askedUrlProblem } from './secure-urls.ts'
import type { Settings } from './settings.ts'

/** The provider at which the bridge signs people in, and who may enter. */
export interface BridgeConfiguration extends z.output<ReturnType<typeof rulesSchema>>, SignInPlace {
  readonly provider: PeopleProvider
  readonly clientId: string
  /** Of these three one at most; none for a public client, which only `oidc` may be. */
  readonly clientSecret?: string
  readonly clientKey?: ClientKeyEntry
  /** File with a token of the platform, read at each use. */
  readonly clientAssertionFile?: string
  /** Whether groups that are too many for an ID token are looked up. */
  readonly looksUpGroups: boolean
}

const SEE = 'docs/bridge.md'

/** Of the file that `BRIDGE_CONFIG` names. */
function rulesSchema(provider: PeopleProvider, hasScopes = true) {
  const { pattern, hint } = people[provider].principals
  return strictObject({
    allow: textListNonEmpty.refine(names => names.every(name => name === 'everyone' || pattern.test(name)), {
      error: `must be everyone, or ${hint}`,
    }),
    grants: hasScopes ? scopeGrants(pattern, hint) : scopeGrants(pattern, hint).or(z.array(z.never())).default([]),
    scopes: textList.default([]),
    parameters: authorizationParameters.default({}),
    groupsClaim: z.string().min(1).default('groups'),
    rolesClaim: z.string().min(1).default('roles'),
  })
}

/**
 * The bridge as configured.
 *
 * @param issuer - Of our authorization server; its redirect URI has to be registered at the provider.
 * @param hasScopes - Whether any server of the process has scopes, which people then have to be granted.
 * @param problems - Every problem is added to it.
 * @returns `undefined` where there are problems.
 */
export function loadBridge(
  settings: Settings,
  env: Environment,
  issuer: string,
  hasScopes: boolean,
  problems: ConfigProblem[],
): BridgeConfiguration | undefined {
  const found: ConfigProblem[] = []
  const report = (setting: string, problem: string) => void found.push({ setting, problem, see: SEE })
  const named = providerOf(settings, report)
  const provider = named && (named.adapter.name as PeopleProvider)
  if (settings.BRIDGE_CLIENT_ID === undefined) {
    const callback = callbackOf(issuer)
    report(
      'BRIDGE_CLIENT_ID',
      `is not set: the client id of a web application at the provider with the redirect URI ${callback}`,
    )
  }
  const credentials = credentialsOf(settings, provider, env, report)
  reportMistakes(settings, provider, report)
  const rules = named && rulesOf(settings, env, named, hasScopes, report)
  const place = named && signInPlaceOf(named.name, settings.AUTH_METADATA_URL, env, found)
  const looksUpGroups = settings.BRIDGE_LOOK_UP_GROUPS === 'on'
  if (looksUpGroups && provider && !groupLookUps[provider]) {
    report('BRIDGE_LOOK_UP_GROUPS', `is for providers that leave groups out of tokens; ${named?.title} does not`)
  }
  const insecure = askedUrlProblem(place?.metadataUrl, settings.AUTH_INSECURE_HOSTS)
  if (insecure !== undefined) report('AUTH_METADATA_URL', insecure)
  const api = httpsUrl.optional().safeParse(place?.apiUrl)
  if (api.error) report('GITHUB_API_URL', api.error.issues.map(({ message }) => message).join('; '))
  problems.push(...found)
  const clientId = settings.BRIDGE_CLIENT_ID
  if (found.length > 0 || !provider || !rules || !place || clientId === undefined) return undefined
  return { ...rules, ...place, provider, clientId, ...credentials, looksUpGroups }
}

/** Ids and secrets that were taken for each other, and the like. */
function reportMistakes(
  { BRIDGE_CLIENT_ID: clientId, BRIDGE_CLIENT_SECRET: clientSecret }: Settings,
  provider: PeopleProvider | undefined,
  report: Report,
): void {
  if (!provider || clientId === undefined) return
  const { signIn } = people[provider]
  const found = signIn.credentialMistakes?.(clientId, clientSecret)
  if (found?.clientId !== undefined) report('BRIDGE_CLIENT_ID', found.clientId)
  if (found?.clientSecret !== undefined) report('BRIDGE_CLIENT_SECRET', found.clientSecret)
}

type Credentials = Pick<BridgeConfiguration, 'clientSecret' | 'clientKey' | 'clientAssertionFile'>

/** By what the provider recognizes the bridge. */
function credentialsOf(
  settings: Settings,
  provider: PeopleProvider | undefined,
  env: Environment,
  report: Report,
): Credentials {
  const { BRIDGE_CLIENT_SECRET: clientSecret, BRIDGE_CLIENT_KEY, BRIDGE_CLIENT_ASSERTION_FILE } = settings
  const given = { BRIDGE_CLIENT_SECRET: clientSecret, BRIDGE_CLIENT_KEY, BRIDGE_CLIENT_ASSERTION_FILE }
  const [kind, ...others] = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  for (const other of others) report(other, `and ${kind} are both set; keep one`)
  const { protocol, publicClient, platformTokenFile } = (provider && people[provider].signIn) ?? {}
  if (protocol === 'github-api' && kind !== undefined && kind !== 'BRIDGE_CLIENT_SECRET') {
    report(kind, 'is not for GitHub, which takes a client secret only')
  }
  if (BRIDGE_CLIENT_KEY !== undefined) return keyOf(settings, BRIDGE_CLIENT_KEY, report)
  if (settings.BRIDGE_CLIENT_CERTIFICATE_FILE !== undefined) {
    report('BRIDGE_CLIENT_CERTIFICATE_FILE', 'is set, but BRIDGE_CLIENT_KEY, the private key for it, is not')
  }
  if (clientSecret !== undefined) return { clientSecret }
  const [setting, file] =
    platformTokenFile !== undefined && kind === undefined
      ? [platformTokenFile, env[platformTokenFile]?.trim() || undefined]
      : ['BRIDGE_CLIENT_ASSERTION_FILE', BRIDGE_CLIENT_ASSERTION_FILE]
  if (file !== undefined) {
    const read = readAssertion(file)
    if ('problem' in read) report(setting, `names a file that ${read.problem}`)
    return { clientAssertionFile: file }
  }
  if (!publicClient) {
    const withoutSecret = 'without a secret, set BRIDGE_CLIENT_KEY or BRIDGE_CLIENT_ASSERTION_FILE'
    const hint = protocol === 'github-api' ? '' : ` (${withoutSecret})`
    report(
      'BRIDGE_CLIENT_SECRET',
      `is not set, nor is BRIDGE_CLIENT_SECRET_FILE: the secret for BRIDGE_CLIENT_ID${hint}`,
    )
  }
  return {}
}

function keyOf({ BRIDGE_CLIENT_CERTIFICATE_FILE: file }: Settings, text: string, report: Report): Credentials {
  const certificate = file === undefined ? undefined : readOrProblem(file)
  if (certificate && 'problem' in certificate) {
    report('BRIDGE_CLIENT_CERTIFICATE_FILE', `names a file that ${certificate.problem}`)
    return {}
  }
  const read = readClientKey(text, certificate?.text)
  if ('key' in read) return { clientKey: read.key }
  const isOfFile = read.of === 'certificate' && file !== undefined
  report(
    isOfFile ? 'BRIDGE_CLIENT_CERTIFICATE_FILE' : 'BRIDGE_CLIENT_KEY',
    isOfFile
      ? `names a file that ${read.problem}`
      : read.of === 'certificate'
        ? `has a certificate that ${read.problem}`
        : read.problem,
  )
  return {}
}

/** Redirect URI of the bridge, to be registered at the provider. */
export const callbackOf = (issuer: string) => `${issuer}/oauth/callback`

type Report = (setting: string, problem: string) => void

/** Who has people to sign in: their adapter says how. */
const hasPeople = ({ adapter }: NamedProvider) => Object.hasOwn(people, adapter.name)

function providerOf(settings: Settings, report: Report): NamedProvider | undefined {
  const { AUTH_PROVIDER, AUTH_CONFIG, AUTH_METADATA_URL } = settings
  if (AUTH_CONFIG.length > 0) {
    report(
      'AUTH_CONFIG',
      'is for tokens of the provider itself; with AUTH_BRIDGE=on use AUTH_PROVIDER, and BRIDGE_CONFIG',
    )
  }
  const [name, ...others] = AUTH_PROVIDER
  const addressed = AUTH_METADATA_URL === undefined ? undefined : recognizeProvider(new URL(AUTH_METADATA_URL))
  const found = name === undefined ? addressed : providerNamed(name)
  if (found && others.length === 0 && hasPeople(found)) return found
  const names = namedProviders.filter(hasPeople).map(({ name }) => name)
  report('AUTH_PROVIDER', `must name one of ${names.join(', ')}: with AUTH_BRIDGE=on people sign in there`)
  return undefined
}

/** Settings whose place the file of `BRIDGE_CONFIG` takes. */
const RULES = ['BRIDGE_ALLOW', 'BRIDGE_GRANT_SCOPES', 'BRIDGE_GRANT_TO', 'BRIDGE_SCOPES', 'BRIDGE_PARAMETERS']

function rulesOf(
  settings: Settings,
  env: Environment,
  { title, adapter }: NamedProvider,
  hasScopes: boolean,
  report: Report,
) {
  // Some have a default, so what is set is asked of the environment.
  const isSet = (name: string) => env[name]?.trim()
  const provider = adapter.name as PeopleProvider
  const { BRIDGE_CONFIG, BRIDGE_ALLOW, BRIDGE_GRANT_SCOPES, BRIDGE_GRANT_TO } = settings
  if (BRIDGE_CONFIG !== undefined) {
    for (const name of RULES.filter(isSet)) report(name, 'and BRIDGE_CONFIG are both set; keep one')
    const parsed = rulesSchema(provider, hasScopes).safeParse(readRules(BRIDGE_CONFIG, report))
    for (const issue of parsed.error?.issues ?? []) report(`${BRIDGE_CONFIG}: ${issue.path.join('.')}`, issue.message)
    return parsed.data
  }
  if (BRIDGE_ALLOW.length === 0) {
    report('BRIDGE_ALLOW', `is not set. It says who may sign in; everyone means everybody who can sign in at ${title}`)
  }
  const lacksGrants = hasScopes && BRIDGE_GRANT_SCOPES.length === 0
  if (lacksGrants) {
    report('BRIDGE_GRANT_SCOPES', 'is not set. It lists the scopes that people may grant to their MCP clients')
  }
  if (isSet('BRIDGE_GRANT_TO') && BRIDGE_GRANT_SCOPES.length === 0 && !lacksGrants) {
    report(
      'BRIDGE_GRANT_TO',
      'is set, but BRIDGE_GRANT_SCOPES is not, so it keeps nobody out. Who may sign in is up to BRIDGE_ALLOW',
    )
  }
  if (BRIDGE_ALLOW.length === 0 || lacksGrants) return undefined
  const grants = BRIDGE_GRANT_SCOPES.length === 0 ? [] : [{ scopes: BRIDGE_GRANT_SCOPES, to: BRIDGE_GRANT_TO }]
  const parsed = rulesSchema(provider, hasScopes).safeParse({
    allow: BRIDGE_ALLOW,
    grants,
    scopes: settings.BRIDGE_SCOPES,
    parameters: settings.BRIDGE_PARAMETERS,
  })
  for (const { path, message } of parsed.error?.issues ?? []) {
    report(path[0] === 'allow' ? 'BRIDGE_ALLOW' : 'BRIDGE_GRANT_TO', message)
  }
  return parsed.data
}

function readRules(path: string, report: Report): unknown {
  const file = readJsonFile(path)
  if ('value' in file) return file.value
  report('BRIDGE_CONFIG', `names a file that ${file.problem}`)
  return undefined
}
