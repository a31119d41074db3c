import { describe, expect, it } from 'vitest'
import { azure } from '../../adapters/azure/index.ts'
import { recognizeProvider } from '../../adapters/index.ts'
import { type AzureEmulatorOptions, type AzureTokenOptions, createAzureEmulator } from '../../emulators/azure.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import { createRoutedValidator } from '../../src/validators/routed.ts'
import { createContext, NOW, RESOURCE, refusalOf } from '../engines/support.ts'
import { describeRecordings } from '../record/describe-recordings.ts'
import { describeOverVariants, membersOf, varied } from '../support/variants.ts'

const LOGIN = 'https://login.microsoftonline.com'
const CONTOSO = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const FABRIKAM = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'
const API = '6731de76-14a6-49ae-97bc-6eba6914391e'
const CLIENT = '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11'
const ADA = '690222be-ff1a-4d56-abd1-7e4f7d38e474'
const SINGLE = { metadataUrl: `${LOGIN}/${CONTOSO}/v2.0` }
const SHARED = { metadataUrl: `${LOGIN}/organizations/v2.0` }
const BOTH = { ...SHARED, allowedTenants: `${CONTOSO},${FABRIKAM}` }
const ANY = { ...SHARED, dangerouslyAllowAnyTenant: true }

const secret = () => expect.fail('this provider needs no secret')
const parse = (options: object = {}) => azure.options.parse({ adapter: 'azure', clientId: API, ...SINGLE, ...options })
const mistakesOf = (options: object) => azure.mistakes?.(parse(options), secret)
const emulate = ({ api, ...options }: AzureEmulatorOptions = {}) =>
  varied(createAzureEmulator({ origin: LOGIN, now: () => NOW * 1000, api: { appIdUri: RESOURCE, ...api }, ...options }))

function setUp(options: object = {}, emulator = emulate()) {
  const { context, advance } = createContext(emulator.fetch)
  const validator = azure.create(parse(options), { ...context, secret })
  const validate = async (token: AzureTokenOptions = {}) => validator.validate(await emulator.mint(token))
  async function reasonOf(token: AzureTokenOptions | string) {
    const text = typeof token === 'string' ? token : await emulator.mint(token)
    const error = await refusalOf(validator.validate(text))
    expect(error).toBeInstanceOf(InvalidTokenError)
    return error.reason as InvalidTokenError['reason'] & { detail?: string; cure?: string }
  }
  return { emulator, validator, validate, reasonOf, advance }
}

const AGENT: AzureTokenOptions = {
  user: null,
  claims: { sub: `/eid1/c/pub/t/${CONTOSO}/a/agent-1`, idtyp: 'app', xms_act_fct: '11', xms_sub_fct: '11' },
}

describeOverVariants(
  'azure, one tenant',
  {
    tokens: 'jwt',
    async start() {
      const emulator = emulate()
      return {
        resource: RESOURCE,
        now: NOW * 1000,
        fetch: emulator.fetch,
        createValidator: context => azure.create(parse(), { ...context, secret }),
        good: [
          emulator.accessToken(),
          emulator.accessToken({ user: null }),
          emulator.accessToken(AGENT),
          emulator.accessToken({ version: 1, claims: { aud: RESOURCE } }),
          emulator.accessToken({ version: 1, claims: { aud: `${RESOURCE}/` } }),
          emulator.accessToken({ version: 1, claims: { aud: API } }),
          emulator.accessToken({ version: 1, claims: { aud: `api://${API}` } }),
          emulator.accessToken({ version: 1, user: null }),
        ],
        privateKey: () => emulator.keys.current.privateKey,
        rotate: () => emulator.keys.rotate().kid,
        subjectClaim: 'oid',
        refused: {
          otherBinding: { claims: { aud: CLIENT }, reason: 'azure.wrong_audience' },
          noAudience: { claims: { aud: undefined }, reason: 'audience_missing' },
          idToken: { claims: { azp: undefined, azpacr: undefined, scp: undefined }, reason: 'id_token' },
          idTokenWithRoles: { claims: { azp: undefined, scp: undefined, roles: ['notes:read'] }, reason: 'id_token' },
          otherTenant: {
            claims: { iss: `${LOGIN}/${FABRIKAM}/v2.0`, tid: FABRIKAM },
            reason: 'azure.tenant_not_allowed',
          },
          otherTenantV1: {
            claims: { iss: `https://sts.windows.net/${FABRIKAM}/`, tid: FABRIKAM },
            reason: 'azure.tenant_not_allowed',
          },
          tenantUnlikeIssuer: { claims: { tid: FABRIKAM }, reason: 'issuer_mismatch' },
          noTenant: { claims: { tid: undefined }, reason: 'issuer_mismatch' },
          v1IssuerWithoutSlash: { claims: { iss: `https://sts.windows.net/${CONTOSO}` }, reason: 'issuer_mismatch' },
          v2IssuerAtStsHost: { claims: { iss: `https://sts.windows.net/${CONTOSO}/v2.0` }, reason: 'issuer_mismatch' },
          otherCloud: {
            claims: { iss: `https://login.microsoftonline.us/${CONTOSO}/v2.0` },
            reason: 'issuer_mismatch',
          },
          noObjectId: { claims: { oid: undefined }, reason: 'claim_missing' },
          noPermissions: { claims: { scp: undefined }, reason: 'azure.no_permissions' },
          emptyPermissions: { claims: { scp: '', roles: [] }, reason: 'azure.no_permissions' },
          noClient: { claims: { azp: '' }, reason: 'claim_missing' },
        },
      }
    },
  },
  {
    members: membersOf('discovery', 'jwks'),
    read: ['jwks.use', 'jwks.alg', 'jwks.issuer'],
  },
)

describeOverVariants(
  'azure, several tenants',
  {
    tokens: 'jwt',
    async start() {
      const emulator = emulate()
      return {
        resource: RESOURCE,
        now: NOW * 1000,
        fetch: emulator.fetch,
        createValidator: context => azure.create(parse(BOTH), { ...context, secret }),
        good: [
          emulator.accessToken(),
          emulator.accessToken({ user: 'finn@fabrikam.example' }),
          emulator.accessToken({ version: 1, claims: { aud: API } }),
        ],
        privateKey: () => emulator.keys.current.privateKey,
        rotate: () => emulator.keys.rotate().kid,
        subjectClaim: 'oid',
        refused: {
          otherBinding: { claims: { aud: CLIENT }, reason: 'azure.wrong_audience' },
          appIdUri: { claims: { aud: RESOURCE }, reason: 'azure.wrong_audience' },
          idToken: { claims: { azp: undefined, scp: undefined }, reason: 'id_token' },
          personalAccount: {
            claims: { iss: `${LOGIN}/${CONSUMERS}/v2.0`, tid: CONSUMERS },
            reason: 'azure.tenant_not_allowed',
          },
          template: { claims: { iss: `${LOGIN}/{tenantid}/v2.0` }, reason: 'issuer_mismatch' },
          sharedName: { claims: { iss: `${LOGIN}/organizations/v2.0` }, reason: 'issuer_mismatch' },
          tenantNoGuid: { claims: { iss: `${LOGIN}/common/v2.0`, tid: 'common' }, reason: 'issuer_mismatch' },
        },
      }
    },
  },
  {
    members: membersOf('discovery', 'jwks'),
    read: ['jwks.use', 'jwks.alg'],
    needed: ['jwks.issuer'],
  },
)

describe('an accepted token', () => {
  it('names tenant and object id as subject, whatever sub and mutable names say', async () => {
    const { validate } = setUp()
    const claims = { email: 'admin@fabrikam.example', preferred_username: 'admin@fabrikam.example', sub: 'pairwise' }
    expect(await validate({ claims })).toMatchObject({
      issuer: `${LOGIN}/${CONTOSO}/v2.0`,
      subject: `${CONTOSO}.${ADA}`,
      clientId: CLIENT,
      scopes: ['notes:read', 'notes:write', 'notes:admin'],
      audience: [API],
      principalType: 'user',
      tenant: CONTOSO,
    })
  })

  it('stands for the same identity in v1 and in v2', async () => {
    const { validate } = setUp()
    const [v1, v2] = [await validate({ version: 1 }), await validate({ version: 2 })]
    expect(v1.claims.iss).toBe(`https://sts.windows.net/${CONTOSO}/`)
    expect([v1.issuer, v1.subject, v1.clientId]).toEqual([v2.issuer, v2.subject, v2.clientId])
  })

  it('stands for another identity in each tenant, though the e-mail address is the same', async () => {
    const { validate } = setUp(BOTH)
    const claims = { email: 'ada@contoso.example', oid: ADA }
    const [one, other] = [await validate({ claims }), await validate({ claims, user: 'finn@fabrikam.example' })]
    expect(other.subject).toBe(`${FABRIKAM}.${ADA}`)
    expect(other.issuer).not.toBe(one.issuer)
  })

  it.each([
    ['an app with a role', { user: null }, 'service', []],
    ['an agent', AGENT, 'service', []],
    ['an app that says so, though it has scp', { claims: { idtyp: 'app' } }, 'service', ['notes:read']],
    ['a user who says so', { claims: { idtyp: 'user' } }, 'user', ['notes:read']],
  ] as const)('of %s is told apart by principalType', async (_who, token, principalType, scopes) => {
    const { validate } = setUp()
    const validated = await validate({ scopes: ['notes:read'], ...token })
    expect(validated).toMatchObject({ principalType, scopes })
  })

  it('has roles as scopes only when configured', async () => {
    const token = { scopes: ['notes:read'], roles: ['notes:admin'] }
    expect((await setUp().validate(token)).scopes).toEqual(['notes:read'])
    const configured = setUp({ scopeClaims: 'scp roles' })
    expect((await configured.validate(token)).scopes).toEqual(['notes:read', 'notes:admin'])
    expect((await configured.validate({ user: null })).scopes).toEqual(['notes:read'])
  })

  it('of v1 may be for an App ID URI of the API that is not our URL', async () => {
    const { validate } = setUp({ appIdUri: 'api://notes' }, emulate({ api: { appIdUri: 'api://notes' } }))
    expect((await validate({ version: 1 })).audience).toEqual(['api://notes'])
    expect((await validate({ version: 1 })).audience).toEqual(['api://notes/'])
  })
})

describe('a refusal', () => {
  it.each([
    ['00000003-0000-0000-c000-000000000000', 'Microsoft Graph'],
    ['https://graph.microsoft.com', 'Microsoft Graph'],
    ['00000002-0000-0000-c000-000000000000', 'Azure AD Graph'],
  ])('names the cure for a token of audience %s', async (aud, name) => {
    const { emulator, reasonOf } = setUp()
    for (const token of [
      await emulator.mintGraphToken({ claims: { aud } }),
      await emulator.mint({ claims: { aud } }),
    ]) {
      const { kind, detail, cure } = await reasonOf(token)
      expect(kind).toBe('azure.token_for_microsoft_api')
      expect(detail).toContain(name)
      expect(cure).toContain(`${RESOURCE}/`)
    }
  })

  it('names the cure for a token whose header has a nonce, whatever its audience', async () => {
    const { emulator, reasonOf } = setUp()
    const token = await emulator.mintGraphToken({ claims: { aud: 'https://contoso.sharepoint.com' } })
    expect((await reasonOf(token)).kind).toBe('azure.token_for_microsoft_api')
  })

  it('names the cure for an opaque token of a personal account', async () => {
    expect((await setUp().reasonOf(`EwB4A8l6BAAU${'A'.repeat(200)}`)).kind).toBe('azure.opaque_token')
  })

  it('names the cure for another audience: the client id; with v1 also the version', async () => {
    const { reasonOf } = setUp()
    const v2 = await reasonOf({ claims: { aud: CLIENT } })
    expect(v2).toMatchObject({ kind: 'azure.wrong_audience', cure: expect.stringContaining('AZURE_CLIENT_ID') })
    expect(v2.detail).toContain(CLIENT)
    expect(v2.cure).not.toContain('requestedAccessTokenVersion')
    const v1 = await reasonOf({ version: 1, claims: { aud: 'api://another' } })
    expect(v1.cure).toContain('requestedAccessTokenVersion')
  })

  it('names the cure for another tenant: one tenant, and several', async () => {
    expect(await setUp().reasonOf({ user: 'finn@fabrikam.example' })).toMatchObject({
      kind: 'azure.tenant_not_allowed',
      detail: expect.stringContaining(FABRIKAM),
      cure: expect.stringContaining('AZURE_TENANT_ID=organizations'),
    })
    const listed = setUp({ ...SHARED, allowedTenants: CONTOSO })
    expect((await listed.reasonOf({ user: 'finn@fabrikam.example' })).cure).toContain('AZURE_ALLOWED_TENANTS')
  })

  it('names the cure for an app to which nobody gave a role', async () => {
    const reason = await setUp().reasonOf({ user: null, clientId: '8f0e5a3c-6a52-4e0b-9a45-54c1e7c0a001' })
    expect(reason).toMatchObject({ kind: 'azure.no_permissions', cure: expect.stringContaining('app role') })
  })

  it('is id_token for ID tokens of both versions, also where client and API are one registration', async () => {
    const { emulator, reasonOf } = setUp()
    for (const version of [1, 2] as const) {
      const token = await emulator.mintIdToken({ version, roles: ['notes:read'], claims: { aud: API } })
      expect((await reasonOf(token)).kind).toBe('id_token')
    }
  })

  it('is algorithm_refused for the unsigned ID tokens of v1', async () => {
    const { emulator, reasonOf } = setUp()
    const unsigned = emulator.mintUnsignedIdToken()
    for (const token of [unsigned, `${unsigned}AAAA`]) expect((await reasonOf(token)).kind).toBe('algorithm_refused')
  })
})

describe('tenants', () => {
  const published = (options: object) => setUp(options).validator.issuers

  it('are published by their v2 issuer; v1 is accepted but not shown to clients', async () => {
    expect(published({})).toEqual([`${LOGIN}/${CONTOSO}/v2.0`])
    expect(published(BOTH)).toEqual([`${LOGIN}/${CONTOSO}/v2.0`, `${LOGIN}/${FABRIKAM}/v2.0`])
    expect(published(ANY)).toEqual([`${LOGIN}/organizations/v2.0`])
    expect(setUp().validator.answersFor?.(`https://sts.windows.net/${CONTOSO}/`)).toBe(true)
  })

  it('are all accepted only where that was asked for by its name, personal accounts only under common', async () => {
    const stranger = '11111111-2222-4333-8444-555555555555'
    const { emulator, validate, reasonOf } = setUp(ANY)
    expect((await validate({ tenant: stranger })).tenant).toBe(stranger)
    const personal = { tenant: CONSUMERS, key: emulator.consumerKeys.current }
    expect((await reasonOf(personal)).kind).toBe('azure.tenant_not_allowed')
    const common = setUp({ ...ANY, metadataUrl: `${LOGIN}/common/v2.0` }, emulator)
    expect((await common.validate(personal)).tenant).toBe(CONSUMERS)
  })

  it('are routed to this adapter beside another provider, though no list names them', async () => {
    const { emulator, validator } = setUp(ANY)
    const { context } = createContext(emulator.fetch)
    const other = { ...setUp().validator, issuers: ['https://issuer.example'], answersFor: undefined }
    const routed = createRoutedValidator(
      [
        { validator: other, opaqueTokens: 'none' },
        { validator, opaqueTokens: 'none' },
      ],
      context,
    )
    expect((await routed.validate(await emulator.mint({ user: 'finn@fabrikam.example' }))).tenant).toBe(FABRIKAM)
    expect((await routed.validate(await emulator.mint({ version: 1, claims: { aud: API } }))).tenant).toBe(CONTOSO)
  })

  it('cannot be told apart where another provider answers for one of them', () => {
    const routes = [ANY, {}].map(options => ({ validator: setUp(options).validator, opaqueTokens: 'none' as const }))
    const combine = () => createRoutedValidator(routes as [(typeof routes)[0]], { resource: RESOURCE })
    expect(combine).toThrow(`both answer for ${LOGIN}/${CONTOSO}/v2.0`)
  })
})

describe('a key', () => {
  it('for personal accounts signs for no other tenant', async () => {
    const { emulator, reasonOf } = setUp(BOTH)
    const key = emulator.consumerKeys.current
    expect((await reasonOf({ key })).kind).toBe('azure.key_of_other_issuer')
    expect((await reasonOf({ key, version: 1, claims: { aud: API } })).kind).toBe('azure.key_of_other_issuer')
  })

  it('for personal accounts signs for no other tenant where that has its own document', async () => {
    const { emulator, reasonOf } = setUp()
    for (const jwk of emulator.consumerKeys.published()) emulator.keys.publishAlso(jwk)
    expect((await reasonOf({ key: emulator.consumerKeys.current })).kind).toBe('azure.key_of_other_issuer')
  })

  it('for personal accounts signs for them', async () => {
    const { emulator, validate } = setUp({ metadataUrl: `${LOGIN}/consumers/v2.0` })
    expect((await validate({ tenant: CONSUMERS, key: emulator.consumerKeys.current })).tenant).toBe(CONSUMERS)
  })

  it.each([
    ['that names no issuer is good for the document of one tenant', {}, undefined],
    ['that names no issuer is refused where tenants share the document', BOTH, 'azure.key_of_other_issuer'],
  ])('%s', async (_name, options, refused) => {
    const emulator = emulate()
    const withoutIssuer: typeof fetch = async (input, init) => {
      const response = await emulator.fetch(input, init)
      if (!String(input).includes('/discovery/')) return response
      const { keys } = (await response.json()) as { keys: object[] }
      return Response.json({ keys: keys.map(key => ({ ...key, issuer: undefined })) })
    }
    const validator = azure.create(parse(options), { ...createContext(withoutIssuer).context, secret })
    const validation = validator.validate(await emulator.mint())
    if (refused === undefined) await validation
    else expect((await refusalOf(validation)).reason.kind).toBe(refused)
  })

  it('that vanishes from the set and comes back refuses no good token', async () => {
    const { emulator, validator, validate, advance } = setUp()
    const old = emulator.keys.current
    const current = emulator.keys.rotate('kept')
    await validator.warmUp()
    emulator.keys.flap([old.kid, current.kid])
    const exp = NOW + 100_000
    for (let hour = 0; hour < 20; hour++) {
      advance(3601)
      await validate({ key: old, claims: { exp, uti: `old-${hour}` } })
      await validate({ key: current, claims: { exp, uti: `new-${hour}` } })
    }
    expect(emulator.count(`/${CONTOSO}/discovery/v2.0/keys`)).toBeGreaterThan(15)
  })

  it("of the API's own is found by its client id", async () => {
    const emulator = emulate({ api: { customSigningKeys: true } })
    expect((await setUp({}, emulator).reasonOf({})).kind).toBe('key_unknown')
    await setUp({ customSigningKeys: true }, emulator).validate()
    expect(emulator.requests.at(-1)?.path).toBe(`/${CONTOSO}/discovery/v2.0/keys?appid=${API}`)
  })
})

describe('the metadata URL', () => {
  it.each([
    `${LOGIN}/${CONTOSO}/v2.0/.well-known/openid-configuration`,
    `${LOGIN}/${CONTOSO}/v2.0`,
    `${LOGIN}/${CONTOSO}/v2.0/`,
    `${LOGIN}/${CONTOSO.toUpperCase()}/v2.0`,
    `${LOGIN}/${CONTOSO}`,
    `${LOGIN}/${CONTOSO}/.well-known/openid-configuration`,
    `https://sts.windows.net/${CONTOSO}/`,
    `https://sts.windows.net/${CONTOSO}`,
  ])('may be spelled %s', async metadataUrl => {
    const { validate } = setUp({ metadataUrl })
    await validate({ version: 1 })
    await validate({ version: 2 })
  })

  it.each([
    ['https://login.microsoftonline.us', 'https://login.microsoftonline.us', 'https://sts.windows.net'],
    ['https://login.usgovcloudapi.net', 'https://login.microsoftonline.us', 'https://sts.windows.net'],
    [
      'https://login.partner.microsoftonline.cn',
      'https://login.partner.microsoftonline.cn',
      'https://sts.chinacloudapi.cn',
    ],
    ['https://login.chinacloudapi.cn', 'https://login.partner.microsoftonline.cn', 'https://sts.chinacloudapi.cn'],
    ['https://westeurope.login.microsoft.com', LOGIN, 'https://sts.windows.net'],
    ['https://login.windows.net', LOGIN, 'https://sts.windows.net'],
  ])('at %s stands for the issuers of its cloud', async (origin, login, sts) => {
    const issuers = { issuer: `${login}/{tenantid}/v2.0`, v1Issuer: `${sts}/{tenantid}/` }
    const { validate, validator } = setUp({ metadataUrl: `${origin}/${CONTOSO}/v2.0` }, emulate({ origin, ...issuers }))
    expect(validator.issuers).toEqual([`${login}/${CONTOSO}/v2.0`])
    await validate({ version: 1 })
    expect((await validate({ version: 2 })).issuer).toBe(`${login}/${CONTOSO}/v2.0`)
  })

  it('of External ID stands for an issuer whose host is the tenant id', async () => {
    const origin = 'https://contoso.ciamlogin.com'
    const issuer = 'https://{tenantid}.ciamlogin.com/{tenantid}/v2.0'
    const emulator = emulate({ origin, issuer, v1Issuer: 'https://sts.windows.net/{tenantid}/' })
    const { validate, reasonOf } = setUp({ metadataUrl: `${origin}/${CONTOSO}/v2.0` }, emulator)
    expect((await validate()).issuer).toBe(`https://${CONTOSO}.ciamlogin.com/${CONTOSO}/v2.0`)
    expect(await reasonOf({ version: 1 })).toMatchObject({
      kind: 'azure.v1_token',
      cure: expect.stringContaining('requestedAccessTokenVersion'),
    })
  })

  it("of a tenant that does not exist is our mistake, not the token's", async () => {
    const { emulator, validator } = setUp({ metadataUrl: `${LOGIN}/11111111-2222-4333-8444-555555555555/v2.0` })
    const error = await refusalOf(
      validator.validate(await emulator.mint({ tenant: '11111111-2222-4333-8444-555555555555' })),
    )
    expect(error).toBeInstanceOf(MisconfigurationError)
  })

  it.each([
    [{ metadataUrl: `${LOGIN}/contoso.onmicrosoft.com/v2.0` }, 'metadataUrl', 'Directory (tenant) ID'],
    [{ metadataUrl: `${LOGIN}/contoso.com/v2.0` }, 'metadataUrl', 'names the tenant as contoso.com'],
    [{ metadataUrl: `${LOGIN}/` }, 'metadataUrl', '/{tenant id}/v2.0'],
    [{ metadataUrl: `${LOGIN}/${CONTOSO}/oauth2/v2.0/authorize` }, 'metadataUrl', '/{tenant id}/v2.0'],
    [
      {
        metadataUrl:
          'https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_in/v2.0/.well-known/openid-configuration',
      },
      'metadataUrl',
      'Azure AD B2C',
    ],
    [{ metadataUrl: 'https://contoso.ciamlogin.com/organizations/v2.0' }, 'metadataUrl', 'Directory (tenant) ID'],
    [SHARED, 'allowedTenants', 'organizations stands for every tenant'],
    [{ metadataUrl: `${LOGIN}/common/v2.0` }, 'allowedTenants', 'common stands for every tenant'],
    [{ allowedTenants: FABRIKAM }, 'allowedTenants', 'goes with organizations'],
    [{ ...BOTH, dangerouslyAllowAnyTenant: true }, 'dangerouslyAllowAnyTenant', 'contradicts'],
    [{ appIdUri: 'https://mcp.example.com/' }, 'appIdUri', 'must not end in a slash'],
  ] as [object, string, string][])('%j is a mistake in %s', (options, option, sentence) => {
    const found = mistakesOf(options)
    expect(Object.keys(found ?? {})).toEqual([option])
    expect(Object.values(found ?? {})[0]).toContain(sentence)
  })

  it.each([SINGLE, BOTH, ANY, { metadataUrl: `${LOGIN}/consumers/v2.0` }])('%j is none', options => {
    expect(mistakesOf(options)).toEqual({})
  })

  it('with a mistake makes no validator, even where nobody asked for mistakes', () => {
    expect(() => setUp({ metadataUrl: `${LOGIN}/contoso.onmicrosoft.com/v2.0` })).toThrow('Directory (tenant) ID')
  })

  it.each([
    [{ clientId: 'notes' }, 'clientId'],
    [{ allowedTenants: 'contoso.onmicrosoft.com' }, 'allowedTenants.0'],
    [{ scopeClaims: 'groups' }, 'scopeClaims.0'],
    [{ allowAnyTenant: true }, ''],
  ])('beside %j is refused by the schema', (options, path) => {
    const result = azure.options.safeParse({ adapter: 'azure', clientId: API, ...SINGLE, ...options })
    expect(result.error?.issues.map(issue => issue.path.join('.'))).toEqual([path])
  })
})

describe('a URL', () => {
  it.each([
    `${LOGIN}/${CONTOSO}/v2.0`,
    'https://LOGIN.microsoftonline.com/common/v2.0',
    'https://login.microsoft.com/common/v2.0',
    'https://login.windows.net/common',
    `https://sts.windows.net/${CONTOSO}/`,
    'https://westeurope.login.microsoft.com/common/v2.0',
    'https://login.microsoftonline.us/common/v2.0',
    'https://login.usgovcloudapi.net/common/v2.0',
    'https://login-us.microsoftonline.com/common/v2.0',
    'https://login.partner.microsoftonline.cn/common/v2.0',
    'https://login.chinacloudapi.cn/common/v2.0',
    'https://login.microsoftonline.de/common/v2.0',
    `https://contoso.ciamlogin.com/${CONTOSO}/v2.0`,
  ])('%s is recognised', url => {
    expect(recognizeProvider(new URL(url)).name).toBe('azure')
  })

  it.each([
    'https://login.microsoftonline.com.evil.example/common/v2.0',
    'https://notlogin.microsoftonline.com/common/v2.0',
    'https://evil-ciamlogin.com/tenant/v2.0',
    'https://microsoftonline.com/common/v2.0',
    'https://evil.example/login.microsoftonline.com/common/v2.0',
  ])('%s is not', url => {
    expect(recognizeProvider(new URL(url)).name).not.toBe('azure')
  })
})

describe('rules about people', () => {
  const STAFF = 'aaaaaaaa-0000-4000-8000-000000000001'
  const MANY = Array.from({ length: 201 }, (_, index) => `bbbbbbbb-0000-4000-8000-${String(index).padStart(12, '0')}`)
  const grants = [
    { scopes: 'notes:read', to: 'everyone' },
    { scopes: 'notes:write', to: `group:${STAFF}` },
  ]
  const API_APP = { clientId: API, clientSecret: 'api-secret' }
  const ada = { login: 'ada@contoso.example', oid: ADA, name: 'Ada' }
  const clients = [{ clientId: CLIENT, redirectUris: [] }, API_APP]

  function withGroups(groups: string[], options: object = {}) {
    const emulator = emulate({ users: [{ ...ada, groups }], clients })
    const { context, seen, advance } = createContext(emulator.fetch)
    const validator = azure.create(parse(options), { ...context, secret: () => 'api-secret' })
    return { emulator, seen, advance, validate: async () => validator.validate(await emulator.mint()) }
  }

  it('gives scopes by group instead of those of the token', async () => {
    expect((await withGroups([STAFF], { grants }).validate()).scopes).toEqual(['notes:read', 'notes:write'])
    expect((await withGroups([MANY[0] as string], { grants }).validate()).scopes).toEqual(['notes:read'])
  })

  it.each([
    [`tenant:${CONTOSO}`, true],
    [`user:${ADA}`, true],
    [`group:${STAFF}`, true],
    [`tenant:${FABRIKAM}`, false],
    [`group:${MANY[0]}`, false],
    ['role:Admin', false],
  ])('with allow %s: somebody of that group is let in: %s', async (allow, isLetIn) => {
    const validating = withGroups([STAFF], { allow }).validate()
    if (isLetIn) await validating
    else expect((await refusalOf(validating)).reason).toMatchObject({ kind: 'person_not_allowed' })
  })

  it('says that there were too many groups for the token, and what to do', async () => {
    const { validate, seen } = withGroups([...MANY, STAFF], { grants })
    expect((await validate()).scopes).toEqual(['notes:read'])
    expect(JSON.stringify(seen)).toContain('AZURE_GRAPH_CLIENT_SECRET')
    const refused = await refusalOf(withGroups([...MANY, STAFF], { allow: `group:${STAFF}` }).validate())
    expect(refused.reason).toMatchObject({ detail: expect.stringContaining('too many') })
  })

  it('looks groups up at Microsoft Graph where there were too many, with one token for all', async () => {
    const options = { grants, graphClientSecretEnv: 'SECRET' }
    const { emulator, validate } = withGroups([...MANY, STAFF], options)
    expect((await validate()).scopes).toEqual(['notes:read', 'notes:write'])
    expect((await validate()).scopes).toEqual(['notes:read', 'notes:write'])
    expect(emulator.count(`/v1.0/users/${ADA}/checkMemberGroups`)).toBe(2)
    expect(emulator.count(`/${CONTOSO}/oauth2/v2.0/token`)).toBe(1)
    const few = withGroups([STAFF], options)
    await few.validate()
    expect(few.emulator.count(`/v1.0/users/${ADA}/checkMemberGroups`)).toBe(0)
  })

  it('asks about twenty groups at a time', async () => {
    const to = MANY.slice(0, 41).map(id => `group:${id}`)
    const options = { grants: [{ scopes: 'notes:write', to }], graphClientSecretEnv: 'SECRET' }
    const { emulator, validate } = withGroups(MANY, options)
    expect((await validate()).scopes).toEqual(['notes:write'])
    expect(emulator.count(`/v1.0/users/${ADA}/checkMemberGroups`)).toBe(3)
  })

  it.each([
    ['Graph is away', { path: `/v1.0/users/${ADA}/checkMemberGroups`, kind: 'reset' }, ValidatorUnavailableError],
    [
      'Graph refuses us',
      { path: `/v1.0/users/${ADA}/checkMemberGroups`, kind: 'status', status: 403 },
      MisconfigurationError,
    ],
    [
      'our secret is refused',
      { path: `/${CONTOSO}/oauth2/v2.0/token`, kind: 'status', status: 401 },
      MisconfigurationError,
    ],
    [
      'the token endpoint is away',
      { path: `/${CONTOSO}/oauth2/v2.0/token`, kind: 'status', status: 503 },
      ValidatorUnavailableError,
    ],
  ] as const)('does not guess when %s', async (_label, outage, error) => {
    const { emulator, validate, advance } = withGroups([...MANY, STAFF], { grants, graphClientSecretEnv: 'SECRET' })
    const repair = emulator.fail(outage)
    expect(await refusalOf(validate())).toBeInstanceOf(error)
    const asked = emulator.requests.length
    expect(await refusalOf(validate())).toBeInstanceOf(error)
    expect(emulator.requests).toHaveLength(asked)
    repair()
    advance(1)
    expect((await validate()).scopes).toEqual(['notes:read', 'notes:write'])
  })
})

describeRecordings('azure')
