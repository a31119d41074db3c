import type { KeyObject, X509Certificate } from 'node:crypto'
import { builtIn } from './files.ts'

/** A private key with which the bridge signs that it is the client of a provider. */
export interface ClientKeyEntry {
  readonly jwk: Readonly<Record<string, unknown>> & { readonly kty: string }
  /** SHA-256 thumbprint of the certificate, base64url. */
  readonly certificateThumbprint?: string
}

/** An end of a sentence about the setting that holds the key or the certificate. */
type Problem = { readonly problem: string; readonly of: 'key' | 'certificate' }

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/

/**
 * Reads a private key: PEM, or a JWK, whose `kid` and `alg` are kept. A certificate may stand in the same text.
 *
 * @param certificate - PEM. Default: the one beside the key, if there is any.
 */
export function readClientKey(text: string, certificate?: string): { key: ClientKeyEntry } | Problem {
  // Variables often hold the line ends of a PEM as \n.
  const content = text.replaceAll('\\n', '\n').trim()
  const read = content.startsWith('{') ? readJwk(content) : readPem(content)
  if ('problem' in read) return read
  const { key, members } = read
  const weakness = weaknessOf(key) ?? misfit(key, members.alg)
  if (weakness !== undefined) return { problem: weakness, of: 'key' }
  const jwk = { ...key.export({ format: 'jwk' }), ...members } as ClientKeyEntry['jwk']
  const pem = certificate ?? PEM_CERTIFICATE.exec(content)?.[0]
  if (pem === undefined) return { key: { jwk } }
  const parsed = certificateIn(pem)
  const problem = parsed ? certificateProblem(parsed, key) : 'holds no certificate in PEM'
  if (!parsed || problem !== undefined) return { problem: problem ?? '', of: 'certificate' }
  const thumbprint = Buffer.from(parsed.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
  return { key: { jwk, certificateThumbprint: thumbprint } }
}

type Read = { key: KeyObject; members: { kid?: string; alg?: string } } | Problem

function readJwk(text: string): Read {
  try {
    const jwk = JSON.parse(text)
    if (Array.isArray(jwk.keys)) return { problem: 'holds a set of keys: put in the one private key', of: 'key' }
    if (jwk.d === undefined) return { problem: 'holds a public key: the private one is needed', of: 'key' }
    const key = builtIn('crypto').createPrivateKey({ key: jwk, format: 'jwk' })
    const { kid, alg } = jwk
    return { key, members: { ...(typeof kid === 'string' && { kid }), ...(typeof alg === 'string' && { alg }) } }
  } catch {
    return { problem: 'is not a private key as a JWK', of: 'key' }
  }
}

function readPem(text: string): Read {
  if (/ENCRYPTED/.test(text)) {
    return {
      problem: 'is encrypted with a passphrase: remove that (openssl pkey -in key.pem -out plain.pem)',
      of: 'key',
    }
  }
  try {
    return { key: builtIn('crypto').createPrivateKey(text), members: {} }
  } catch {
    return { problem: 'is not a private key in PEM or as a JWK', of: 'key' }
  }
}

function weaknessOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
  if (type === 'rsa') return Number(details?.modulusLength) < 2048 ? 'is an RSA key of less than 2048 bits' : undefined
  if (type === 'ed25519' || (type === 'ec' && Object.hasOwn(ALGORITHMS, String(details?.namedCurve)))) return undefined
  return 'is of a kind that providers do not take: use RSA, P-256, P-384, P-521 or Ed25519'
}

/** By kind of key or its curve: the algorithms that it can sign with. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  rsa: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ed25519: ['EdDSA', 'Ed25519'],
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}

function misfit(
  { asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject,
  alg?: string,
): string | undefined {
  const fitting = ALGORITHMS[details?.namedCurve ?? ''] ?? ALGORITHMS[type ?? ''] ?? []
  if (alg === undefined || fitting.includes(alg)) return undefined
  return `has an alg that it cannot sign with: use ${fitting.join(', ')}, or leave alg out`
}

function certificateIn(pem: string): X509Certificate | undefined {
  try {
    return new (builtIn('crypto').X509Certificate)(pem)
  } catch {
    return undefined
  }
}

function certificateProblem(certificate: X509Certificate, key: KeyObject): string | undefined {
  if (!certificate.checkPrivateKey(key)) return 'is not the certificate of that key'
  const end = new Date(certificate.validTo)
  return end.getTime() < Date.now() ? `has expired (${end.toISOString().slice(0, 10)})` : undefined
}
