import { generateKeyPair, type JsonWebKey, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { createSharedValue } from './shared-value.ts'
import type { StoreFactory } from './stores/store.ts'
import type { Seal } from './upstream/sealed.ts'

/** Private; the public part is published. */
export type SigningKey = JsonWebKey & { kid: string }

/** What may be told of a key. Times are seconds since the Unix epoch. */
export interface KeyStatus {
  kid: string
  state: 'announced' | 'signing' | 'retired'
  createdAt: number
  /** When it signs, or began to. Before that it is published, so that whoever caches keys has it by then. */
  signsFrom: number
}

interface Entry {
  key: SigningKey
  createdAt: number
  signsFrom: number
}

export interface SigningKeysOptions {
  stores: StoreFactory
  /** Encrypts private keys in the store. */
  seal?: Seal
  /** How long a key is published after another one has taken over, in seconds: the life of the longest token, {@link retiredSecondsFor}. */
  retiredSeconds: number
  /** Milliseconds since the Unix epoch. */
  now?: () => number
}

/**
 * The keys that tokens are signed with (ES256), shared by all processes on one store. Made by whoever comes first; rotated with an
 * overlap on both sides, so that no token is refused for it.
 */
export interface SigningKeys {
  /** All that are published; the one that signs comes first. */
  load(): Promise<readonly [SigningKey, ...SigningKey[]]>
  list(): Promise<readonly KeyStatus[]>
  /**
   * Makes a new key.
   *
   * @param announceSeconds - How long it is published before it signs.
   * @param options.dropOthers - After a leak: the new key signs at once, and all others are published no more. Tokens that they
   *   signed are refused as soon as verifiers have forgotten the keys.
   * @throws {Error} Another rotation is under way, or a key that was announced does not sign yet.
   */
  rotate(announceSeconds: number, options?: { dropOthers?: boolean }): Promise<KeyStatus>
}

/** ID tokens live as long, whatever access tokens do. */
export const ID_TOKEN_SECONDS = 3600

/** A process may go on with the key of before for half a minute. */
const MARGIN_SECONDS = 60

/** How long a key has to be published after another one has taken over. */
export function retiredSecondsFor(accessTokenSeconds: number): number {
  return Math.max(accessTokenSeconds, ID_TOKEN_SECONDS) + MARGIN_SECONDS
}

export function createSigningKeys(options: SigningKeysOptions): SigningKeys {
  const { now = () => Date.now(), retiredSeconds } = options
  const shared = createSharedValue<Entry[]>(options.stores('SigningKeys'), 'signing keys', options.seal)
  const nowSeconds = () => Math.floor(now() / 1000)
  const entries = () => shared.get(async () => [await makeEntry(nowSeconds(), 0)])

  /**
   * Place of the key that signs. The clock of the process that made the only one may be ahead of ours, or have been set back since; then it is
   * the one that will sign first.
   *
   * @param keys - Newest first.
   */
  function signingIn(keys: readonly Entry[]): number {
    const found = keys.findIndex(({ signsFrom }) => signsFrom <= nowSeconds())
    return found === -1 ? keys.length - 1 : found
  }

  /** Newest first. */
  async function published(): Promise<Entry[]> {
    const all = (await entries()).toReversed().toSorted((a, b) => b.signsFrom - a.signsFrom)
    const signing = signingIn(all)
    return all.filter((_, i) => {
      const successor = all[i - 1]
      return i <= signing || !successor || successor.signsFrom + retiredSeconds > nowSeconds()
    })
  }

  async function list(): Promise<KeyStatus[]> {
    const keys = await published()
    const signing = signingIn(keys)
    return keys.map(({ key: { kid }, createdAt, signsFrom }, i) => ({
      kid,
      state: i === signing ? 'signing' : i < signing ? 'announced' : 'retired',
      createdAt,
      signsFrom,
    }))
  }

  return {
    list,

    async load() {
      const keys = await published()
      const [signing] = keys.splice(signingIn(keys), 1)
      if (!signing) throw new Error('there is no key to sign with')
      return [signing.key, ...keys.map(({ key }) => key)]
    },

    async rotate(announceSeconds, { dropOthers = false } = {}) {
      const announced = (await list()).find(({ state }) => state === 'announced')
      if (announced && !dropOthers) {
        throw new Error(`key ${announced.kid} was announced and does not sign yet; wait for it`)
      }
      const entry = await makeEntry(nowSeconds(), dropOthers ? 0 : announceSeconds)
      await shared.change(async () => (dropOthers ? [entry] : [...(await published()), entry]))
      const { createdAt, signsFrom } = entry
      return { kid: entry.key.kid, state: signsFrom > createdAt ? 'announced' : 'signing', createdAt, signsFrom }
    },
  }
}

async function makeEntry(createdAt: number, announceSeconds: number): Promise<Entry> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const kid = randomBytes(8).toString('hex')
  const key = { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid }
  return { key, createdAt, signsFrom: createdAt + announceSeconds }
}
