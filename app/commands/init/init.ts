import { join } from 'node:path'
import { ConfigError, type ConfigProblem } from 'idplug'
import { namedProviders, providerNamed, recognizeProvider } from 'idplug/adapters'
import {
  type Environment,
  type KnownNames,
  knownNames,
  loadConfiguration,
  providerVariables,
  type SettingsFile,
  secretSettings,
  secretVariables,
} from 'idplug/internal'
import { readEnvText, withEnvFile } from '../../environment.ts'
import { conflictsWith, mergedEnvText, readEnvFile, writePrivately } from './env-file.ts'
import { answerFor, questionOf } from './wording.ts'

/** Who answers what is not known: a person at a terminal. */
export interface Questions {
  provider(names: readonly string[]): Promise<string>
  /** @param why - What the setting is, and what is wrong with the last answer. */
  setting(name: string, why: string): Promise<string>
  /** As {@link setting}, not shown while it is typed. */
  secret(name: string, why: string): Promise<string>
  confirm(question: string): Promise<boolean>
  /** Origin at which clients will reach the server; empty where that is this machine only. Default: it is not asked for. */
  publicUrl?(): Promise<string>
}

export interface InitOptions {
  /** Name of the provider. Default: told by `url`, else asked. */
  provider?: string
  /** Metadata URL or issuer. */
  url?: string
  /** Origin of the MCP server. */
  publicUrl?: string
  /** Tries the provider out beside those in force, instead of putting it in force. */
  shadow?: boolean
  /** Folder of the `.env` file. */
  folder: string
  /** What is set already; the file comes after it. */
  env: Environment
  /** Told which file was read. Default: nobody. */
  say?: (line: string) => void
  /** Default: nobody; what is missing is then an error. */
  questions?: Questions
}

export interface Initialized {
  readonly provider: string
  /** URL of the MCP endpoint. */
  readonly resource: string
  /** File that was written: `.env`, or `.env.new` beside one that says otherwise. */
  readonly file: string
  /** Files with a secret each. */
  readonly secretFiles: readonly string[]
  /** Everything that a server started here would read. */
  readonly env: Environment
}

/** Asked again this often, then it is given up. */
const ROUNDS = 20

/**
 * From nothing to a configuration that loads: the settings that the loader misses are asked for, in its own words, until it misses none.
 * Only then anything is written.
 *
 * @throws {ConfigError} Something is missing or wrong, and there is nobody to ask.
 */
export async function initialize(options: InitOptions): Promise<Initialized> {
  const { folder, questions } = options
  const path = join(folder, '.env')
  const chosen = options.provider ?? (await providerOf(options))
  const provider = providerNamed(chosen)?.name ?? chosen
  const settings: Record<string, string> = {
    [options.shadow ? 'AUTH_SHADOW' : 'AUTH_PROVIDER']: provider,
    ...(options.url && { AUTH_METADATA_URL: options.url }),
    ...(options.publicUrl && { PUBLIC_URL: options.publicUrl }),
  }
  const secrets: Record<string, string> = {}
  const written = readEnvFile(path)
  const { env: before, file: envFile, summary } = withEnvFile(options.env, folder, 'command')
  if (summary) options.say?.(summary)
  // No answer mends a line of the file.
  if (envFile && envFile.problems.length > 0) throw new ConfigError(envFile.problems)
  if (questions?.publicUrl && !settings.PUBLIC_URL && !before.PUBLIC_URL && provider !== 'demo') {
    const publicUrl = await questions.publicUrl()
    if (publicUrl) settings.PUBLIC_URL = publicUrl
  }
  const complete = () => ({ ...before, ...settings, ...secrets })
  const isSecret = new Set<string>([...secretSettings, ...PROVIDERS.flatMap(secretVariables)])
  const resource = await completed(complete, envFile, async ({ setting, problem }) => {
    if (!questions) return
    const question = questionOf(problem)
    if (isSecret.has(setting)) secrets[setting] = await questions.secret(setting, question)
    else settings[setting] = answerFor(setting, await questions.setting(setting, question))
  })

  // What only the environment of this moment says would be gone at the next start.
  const known = knownNames(complete())
  for (const [name, value = ''] of Object.entries(options.env)) {
    if (!belongsTo(name, provider, known) || value === '') continue
    if (!isSecret.has(name)) settings[name] ??= value
    else if (!written[name] && !written[`${name}_FILE`]) secrets[name] ??= value
  }
  const secretFiles = Object.keys(secrets).map(name => join(folder, '.secrets', name))
  for (const [index, name] of Object.keys(secrets).entries()) {
    const file = secretFiles[index] ?? ''
    await writePrivately(file, `${secrets[name]}\n`)
    settings[`${name}_FILE`] = file
  }
  const file = await writeSettings(path, settings, questions)
  return { provider, resource, file, secretFiles, env: { ...before, ...settings, ...withoutSecrets(secrets) } }
}

async function providerOf({ url, questions }: InitOptions): Promise<string> {
  if (url !== undefined) return recognizeProvider(new URL(url)).name
  if (questions) return questions.provider(PROVIDERS)
  throw new ConfigError([{ setting: '--provider', problem: `is needed, or --url; one out of ${PROVIDERS.join(', ')}` }])
}

/** The most common first, then the products, and what fits any provider last. */
const [FIRST, LAST] = [
  ['auth0', 'okta', 'azure', 'google', 'github'],
  ['oidc', 'introspection', 'userinfo', 'demo'],
]

export const PROVIDERS: readonly string[] = [
  ...FIRST,
  ...namedProviders.map(({ name }) => name).filter(name => ![...FIRST, ...LAST].includes(name)),
  ...LAST,
]

/** Asks about problems of the configuration until there are none. */
async function completed(
  env: () => Environment,
  file: SettingsFile | undefined,
  ask: (problem: ConfigProblem) => Promise<void>,
): Promise<string> {
  let asked = ''
  for (let round = 1; ; round++) {
    try {
      return loadConfiguration(env(), { file }).resource
    } catch (error) {
      const problems = error instanceof ConfigError ? error.problems : []
      const problem = problems.find(({ setting }) => isVariable(setting))
      // A misspelled name, or a line of the file, is not cured by a value.
      if (problems.some(({ setting }) => isNoQuestion(setting, env(), file))) throw error
      const before = asked
      asked = JSON.stringify(env())
      // The same state again: nobody answered.
      if (!problem || before === asked || round === ROUNDS) throw error
      await ask(problem)
    }
  }
}

function isVariable(setting: string): boolean {
  return /^[A-Z][A-Z0-9_]*$/.test(setting)
}

function isNoQuestion(setting: string, env: Environment, file: SettingsFile | undefined): boolean {
  const isWithheld = file?.withheld.some(problem => problem.setting === setting)
  return isWithheld || (/^\w+$/.test(setting) && !knownNames(env).read.has(setting))
}

/** Whether a variable says which provider there is, or how this one is set up. */
function belongsTo(name: string, provider: string, { read }: KnownNames): boolean {
  // GITHUB_TOKEN begins like a setting and is a secret of somebody else.
  return read.has(name) && (/^(AUTH_\w+|PUBLIC_URL|PORT)$/.test(name) || providerVariables(provider).includes(name))
}

function withoutSecrets(secrets: Readonly<Record<string, string>>): Environment {
  return Object.fromEntries(Object.keys(secrets).map(name => [name, undefined]))
}

/** Adds settings to the file. One that is there with another value is replaced only with consent; else the result goes beside it. */
async function writeSettings(
  path: string,
  settings: Readonly<Record<string, string>>,
  questions: Questions | undefined,
): Promise<string> {
  const before = readEnvText(path) ?? ''
  const conflicts = conflictsWith(path, settings)
  const mayReplace =
    conflicts.length === 0 ||
    (await questions?.confirm(`${path} has other values for ${conflicts.join(', ')}. Replace them?`))
  const file = mayReplace ? path : `${path}.new`
  await writePrivately(file, mergedEnvText(before, settings))
  return file
}
