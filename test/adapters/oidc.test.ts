import { describe, expect, it } from 'vitest'
import { oidc } from '../../adapters/oidc/index.ts'
import { createOidcEmulator, type OidcEmulatorOptions, type OidcTokenOptions } from '../../emulators/oidc.ts'
import { InvalidTokenError, MisconfigurationError } from '../../src/errors.ts'
import type { TokenReason } from '../../src/reasons.ts'
import { createContext, NOW, RESOURCE, refusalOf } from '../engines/support.ts'
import { describeRecordings } from '../record/describe-recordings.ts'
import { describeOverVariants, membersOf, varied } from '../support/variants.ts'

const ORIGIN = 'https://id.example.com'
const METADATA = `${ORIGIN}/.well-known/openid-configuration`

const secret = () => expect.fail('this provider needs no secret')
const parse = (options: object = {}) => oidc.options.parse({ adapter: 'oidc', metadataUrl: METADATA, ...options })
const emulate = (options: OidcEmulatorOptions = {}) =>
  varied(createOidcEmulator({ origin: ORIGIN, now: () => NOW * 1000, ...options }))
const mistakesOf = (options: object) => oidc.mistakes?.(parse(options), secret)

function setUp(options: object = {}, emulated: OidcEmulatorOptions = {}) {
  const emulator = emulate(emulated)
  const { context, seen } = createContext(emulator.fetch)
  const validator = oidc.create(parse(options), { ...context, secret })
  const validate = async (token: OidcTokenOptions = {}) => validator.validate(await emulator.mint(token))
  const reasonOf = async (token: OidcTokenOptions = {}): Promise<TokenReason> => {
    const error = await refusalOf(validate(token))
    expect(error).toBeInstanceOf(InvalidTokenError)
    return error.reason as TokenReason
  }
  return { emulator, validator, validate, reasonOf, warnings: seen.warnings }
}

describeOverVariants(
  'oidc',
  {
    tokens: 'jwt',
    async start() {
      const emulator = emulate()
      return {
        resource: RESOURCE,
        now: NOW * 1000,
        fetch: emulator.fetch,
        createValidator: context => oidc.create(parse({ types: 'at+jwt' }), { ...context, secret }),
        good: [
          emulator.accessToken(),
          emulator.accessToken({ user: null }),
          emulator.accessToken({
            claims: { aud: ['urn:other', `${RESOURCE}/`], scope: undefined, scp: ['notes:read'] },
          }),
        ],
        privateKey: () => emulator.keys.current.privateKey,
        rotate: () => emulator.keys.rotate().kid,
        refused: {
          otherBinding: { claims: { aud: 'https://other.example.com/mcp' }, reason: 'oidc.audience_mismatch' },
          noAudience: { claims: { aud: undefined }, reason: 'oidc.audience_missing' },
          idToken: { header: { typ: 'JWT' }, claims: { aud: 'native' }, reason: 'type_mismatch' },
          idTokenWithHash: { claims: { at_hash: 'oqkmsHGxBoChkrGu7rMzeA' }, reason: 'id_token' },
        },
      }
    },
  },
  {
    members: membersOf('discovery', 'jwks'),
    read: ['jwks.use', 'jwks.alg'],
  },
)

describe('claims', () => {
  it('are found where the options say', async () => {
    const { validate } = setUp({
      subjectClaim: 'person.id',
      clientIdClaim: 'https://example.com/client',
      tenantClaim: 'org',
      scopeClaims: 'scope resource_access.my.app.roles',
    })
    const claims = {
      person: { id: 'person-1' },
      'https://example.com/client': 'client-2',
      org: 'org-1',
      scope: 'notes:read',
      resource_access: { 'my.app': { roles: ['editor'] } },
    }
    expect(await validate({ claims })).toMatchObject({
      subject: 'person-1',
      clientId: 'client-2',
      tenant: 'org-1',
      scopes: ['notes:read', 'editor'],
    })
  })

  it('at a path with many dots are looked for without trying every way to read it', async () => {
    const { reasonOf } = setUp({ tenantClaim: 'a.'.repeat(99), requiredClaims: { ['b.'.repeat(99)]: true } })
    expect((await reasonOf()).kind).toBe('claim_missing')
  })

  it('that hold roles count as scopes only where they are named', async () => {
    const claims = { realm_access: { roles: ['admin'] }, permissions: ['admin'] }
    expect((await setUp().validate({ claims })).scopes).not.toContain('admin')
    expect((await setUp({ scopeClaims: ['realm_access.roles'] }).validate({ claims })).scopes).toEqual(['admin'])
  })

  it('are taken from the token itself, not from what every object has', async () => {
    const { reasonOf } = setUp({ subjectClaim: 'constructor.name' })
    expect(await reasonOf()).toMatchObject({ kind: 'subject_missing', claim: 'constructor.name' })
  })

  it('without sub belong to nobody, and the reason names the setting for machines', async () => {
    const { reasonOf } = setUp()
    expect(await reasonOf({ user: null, claims: { sub: undefined } })).toEqual({
      kind: 'subject_missing',
      claim: 'sub',
      cure: 'have the provider include sub; or set tokensWithoutSubject (OIDC_TOKENS_WITHOUT_SUBJECT) to client, if the provider leaves sub out for machines only',
    })
  })

  it('without sub are the client’s own where the options say so and nothing points to a person', async () => {
    const { validate, reasonOf } = setUp({ tokensWithoutSubject: 'client' })
    expect(await validate({ user: null, claims: { sub: undefined } })).toMatchObject({
      subject: 'machine',
      principalType: 'service',
    })
    expect(await reasonOf({ claims: { sub: undefined, preferred_username: 'ada' } })).toMatchObject({
      kind: 'subject_missing',
      personalClaim: 'preferred_username',
    })
  })

  it.each([7, true, [7], ['notes:read', null]])('with roles of another shape are refused: %j', async roles => {
    const { reasonOf } = setUp({ scopeClaims: 'roles' })
    expect(await reasonOf({ claims: { roles } })).toMatchObject({ kind: 'claim_invalid', claim: 'roles' })
  })

  it.each([
    [
      'what Zitadel sends',
      { 'notes:read': { '1001': 'acme.example' }, 'notes:write': {} },
      ['notes:read', 'notes:write'],
    ],
    ['switches', { 'notes:read': true, 'notes:write': false, 'notes:admin': null }, ['notes:read']],
    ['switches as numbers and texts', { 'notes:read': 1, 'notes:write': 0, 'notes:admin': 'false' }, ['notes:read']],
    ['an empty object', {}, []],
  ])('with roles that are the keys of an object have those: %s', async (_label, roles, scopes) => {
    const { validate } = setUp({ scopeClaims: 'urn:zitadel:iam:org:project:roles' })
    const token = await validate({ claims: { 'urn:zitadel:iam:org:project:roles': roles } })
    expect(token.scopes).toEqual(scopes)
  })

  it('that are required may be keys of an object', async () => {
    const { validate, reasonOf } = setUp({ requiredClaims: { roles: 'editor' } })
    await validate({ claims: { roles: { editor: { '1001': 'acme.example' } } } })
    expect(await reasonOf({ claims: { roles: { reader: {} } } })).toMatchObject({
      kind: 'claim_invalid',
      claim: 'roles',
    })
  })

  it('that are required must have their value, or hold it', async () => {
    const { validate, reasonOf } = setUp({ requiredClaims: { 'amr.mfa': true, groups: 'mcp' } })
    await validate({ claims: { amr: { mfa: true }, groups: ['staff', 'mcp'] } })
    const reason = await reasonOf({ claims: { amr: { mfa: 'true' }, groups: ['mcp'] } })
    expect(reason).toEqual({ kind: 'claim_invalid', claim: 'amr.mfa', detail: 'not true' })
    expect(await reasonOf({ claims: { groups: ['mcp'] } })).toEqual({ kind: 'claim_missing', claim: 'amr.mfa' })
    expect(await reasonOf({ claims: { amr: { mfa: true }, groups: 'mcp staff' } })).toMatchObject({ claim: 'groups' })
  })
})

describe('a token whose audience is its own client', () => {
  const audience = { audience: 'native' }
  const claims = { aud: 'native' }

  const header = { typ: 'JWT' }

  it('is refused, for every ID token is like that', async () => {
    expect(await setUp(audience).reasonOf({ header, claims })).toMatchObject({
      kind: 'oidc.maybe_id_token',
      cure: expect.stringContaining('accessTokenClaims'),
    })
    expect((await setUp(audience).reasonOf({ header, claims: { ...claims, aud: ['native', 'native'] } })).kind).toBe(
      'oidc.maybe_id_token',
    )
  })

  it('is refused whatever else the options require', async () => {
    const token = { header, claims: { ...claims, groups: ['staff'], appid: 'native' } }
    for (const options of [
      { requiredClaims: { groups: 'staff' } },
      { requiredClaims: { iss: ORIGIN } },
      { types: ['JWT'] },
      { clientIdClaim: 'appid' },
      { clientIds: 'native' },
    ]) {
      expect((await setUp({ ...audience, ...options }).reasonOf(token)).kind, JSON.stringify(options)).toBe(
        'oidc.maybe_id_token',
      )
    }
  })

  it('is accepted where the provider marks it as an access token', async () => {
    await setUp(audience).validate({ claims })
    await setUp({ ...audience, types: ['at+jwt'] }).validate({ claims })
    await setUp(audience).validate({ header, claims: { ...claims, token_use: 'access' } })
  })

  it('is accepted with the claims that only access tokens have, where the options name them', async () => {
    const { validate, reasonOf } = setUp({ ...audience, accessTokenClaims: { use: 'access' } })
    await validate({ header, claims: { ...claims, use: 'access' } })
    expect(await reasonOf({ header, claims })).toEqual({ kind: 'claim_missing', claim: 'use' })
    expect((await reasonOf({ header, claims: { ...claims, use: 'access', nonce: 'n' } })).kind).toBe('id_token')
  })

  it('is accepted where the options allow it by name, which is said at the start', async () => {
    const { validate, reasonOf, warnings } = setUp({ ...audience, dangerouslyAllowIdTokenMarks: 'aud' })
    await validate({ header, claims })
    expect(warnings).toEqual([[expect.stringContaining('ID tokens'), { dangerouslyAllowIdTokenMarks: ['aud'] }]])
    expect((await reasonOf({ header, claims: { ...claims, nonce: 'n' } })).kind).toBe('id_token')
  })
})

describe('a token with nonce', () => {
  it('is an ID token, and the reason says which providers copy it', async () => {
    expect(await setUp().reasonOf({ claims: { nonce: 'n' } })).toEqual({
      kind: 'id_token',
      detail: 'it carries nonce',
      cure: expect.stringMatching(/Keycloak before 25.*OIDC_DANGEROUSLY_ALLOW_ID_TOKEN_MARKS.*ID tokens with it pass/),
    })
    await setUp({ dangerouslyAllowIdTokenMarks: ['nonce'] }).validate({ claims: { nonce: 'n' } })
  })
})

describe('a token that does not name its client', () => {
  it('is refused, and the reason names the setting', async () => {
    expect(await setUp().reasonOf({ claims: { client_id: undefined } })).toEqual({
      kind: 'claim_missing',
      claim: 'client_id',
      cure: 'set clientIdClaim (OIDC_CLIENT_ID_CLAIM) to the claim that holds the client id, or have the provider add client_id',
    })
    expect(await setUp({ clientIdClaim: 'app' }).reasonOf()).toMatchObject({
      kind: 'claim_missing',
      cure: expect.stringMatching(/^have the provider add app, or set clientIdClaim \(OIDC_CLIENT_ID_CLAIM\)/),
    })
  })
})

describe('algorithms', () => {
  /** Of a good token that says it is signed otherwise; the signature is not looked at. */
  async function refusalOfAlgorithm(alg: string) {
    const { emulator, validator } = setUp()
    const [, claims, signature] = (await emulator.mint()).split('.')
    const { kid } = emulator.keys.current
    const header = Buffer.from(JSON.stringify({ alg, kid, typ: 'at+jwt' })).toString('base64url')
    return (await refusalOf(validator.validate(`${header}.${claims}.${signature}`))).reason
  }

  it.each(['RS384', 'RS512', 'PS384', 'PS512', 'ES512', 'Ed25519'])(
    'beyond the default need the setting that the reason names: %s',
    async alg => {
      const reason = await refusalOfAlgorithm(alg)
      expect(reason).toMatchObject({
        kind: 'algorithm_refused',
        actual: alg,
        cure: `if the provider signs access tokens with ${alg}, set algorithms (OIDC_ALGORITHMS) to "RS256 PS256 ES256 ES384 EdDSA ${alg}", or to ${alg} alone`,
      })
      const configured = oidc.options.parse({ adapter: 'oidc', metadataUrl: METADATA, algorithms: `RS256 ${alg}` })
      expect(configured.algorithms).toEqual(['RS256', alg])
    },
  )

  it.each(['none', 'HS256'])('that prove nothing have no setting: %s', async alg => {
    const { cure } = (await refusalOfAlgorithm(alg)) as { cure?: string }
    expect(cure).toContain('have the provider sign')
    expect(cure).not.toContain('OIDC_ALGORITHMS')
  })

  it('are those that were configured', async () => {
    expect(await setUp({ algorithms: 'ES384' }).reasonOf()).toMatchObject({
      kind: 'algorithm_refused',
      expected: ['ES384'],
    })
  })

  it.each(['HS256', 'none', 'RSA-OAEP', ''])('cannot be %j', algorithm => {
    expect(oidc.options.safeParse({ adapter: 'oidc', metadataUrl: METADATA, algorithms: [algorithm] }).success).toBe(
      false,
    )
  })
})

describe('the issuer', () => {
  const rfc8414 = `${ORIGIN}/.well-known/oauth-authorization-server`

  /** An emulator whose metadata spells the issuer otherwise; tokens likewise. */
  function spelled(configured: string, issuer: string) {
    const emulator = emulate()
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await emulator.fetch(input, init)
      if (!String(input).includes('/.well-known/')) return response
      return Response.json({ ...((await response.json()) as object), issuer })
    }
    const { context } = createContext(fetch)
    const validator = oidc.create(parse({ metadataUrl: configured }), { ...context, secret })
    return { validator, mint: (iss = issuer) => emulator.mint({ claims: { iss } }) }
  }

  it.each([METADATA, rfc8414])('is spelled as the document %s says, and published so', async metadataUrl => {
    for (const issuer of [ORIGIN, `${ORIGIN}/`]) {
      const { validator, mint } = spelled(metadataUrl, issuer)
      await validator.warmUp()
      expect(validator.issuers).toEqual([issuer])
      expect((await validator.validate(await mint())).issuer).toBe(issuer)
    }
  })

  it('of a token in the other spelling is refused, before the metadata was read too', async () => {
    const { validator, mint } = spelled(METADATA, `${ORIGIN}/`)
    for (let round = 0; round < 2; round++) {
      expect((await refusalOf(validator.validate(await mint(ORIGIN)))).reason).toEqual({
        kind: 'issuer_mismatch',
        actual: ORIGIN,
        expected: [`${ORIGIN}/`],
      })
    }
    await validator.validate(await mint())
  })

  it('that was configured must be the document’s, and what to write instead is said', async () => {
    const { validator } = spelled(ORIGIN, `${ORIGIN}/`)
    const error = await refusalOf(validator.warmUp())
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({
      kind: 'metadata_mismatch',
      expected: ORIGIN,
      actual: `${ORIGIN}/`,
      cure: `write the issuer as ${ORIGIN}/: it is compared byte for byte, the slash at its end included`,
    })
  })

  it('of another host is never taken from the document', async () => {
    for (const configured of [ORIGIN, METADATA]) {
      const { validator } = spelled(configured, 'https://keycloak.internal')
      expect((await refusalOf(validator.warmUp())).reason).toMatchObject({
        kind: 'metadata_mismatch',
        actual: 'https://keycloak.internal',
        cure: expect.stringContaining('public URL'),
      })
    }
  })
})

describe('a mistake in the settings', () => {
  it.each(['email', 'preferred_username', 'upn', 'cognito:username'])('is %s for a subject', subjectClaim => {
    expect(mistakesOf({ subjectClaim })?.subjectClaim).toContain('immutable')
  })

  it.each(['aud', 'iss', 'sub'])('is %s for the client', clientIdClaim => {
    expect(mistakesOf({ clientIdClaim })?.clientIdClaim).toMatch(/must be a claim with the id of the client, such as/)
    expect(mistakesOf({ clientIdClaim: 'appid' })).toEqual({})
  })

  it('is a mark of ID tokens that does not exist', () => {
    const options = { adapter: 'oidc', metadataUrl: METADATA, dangerouslyAllowIdTokenMarks: 'token_use' }
    expect(oidc.options.safeParse(options).success).toBe(false)
  })

  it('is neither an audience nor clients', () => {
    expect(mistakesOf({ audience: null })?.clientIds).toContain('every client')
    expect(mistakesOf({ audience: null, clientIds: 'native' })).toEqual({})
    expect(mistakesOf({ clientIds: 'gateway', defaultClientId: 'gateway' })?.defaultClientId).toContain('contradicts')
    expect(mistakesOf({ defaultClientId: 'gateway' })).toEqual({})
  })

  it('refuses a keyUrl without a place for the id, or beside jwksUri', () => {
    const keyUrl = 'https://keys.example.com/{kid}'
    expect(mistakesOf({ issuer: ORIGIN, keyUrl })).toEqual({})
    for (const wrong of ['https://keys.example.com/', `${keyUrl}/{kid}`, `${keyUrl}/more`]) {
      expect(mistakesOf({ issuer: ORIGIN, keyUrl: wrong })?.keyUrl).toContain('must end in {kid}')
    }
    expect(mistakesOf({ issuer: ORIGIN, keyUrl, jwksUri: ORIGIN })?.keyUrl).toContain('contradicts jwksUri')
  })

  it.each([{ audience: [] }, { audience: '' }, { clientIds: [] }, { types: [] }, { audiance: 'x' }])(
    'is %j',
    options => {
      expect(oidc.options.safeParse({ adapter: 'oidc', metadataUrl: METADATA, ...options }).success).toBe(false)
    },
  )
})

describeRecordings('oidc')
