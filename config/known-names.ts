import { namedProviders, providerNamed, recognizeProvider } from '../adapters/index.ts'
import type { Environment } from './environment.ts'
import { readJsonFile } from './files.ts'
import { providerFiles } from './provider-files.ts'
import type { ConfiguredProvider } from './providers.ts'
import { secretSettings, settingsSchema } from './settings.ts'

/** The names that can be read from the environment. */
export interface KnownNames {
  /** Settings, and what the files of the chosen providers and the user's own files refer to. */
  readonly read: ReadonlySet<string>
  /** Those of them that hold secrets. */
  readonly secrets: ReadonlySet<string>
  /** What only providers that are not chosen refer to, with the name of the provider. */
  readonly unread: ReadonlyMap<string, string>
  /** A product that only its URL chose, and the adapter whose own settings are then not read. */
  readonly byUrl?: { readonly name: string; readonly title: string; readonly adapter: string }
  /** Adapters that are in use, under whatever name. */
  readonly adapters: ReadonlySet<string>
  /** The provider behind the bridge, whose settings for tokens of its own nobody reads. */
  readonly bridged?: string
  /** Nobody chose who signs people in, so the demo does. */
  readonly isDemoByDefault: boolean
  /** Tokens of our own authorization server, demo or bridge, are accepted. */
  readonly usesOwnServer: boolean
}

/**
 * Finds out which names are read. Looks into the files that `AUTH_CONFIG`, `AUTH_SHADOW` and `AUTH_CLIENTS_FILE` name, because
 * these refer to variables of the user's own. Problems with these files are left to the code that loads them.
 *
 * @param inCode - Providers that were configured in code, and so need no setting that names one.
 */
export function knownNames(env: Environment, inCode?: readonly ConfiguredProvider[]): KnownNames {
  const configs = commaList(env.AUTH_CONFIG)
  const [shadow] = wordList(env.AUTH_SHADOW)
  const files = [...configs, ...(shadow?.endsWith('.json') ? [shadow] : [])].map(readJson)
  const own = inCode ? inCode.map(({ adapter, options }) => ({ ...options, adapter: adapter.name })) : files
  const named = wordList(env.AUTH_PROVIDER).map(name => providerNamed(name)?.name ?? name)
  // Beside a shadow the URL is the shadow's.
  const addressed = shadow === undefined ? recognized(env.AUTH_METADATA_URL) : undefined
  const isDemoByDefault = !inCode && named.length === 0 && configs.length === 0 && addressed === undefined
  const byDefault = configs.length > 0 ? [] : [addressed ?? 'demo']
  const inForce = inCode ? [] : named.length > 0 ? named : byDefault

  const read = new Set([
    ...Object.keys(settingsSchema.shape),
    ...secretSettings.map(fileOf),
    'NODE_ENV',
    ...own.flatMap(variablesIn),
    ...secretsIn(readJson(env.AUTH_CLIENTS_FILE?.trim())).flatMap(name => [name, fileOf(name)]),
    ...[...inForce, shadow ?? ''].flatMap(providerVariables),
  ])
  const others = namedProviders.flatMap(({ name }) =>
    providerVariables(name).map(variable => [variable, name] as const),
  )
  return {
    read,
    secrets: new Set<string>([
      ...secretSettings,
      ...own.flatMap(secretsIn),
      ...secretsIn(readJson(env.AUTH_CLIENTS_FILE?.trim())),
      ...[...inForce, shadow ?? ''].flatMap(secretVariables),
    ]),
    unread: new Map(others.filter(([variable]) => !read.has(variable))),
    adapters: new Set([
      ...inForce.flatMap(name => providerNamed(name)?.adapter.name ?? []),
      ...own.flatMap(file => String(adapterIn(file) ?? '')),
    ]),
    bridged: !inCode && env.AUTH_BRIDGE?.trim() === 'on' && inForce[0] !== shadow ? inForce[0] : undefined,
    byUrl: named.length === 0 && configs.length === 0 ? productNamed(addressed) : undefined,
    isDemoByDefault,
    usesOwnServer:
      (!inCode && env.AUTH_BRIDGE?.trim() === 'on') ||
      inForce.includes('demo') ||
      own.some(file => adapterIn(file) === 'demo'),
  }
}

/** Variables that only the file of this provider in `config/` refers to. */
export function providerVariables(provider: string): readonly string[] {
  const names = variablesIn(providerFile(provider))
  return names.filter(name => !(name in settingsSchema.shape) && name !== DERIVED)
}

/** Variables that this file reads secrets from. */
export function secretVariables(provider: string): readonly string[] {
  return secretsIn(providerFile(provider))
}

/** Worked out from PUBLIC_URL, whatever the environment says. */
const DERIVED = 'MCP_RESOURCE'

const fileOf = (name: string) => `${name}_FILE`
const wordList = (text = '') => text.split(/[\s,]+/).filter(Boolean)
const commaList = (text = '') =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(Boolean)

function productNamed(provider = ''): KnownNames['byUrl'] {
  const { name, title, adapter } = providerNamed(provider) ?? {}
  return name === undefined || title === undefined || adapter === undefined || adapter.name === name
    ? undefined
    : { name, title, adapter: adapter.name }
}

function recognized(text = ''): string | undefined {
  return URL.canParse(text.trim()) ? recognizeProvider(new URL(text.trim())).name : undefined
}

function providerFile(provider: string): unknown {
  return providerFiles[providerNamed(provider)?.name ?? '']
}

/** References, and secrets together with the files that may hold them. */
function variablesIn(file: unknown): string[] {
  const references = [...JSON.stringify(file ?? null).matchAll(/\$\{(\w+)/g)].map(match => match[1] ?? '')
  const secrets = secretsIn(file).flatMap(name => [name, fileOf(name)])
  return [...new Set([...references, ...secrets])]
}

/** Names of secrets: the members that end in `Env`, at any depth. */
function secretsIn(file: unknown): string[] {
  if (typeof file !== 'object' || file === null) return []
  return Object.entries(file).flatMap(([member, value]) => {
    if (!member.endsWith('Env') || typeof value !== 'string') return secretsIn(value)
    // A name may stand in a reference that leaves it out: ${ID:+SECRET}.
    return [/(\w+)\}?$/.exec(value)?.[1] ?? value]
  })
}

function adapterIn(file: unknown): unknown {
  return typeof file === 'object' && file !== null && 'adapter' in file ? file.adapter : undefined
}

function readJson(path: string | undefined): unknown {
  const file = path ? readJsonFile(path) : undefined
  return file && 'value' in file ? file.value : undefined
}
