import { createHash, randomUUID } from 'node:crypto'
import {
  CompactEncrypt,
  CompactSign,
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type JWK,
} from 'jose'

/** A key pair of the kit. */
export interface SigningKey {
  readonly id: string
  readonly algorithm: 'RS256' | 'ES256'
  readonly privateKey: CryptoKey
  /** With `kid`, `alg` and `use`. */
  readonly publicJwk: JWK
  /** Without the private part; what {@link createProof} takes to put a private key where none belongs. */
  readonly privateJwk: JWK
}

export async function createSigningKey(algorithm: SigningKey['algorithm'] = 'RS256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const id = randomUUID()
  const publicJwk = { ...(await exportJWK(publicKey)), kid: id, alg: algorithm, use: 'sig' }
  return { id, algorithm, privateKey, publicJwk, privateJwk: await exportJWK(privateKey) }
}

export type Members = Readonly<Record<string, unknown>>

/** Signs what it is given, however wrong. Members that are `undefined` are left out. */
export function signToken(key: SigningKey, claims: Members, header: Members = {}): Promise<string> {
  const { alg = key.algorithm, ...others } = header
  const protectedHeader = present({ alg, typ: 'at+jwt', kid: key.id, ...others }) as { alg: string }
  // jose signs no extension that it has not been told of; the verifier is the one who must refuse it.
  const named = Array.isArray(others.crit) ? others.crit : []
  const crit = Object.fromEntries(named.map(name => [String(name), true]))
  return new CompactSign(bytesOf(claims)).setProtectedHeader(protectedHeader).sign(key.privateKey, { crit })
}

/** @param secret - For HS256. */
export function signWithSecret(secret: string, claims: Members, header: Members = {}): Promise<string> {
  const protectedHeader = present({ alg: 'HS256', typ: 'at+jwt', ...header }) as { alg: string }
  return new CompactSign(bytesOf(claims)).setProtectedHeader(protectedHeader).sign(new TextEncoder().encode(secret))
}

/** Three parts, the last one empty. */
export function unsignedToken(algorithm: string, claims: Members, header: Members = {}): string {
  return `${encoded({ alg: algorithm, typ: 'at+jwt', ...header })}.${encoded(present(claims))}.`
}

/** A signed token inside an encrypted one (five parts), for the public half of `key`. */
export async function encryptToken(key: SigningKey, token: string): Promise<string> {
  const { publicKey } = await generateKeyPair('RSA-OAEP-256')
  return new CompactEncrypt(new TextEncoder().encode(token))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT', kid: key.id })
    .encrypt(publicKey)
}

export interface ProofChanges {
  /** Claims that differ; `undefined` leaves one out. */
  readonly claims?: Members
  readonly header?: Members
  /** Signs in place of the key that the header shows. */
  readonly signer?: SigningKey
}

/** A DPoP proof (RFC 9449 §4.2) for one request, with changes. */
export function createProof(
  key: SigningKey,
  { method, url, token }: { readonly method: string; readonly url: string; readonly token: string },
  { claims = {}, header = {}, signer = key }: ProofChanges = {},
): Promise<string> {
  const { kid: _, alg: __, use: ___, ...jwk } = key.publicJwk
  const ath = createHash('sha256').update(token).digest('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const all = { jti: randomUUID(), htm: method, htu: url, iat, ath, ...claims }
  return signToken(signer, all, { typ: 'dpop+jwt', kid: undefined, jwk, ...header })
}

/** What `cnf.jkt` says of a token that is bound to the key. */
export const thumbprintOf = (key: SigningKey): Promise<string> => calculateJwkThumbprint(key.publicJwk)

/** The same token with one character of its signature changed. */
export function withBrokenSignature(token: string): string {
  const [header, payload, signature = ''] = token.split('.')
  const middle = signature.length >> 1
  const other = signature[middle] === 'A' ? 'B' : 'A'
  return `${header}.${payload}.${signature.slice(0, middle)}${other}${signature.slice(middle + 1)}`
}

/** The signature of `token` behind other claims. */
export function withOtherPayload(token: string, claims: Members): string {
  const [header, , signature] = token.split('.')
  return `${header}.${encoded(present(claims))}.${signature}`
}

function present(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

const bytesOf = (members: Members) => new TextEncoder().encode(JSON.stringify(members))
const encoded = (members: Members) => Buffer.from(JSON.stringify(members)).toString('base64url')
