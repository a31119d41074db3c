import { describe, expect, it } from 'vitest'
import { okta } from '../../adapters/okta/index.ts'
import { createOktaEmulator, type OktaEmulatorOptions, type OktaTokenOptions } from '../../emulators/okta.ts'
import { InvalidTokenError, MisconfigurationError } from '../../src/errors.ts'
import { createContext, NOW, RESOURCE, refusalOf } from '../engines/support.ts'
import { describeRecordings } from '../record/describe-recordings.ts'
import { describeOverVariants, membersOf, varied } from '../support/variants.ts'

const ORG = 'https://acme.okta.com'
const ISSUER = 'https://acme.okta.com/oauth2/default'
const INTROSPECTION = { clientId: 'introspector', clientSecretEnv: 'OKTA_SECRET' }
const secret = () => 'introspector-secret'

const parse = (options: object = {}) => okta.options.parse({ adapter: 'okta', metadataUrl: ISSUER, ...options })
const emulate = (options: OktaEmulatorOptions = {}) =>
  varied(createOktaEmulator({ origin: ORG, now: () => NOW * 1000, ...options }))

function setUp(options: object = {}, emulated: OktaEmulatorOptions = {}) {
  const emulator = emulate(emulated)
  const { context } = createContext(emulator.fetch)
  const validator = okta.create(parse(options), { ...context, secret })
  const validate = async (token: OktaTokenOptions = {}) => validator.validate(await emulator.mint(token))
  const reasonOf = async (token: OktaTokenOptions | string) => {
    const text = typeof token === 'string' ? token : await emulator.mint(token)
    const error = await refusalOf(validator.validate(text))
    expect(error).toBeInstanceOf(InvalidTokenError)
    return error.reason
  }
  return { emulator, validator, validate, reasonOf }
}

/** Without the first, nobody can be asked; the others tell people from clients. */
const TELLING = ['discovery.introspection_endpoint', 'introspection.sub', 'introspection.username', 'introspection.uid']

describeOverVariants(
  'okta by key',
  {
    tokens: 'jwt',
    async start() {
      const emulator = emulate()
      return {
        resource: RESOURCE,
        now: NOW * 1000,
        fetch: emulator.fetch,
        createValidator: context => okta.create(parse({ agentTokens: true }), { ...context, secret }),
        good: [
          emulator.accessToken(),
          emulator.accessToken({ kind: 'service' }),
          emulator.accessToken({ kind: 'agent' }),
        ],
        privateKey: () => emulator.keys.current.privateKey,
        rotate: () => emulator.keys.rotate().kid,
        subjectClaim: 'uid',
        refused: {
          otherBinding: { claims: { aud: 'api://default' }, reason: 'okta.audience_mismatch' },
          noAudience: { claims: { aud: undefined }, reason: 'okta.audience_mismatch' },
          idToken: { claims: { jti: 'ID.abc', aud: 'native' }, reason: 'id_token' },
          idTokenForUs: { claims: { jti: 'ID.abc' }, reason: 'id_token' },
          orgToken: { claims: { iss: ORG }, reason: 'okta.org_token' },
          otherServer: { claims: { iss: `${ORG}/oauth2/aus1a2b3c4d5e6f7g8h9` }, reason: 'issuer_mismatch' },
          noClient: { claims: { cid: undefined }, reason: 'claim_missing' },
          noUser: { claims: { uid: undefined }, reason: 'subject_missing' },
          noSubject: { claims: { uid: undefined, auth_time: undefined, sub: undefined }, reason: 'subject_missing' },
        },
      }
    },
  },
  {
    members: membersOf('discovery', 'jwks'),
    read: ['jwks.use', 'jwks.alg'],
  },
)

describe.each(['custom', 'org'] as const)('by introspection, the %s authorization server', kind => {
  const options = kind === 'org' ? { metadataUrl: ORG, clientIds: 'native' } : { clientIds: 'native machine' }
  describeOverVariants(
    'okta',
    {
      tokens: 'opaque',
      async start() {
        const emulator = emulate()
        const mint = (token: OktaTokenOptions = {}) =>
          emulator.mint({ kind: kind === 'org' ? 'org' : 'user', ...token })
        const revoked = await mint()
        emulator.revoke(revoked)
        return {
          resource: RESOURCE,
          now: NOW * 1000,
          fetch: emulator.fetch,
          createValidator: context => okta.create(parse({ ...options, ...INTROSPECTION }), { ...context, secret }),
          good: [await mint(), ...(kind === 'custom' ? [await mint({ kind: 'service' })] : [])] as [
            string,
            ...string[],
          ],
          refused: {
            unknown: { token: 'never-issued', reason: 'inactive' },
            revoked: { token: revoked, reason: 'inactive' },
            // The token says so itself: Okta is not asked.
            ofTheOtherServer: {
              token: await mint({ kind: kind === 'org' ? 'user' : 'org' }),
              reason: kind === 'org' ? 'issuer_mismatch' : 'okta.org_token',
            },
            otherBinding: { token: await mint({ clientId: 'other-app' }), reason: 'client_refused' },
            noSubject: { token: await mint({ claims: { uid: undefined, sub: undefined } }), reason: 'subject_missing' },
            otherAudience: {
              token: await mint({ claims: { aud: 'api://default' } }),
              reason: kind === 'org' ? 'audience_mismatch' : 'okta.audience_mismatch',
            },
            dpop: { token: await mint({ claims: { cnf: { jkt: 'thumbprint' } } }), reason: 'sender_constrained' },
          },
        }
      },
    },
    {
      members: membersOf('discovery', 'introspection').filter(member => !TELLING.includes(member)),
      read: membersOf('introspection'),
      needed: ['introspection.aud', 'introspection.client_id', 'introspection.token_type'],
      toldBy: { refreshToken: 'introspection.token_type', otherIssuer: 'introspection.iss' },
    },
  )
})

describe('a token', () => {
  it('of a user names the immutable id, not the login name', async () => {
    const { validate } = setUp()
    expect(await validate()).toMatchObject({
      issuer: 'https://acme.okta.com/oauth2/default',
      subject: '00u1ada2b3c4d5e6f7g8',
      clientId: 'native',
      scopes: ['notes:read', 'notes:write'],
      principalType: 'user',
      claims: { sub: 'ada@example.com', scp: ['notes:read', 'notes:write'] },
    })
  })

  it('of a service has its client for subject, whatever sub was customised to', async () => {
    const { validate } = setUp()
    const expected = { subject: 'machine', clientId: 'machine', principalType: 'service' }
    expect(await validate({ kind: 'service' })).toMatchObject(expected)
    expect(await validate({ kind: 'service', claims: { sub: 'custom' } })).toMatchObject(expected)
  })

  it('of a user without uid is refused rather than taken for its client', async () => {
    const { reasonOf } = setUp()
    expect(await reasonOf({ claims: { uid: undefined } })).toMatchObject({
      kind: 'subject_missing',
      claim: 'uid',
      cure: expect.stringContaining('leave uid and sub in the access tokens'),
    })
  })

  it('of an agent is refused unless agents are allowed, and then carries its scopes and the agent as client', async () => {
    const agent: OktaTokenOptions = { kind: 'agent', clientId: 'wlp1agent' }
    expect(await setUp().reasonOf(agent)).toMatchObject({
      kind: 'okta.agent_token',
      cure: expect.stringContaining('agentTokens'),
    })
    expect(await setUp({ agentTokens: 'true' }).validate(agent)).toMatchObject({
      clientId: 'wlp1agent',
      scopes: ['notes:read', 'notes:write'],
      principalType: 'user',
    })
  })

  it.each(['act', 'sub_profile', 'delegated_through'])('with %s beside cid is refused as an agent’s', async claim => {
    const { reasonOf } = setUp()
    expect((await reasonOf({ claims: { [claim]: { sub: 'agent' } } })).kind).toBe('okta.agent_token')
  })

  it('keeps a plus sign in a scope that is no agent’s', async () => {
    const { validate } = setUp()
    expect((await validate({ claims: { scp: ['notes+tags'] } })).scopes).toEqual(['notes+tags'])
  })

  it('of an ID token’s making is refused', async () => {
    const { emulator, reasonOf } = setUp()
    expect(await reasonOf(await emulator.mintIdToken())).toEqual({ kind: 'id_token', detail: 'jti begins with ID.' })
  })

  it('bound by DPoP is refused as a plain bearer token', async () => {
    const { reasonOf } = setUp()
    const reason = await reasonOf({ claims: { cnf: { jkt: 'thumbprint' } } })
    expect(reason).toEqual({ kind: 'sender_constrained', confirmation: 'jkt' })
  })

  it('of a client that is not listed is refused', async () => {
    const { validate, reasonOf } = setUp({ clientIds: 'native' })
    await validate()
    expect((await reasonOf({ clientId: 'other-app' })).kind).toBe('client_refused')
  })
})

describe('the audience', () => {
  it('is this server, with or without a slash at the end', async () => {
    const { validate } = setUp()
    await validate({ claims: { aud: 'https://mcp.example.com/mcp/' } })
  })

  it('is api://default only where that is configured', async () => {
    const emulated = { audience: 'api://default' }
    expect(await setUp({}, emulated).reasonOf({})).toMatchObject({
      kind: 'okta.audience_mismatch',
      detail: 'aud is api://default; expected https://mcp.example.com/mcp or https://mcp.example.com/mcp/',
      cure: expect.stringContaining('set Audience to https://mcp.example.com/mcp'),
    })
    await setUp({ audience: 'api://default' }, emulated).validate()
  })
})

describe('the org authorization server', () => {
  it('has its tokens named when they are shown where a custom one is expected', async () => {
    const { reasonOf } = setUp()
    expect(await reasonOf({ kind: 'org' })).toMatchObject({
      kind: 'okta.org_token',
      cure: expect.stringContaining(ISSUER),
    })
  })

  it('is found by its document without jwks_uri as well', async () => {
    const metadataUrl = `${ORG}/.well-known/oauth-authorization-server`
    const { emulator, validate } = setUp({ metadataUrl, clientIds: 'native', ...INTROSPECTION })
    expect(await (await emulator.fetch(metadataUrl)).json()).not.toHaveProperty('jwks_uri')
    expect(await validate({ kind: 'org' })).toMatchObject({ issuer: ORG, subject: '00u1ada2b3c4d5e6f7g8' })
  })
})

describe('wrong credentials of our own', () => {
  it('are found at the start', async () => {
    const emulator = emulate()
    const { context } = createContext(emulator.fetch)
    const validator = okta.create(parse(INTROSPECTION), { ...context, secret: () => 'wrong' })
    const error = await refusalOf(validator.warmUp())
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({ kind: 'own_credentials_refused', status: 401, error: 'invalid_client' })
  })
})

describe('where the metadata is', () => {
  it.each([
    ISSUER,
    `${ISSUER}/`,
    `${ISSUER}/.well-known/openid-configuration`,
    `${ISSUER}/.well-known/oauth-authorization-server`,
    `${ORG}/.well-known/oauth-authorization-server/oauth2/default`,
  ])('may be told as %s', async metadataUrl => {
    expect(okta.mistakes?.(parse({ metadataUrl }), secret)).toEqual({})
    const { validate } = setUp({ metadataUrl })
    expect((await validate()).issuer).toBe(ISSUER)
  })

  it('is reported when there is no such authorization server', async () => {
    const { validator, emulator } = setUp({ metadataUrl: `${ORG}/oauth2/ausgone` })
    const error = await refusalOf(validator.validate(await emulator.mint({ claims: { iss: `${ORG}/oauth2/ausgone` } })))
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({ kind: 'endpoint_refused_request', status: 404 })
  })
})

describe('a mistake in the settings', () => {
  it.each([
    ['https://acme-admin.okta.com', "the org's own is https://acme.okta.com"],
    ['https://acme-admin.oktapreview.com/oauth2/default', "the org's own is https://acme.oktapreview.com"],
    [`${ISSUER}/v1/keys`, 'set it to that'],
    [`${ISSUER}/v1/authorize`, `${ISSUER}; set it to that`],
    [ORG, 'cannot be verified by key'],
    [`${ORG}/`, 'cannot be verified by key'],
    [`${ORG}/.well-known/openid-configuration`, `${ORG}/oauth2/default`],
    [`${ORG}/oauth2/v1`, 'no issuer of Okta'],
    [`${ORG}/admin/oauth2/as/aus1`, 'Issuer URI'],
  ])('names the cure for %s', (metadataUrl, part) => {
    expect(okta.mistakes?.(parse({ metadataUrl }), secret)?.metadataUrl).toContain(part)
  })

  it('asks for clients where only they bind a token', () => {
    const options = { metadataUrl: ORG, ...INTROSPECTION }
    expect(okta.mistakes?.(parse(options), secret)).toEqual({ clientIds: expect.stringContaining('the whole org') })
    expect(okta.mistakes?.(parse({ ...options, clientIds: 'native' }), secret)).toEqual({})
  })

  it('asks for the secret to a client id', () => {
    expect(okta.mistakes?.(parse({ clientId: 'introspector' }), secret)).toHaveProperty('clientSecretEnv')
  })

  it('is an option that is not known', () => {
    expect(okta.options.safeParse({ adapter: 'okta', metadataUrl: ISSUER, audiance: 'x' }).success).toBe(false)
  })
})

describeRecordings('okta')
