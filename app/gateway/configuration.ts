import { basename } from 'node:path'
import { ConfigError, type ConfigProblem, type Declarations, type ResourceDeclaration } from 'idplug'
import {
  declarationProblems,
  declarationSchema,
  didYouMean,
  type Environment,
  knownNames,
  loadConfiguration,
  readJsonFile,
  readSecret,
  stateOfFile,
} from 'idplug/internal'
import { variableProblem } from '../variable-problem.ts'
import { type GatewayMembers, gatewayMembers, RESOURCE_NAME } from './gateway-file.ts'
import type { IdentityChoice } from './identity.ts'

/** What the file of a gateway says. */
export interface GatewayConfiguration {
  /** Resources with the same settings, one or more; each goes to `createAuths` once. */
  readonly groups: readonly ResourceGroup[]
}

export interface ResourceGroup {
  /** The same for a group that did not change when the file is read again, so that its auths can stay. */
  readonly id: string
  /** Settings for `createAuths`. */
  readonly env: Environment
  readonly declarations: Declarations
  /** What is behind each declaration, by its name. */
  readonly targets: Readonly<Record<string, GatewayTarget>>
}

export interface GatewayTarget {
  readonly place: TargetPlace
  readonly identity: IdentityChoice
}

export type TargetPlace =
  | {
      readonly kind: 'url'
      readonly url: string
      /** `sse`: HTTP+SSE of 2024-11-05. Default: Streamable HTTP. */
      readonly transport?: 'sse'
    }
  | {
      readonly kind: 'command'
      readonly command: readonly [string, ...string[]]
      /** Variables for the process, beside those that every process needs. */
      readonly env: Readonly<Record<string, string>>
      readonly processPer: 'session' | 'person'
      /** Whether its environment says who it is for. Default: no. */
      readonly callerEnvironment?: boolean
    }

const SEE = 'docs/gateway.md'

/**
 * Reads the file of `idplug gateway gateway.json`.
 *
 * @param env - Settings for all resources. A resource that gives only a path, or nothing (then it is `/NAME/mcp`), is below `PUBLIC_URL`, by
 *   default `http://localhost:PORT`.
 * @throws {ConfigError} Lists every problem at once, by its place in the file; shows no value.
 */
export function readGatewayFile(path: string, env: Environment): GatewayConfiguration {
  const file = readJsonFile(path)
  const name = basename(path)
  if ('problem' in file) throw new ConfigError([{ setting: name, problem: file.problem, see: SEE }])
  const problems: ConfigProblem[] = []
  const report: Report = (place, problem) =>
    problems.push({ setting: place ? `${name}: ${place}` : name, problem, see: SEE })
  const resources = resourcesIn(file.value, report).map(([key, value]) => readResource(key, value, env, report))
  reportSecrets(file.value, '', report)
  const groups = groupsOf(resources, env)
  const told = new Set(problems.map(({ setting }) => setting))
  problems.push(...settingsProblems(groups, resources, name).filter(({ setting }) => !told.has(setting)))
  if (problems.length > 0) throw new ConfigError(problems)
  return { groups }
}

/**
 * Reads the file again whenever it changes. What is wrong then is reported, and everything stays as it was.
 *
 * @param handlers.changed - Takes the new configuration over. May throw, such as a `ConfigError` of `createAuths`: then it counts as wrong.
 * @param lookMilliseconds - How often the file is looked at; it is read at the second look at which it is the same. Default 2,000.
 */
export function watchGatewayFile(
  path: string,
  env: Environment,
  handlers: {
    changed(configuration: GatewayConfiguration): void | Promise<void>
    failed(error: Error): void
  },
  lookMilliseconds = 2_000,
): { close(): void } {
  let seen = stateOfFile(path)
  let last = seen
  let isBusy = false
  const look = async () => {
    const state = stateOfFile(path)
    // While it still changes, somebody is writing it.
    const isSettled = state === last
    last = state
    if (isBusy || !isSettled || state === seen) return
    seen = state
    isBusy = true
    try {
      await handlers.changed(readGatewayFile(path, env))
    } catch (error) {
      handlers.failed(error as Error)
    } finally {
      isBusy = false
    }
  }
  // By looking at it, not by events: those of a file that is replaced or mounted come or do not, by platform.
  const timer = setInterval(look, lookMilliseconds)
  timer.unref()
  return { close: () => clearInterval(timer) }
}

type Report = (place: string, problem: string) => void

interface Resource extends GatewayTarget {
  readonly key: string
  readonly declaration: ResourceDeclaration
  readonly settings: Readonly<Record<string, string>>
  /** Nothing is wrong with its declaration, so that settings can be checked against it. */
  readonly isSound: boolean
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function resourcesIn(file: unknown, report: Report): [string, Record<string, unknown>][] {
  if (!isObject(file)) {
    report('', 'must be an object with the member resources')
    return []
  }
  for (const member of Object.keys(file)) {
    if (member !== 'resources' && member !== '$schema') {
      report(member, `is not known${didYouMean(member, ['resources']) || '; the file has the member resources'}`)
    }
  }
  if (!isObject(file.resources) || Object.keys(file.resources).length === 0) {
    report(
      'resources',
      'must be an object with one resource at least, such as {"files": {"to": "http://127.0.0.1:8000/mcp", …}}',
    )
    return []
  }
  return Object.entries(file.resources).flatMap(([key, value]): [string, Record<string, unknown>][] => {
    const place = `resources.${key}`
    if (!RESOURCE_NAME.test(key)) report(place, 'must be called by small letters, digits and hyphens')
    if (isObject(value)) return [[key, value]]
    report(place, 'must be an object')
    return []
  })
}

function readResource(key: string, value: Record<string, unknown>, env: Environment, report: Report): Resource {
  const place = (member: string) => `resources.${key}.${member}`
  const ours = Object.keys(gatewayMembers)
  const ofDeclaration = Object.keys(declarationSchema.properties ?? {})
  const part = (names: readonly string[]) =>
    Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)))
  for (const member of Object.keys(value)) {
    if (ours.includes(member) || ofDeclaration.includes(member)) continue
    report(place(member), `is not known${didYouMean(member, [...ours, ...ofDeclaration])}`)
  }

  // One by one, so that a mistake in one does not hide those in others.
  const members: GatewayMembers = {}
  for (const [member, schema] of Object.entries(gatewayMembers)) {
    const parsed = schema.safeParse(value[member])
    for (const { path, message } of parsed.error?.issues ?? []) report(place([member, ...path].join('.')), message)
    Object.assign(members, { [member]: parsed.data })
  }
  reportContradictions(value, place, report)

  const declaration = { resource: `/${key}/mcp`, ...part(ofDeclaration) } as unknown as ResourceDeclaration
  const wrong = declarationProblems(declaration, `resources.${key}.`)
  for (const { setting, problem } of wrong) report(setting, problem)
  return {
    key,
    declaration,
    isSound: wrong.length === 0,
    settings: checkedSettings(members.settings ?? {}, env, place, report),
    place: placeOf(members, env),
    identity: members.run ? { kind: 'none' } : identityOf(members.identity, env, place, report),
  }
}

function reportContradictions(
  { to, transport, run, identity, pass, processPer }: Record<string, unknown>,
  place: (member: string) => string,
  report: Report,
): void {
  if (to === undefined && run === undefined) {
    report(place('to'), 'is missing: give the URL of the server, or its command in run')
  }
  if (to !== undefined && run !== undefined) report(place('run'), 'and to are both given; keep one')
  if (to !== undefined && run === undefined) {
    if (pass) report(place('pass'), 'is for a command in run; a server at a URL has its own environment')
    if (processPer) report(place('processPer'), 'is for a command in run; nothing is started for a URL')
  }
  if (run !== undefined && transport !== undefined) {
    report(place('transport'), 'is for a server at a URL; a command speaks stdio')
  }
  if (run !== undefined && isObject(identity)) {
    report(place('identity'), 'is for a server at a URL: hand the secret to the command with pass')
  }
  if (run !== undefined && (identity === 'assertion' || identity === 'headers')) {
    report(place('identity'), 'is for a server at a URL: a command gets no headers, and can be told by environment')
  }
  if (run === undefined && identity === 'environment') {
    report(place('identity'), 'is for a command in run: choose assertion, headers or none')
  }
  if (Array.isArray(pass) && pass.some(name => /^AUTH_/i.test(name))) {
    report(
      place('pass'),
      'names settings of the sign-in, for which the command has no use: leave out what begins with AUTH_',
    )
  }
}

function placeOf(members: GatewayMembers, env: Environment): TargetPlace {
  const { to, transport, run, pass = [], processPer = 'session', identity } = members
  if (run === undefined) return { kind: 'url', url: to ?? '', ...(transport === 'sse' && { transport }) }
  const passed = pass.flatMap(name => (env[name] === undefined ? [] : [[name, env[name]] as const]))
  return {
    kind: 'command',
    command: run as [string, ...string[]],
    env: Object.fromEntries(passed),
    processPer,
    callerEnvironment: identity === 'environment',
  }
}

function identityOf(
  identity: GatewayMembers['identity'],
  env: Environment,
  place: (member: string) => string,
  report: Report,
): IdentityChoice {
  if (identity === 'environment') return { kind: 'none' }
  if (typeof identity !== 'object') return { kind: identity ?? 'assertion' }
  return readCredential(identity.credentialEnv, identity.header, env, problem =>
    report(place('identity.credentialEnv'), problem),
  )
}

/**
 * A fixed credential, whose value stands in an environment variable, or in the file that `NAME_FILE` names.
 *
 * @param header - Default: `authorization`.
 * @param report - Takes what is wrong, as the end of a sentence about whoever names the variable.
 */
export function readCredential(
  variable: string,
  header: string | undefined,
  env: Environment,
  report: (problem: string) => void,
): IdentityChoice & { kind: 'credential' } {
  const problems: ConfigProblem[] = []
  const value = readSecret(variable, env, problems)
  for (const { setting, problem } of problems) report(`names ${setting}, which ${problem}`)
  if (value === undefined) {
    if (problems.length === 0)
      report(`${variableProblem(variable)}. A file with it can be named by the same variable with _FILE at its end`)
  } else if (!/^[\x21-\x7e]+( +[\x21-\x7e]+)*$/.test(value)) {
    report(`names ${variable}, which holds characters that a header cannot carry: use visible ASCII in one line`)
  }
  return { kind: 'credential', header: header ?? 'authorization', value: value ?? '' }
}

/** They choose a provider; everything else in `settings` belongs to the one that is chosen. */
const CHOICES = ['AUTH_PROVIDER', 'AUTH_METADATA_URL', 'AUTH_CONFIG']

function checkedSettings(
  settings: Readonly<Record<string, string>>,
  env: Environment,
  place: (member: string) => string,
  report: Report,
): Readonly<Record<string, string>> {
  const { read, unread } = knownNames(envOf(settings, env))
  const isKnown = (name: string) => read.has(name) || unread.has(name)
  const shared = knownNames({ AUTH_PROVIDER: 'demo' }).read
  for (const name of Object.keys(settings)) {
    const at = place(`settings.${name}`)
    if (isKnown(`${name}_FILE`)) report(at, `is a secret: set ${name} in the environment, or ${name}_FILE to a file`)
    else if (CHOICES.includes(name)) continue
    else if (shared.has(name)) report(at, 'is a setting of the whole gateway: set it in the environment')
    else if (!isKnown(name)) report(at, `is not a setting${didYouMean(name, [...CHOICES, ...read, ...unread.keys()])}`)
  }
  return settings
}

/** Settings of a resource with a provider of its own: nothing that chooses another one is left of those for all. */
function envOf(settings: Readonly<Record<string, string>>, env: Environment): Environment {
  if (Object.keys(settings).length === 0) return env
  if (!CHOICES.some(name => name in settings)) return { ...env, ...settings }
  const without = [...CHOICES, 'AUTH_SHADOW']
  const rest = Object.entries(env).filter(([name]) => !without.includes(name))
  return { ...Object.fromEntries(rest), AUTH_BRIDGE: 'off', ...settings }
}

function groupsOf(resources: readonly Resource[], env: Environment): ResourceGroup[] {
  const bySettings = Map.groupBy(resources, ({ settings }) => JSON.stringify(Object.entries(settings).toSorted()))
  return [...bySettings].map(([settings, members]) => {
    const declarations = Object.fromEntries(members.map(({ key, declaration }) => [key, declaration]))
    return {
      id: `${settings} ${JSON.stringify(declarations)}`,
      env: envOf(members[0]?.settings ?? {}, env),
      declarations,
      targets: Object.fromEntries(members.map(({ key, place, identity }) => [key, { place, identity }])),
    }
  })
}

/** What settings and declarations say together; what `createAuths` would refuse. */
function settingsProblems(
  groups: readonly ResourceGroup[],
  resources: readonly Resource[],
  file: string,
): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const owners = new Map<string, string>()
  let withOwnServer: string | undefined
  for (const { env, declarations } of groups) {
    const keys = Object.keys(declarations)
    const own = resources.find(({ key }) => key === keys[0])?.settings ?? {}
    const sound = Object.fromEntries(
      Object.entries(declarations).filter(([key]) => resources.some(each => each.key === key && each.isSound)),
    )
    if (Object.keys(sound).length === 0) continue
    const nameOf = (setting: string) => {
      if (setting in own) return `${file}: resources.${keys[0]}.settings.${setting}`
      // With one resource it is spoken of without its name.
      if (/^(resource|publicUrls)\b/.test(setting)) return `${file}: resources.${keys[0]}.${setting}`
      return keys.some(key => setting.startsWith(`${key}.`)) ? `${file}: resources.${setting}` : setting
    }
    try {
      // As the gateway starts them: below its own port, unless PUBLIC_URL says otherwise.
      const configuration = loadConfiguration(
        { ...env, PORT: env.PORT?.trim() || '3232' },
        { resources: sound, isLibrary: true },
      )
      for (const { key, resource } of configuration.resources) {
        const other = owners.get(resource)
        if (other !== undefined) {
          const problem = `is ${resource}, which is that of ${other}, too: give each a URL of its own`
          problems.push({ setting: `${file}: resources.${key}.resource`, problem, see: SEE })
        }
        owners.set(resource, key)
      }
      if (configuration.usesOwnServer && configuration.mode !== 'separate') {
        if (withOwnServer !== undefined) {
          const problem = `and ${withOwnServer} both sign people in by our own authorization server, with different settings: use the same`
          problems.push({ setting: `${file}: resources.${keys[0]}`, problem, see: SEE })
        }
        withOwnServer = keys[0]
      }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      problems.push(...error.problems.map(each => ({ ...each, setting: nameOf(each.setting) })))
    }
  }
  const texts = new Set<string>()
  return problems.filter(
    ({ setting, problem }) => !texts.has(`${setting} ${problem}`) && texts.add(`${setting} ${problem}`),
  )
}

/** What keys and tokens of well-known products begin with, JWTs, and options of commands that take a secret. */
const SECRETS =
  /^(Bearer|Basic) [\w+/=.~-]{20,}$|^(gh[pousr]_|github_pat_|glpat-|sk-|xox[abprs]-|AKIA|AIza)[\w-]{8,}$|^eyJ[\w-]+\.[\w-]+\.|^--?(api[-_]?key|(access[-_]?)?token|(client[-_]?)?secret|password)=./i

function reportSecrets(value: unknown, place: string, report: Report): void {
  if (typeof value === 'string') {
    if (SECRETS.test(value)) {
      report(
        place,
        'looks like a secret, which does not belong into a file: set an environment variable, and name it here',
      )
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) reportSecrets(member, place ? `${place}.${name}` : name, report)
  }
}
