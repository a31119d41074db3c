import { constants, createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type Answer, type Draft, emptyDraft, jsonOf, type Members, type Presented } from './draft.ts'

const rsa = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength }).privateKey
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

/** Made once: keys of a provider, and those of somebody else. */
export const keys = {
  rsa: rsa(),
  otherRsa: rsa(),
  shortRsa: rsa(1024),
  ec: ec(),
  otherEc: ec(),
  ed25519: generateKeyPairSync('ed25519').privateKey,
} as const

/** A public key as a key set holds it. */
export function jwkOf(key: KeyObject, members: Members): Members {
  return { ...createPublicKey(key).export({ format: 'jwk' }), ...members }
}

/** Signs the first two parts of a token, and gives the third. */
export type Sign = (input: string) => Buffer

export interface JwtDraft extends Draft {
  header: Members
  /** Payload in place of the claims. */
  payload?: Buffer
  /** Key that signs, by the algorithm of the header unless `sign` is given. */
  key: KeyObject
  sign?: Sign
  /** What happens to the text of the signed token. */
  edits: ((token: string) => string)[]
  metadata: Members
  keySet: unknown[]
  /** Answers in place of the documents. */
  answers: { metadata?: Answer; keys?: Answer }
}

export interface JwtShape {
  readonly metadataUrl: string
  readonly issuer: string
  readonly header: Members
  readonly claims: Members
  readonly expected: Draft['expected']
  readonly key?: KeyObject
  /** Members of the published keys beside `kid`. */
  readonly keyMembers?: Members
}

const JWKS_URI = 'https://keys.example.com/jwks'
/** As Cognito has them. */
const KEY_ID = 'a/b+c='
export const EC_KEY_ID = 'ec-1'

export function jwtDraft({ metadataUrl, issuer, header, claims, expected, key = keys.rsa, keyMembers = {} }: JwtShape) {
  const algorithm = key === keys.ec ? 'ES256' : 'RS256'
  const draft: JwtDraft = {
    ...emptyDraft(),
    header: { alg: algorithm, kid: KEY_ID, ...header },
    claims: { ...claims },
    expected: { ...expected },
    key,
    edits: [],
    metadata: { issuer, jwks_uri: JWKS_URI, authorization_endpoint: `${new URL(metadataUrl).origin}/authorize` },
    keySet: [
      jwkOf(key, { kid: KEY_ID, use: 'sig', alg: algorithm, ...keyMembers }),
      // Of another type, so that a token without key id still means one key only.
      key === keys.ec
        ? jwkOf(keys.otherRsa, { kid: 'rsa-1', use: 'sig', alg: 'RS384' })
        : jwkOf(keys.ec, { kid: EC_KEY_ID, use: 'sig', alg: 'ES256', ...keyMembers }),
    ],
    answers: {},
  }
  return draft
}

export function present(draft: JwtDraft, metadataUrl: string): Presented {
  return {
    token: signed(draft),
    endpoints: {
      [metadataUrl]: draft.answers.metadata ?? (() => Response.json(draft.metadata)),
      [JWKS_URI]: draft.answers.keys ?? (() => Response.json({ keys: draft.keySet })),
    },
  }
}

function signed(draft: JwtDraft): string {
  const { header, key, edits } = draft
  const payload = draft.payload ?? Buffer.from(jsonOf(draft.claims, draft))
  const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload.toString('base64url')}`
  const signature = draft.sign?.(input) ?? signatureOf(String(header.alg), Buffer.from(input), key)
  return edits.reduce((text, edit) => edit(text), `${input}.${signature.toString('base64url')}`)
}

/** Empty for an algorithm that this does not know. */
export function signatureOf(algorithm: string, input: Buffer, key: KeyObject): Buffer {
  const [, family, bits] = /^(RS|PS|ES)(256|384|512)$/.exec(algorithm) ?? []
  if (family === undefined) return Buffer.alloc(0)
  const isPss = family === 'PS' && key.asymmetricKeyType === 'rsa'
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return sign(`sha${bits}`, input, { key, dsaEncoding: 'ieee-p1363', ...(isPss && pss) })
}

/** With a public exponent of 1 a message is its own signature: no private key is needed (RFC 8017 §8.2.2, §9.2). */
export const signWithExponentOne: Sign = input => {
  const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')
  const digest = createHash('sha256').update(input).digest()
  const padding = Buffer.alloc(256 - 3 - prefix.length - digest.length, 0xff)
  return Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), prefix, digest])
}
