import { describe, expect, it } from 'vitest'
import { google } from '../../adapters/google/index.ts'
import { recognizeProvider } from '../../adapters/index.ts'
import { createGoogleEmulator } from '../../emulators/google.ts'
import type { AdapterContext } from '../../src/adapter.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import { createContext, createProvider, NOW, RESOURCE, refusalOf } from '../engines/support.ts'
import { describeRecordings } from '../record/describe-recordings.ts'
import { describeOverVariants, membersOf, varied } from '../support/variants.ts'

const CLIENT_ID = '123456789012-emulator.apps.googleusercontent.com'
const ROBOT = 'robot@project.iam.gserviceaccount.com'
const EMAIL_SCOPE = 'https://www.googleapis.com/auth/userinfo.email'

const OPTIONS = {
  adapter: 'google',
  metadataUrl: 'https://accounts.google.com/.well-known/openid-configuration',
  clientIds: CLIENT_ID,
  grants: [{ scopes: 'notes:read', to: 'everyone' }],
}

const emulate = () => varied(createGoogleEmulator({ origin: 'https://accounts.google.com', now: () => NOW * 1000 }))

/** The adapter with some options changed, the emulator behind it. */
function setUp(options: object = {}, surroundings: Partial<AdapterContext> = {}) {
  const emulator = emulate()
  const { context, seen, advance } = createContext(emulator.fetch, surroundings)
  const parsed = google.options.parse({ ...OPTIONS, ...options })
  const validator = google.create(parsed, { ...context, secret: () => '' })
  const reasonOf = async (token: string) => (await refusalOf(validator.validate(token))).reason
  return { emulator, validator, seen, advance, reasonOf }
}

function create(context: object, options: object = {}) {
  return google.create(google.options.parse({ ...OPTIONS, ...options }), {
    ...(context as AdapterContext),
    secret: () => '',
  })
}

describeOverVariants(
  'the google adapter, access tokens',
  {
    tokens: 'opaque',
    async start() {
      const emulator = emulate()
      const mint = emulator.mint
      return {
        resource: RESOURCE,
        now: NOW * 1000,
        fetch: emulator.fetch,
        createValidator: context => create(context, { hostedDomains: 'example.com', requiredGoogleScopes: 'email' }),
        // tokeninfo, UserInfo, and once the metadata that says where it is.
        requestsPerToken: 3,
        good: [mint(), mint({ azp: undefined }), mint({ access_type: 'offline' })],
        refused: {
          unknown: { token: 'ya29.never-issued', reason: 'inactive' },
          otherBinding: {
            token: mint({ aud: 'other.apps.googleusercontent.com', azp: 'other.apps.googleusercontent.com' }),
            reason: 'google.other_client',
          },
          otherPresenter: { token: mint({ azp: 'other.apps.googleusercontent.com' }), reason: 'google.other_client' },
          noAudience: { token: mint({ aud: undefined }), reason: 'google.other_client' },
          severalAudiences: { token: mint({ aud: [CLIENT_ID] }), reason: 'google.other_client' },
          expired: { token: mint({ exp: String(NOW - 60) }), reason: 'inactive' },
          noExpiry: { token: mint({ exp: undefined }), reason: 'claim_missing' },
          oddExpiry: { token: mint({ exp: 'soon' }), reason: 'claim_invalid' },
          noSubject: { token: mint({ sub: undefined }), reason: 'google.subject_missing' },
          emptySubject: { token: mint({ sub: '' }), reason: 'google.subject_missing' },
          noScope: { token: mint({ scope: undefined }), reason: 'google.scope_missing' },
          serviceAccount: { token: emulator.mintForServiceAccount(), reason: 'google.service_account_token' },
          userIdToken: { token: await emulator.mintUserIdToken(), reason: 'google.id_token' },
          serviceIdToken: { token: await emulator.mintIdToken(RESOURCE), reason: 'google.id_token' },
          otherProvider: { token: 'gho_000000000000000000000000000000000000', reason: 'google.other_token' },
        },
      }
    },
  },
  {
    members: membersOf('discovery', 'tokeninfo', 'userinfo'),
    read: membersOf('tokeninfo', 'userinfo'),
    needed: [
      'tokeninfo.sub',
      'tokeninfo.email',
      'tokeninfo.email_verified',
      'userinfo.hd',
      'discovery.userinfo_endpoint',
    ],
    toldBy: { otherPresenter: 'tokeninfo.azp' },
  },
)

describeOverVariants(
  'the google adapter, ID tokens of service accounts',
  {
    tokens: 'jwt',
    async start() {
      const emulator = emulate()
      const { kid } = emulator.keys.current
      const claims = {
        iss: 'https://accounts.google.com',
        aud: RESOURCE,
        azp: '120000000000000000003',
        sub: '120000000000000000003',
        email: ROBOT,
        email_verified: true,
        iat: NOW,
        exp: NOW + 3600,
      }
      return {
        resource: RESOURCE,
        now: NOW * 1000,
        fetch: emulator.fetch,
        createValidator: context => create(context, { serviceAccountIdTokens: ROBOT }),
        good: [
          { header: { alg: 'RS256', kid, typ: 'JWT' }, claims },
          { header: { alg: 'RS256', kid }, claims: { ...claims, aud: `${RESOURCE}/`, azp: undefined } },
          { header: { alg: 'RS256', kid, typ: 'JWT' }, claims: { ...claims, iss: 'accounts.google.com' } },
        ],
        privateKey: () => emulator.keys.current.privateKey,
        rotate: () => emulator.keys.rotate().kid,
        refused: {
          otherBinding: { claims: { aud: 'https://other.example.com/mcp' }, reason: 'audience_mismatch' },
          idToken: { claims: { email: 'ada@example.com', aud: CLIENT_ID }, reason: 'google.user_id_token' },
          userForUs: { claims: { email: 'ada@example.com' }, reason: 'google.user_id_token' },
          noEmail: { claims: { email: undefined }, reason: 'google.user_id_token' },
          lookAlike: { claims: { email: 'robot@evil-gserviceaccount.com' }, reason: 'google.user_id_token' },
          notListed: {
            claims: { email: 'other@project.iam.gserviceaccount.com' },
            reason: 'google.service_account_refused',
          },
          unverified: { claims: { email_verified: false }, reason: 'google.service_account_refused' },
          noIssueTime: { claims: { iat: undefined }, reason: 'claim_missing' },
          tooLong: { claims: { exp: NOW + 86_401 }, reason: 'claim_invalid' },
        },
      }
    },
  },
  {
    members: membersOf('discovery', 'jwks'),
    read: ['jwks.use', 'jwks.alg'],
  },
)

describe('what a token of Google becomes', () => {
  it('has the immutable sub, the client as audience, and scopes by rule instead of those of Google', async () => {
    const { emulator, validator } = setUp()
    const token = await validator.validate(emulator.mint())
    expect(token).toMatchObject({
      issuer: 'https://accounts.google.com',
      subject: '110000000000000000001',
      clientId: CLIENT_ID,
      scopes: ['notes:read'],
      audience: [CLIENT_ID],
      expiresAt: NOW + 3599,
      principalType: 'user',
      tenant: undefined,
    })
    expect(token.claims).toMatchObject({ exp: NOW + 3599, expires_in: 3599, email_verified: true })
  })

  it('keeps one identity for a service account, however its ID token spells the issuer', async () => {
    const { emulator, validator } = setUp({ serviceAccountIdTokens: [ROBOT] })
    for (const iss of ['https://accounts.google.com', 'accounts.google.com']) {
      const token = await validator.validate(await emulator.mintIdToken(RESOURCE, { iss }))
      expect(token).toMatchObject({
        issuer: 'https://accounts.google.com',
        subject: '120000000000000000003',
        principalType: 'service',
        scopes: ['notes:read'],
      })
    }
    expect(validator.issuers).toEqual(['https://accounts.google.com'])
    expect(validator.answersFor?.('accounts.google.com')).toBe(true)
    expect(validator.answersFor?.('https://accounts.google.com/')).toBe(false)
  })

  it('is of a service where an ID token of a service account names another client', async () => {
    const { emulator, validator } = setUp({ serviceAccountIdTokens: ROBOT })
    const token = await validator.validate(await emulator.mintIdToken(RESOURCE, { azp: '7' }))
    expect(token).toMatchObject({ clientId: '7', subject: '120000000000000000003', principalType: 'service' })
  })

  it('takes a service account by its unique id, and a clock that is off by up to 300 seconds', async () => {
    const { emulator, validator, reasonOf } = setUp({ serviceAccountIdTokens: '120000000000000000003' })
    const times = { iat: NOW - 3600 }
    await validator.validate(await emulator.mintIdToken(RESOURCE, { ...times, exp: NOW - 299 }))
    expect(await reasonOf(await emulator.mintIdToken(RESOURCE, { ...times, exp: NOW - 300 }))).toMatchObject({
      kind: 'expired',
    })
  })

  it('is asked about by POST, with the token in no URL', async () => {
    const { emulator, validator } = setUp()
    const token = emulator.mint()
    await validator.validate(token)
    const [request] = emulator.requests
    expect([request?.method, request?.path]).toEqual(['POST', '/tokeninfo'])
    expect(request?.headers.get('authorization')).toBe(`Bearer ${token}`)
  })

  it('is not asked about again until its time in the cache is over', async () => {
    const { emulator, validator, advance } = setUp()
    const token = emulator.mint()
    await validator.validate(token)
    emulator.revoke(token)
    await validator.validate(token)
    expect(emulator.count('/tokeninfo')).toBe(1)
    advance(61)
    expect((await refusalOf(validator.validate(token))).reason).toEqual({ kind: 'inactive' })
  })
})

describe('grants', () => {
  const grants = [
    { scopes: 'notes:read', to: 'everyone' },
    { scopes: 'notes:write', to: '@example.com' },
    { scopes: ['notes:admin'], to: ['user:110000000000000000001'] },
    { scopes: 'notes:all', to: 'ben@gmail.com, ada@corp.example' },
  ]

  it.each([
    ['the domain and the user', {}, ['notes:read', 'notes:write', 'notes:admin']],
    ['the domain in capitals', { sub: '9', hd: 'EXAMPLE.com' }, ['notes:read', 'notes:write']],
    [
      'a secondary address of the domain',
      { sub: '9', email: 'x@example.org', hd: 'example.com' },
      ['notes:read', 'notes:write'],
    ],
    ['an address of Gmail', { sub: '9', email: 'Ben@gmail.com', hd: undefined }, ['notes:read', 'notes:all']],
    [
      'an address of Workspace',
      { sub: '9', email: 'ada@corp.example', hd: 'corp.example' },
      ['notes:read', 'notes:all'],
    ],
    ['everyone only, for another domain', { sub: '9', hd: 'example.org' }, ['notes:read']],
    ['everyone only, for a domain below', { sub: '9', hd: 'sub.example.com' }, ['notes:read']],
    ['everyone only, for a private account with an address of the domain', { sub: '9', hd: undefined }, ['notes:read']],
    [
      'everyone only, for a private account with another address',
      { sub: '9', email: 'ada@corp.example', hd: undefined },
      ['notes:read'],
    ],
    [
      'everyone only, for an unverified address',
      { sub: '9', email: 'ben@gmail.com', email_verified: 'false', hd: undefined },
      ['notes:read'],
    ],
    ['everyone only, for two @', { sub: '9', email: 'x@evil.example@gmail.com', hd: undefined }, ['notes:read']],
    ['everyone only, without an address', { sub: '9', email: undefined, hd: undefined }, ['notes:read']],
  ])('follow %s', async (_label, info, scopes) => {
    const { emulator, validator } = setUp({ grants })
    expect((await validator.validate(emulator.mint(info))).scopes).toEqual(scopes)
  })
})

describe('hostedDomains', () => {
  const options = { hostedDomains: 'example.com, example.org' }

  it.each(['example.com', 'EXAMPLE.COM', 'example.org'])('let in an account of %s', async hd => {
    const { emulator, validator } = setUp(options)
    await validator.validate(emulator.mint({ hd }))
  })

  it.each([
    ['domain_refused', { email: 'ben@gmail.com', hd: undefined }],
    ['domain_refused', { email: 'ada@example.com', hd: undefined }],
    ['domain_refused', { email: 'ada@example.com', hd: '' }],
    ['domain_refused', { email: 'ada@example.com', hd: ['example.com'] }],
    ['domain_refused', { hd: 'sub.example.com' }],
    ['domain_refused', { hd: 'notexample.com' }],
    ['domain_refused', { hd: 'example.com.evil.example' }],
    ['domain_refused', { hd: 'example.or\u212a' }],
    ['email_unverified', { email_verified: 'false', hd: undefined }],
    ['email_unverified', { email_verified: undefined, hd: undefined }],
    ['email_unverified', { email: 'ada@evil.example@example.com', hd: undefined }],
    ['email_unverified', { email: '@example.com', hd: undefined }],
    ['email_unverified', { email: 'example.com', hd: undefined }],
    ['email_unverified', { email: 'ada@example.com\n', hd: undefined }],
    ['email_unverified', { email: 'ada@evil.example\uff20example.com', hd: undefined }],
    ['email_missing', { email: undefined, email_verified: undefined, hd: undefined }],
  ])('reject with google.%s a token with %j', async (what, info) => {
    const { emulator, reasonOf } = setUp(options)
    expect(await reasonOf(emulator.mint(info))).toMatchObject({ kind: `google.${what}`, cure: expect.any(String) })
  })
})

describe('the Workspace domain', () => {
  const byDomain = { hostedDomains: 'example.com' }

  it('is asked about at UserInfo only where rules go by address', async () => {
    const plain = setUp({ allow: 'user:110000000000000000001' })
    await plain.validator.validate(plain.emulator.mint())
    expect(plain.emulator.count('/v1/userinfo')).toBe(0)
    const { emulator, validator } = setUp(byDomain)
    const token = emulator.mint()
    await validator.validate(token)
    await validator.validate(token)
    expect(emulator.count('/v1/userinfo')).toBe(1)
    expect(emulator.requests.map(({ path }) => path).join(' ')).not.toContain(token)
  })

  it.each([
    ['cannot be reached', { kind: 'reset' }, ValidatorUnavailableError],
    ['fails', { kind: 'status', status: 500 }, ValidatorUnavailableError],
    ['is throttled', { kind: 'status', status: 403 }, ValidatorUnavailableError],
    ['is no longer there', { kind: 'status', status: 404 }, MisconfigurationError],
    ['no longer knows the token', { kind: 'status', status: 401 }, InvalidTokenError],
  ] as const)('is not guessed when UserInfo %s', async (_label, outage, error) => {
    const { emulator, validator } = setUp(byDomain)
    emulator.fail({ path: '/v1/userinfo', ...outage })
    expect(await refusalOf(validator.validate(emulator.mint()))).toBeInstanceOf(error)
  })

  it('tells the person, in words, that another account is needed', async () => {
    const { emulator, validator } = setUp(byDomain)
    const error = await refusalOf(validator.validate(emulator.mint({ hd: undefined })))
    expect(error.publicMessage).toContain('another account')
  })

  it('of a service account that is listed does not matter', async () => {
    const { emulator, validator } = setUp({ ...byDomain, serviceAccountIdTokens: ROBOT })
    await validator.validate(await emulator.mintIdToken(RESOURCE))
  })

  it('of a service account does matter where its access token names a client: that is on no list', async () => {
    for (const options of [byDomain, { ...byDomain, serviceAccountIdTokens: ROBOT }]) {
      const { emulator, reasonOf } = setUp(options)
      const token = emulator.mint({ email: ROBOT, email_verified: 'true', hd: undefined })
      expect((await reasonOf(token)).kind).toBe('google.service_account_token')
    }
  })
})

describe('requiredGoogleScopes', () => {
  it.each([
    ['email', EMAIL_SCOPE],
    [EMAIL_SCOPE, EMAIL_SCOPE],
    ['profile email', `openid https://www.googleapis.com/auth/userinfo.profile ${EMAIL_SCOPE}`],
    ['email', 'email'],
  ])('%s are met by %s', async (requiredGoogleScopes, scope) => {
    const { emulator, validator } = setUp({ requiredGoogleScopes })
    await validator.validate(emulator.mint({ scope }))
  })

  it('reject with google.scope_missing a token that lacks one', async () => {
    const { emulator, reasonOf } = setUp({ requiredGoogleScopes: 'openid profile' })
    expect(await reasonOf(emulator.mint())).toMatchObject({
      kind: 'google.scope_missing',
      detail: 'the token lacks the Google scope profile',
    })
  })
})

describe('answers of tokeninfo', () => {
  const ask = async (answer: () => Response) => {
    const { fetch } = createProvider({ 'https://oauth2.googleapis.com/tokeninfo': answer })
    const error = await refusalOf(create(createContext(fetch).context).validate('ya29.token'))
    return { error, reason: error.reason }
  }

  it.each([
    [400, { error: 'invalid_token', error_description: 'Invalid Value' }, InvalidTokenError, 'inactive'],
    [400, { error: 'invalid_request' }, MisconfigurationError, 'endpoint_refused_request'],
    [401, { error: 'invalid_token' }, MisconfigurationError, 'endpoint_refused_request'],
    [404, {}, MisconfigurationError, 'endpoint_refused_request'],
    [403, {}, ValidatorUnavailableError, 'provider_throttled'],
    [429, {}, ValidatorUnavailableError, 'provider_throttled'],
    [500, {}, ValidatorUnavailableError, 'provider_failing'],
    [503, {}, ValidatorUnavailableError, 'provider_failing'],
  ])('%i %j is %o, %s', async (status, body, type, kind) => {
    const { error, reason } = await ask(() => Response.json(body, { status }))
    expect(error).toBeInstanceOf(type)
    expect(reason.kind).toBe(kind)
  })

  it('without JSON say nothing about the token', async () => {
    const { error } = await ask(() => new Response('<html>Sorry</html>', { status: 400 }))
    expect(error).toBeInstanceOf(ValidatorUnavailableError)
  })

  it('of the legacy endpoint, with other names, are refused', async () => {
    const legacy = { issued_to: CLIENT_ID, audience: CLIENT_ID, user_id: '1', scope: 'openid', expires_in: 3000 }
    expect((await ask(() => Response.json(legacy))).reason.kind).toBe('google.other_client')
  })
})

describe('warmUp', () => {
  it('asks about no real token, once, and is content with a refusal', async () => {
    const { emulator, validator } = setUp()
    await validator.warmUp()
    await validator.warmUp()
    expect(emulator.requests.map(({ path }) => path)).toEqual(['/tokeninfo'])
  })

  it('fetches the keys as well where service accounts are accepted', async () => {
    const { emulator, validator } = setUp({ serviceAccountIdTokens: ROBOT })
    await validator.warmUp()
    expect(emulator.count('/oauth2/v3/certs')).toBe(1)
  })

  it('fails while Google is out of reach, and works when it is back', async () => {
    const { emulator, validator, advance } = setUp()
    const repair = emulator.fail({ kind: 'reset' })
    await expect(validator.warmUp()).rejects.toBeInstanceOf(ValidatorUnavailableError)
    repair()
    advance(1)
    await validator.warmUp()
  })
})

describe('the options of the google adapter', () => {
  const problemsOf = (changes: object) => {
    const { error } = google.options.safeParse({ ...OPTIONS, ...changes })
    return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
  }

  it('do without everything but client ids and grants', () => {
    expect(problemsOf({})).toEqual([])
  })

  it.each([
    [{ clientIds: undefined }, 'clientIds: '],
    [{ clientIds: [] }, 'clientIds: must name one at least'],
    [{ clientIds: 'GOCSPX-secret' }, 'clientIds: must be client ids, which end in .apps.googleusercontent.com'],
    [{ clientIds: '123456789012' }, 'clientIds: must be client ids'],
    [{ clientIds: 'x.apps.googleusercontent.com.evil.example' }, 'clientIds: must be client ids'],
    [{ grants: undefined }, 'grants: '],
    [{ grants: [] }, 'grants: must hold one grant at least'],
    [{ grants: [{ scopes: 'a' }] }, 'grants.0.to: '],
    [{ grants: [{ scopes: 'a', to: [] }] }, 'grants.0.to: must name one at least'],
    [{ allow: '@' }, 'allow: must be everyone, or user:NUMBER'],
    [{ allow: 'group:staff' }, 'allow: must be everyone, or user:NUMBER'],
    [{ grants: [{ scopes: [], to: 'everyone' }] }, 'grants.0.scopes: must name one at least'],
    [
      { grants: [{ scopes: 'a', to: 'ada' }] },
      'grants.0.to: must be everyone, or user:NUMBER, ada@example.com or @example.com',
    ],
    [{ grants: [{ scopes: 'a', to: '@' }] }, 'grants.0.to: must be everyone'],
    [{ hostedDomains: '@example.com' }, 'hostedDomains: must be domain names'],
    [{ hostedDomains: 'com' }, 'hostedDomains: must be domain names'],
    [{ serviceAccountIdTokens: 'ada@example.com' }, 'serviceAccountIdTokens: must be service accounts'],
    [{ tokenInfoUrl: 'http://oauth2.googleapis.com/tokeninfo' }, 'tokenInfoUrl: must be a URL that starts with https'],
    [{ scopePrefix: 'https://mcp.example.com/' }, ': Unrecognized key'],
  ])('refuse %j', (changes, problem) => {
    const problems = problemsOf(changes)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
    expect(problems[0]).not.toContain('GOCSPX')
  })

  it.each([
    [{ wireScopes: 'email' }, { wireScopes: expect.stringContaining('must hold openid') }],
    [{ wireScopes: 'openid offline_access' }, { wireScopes: expect.stringContaining('access_type=offline') }],
    [
      { wireScopes: 'openid', hostedDomains: 'example.com' },
      { wireScopes: expect.stringContaining('must hold email') },
    ],
    [
      { wireScopes: 'openid', grants: [{ scopes: 'a', to: '@example.com' }] },
      { wireScopes: expect.stringContaining('must hold email') },
    ],
    [{ requiredGoogleScopes: 'profile' }, { requiredGoogleScopes: expect.stringContaining('add it to wireScopes') }],
    [{ wireScopes: `openid ${EMAIL_SCOPE}`, requiredGoogleScopes: 'email', hostedDomains: 'example.com' }, {}],
    [{}, {}],
  ])('with %j are answered by the cure', (changes, mistakes) => {
    const options = google.options.parse({ ...OPTIONS, ...changes })
    expect(google.mistakes?.(options, () => '')).toEqual(mistakes)
  })

  it.each([
    ['https://accounts.google.com', true],
    ['https://accounts.google.com/.well-known/openid-configuration', true],
    ['https://ACCOUNTS.google.com', true],
    ['https://google.com', false],
    ['https://x.accounts.google.com', false],
    ['https://accounts.google.com.evil.example', false],
    ['https://evil-accounts.google.com', false],
    ['https://evil.example/accounts.google.com', false],
  ])('belong to %s: %s', (url, recognized) => {
    expect(google.recognizes?.(new URL(url))).toBe(recognized)
    if (recognized) expect(recognizeProvider(new URL(url)).adapter).toBe(google)
  })
})

describeRecordings('google')
