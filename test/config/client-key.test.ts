import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'
import { keyAsJwk, keyWithCertificate } from '../support/client-keys.ts'
import { temporaryFile } from '../support/temporary-files.ts'

const entra = {
  AUTH_BRIDGE: 'on',
  AUTH_PROVIDER: 'azure',
  AZURE_TENANT_ID: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  BRIDGE_CLIENT_ID: '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11',
  BRIDGE_ALLOW: 'tenant:3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  BRIDGE_GRANT_SCOPES: 'notes:read',
}
const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln'

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfiguration(env)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ setting, problem }) => `${setting}: ${problem}`)
  }
}

const pem = (type: 'pkcs1' | 'pkcs8' | 'sec1', keys = generateKeyPairSync('rsa', { modulusLength: 2048 })) =>
  keys.privateKey.export({ type: type as 'pkcs8', format: 'pem' }).toString()

describe('a bridge without a secret', () => {
  it.each(['pkcs1', 'pkcs8'] as const)('takes an RSA key in PEM (%s)', type => {
    const { bridge } = loadConfiguration({ ...entra, BRIDGE_CLIENT_KEY_FILE: temporaryFile('key.pem', pem(type)) })
    expect(bridge?.clientKey).toEqual({ jwk: expect.objectContaining({ kty: 'RSA', d: expect.any(String) }) })
    expect(bridge?.clientSecret).toBeUndefined()
  })

  it('takes an EC key in PEM, its lines ended by \\n as variables hold them', () => {
    const text = pem('sec1', generateKeyPairSync('ec', { namedCurve: 'P-256' }) as never).replaceAll('\n', '\\n')
    const { bridge } = loadConfiguration({ ...entra, BRIDGE_CLIENT_KEY: text })
    expect(bridge?.clientKey?.jwk).toMatchObject({ kty: 'EC', crv: 'P-256' })
  })

  it('takes a JWK, whose key id and algorithm count', () => {
    const jwk = { ...keyAsJwk('rsa', 'key-7').jwk, alg: 'PS256', use: 'sig' }
    const { bridge } = loadConfiguration({ ...entra, BRIDGE_CLIENT_KEY: JSON.stringify(jwk) })
    expect(bridge?.clientKey?.jwk).toMatchObject({ kid: 'key-7', alg: 'PS256' })
  })

  it.each([
    ['rsa', 'PS512'],
    ['ec', 'ES256'],
    ['ed25519', 'EdDSA'],
  ] as const)('takes a key (%s) whose alg is %s', (kind, alg) => {
    const BRIDGE_CLIENT_KEY = JSON.stringify({ ...keyAsJwk(kind).jwk, alg })
    expect(loadConfiguration({ ...entra, BRIDGE_CLIENT_KEY }).bridge?.clientKey?.jwk).toMatchObject({ alg })
  })

  it('finds the certificate beside the key, or in a file of its own', () => {
    const { key, certificate, thumbprint } = keyWithCertificate()
    for (const settings of [
      { BRIDGE_CLIENT_KEY: certificate + key },
      { BRIDGE_CLIENT_KEY: key + certificate },
      { BRIDGE_CLIENT_KEY: key, BRIDGE_CLIENT_CERTIFICATE_FILE: temporaryFile('tls.crt', certificate) },
    ]) {
      expect(loadConfiguration({ ...entra, ...settings }).bridge?.clientKey?.certificateThumbprint).toBe(thumbprint)
    }
  })

  it('takes the token of the platform, at Entra ID where Azure puts it', () => {
    const path = temporaryFile('token', `${TOKEN}\n`)
    const named = loadConfiguration({ ...entra, BRIDGE_CLIENT_ASSERTION_FILE: path })
    const injected = loadConfiguration({ ...entra, AZURE_FEDERATED_TOKEN_FILE: path })
    for (const { bridge } of [named, injected]) expect(bridge?.clientAssertionFile).toBe(path)
    const withSecret = loadConfiguration({ ...entra, AZURE_FEDERATED_TOKEN_FILE: path, BRIDGE_CLIENT_SECRET: 's' })
    expect(withSecret.bridge).toMatchObject({ clientSecret: 's' })
    expect(withSecret.bridge?.clientAssertionFile).toBeUndefined()
  })
})

describe('a bridge does not start', () => {
  const { key, certificate } = keyWithCertificate()
  const weak = pem('pkcs8', generateKeyPairSync('rsa', { modulusLength: 1024 }))
  const odd = pem('sec1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }) as never)
  const encrypted = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey

  it.each<[string, Record<string, string>, string]>([
    ['nonsense', { BRIDGE_CLIENT_KEY: 'nonsense' }, 'BRIDGE_CLIENT_KEY: is not a private key in PEM or as a JWK'],
    ['a short RSA key', { BRIDGE_CLIENT_KEY: weak }, 'BRIDGE_CLIENT_KEY: is an RSA key of less than 2048 bits'],
    ['a curve of its own', { BRIDGE_CLIENT_KEY: odd }, 'BRIDGE_CLIENT_KEY: is of a kind that providers do not take'],
    ['a passphrase', { BRIDGE_CLIENT_KEY: encrypted }, 'BRIDGE_CLIENT_KEY: is encrypted with a passphrase'],
    [
      'a public key',
      { BRIDGE_CLIENT_KEY: JSON.stringify(keyAsJwk().registered) },
      'BRIDGE_CLIENT_KEY: holds a public key',
    ],
    [
      'an algorithm that is not for the key',
      { BRIDGE_CLIENT_KEY: JSON.stringify({ ...keyAsJwk('ec').jwk, alg: 'RS256' }) },
      'BRIDGE_CLIENT_KEY: has an alg that it cannot sign with: use ES256, or leave alg out',
    ],
    ['a set', { BRIDGE_CLIENT_KEY: '{"keys":[]}' }, 'BRIDGE_CLIENT_KEY: holds a set of keys'],
    [
      'the certificate of another key',
      { BRIDGE_CLIENT_KEY: key + keyWithCertificate().certificate },
      'BRIDGE_CLIENT_KEY: has a certificate that is not the certificate of that key',
    ],
    [
      'key and secret',
      { BRIDGE_CLIENT_KEY: key, BRIDGE_CLIENT_SECRET: 's' },
      'BRIDGE_CLIENT_KEY: and BRIDGE_CLIENT_SECRET are both set; keep one',
    ],
    [
      'a token file that is not there',
      { BRIDGE_CLIENT_ASSERTION_FILE: '/nowhere/token' },
      'BRIDGE_CLIENT_ASSERTION_FILE: names a file that cannot be read (ENOENT)',
    ],
    [
      'nothing of all this',
      {},
      'BRIDGE_CLIENT_SECRET: is not set, nor is BRIDGE_CLIENT_SECRET_FILE: the secret for BRIDGE_CLIENT_ID (without a secret, set BRIDGE_CLIENT_KEY',
    ],
    [
      'a key for GitHub',
      { AUTH_PROVIDER: 'github', BRIDGE_ALLOW: 'everyone', BRIDGE_CLIENT_KEY: key },
      'BRIDGE_CLIENT_KEY: is not for GitHub, which takes a client secret only',
    ],
  ])('with %s', (_what, settings, problem) => {
    const { AZURE_TENANT_ID, ...others } = entra
    const found = problemsOf({ ...others, ...(settings.AUTH_PROVIDER ? {} : { AZURE_TENANT_ID }), ...settings })
    expect(found).toEqual([expect.stringContaining(problem)])
    expect(found.join()).not.toMatch(/nonsense|BEGIN/)
  })

  it('with a certificate and no key', () => {
    const BRIDGE_CLIENT_CERTIFICATE_FILE = temporaryFile('tls.crt', certificate)
    expect(problemsOf({ ...entra, BRIDGE_CLIENT_CERTIFICATE_FILE })).toContainEqual(
      'BRIDGE_CLIENT_CERTIFICATE_FILE: is set, but BRIDGE_CLIENT_KEY, the private key for it, is not',
    )
  })

  it('with a token file that holds something else, which is not for a provider to see', () => {
    const BRIDGE_CLIENT_ASSERTION_FILE = temporaryFile('token', 'root:x:0:0')
    expect(problemsOf({ ...entra, BRIDGE_CLIENT_ASSERTION_FILE })).toEqual([
      'BRIDGE_CLIENT_ASSERTION_FILE: names a file that does not hold a signed JWT',
    ])
  })
})
