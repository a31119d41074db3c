import type { ConfigProblem } from '../src/config-error.ts'
import { isUrlOfOneHost } from '../src/url.ts'
import type { SettingName, Settings } from './settings.ts'

/** Where the authorization server, the notes and used proofs are kept. */
export type StoreConfiguration =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly setting: 'AUTH_DATA_DIR'; readonly folder: string; readonly file: string }
  | {
      readonly kind: 'redis'
      readonly setting: 'REDIS_URL'
      readonly url: string
      readonly prefix: string
      readonly caFile?: string
    }
  | { readonly kind: 'postgres'; readonly setting: 'DATABASE_URL'; readonly url: string; readonly caFile?: string }

export interface StoreFacts {
  readonly settings: Settings
  readonly usesOwnServer: boolean
  readonly isBridge: boolean
  readonly isLibrary: boolean
  /** Folder of the store where no setting names one. Absent: it is memory then. */
  readonly dataFolder?: string
}

type Kind = StoreConfiguration['kind']

const SETTINGS = {
  redis: 'REDIS_URL',
  postgres: 'DATABASE_URL',
  sqlite: 'AUTH_DATA_DIR',
} as const satisfies Partial<Record<Kind, SettingName>>

/** @param problems - What is wrong with the choice is added to it. */
export function loadStore(facts: StoreFacts, problems: ConfigProblem[]): StoreConfiguration {
  const { settings, isLibrary, dataFolder } = facts
  const report = (setting: SettingName, problem: string) =>
    void problems.push({ setting, problem, see: 'docs/settings.md' })
  const named = (['redis', 'postgres', 'sqlite'] as const).filter(kind => {
    // In the environment of the user's own server it is the database of that server.
    if (kind === 'postgres' && isLibrary) return false
    return settings[SETTINGS[kind]] !== undefined
  })
  if (settings.AUTH_STORE === undefined && named.length > 1) {
    const names = named.map(kind => SETTINGS[kind]).join(' and ')
    report('AUTH_STORE', `is not set, and ${names} are: it says which of them is used (${named.join(' or ')})`)
  }
  const kind = settings.AUTH_STORE ?? named[0] ?? (dataFolder === undefined ? 'memory' : 'sqlite')
  const missing = (setting: SettingName) => report(setting, `is not set, and AUTH_STORE=${kind} needs it`)

  const ca = settings.AUTH_CA_FILE !== undefined && { caFile: settings.AUTH_CA_FILE }

  switch (kind) {
    case 'memory':
      return { kind }
    case 'redis': {
      const { REDIS_URL: url, REDIS_PREFIX: prefix } = settings
      if (url === undefined) missing('REDIS_URL')
      return { kind, setting: 'REDIS_URL', url: url ?? '', prefix, ...ca }
    }
    case 'postgres': {
      const { DATABASE_URL: url } = settings
      if (url === undefined) missing('DATABASE_URL')
      else if (!/^postgres(ql)?:\/\//.test(url)) {
        report('DATABASE_URL', 'must be a URL that starts with postgres:// or postgresql://')
      } else if (!isUrlOfOneHost(url)) {
        report(
          'DATABASE_URL',
          'is not a URL of one host: in the user name and the password, write # / ? % @ : as %23 %2F %3F %25 %40 %3A',
        )
      }
      return { kind, setting: 'DATABASE_URL', url: url ?? '', ...ca }
    }
    case 'sqlite': {
      const folder = settings.AUTH_DATA_DIR ?? dataFolder
      if (folder === undefined) missing('AUTH_DATA_DIR')
      return { kind, setting: 'AUTH_DATA_DIR', folder: folder ?? '', file: fileOf(facts) }
    }
  }
}

/** What the demo let anybody in for must be of no use behind a real provider that is chosen later. */
function fileOf({ isBridge, usesOwnServer }: StoreFacts): string {
  return isBridge ? 'bridge.sqlite' : usesOwnServer ? 'demo.sqlite' : 'server.sqlite'
}

/** Whether several processes of several machines may use it: whoever runs it can read what is in it. */
function isShared({ kind }: StoreConfiguration): boolean {
  return kind === 'redis' || kind === 'postgres'
}

/** Keys that encrypt what is stored: 32 bytes each, the one in use first. None: the store has one of its own, or one is made at the start. */
export function encryptionKeysOf({ BRIDGE_KEYS }: Settings, problems: ConfigProblem[]): Uint8Array[] {
  const keys = (BRIDGE_KEYS?.split(/[\s,]+/) ?? []).filter(Boolean).map(key => Buffer.from(key, 'base64'))
  if (keys.some(key => key.length !== KEY_BYTES)) {
    const problem = 'must be keys of 32 bytes in base64, separated by commas (openssl rand -base64 32 makes one)'
    problems.push({ setting: 'BRIDGE_KEYS', problem, see: 'docs/bridge.md' })
  }
  return keys
}

const KEY_BYTES = 32

/** What is wrong where processes share a store and nobody gave them the same key; `undefined` where nothing is. */
export function missingKeys(
  { BRIDGE_KEYS }: Settings,
  store: StoreConfiguration,
  isBridge: boolean,
): ConfigProblem | undefined {
  if (BRIDGE_KEYS || !isShared(store)) return undefined
  const how = '(openssl rand -base64 32 makes one)'
  const problem = isBridge
    ? `is not set, nor is BRIDGE_KEYS_FILE: with a store that processes share, every one needs the same key ${how}`
    : `is not set: secrets of clients and the keys that sign tokens can be read by everybody who can read the store ${how}`
  return { setting: 'BRIDGE_KEYS', problem, see: 'docs/bridge.md' }
}
