import { constants, createHmac, type KeyObject, sign } from 'node:crypto'

export type JsonObject = Readonly<Record<string, unknown>>

export function encodePart(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/**
 * A compact JWS (RFC 7515 §7.1) by nothing but node:crypto: it signs headers that a library would refuse to.
 * Members that are `undefined` are left out. The signature is empty for an algorithm that it does not know.
 */
export function signJwt(header: JsonObject, claims: JsonObject | string, key: KeyObject): string {
  const input = `${encodePart(header)}.${encodePart(claims)}`
  return `${input}.${signature(String(header.alg), Buffer.from(input), key).toString('base64url')}`
}

function signature(algorithm: string, input: Buffer, key: KeyObject): Buffer {
  const [, family, bits] = /^(RS|PS|ES|HS)(256|384|512)$/.exec(algorithm) ?? [undefined, algorithm]
  const digest = `sha${bits}`
  switch (family) {
    case 'RS':
      return sign(digest, input, key)
    case 'PS':
      return sign(digest, input, {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      })
    case 'ES':
      return sign(digest, input, { key, dsaEncoding: 'ieee-p1363' })
    case 'HS':
      return createHmac(digest, key).update(input).digest()
    case 'EdDSA':
    case 'Ed25519':
      return sign(null, input, key)
    default:
      return Buffer.alloc(0)
  }
}
