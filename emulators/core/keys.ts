import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { type CompactJWSHeaderParameters, CompactSign } from 'jose'

export type JsonObject = Readonly<Record<string, unknown>>

export type KeyAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA'

export interface SigningKey {
  readonly kid: string
  readonly alg: KeyAlgorithm
  readonly privateKey: KeyObject
}

export interface KeyRingOptions {
  /** Default RS256. */
  alg?: KeyAlgorithm
  /** Key ids in the provider's style. Default: 16 random bytes as base64url. */
  keyId?: () => string
  /** The JWK exactly as the provider publishes it. Default: `alg e kid kty n use` (or `crv x y`). */
  publish?: (key: SigningKey, jwk: JsonObject) => JsonObject
}

/** A provider's signing keys. Keys are made when first needed. */
export interface KeyRing {
  /** Signs from now on. */
  readonly current: SigningKey
  /** Published keys of ours: the current one, those kept at a rotation before it, an announced one after it. */
  readonly all: readonly SigningKey[]
  /** The key set document's members. Each call counts as one request for it, see `flap`. */
  published(): readonly JsonObject[]
  /**
   * Signs with another key from now on: the announced one, else a new one.
   *
   * @param old - Whether the keys so far stay published, or vanish at once as after a revocation. Default: they vanish.
   */
  rotate(old?: 'kept' | 'gone'): SigningKey
  /** Publishes the key that the next `rotate` will sign with. */
  announce(): SigningKey
  /** Publishes a member as it is: an encryption key, or nonsense. */
  publishAlso(jwk: JsonObject): void
  /** Takes a key out of the published set, and the odd members of that id. */
  withdraw(kid: string): void
  /** Every second answer lacks these keys, as when front ends of one provider disagree. An empty list ends it. */
  flap(kids: readonly string[]): void
}

export function createKeyRing(options: KeyRingOptions = {}): KeyRing {
  const keys: SigningKey[] = []
  let announced: SigningKey | undefined
  const withdrawn = new Set<string>()
  let odd: JsonObject[] = []
  let flapping: readonly string[] = []
  let answers = 0
  const publish = options.publish ?? ((_key, jwk) => jwk)

  function make(): SigningKey {
    const alg = options.alg ?? 'RS256'
    return { kid: options.keyId?.() ?? randomBytes(16).toString('base64url'), alg, privateKey: generate(alg) }
  }

  const ring: KeyRing = {
    get current() {
      if (keys.length === 0) keys.push(make())
      return keys.at(-1) as SigningKey
    },
    get all() {
      return [...keys.slice(0, -1), ring.current, ...(announced ? [announced] : [])]
    },
    published() {
      const hidden = answers++ % 2 === 1 ? flapping : []
      const own = ring.all.filter(({ kid }) => !withdrawn.has(kid)).map(key => publish(key, publicJwk(key)))
      return [...own, ...odd].filter(({ kid }) => !hidden.includes(String(kid)))
    },
    rotate(old = 'gone') {
      const key = announced ?? make()
      announced = undefined
      if (old === 'gone') keys.length = 0
      keys.push(key)
      return key
    },
    announce() {
      announced = make()
      return announced
    },
    publishAlso: jwk => void odd.push(jwk),
    withdraw(kid) {
      withdrawn.add(kid)
      odd = odd.filter(jwk => jwk.kid !== kid)
    },
    flap(kids) {
      flapping = kids
      answers = 0
    },
  }
  return ring
}

/** Signs any claims under any header (RFC 7515 §7.1); members that are `undefined` are left out. */
export async function signJwt(header: JsonObject, claims: JsonObject, key: KeyObject): Promise<string> {
  const sign = new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
  return sign.setProtectedHeader(JSON.parse(JSON.stringify(header)) as CompactJWSHeaderParameters).sign(key)
}

function publicJwk({ kid, alg, privateKey }: SigningKey): JsonObject {
  return { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg, use: 'sig' }
}

function generate(alg: KeyAlgorithm): KeyObject {
  switch (alg) {
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
    case 'EdDSA':
      return generateKeyPairSync('ed25519').privateKey
    default:
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  }
}
