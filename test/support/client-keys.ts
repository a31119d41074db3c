import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { certificateOf } from '../../emulators/core/certificate.ts'

/** A key of a client with its certificate, as an operator has it and as it is registered at a provider. */
export function keyWithCertificate() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const der = Buffer.from(certificateOf({ kid: 'c', alg: 'RS256', privateKey }, 'bridge').x5c[0], 'base64')
  const thumbprint = createHash('sha256').update(der).digest('base64url')
  const body = der.toString('base64').replaceAll(/.{64}/g, line => `${line}\n`)
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
    thumbprint,
    registered: { ...createPublicKey(privateKey).export({ format: 'jwk' }), 'x5t#S256': thumbprint },
  }
}

/** A key as a JWK, private and as it is registered. */
export function keyAsJwk(kind: 'rsa' | 'ec' | 'ed25519' = 'ec', kid = 'k1') {
  const { privateKey, publicKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : kind === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519')
  return {
    jwk: { ...privateKey.export({ format: 'jwk' }), kid } as { kty: string; kid: string },
    registered: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' },
  }
}
