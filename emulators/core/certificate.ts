import { createHash, createPublicKey, randomBytes, sign } from 'node:crypto'
import type { SigningKey } from './keys.ts'

/**
 * The self-signed certificate that some providers publish beside an RSA key (RFC 7517 §4.7 and §4.8).
 *
 * @param commonName - Subject and issuer.
 * @returns `x5c` and `x5t` as in a JWK.
 */
export function certificateOf({ privateKey }: SigningKey, commonName: string): { x5c: [string]; x5t: string } {
  const algorithm = sequence(SHA256_WITH_RSA, NULL)
  const name = sequence(tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from(commonName)))))
  const validity = sequence(time('200101000000Z'), time('491231235959Z'))
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  // A first byte below 0x80, so that the number is positive.
  const serial = tagged(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(8)]))
  const body = sequence(VERSION_3, serial, algorithm, name, validity, name, publicKey)
  const signature = tagged(0x03, Buffer.concat([Buffer.from([0x00]), sign('sha256', body, privateKey)]))
  const certificate = sequence(body, algorithm, signature)
  return {
    x5c: [certificate.toString('base64')],
    x5t: createHash('sha1').update(certificate).digest('base64url'),
  }
}

// The few parts of DER (X.690) that a certificate is made of.
const NULL = Buffer.from('0500', 'hex')
const VERSION_3 = Buffer.from('a003020102', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')
const SHA256_WITH_RSA = Buffer.from('06092a864886f70d01010b', 'hex')

const sequence = (...parts: Buffer[]) => tagged(0x30, Buffer.concat(parts))
const time = (text: string) => tagged(0x17, Buffer.from(text))

function tagged(tag: number, content: Buffer): Buffer {
  const length = content.length
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
