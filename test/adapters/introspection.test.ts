import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { introspection } from '../../adapters/introspection.ts'
import { createOidcEmulator, type OidcEmulatorOptions, type OidcTokenOptions } from '../../emulators/oidc.ts'
import { InvalidTokenError, MisconfigurationError } from '../../src/errors.ts'
import { describeTokenValidator } from '../../src/testing/token-validator-contract.ts'
import { describeRecordings } from '../record/describe-recordings.ts'
import { createContext, createProvider, NOW, RESOURCE, refusalOf } from '../validators/support.ts'

const ORIGIN = 'https://as.example.com'
const secret = () => 'introspector-secret'

const OPTIONS = {
  adapter: 'introspection',
  metadataUrl: `${ORIGIN}/.well-known/oauth-authorization-server`,
  clientId: 'introspector',
  clientSecretEnv: 'INTROSPECTION_SECRET',
}
const parse = (options: object = {}) => introspection.options.parse({ ...OPTIONS, ...options })
const emulate = (options: OidcEmulatorOptions = {}) =>
  createOidcEmulator({ origin: ORIGIN, tokens: 'opaque', now: () => NOW * 1000, ...options })

function setUp(options: object = {}, secretOf = secret) {
  const emulator = emulate()
  const { context } = createContext(emulator.fetch)
  const validator = introspection.create(parse(options), { ...context, secret: secretOf })
  const validate = async (token: OidcTokenOptions = {}) => validator.validate(await emulator.mint(token))
  return { emulator, validator, validate }
}

describeTokenValidator('introspection', {
  tokens: 'opaque',
  async start() {
    const emulator = emulate()
    const withClaims = (claims: OidcTokenOptions['claims']) => emulator.mint({ claims })
    const revoked = await emulator.mint()
    emulator.revoke(revoked)
    return {
      resource: RESOURCE,
      now: NOW * 1000,
      fetch: emulator.fetch,
      createValidator: context =>
        introspection.create(parse({ clientIds: 'native machine', requiredClaims: { use: 'access' } }), {
          ...context,
          secret,
        }),
      good: [
        await withClaims({ use: 'access' }),
        await emulator.mint({ user: null, claims: { use: 'access', sub: undefined } }),
        await withClaims({ use: 'access', iss: undefined, aud: [`${RESOURCE}/`, 'urn:other'] }),
      ],
      refused: {
        unknown: { token: 'never-issued', reason: 'inactive' },
        revoked: { token: revoked, reason: 'inactive' },
        otherBinding: {
          token: await withClaims({ use: 'access', aud: 'https://other.example.com' }),
          reason: 'audience_mismatch',
        },
        noAudience: { token: await withClaims({ use: 'access', aud: undefined }), reason: 'audience_missing' },
        otherClient: { token: await withClaims({ use: 'access', client_id: 'other-app' }), reason: 'client_refused' },
        otherUse: { token: await withClaims({ use: 'refresh' }), reason: 'claim_invalid' },
        otherIssuer: { token: await withClaims({ use: 'access', iss: `${ORIGIN}/` }), reason: 'issuer_mismatch' },
        refreshToken: { token: await withClaims({ use: 'access', token_type: 'refresh' }), reason: 'type_mismatch' },
        dpop: { token: await withClaims({ use: 'access', cnf: { jkt: 'thumbprint' } }), reason: 'sender_constrained' },
      },
    }
  },
})

describe('claims', () => {
  it('are found where the options say', async () => {
    const options = { subjectClaim: 'user.id', clientIdClaim: 'app', scopeClaims: 'permissions', tenantClaim: 'org' }
    const { validate } = setUp(options)
    const claims = { user: { id: 'user-1' }, app: 'app-1', permissions: ['notes:read'], org: 'org-1' }
    expect(await validate({ claims })).toMatchObject({
      subject: 'user-1',
      clientId: 'app-1',
      scopes: ['notes:read'],
      tenant: 'org-1',
    })
  })

  it('without sub are the client’s own', async () => {
    const { validate } = setUp()
    expect(await validate({ user: null, claims: { sub: undefined } })).toMatchObject({
      subject: 'machine',
      principalType: 'service',
    })
  })
})

describe('an answer without aud', () => {
  it('is taken where clients bind the token instead, and only theirs', async () => {
    const { emulator, validator, validate } = setUp({ audience: null, clientIds: ['native'] })
    await validate({ claims: { aud: undefined } })
    const other = await emulator.mint({ clientId: 'other-app', claims: { aud: undefined } })
    const error = await refusalOf(validator.validate(other))
    expect(error).toBeInstanceOf(InvalidTokenError)
    expect(error.reason.kind).toBe('client_refused')
  })
})

describe('the endpoint', () => {
  it('is that of the options where one is given, and nothing is discovered', async () => {
    const { emulator, validate } = setUp({ introspectionEndpoint: `${ORIGIN}/introspect` })
    await validate()
    expect(emulator.requests.map(({ path }) => path)).toEqual(['/introspect'])
  })

  it('must be in the metadata otherwise', async () => {
    const { fetch } = createProvider({ [OPTIONS.metadataUrl]: () => Response.json({ issuer: ORIGIN }) })
    const validator = introspection.create(parse(), { ...createContext(fetch).context, secret })
    const error = await refusalOf(validator.warmUp())
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({ kind: 'metadata_incomplete', member: 'introspection_endpoint' })
  })
})

describe('this server authenticates', () => {
  const keys: Record<string, KeyObject> = {
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    Ed25519: generateKeyPairSync('ed25519').privateKey,
  }
  const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()

  async function requestBy(
    authMethod: string,
    credential: string,
  ): Promise<{ headers: Headers; form: URLSearchParams }> {
    const { fetch, requests } = createProvider({ [`${ORIGIN}/introspect`]: () => Response.json({ active: false }) })
    const options = parse({ authMethod, introspectionEndpoint: `${ORIGIN}/introspect` })
    expect(introspection.mistakes?.(options, () => credential)).toEqual({})
    const validator = introspection.create(options, { ...createContext(fetch).context, secret: () => credential })
    expect((await refusalOf(validator.validate('opaque-token'))).reason).toEqual({ kind: 'inactive' })
    const request = requests[0] ?? expect.fail('nothing was asked')
    return { headers: request.headers, form: new URLSearchParams(await request.text()) }
  }

  it('by Basic, encoded as forms are (RFC 6749 §2.3.1)', async () => {
    const { headers, form } = await requestBy('client_secret_basic', 's3cret:+%')
    expect(Buffer.from(headers.get('authorization')?.slice(6) ?? '', 'base64').toString()).toBe(
      'introspector:s3cret%3A%2B%25',
    )
    expect(Object.fromEntries(form)).toEqual({ token: 'opaque-token', token_type_hint: 'access_token' })
  })

  it('in the form', async () => {
    const { headers, form } = await requestBy('client_secret_post', 's3cret')
    expect(headers.get('authorization')).toBeNull()
    expect(Object.fromEntries(form)).toMatchObject({ client_id: 'introspector', client_secret: 's3cret' })
  })

  it.each(Object.keys(keys))('by an assertion signed with a %s key, as PEM or JWK (RFC 7523)', async alg => {
    const key = keys[alg] as KeyObject
    const jwk = JSON.stringify({ ...key.export({ format: 'jwk' }), kid: 'key-1' })
    for (const [text, kid] of [
      [pem(key), undefined],
      [jwk, 'key-1'],
    ] as const) {
      const { headers, form } = await requestBy('private_key_jwt', text)
      expect(headers.get('authorization')).toBeNull()
      expect(form.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      const [header = '', payload = '', signature = ''] = form.get('client_assertion')?.split('.') ?? []
      expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg, ...(kid ? { kid } : {}) })
      expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
        iss: 'introspector',
        sub: 'introspector',
      })
      const digest = alg === 'Ed25519' ? null : `sha${alg.slice(-3)}`
      const publicKey = { key: createPublicKey(key), dsaEncoding: 'ieee-p1363' } as const
      const input = Buffer.from(`${header}.${payload}`)
      expect(verify(digest, input, publicKey, Buffer.from(signature, 'base64url'))).toBe(true)
    }
  })

  it.each([
    ['a secret', 's3cret', 'PEM'],
    [
      'a public key',
      createPublicKey(keys.ES256 as KeyObject)
        .export({ type: 'spki', format: 'pem' })
        .toString(),
      'PEM',
    ],
    ['JSON that is no key', '{"kty":"oct","k":"c2VjcmV0"}', 'JWK'],
    ['a short RSA key', pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey), '2048 bits'],
    ['another curve', pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey), 'P-256'],
  ])('not with %s where a private key is wanted', (_what, text, part) => {
    const mistakes = introspection.mistakes?.(parse({ authMethod: 'private_key_jwt' }), () => text)
    expect(mistakes?.clientSecretEnv).toContain(part)
    expect(mistakes?.clientSecretEnv).not.toContain(text)
  })

  it('and learns at the start that its credentials are wrong', async () => {
    const error = await refusalOf(setUp({}, () => 'wrong').validator.warmUp())
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({ kind: 'own_credentials_refused', status: 401, error: 'invalid_client' })
  })
})

describe('a mistake in the settings', () => {
  it('is neither an audience nor clients', () => {
    expect(introspection.mistakes?.(parse({ audience: null }), secret)).toHaveProperty('clientIds')
  })

  it('is a secret instead of the name of its variable', () => {
    expect(introspection.options.safeParse({ ...OPTIONS, clientSecretEnv: 'p4ssw0rd!' }).success).toBe(false)
  })
})

describeRecordings('introspection')
