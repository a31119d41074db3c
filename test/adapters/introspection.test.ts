import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { introspection } from '../../adapters/introspection/index.ts'
import { loadConfiguration } from '../../config/load.ts'
import { createOidcEmulator, type OidcEmulatorOptions, type OidcTokenOptions } from '../../emulators/oidc.ts'
import { InvalidTokenError, MisconfigurationError } from '../../src/errors.ts'
import { describeTokenValidator } from '../../src/testing/contract.ts'
import { createContext, createProvider, NOW, RESOURCE, refusalOf } from '../engines/support.ts'
import { describeRecordings } from '../record/describe-recordings.ts'
import { describeOverVariants, membersOf, varied } from '../support/variants.ts'

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
  varied(createOidcEmulator({ origin: ORIGIN, tokens: 'opaque', now: () => NOW * 1000, ...options }))

function setUp(options: object = {}, secretOf = secret) {
  const emulator = emulate()
  const { context } = createContext(emulator.fetch)
  const validator = introspection.create(parse(options), { ...context, secret: secretOf })
  const validate = async (token: OidcTokenOptions = {}) => validator.validate(await emulator.mint(token))
  return { emulator, validator, validate }
}

/** Without the first, nobody can be asked; the others tell people from clients. */
const TELLING = ['discovery.introspection_endpoint', 'introspection.sub', 'introspection.username']

describeOverVariants(
  'introspection',
  {
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
          introspection.create(
            parse({ clientIds: 'native machine', requiredClaims: { use: 'access' }, tokensWithoutSubject: 'client' }),
            { ...context, secret },
          ),
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
          noSubject: {
            token: await withClaims({ use: 'access', sub: undefined, username: 'ada' }),
            reason: 'subject_missing',
          },
          emptySubject: { token: await withClaims({ use: 'access', sub: '' }), reason: 'claim_invalid' },
          noAudience: { token: await withClaims({ use: 'access', aud: undefined }), reason: 'audience_missing' },
          otherClient: { token: await withClaims({ use: 'access', client_id: 'other-app' }), reason: 'client_refused' },
          otherUse: { token: await withClaims({ use: 'refresh' }), reason: 'claim_invalid' },
          otherIssuer: { token: await withClaims({ use: 'access', iss: `${ORIGIN}/` }), reason: 'issuer_mismatch' },
          refreshToken: { token: await withClaims({ use: 'access', token_type: 'refresh' }), reason: 'type_mismatch' },
          dpop: {
            token: await withClaims({ use: 'access', cnf: { jkt: 'thumbprint' } }),
            reason: 'sender_constrained',
          },
        },
      }
    },
  },
  {
    members: membersOf('discovery', 'introspection').filter(member => !TELLING.includes(member)),
    read: membersOf('introspection'),
    needed: ['introspection.aud', 'introspection.client_id'],
    toldBy: { refreshToken: 'introspection.token_type', otherIssuer: 'introspection.iss' },
  },
)

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
})

/** Of a validator in front of one answer. */
function answering(answer: object, options: object = {}) {
  const { fetch } = createProvider({ [`${ORIGIN}/introspect`]: () => Response.json(answer) })
  const { context, seen } = createContext(fetch)
  const parsed = parse({ introspectionEndpoint: `${ORIGIN}/introspect`, ...options })
  expect(introspection.mistakes?.(parsed, secret)).toEqual({})
  const validator = introspection.create(parsed, { ...context, secret })
  return { validate: () => validator.validate('token'), seen }
}
const reasonOf = async (...arguments_: Parameters<typeof answering>) => {
  const error = await refusalOf(answering(...arguments_).validate())
  expect(error).toBeInstanceOf(InvalidTokenError)
  return error.reason
}

describe('an answer without a subject', () => {
  // As Django OAuth Toolkit 1.7.0 and Glewlwyd 2.7.5 sent them, for other times and under the resource of the tests.
  const EXP = NOW + 3600
  const DJANGO = {
    person: { active: true, scope: 'openid notes:read', exp: EXP, client_id: 'cli', username: 'made-up-ada' },
    machine: { active: true, scope: 'notes:read', exp: EXP, client_id: 'm2m' },
  }
  const GLEWLWYD = {
    person: {
      username: 'made-up-ada',
      client_id: 'cli',
      aud: RESOURCE,
      iat: NOW,
      nbf: NOW,
      jti: 'ynYhveSPbQb1d6XLnD1G1GkB5R2ICOuN',
      token_type: 'bearer',
      active: true,
      exp: EXP,
      sub: 'LfQBmoU2gPAsUlpk6QxudUjHzAwicgJR',
      scope: 'openid notes:read',
    },
    machine: {
      client_id: 'rsplain',
      aud: RESOURCE,
      iat: NOW,
      nbf: NOW,
      jti: 'EeEsGxQwU2LXVLLlaSmgq5uMdZcgIoLU',
      token_type: 'bearer',
      active: true,
      exp: EXP,
      scope: 'notes:read',
    },
  }
  // It names no token_type, and answers for access tokens only.
  const BY_CLIENT = { audience: null, clientIds: 'cli m2m', requireTokenType: false }

  it('belongs to nobody: two people of one client are not one person', async () => {
    for (const username of ['made-up-ada', 'made-up-ben']) {
      expect(await reasonOf({ ...DJANGO.person, username }, BY_CLIENT)).toEqual({
        kind: 'subject_missing',
        claim: 'sub',
        personalClaim: 'username',
        cure: 'have the provider include sub; or set subjectClaim (INTROSPECTION_SUBJECT_CLAIM) to username, if the provider never changes a user name and never gives one to somebody else',
      })
    }
  })

  it('names the setting for machines where nothing points to a person', async () => {
    expect(await reasonOf(GLEWLWYD.machine)).toEqual({
      kind: 'subject_missing',
      claim: 'sub',
      cure: 'have the provider include sub; or set tokensWithoutSubject (INTROSPECTION_TOKENS_WITHOUT_SUBJECT) to client, if the provider leaves sub out for machines only',
    })
  })

  it('belongs to the client itself where the options say so', async () => {
    const options = { tokensWithoutSubject: 'client' }
    expect(await answering(GLEWLWYD.machine, options).validate()).toMatchObject({
      subject: 'rsplain',
      clientId: 'rsplain',
      principalType: 'service',
    })
    expect(await answering(GLEWLWYD.person, options).validate()).toMatchObject({
      subject: 'LfQBmoU2gPAsUlpk6QxudUjHzAwicgJR',
      principalType: 'user',
    })
  })

  it('belongs to nobody where it points to a person, whatever the options say of machines', async () => {
    const { sub: _, ...person } = GLEWLWYD.person
    const reason = await reasonOf(person, { tokensWithoutSubject: 'client' })
    expect(reason).toMatchObject({ kind: 'subject_missing', personalClaim: 'username' })
    expect(reason).toMatchObject({ cure: expect.not.stringContaining('tokensWithoutSubject') })
  })

  it('is about the user of that name where the options say that user names are ids, and warns of it', async () => {
    const { validate, seen } = answering(DJANGO.person, { ...BY_CLIENT, subjectClaim: 'username' })
    expect(await validate()).toMatchObject({ subject: 'made-up-ada', clientId: 'cli', principalType: 'user' })
    expect(seen.warnings).toEqual([[expect.stringContaining('never change one'), { subjectClaim: 'username' }]])
    expect(answering(GLEWLWYD.person).seen.warnings).toEqual([])
  })

  it('has no user name that is the id of a client', async () => {
    const byName = { ...BY_CLIENT, subjectClaim: 'username' }
    expect(await reasonOf({ ...DJANGO.person, username: 'cli' }, byName)).toMatchObject({ kind: 'subject_missing' })
    const machines = { ...byName, tokensWithoutSubject: 'client' }
    expect(await answering(DJANGO.machine, machines).validate()).toMatchObject({
      subject: 'm2m',
      principalType: 'service',
    })
    expect(await reasonOf({ ...DJANGO.person, username: 'm2m' }, machines)).toEqual({
      kind: 'claim_invalid',
      claim: 'username',
      detail: 'the id of another client: one of the two needs another name',
    })
  })

  it('names the claim that was looked for, and sub where there is one', async () => {
    expect(await reasonOf(GLEWLWYD.person, { subjectClaim: 'uid' })).toMatchObject({
      claim: 'uid',
      personalClaim: 'sub',
      cure: expect.stringContaining('set subjectClaim (INTROSPECTION_SUBJECT_CLAIM) to sub'),
    })
  })
})

describe('the example configuration for Django OAuth Toolkit', () => {
  const ISSUER = `${ORIGIN}/o`

  function load(change: object = {}) {
    const { providers } = loadConfiguration({
      AUTH_CONFIG: new URL('../../docs/examples/providers/django-oauth-toolkit.json', import.meta.url).pathname,
      DJANGO_ISSUER: ISSUER,
      DJANGO_CLIENT_IDS: 'native machine',
      INTROSPECTION_CLIENT_ID: 'introspector',
      INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
      PUBLIC_URL: 'https://mcp.example.com',
      ...change,
    })
    return providers[0] ?? expect.fail('no provider')
  }

  describeTokenValidator('introspection', {
    tokens: 'opaque',
    async start() {
      const { adapter, options, secret } = await load()
      const emulator = emulate({ product: 'django' })
      const [revoked, ada] = [await emulator.mint(), await emulator.mint()]
      emulator.revoke(revoked)
      return {
        resource: RESOURCE,
        now: NOW * 1000,
        fetch: emulator.fetch,
        createValidator: context => adapter.create(options, { ...context, secret }),
        good: [ada, await emulator.mint({ user: 'cleo' }), await emulator.mint({ user: null })],
        refused: {
          unknown: { token: 'never-issued', reason: 'inactive' },
          revoked: { token: revoked, reason: 'inactive' },
          otherBinding: { token: await emulator.mint({ clientId: 'other-app' }), reason: 'client_refused' },
          noSubject: {
            token: await emulator.mint({ claims: { username: undefined, email: 'ada@example.com' } }),
            reason: 'subject_missing',
          },
          namedLikeAMachine: {
            token: await emulator.mint({ claims: { username: 'machine' } }),
            reason: 'claim_invalid',
          },
        },
      }
    },
  })

  it('tells people and machines apart', async () => {
    const { adapter, options, secret } = await load()
    const emulator = emulate({ product: 'django' })
    const validator = adapter.create(options, { ...createContext(emulator.fetch).context, secret })
    const who = async (token: OidcTokenOptions) => {
      const { subject, principalType, issuer } = await validator.validate(await emulator.mint(token))
      return [issuer, subject, principalType]
    }
    expect(await who({ user: 'ada' })).toEqual([ISSUER, 'ada', 'user'])
    expect(await who({ user: 'cleo' })).toEqual([ISSUER, 'cleo', 'user'])
    expect(await who({ user: null })).toEqual([ISSUER, 'machine', 'service'])
  })

  it('is tested on answers that have the members of the real ones', async () => {
    const emulator = emulate({ product: 'django' })
    const introspected = async (token: OidcTokenOptions) => {
      const response = await emulator.fetch(`${ISSUER}/introspect/`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('introspector:introspector-secret')}` },
        body: new URLSearchParams({ token: await emulator.mint(token) }),
      })
      return Object.keys((await response.json()) as object).sort()
    }
    expect(await introspected({})).toEqual(['active', 'client_id', 'exp', 'scope', 'username'])
    expect(await introspected({ user: null })).toEqual(['active', 'client_id', 'exp', 'scope'])
  })
})

describe('an answer without aud', () => {
  /** oidc-provider 9.13, stock: its answers about access tokens and about refresh tokens differ by token_type alone. */
  const STOCK = { active: true, sub: 'ada', client_id: 'native', exp: NOW + 60, iat: NOW, iss: ORIGIN, scope: 'openid' }
  const BY_CLIENT = { audience: null, clientIds: ['native'] }

  it('is refused without token_type from the first request on, because it may be about a refresh token', async () => {
    expect(await reasonOf(STOCK, BY_CLIENT)).toMatchObject({
      kind: 'type_mismatch',
      cure: expect.stringContaining('requireTokenType (INTROSPECTION_REQUIRE_TOKEN_TYPE) to false'),
    })
    await answering({ ...STOCK, token_type: 'Bearer' }, BY_CLIENT).validate()
    await answering(STOCK, { ...BY_CLIENT, requireTokenType: false }).validate()
  })

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

  it.each([
    ...['email', 'preferred_username', 'upn', 'auth_time'],
    // By a path, or by a name that is a URL.
    ...['user.email', 'EMail', 'https://example.com/email', 'https://example.com/claims/name'],
  ])('is %s for a subject', subjectClaim => {
    expect(introspection.mistakes?.(parse({ subjectClaim }), secret)?.subjectClaim).toContain('immutable')
  })

  it.each(['client_id', 'azp', 'cid', 'appid', 'aud', 'iss', 'app', 'tid', 'org_id', 'org', 'scope', 'scp'])(
    'is %s for a subject, which all users of a client or an organization share',
    claim => {
      const options = parse({ subjectClaim: claim, clientIdClaim: 'app', tenantClaim: 'org' })
      expect(introspection.mistakes?.(options, secret)?.subjectClaim).toContain('the same for all users of a client')
    },
  )

  it('is username for a subject beside machines without one, unless the clients are listed', () => {
    const options = { subjectClaim: 'username', tokensWithoutSubject: 'client' }
    expect(introspection.mistakes?.(parse(options), secret)?.clientIds).toContain('user names and client ids')
    expect(introspection.mistakes?.(parse({ ...options, clientIds: 'cli' }), secret)).toEqual({})
    expect(introspection.mistakes?.(parse({ subjectClaim: 'username' }), secret)).toEqual({})
  })

  it('is anything but refuse and client for tokens without a subject', () => {
    expect(introspection.options.safeParse({ ...OPTIONS, tokensWithoutSubject: 'user' }).success).toBe(false)
  })

  it('is a secret instead of the name of its variable', () => {
    expect(introspection.options.safeParse({ ...OPTIONS, clientSecretEnv: 'p4ssw0rd!' }).success).toBe(false)
  })
})

describeRecordings('introspection')
