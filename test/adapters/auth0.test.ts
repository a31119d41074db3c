import { describe, expect, it, test } from 'vitest'
import { auth0 } from '../../adapters/auth0/index.ts'
import { recognizeProvider } from '../../adapters/index.ts'
import { type Auth0EmulatorOptions, createAuth0Emulator } from '../../emulators/auth0.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import type { GoodJwt } from '../../src/testing/contract.ts'
import { describeRecordings } from '../record/describe-recordings.ts'
import { describeOverVariants, membersOf, varied } from '../support/variants.ts'

const TENANT = 'https://acme.eu.auth0.com'
const RESOURCE = 'https://mcp.example.com/mcp'
/** 2026-11-01T00:00:00Z, in milliseconds. */
const NOW = 1_793_491_200_000
const DIALECTS = ['access_token', 'access_token_authz', 'rfc9068_profile', 'rfc9068_profile_authz'] as const

const secret = () => expect.fail('this provider needs no secret')

function create(options: Record<string, unknown> = {}, emulated: Auth0EmulatorOptions = {}) {
  const emulator = createAuth0Emulator({ origin: TENANT, now: () => NOW, ...emulated })
  const parsed = auth0.options.parse({
    adapter: 'auth0',
    metadataUrl: `${TENANT}/.well-known/openid-configuration`,
    ...options,
  })
  const context = { resource: RESOURCE, fetch: emulator.fetch, now: () => NOW, secret }
  return { emulator, validator: auth0.create(parsed, context) }
}

function mistakesOf(options: Record<string, unknown>) {
  return auth0.mistakes?.(auth0.options.parse({ adapter: 'auth0', ...options }), secret)
}

async function reasonFor(token: string, { validator } = create()) {
  const error = await validator.validate(token).then(
    () => expect.fail('the token was accepted'),
    error => error,
  )
  expect(error).toBeInstanceOf(InvalidTokenError)
  return (error as InvalidTokenError).reason
}

describeOverVariants(
  'auth0',
  {
    tokens: 'jwt',
    async start() {
      const emulator = varied(createAuth0Emulator({ origin: TENANT, now: () => NOW }))
      const tokens = [
        ...DIALECTS.map(dialect => emulator.accessToken({ dialect })),
        ...DIALECTS.map(dialect => emulator.accessToken({ dialect, user: null })),
      ] as GoodJwt[]
      return {
        resource: RESOURCE,
        now: NOW,
        fetch: emulator.fetch,
        createValidator: context =>
          auth0.create(
            auth0.options.parse({ adapter: 'auth0', metadataUrl: `${TENANT}/.well-known/openid-configuration` }),
            { ...context, secret },
          ),
        good: tokens as [GoodJwt, ...GoodJwt[]],
        privateKey: () => emulator.keys.current.privateKey,
        rotate: () => emulator.keys.rotate().kid,
        refused: {
          otherBinding: { claims: { aud: 'https://other.example.com/mcp' }, reason: 'auth0.other_api' },
          managementApi: { claims: { aud: `${TENANT}/api/v2/` }, reason: 'auth0.management_api_token' },
          userInfoOnly: { claims: { aud: `${TENANT}/userinfo` }, reason: 'auth0.other_api' },
          noAudience: { claims: { aud: undefined }, reason: 'audience_missing' },
          idToken: { claims: { aud: 'native', azp: undefined, nonce: 'n' }, reason: 'id_token' },
          idTokenWithAzp: { claims: { aud: 'native' }, reason: 'id_token' },
          otherTenant: { claims: { iss: 'https://other.eu.auth0.com/' }, reason: 'auth0.other_domain' },
        },
      }
    },
  },
  {
    members: membersOf('discovery', 'jwks'),
    read: ['jwks.use', 'jwks.alg'],
  },
)

describeRecordings('auth0')

describe('a token of a user', () => {
  it.each(DIALECTS)('says who, for whom and what in the dialect %s', async dialect => {
    const { emulator, validator } = create()
    const token = await emulator.mint({ dialect, claims: { org_id: 'org_1', sub: 'okta|corp|00u1' } })
    expect(await validator.validate(token)).toMatchObject({
      issuer: 'https://acme.eu.auth0.com/',
      subject: 'okta|corp|00u1',
      clientId: 'native',
      scopes: ['openid', 'profile', 'notes:read', 'notes:write'],
      audience: ['https://mcp.example.com/mcp', 'https://acme.eu.auth0.com/userinfo'],
      expiresAt: NOW / 1000 + 86_400,
      principalType: 'user',
      tenant: 'org_1',
    })
  })

  it('is accepted for the resource with a slash at its end too', async () => {
    const { emulator, validator } = create()
    await validator.validate(await emulator.mint({ claims: { aud: 'https://mcp.example.com/mcp/' } }))
  })

  it('is for the configured API instead, where one is configured', async () => {
    const { emulator, validator } = create({ audience: 'urn:notes' })
    await validator.validate(await emulator.mint({ claims: { aud: 'urn:notes' } }))
    expect(await reasonFor(await emulator.mint(), { emulator, validator })).toMatchObject({
      kind: 'auth0.other_api',
      detail: 'the token is for https://mcp.example.com/mcp, https://acme.eu.auth0.com/userinfo; accepted is urn:notes',
      cure: expect.stringContaining('an API whose Identifier is urn:notes'),
    })
  })

  it('signed with PS256 is accepted, and with another algorithm refused', async () => {
    const { emulator, validator } = create({}, { algorithm: 'PS256' })
    const token = await emulator.mint()
    expect(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).alg).toBe('PS256')
    await validator.validate(token)
    const other = await emulator.mint({ header: { alg: 'PS384' } })
    expect((await reasonFor(other, { emulator, validator })).kind).toBe('algorithm_refused')
  })
})

describe('scopes', () => {
  it('leave permissions out unless they are configured to count', async () => {
    const token = { dialect: 'access_token_authz', claims: { scope: 'openid', permissions: ['notes:read'] } } as const
    const plain = create()
    expect((await plain.validator.validate(await plain.emulator.mint(token))).scopes).toEqual(['openid'])
    const configured = create({ scopeClaims: 'scope permissions' })
    expect((await configured.validator.validate(await configured.emulator.mint(token))).scopes).toEqual([
      'openid',
      'notes:read',
    ])
  })

  it('may be absent, as on a machine that was granted none', async () => {
    const { emulator, validator } = create()
    const { scopes, subject, principalType } = await validator.validate(await emulator.mint({ user: null, scopes: [] }))
    expect({ scopes, subject, principalType }).toEqual({
      scopes: [],
      subject: 'machine@clients',
      principalType: 'service',
    })
  })

  it('that are not texts are refused', async () => {
    const { emulator, validator } = create({ scopeClaims: 'permissions' })
    const token = await emulator.mint({ claims: { permissions: [{ name: 'notes:read' }] } })
    expect(await reasonFor(token, { emulator, validator })).toMatchObject({
      kind: 'claim_invalid',
      claim: 'permissions',
    })
  })
})

test('an agent that acts for itself is a service', async () => {
  const { emulator, validator } = create()
  const token = await emulator.mint({ claims: { sub: 'agt_1', sub_profile: 'ai_agent', act: { sub: 'native' } } })
  expect((await validator.validate(token)).principalType).toBe('service')
})

describe('a token that is for nobody but /userinfo', () => {
  it.each(['jwe', 'short'] as const)('is named as such, with the cure: %s', async kind => {
    const { emulator, validator } = create()
    expect(await reasonFor(emulator.mintOpaque(kind), { emulator, validator })).toEqual({
      kind: 'auth0.no_api_requested',
      detail: 'no API audience was requested, so the token is for /userinfo only',
      cure: 'have the client send audience=https://mcp.example.com/mcp; for MCP clients, which send resource, turn on Settings > Advanced > Resource Parameter Compatibility Profile',
    })
  })

  it('is told from an encrypted token of the API', async () => {
    const header = Buffer.from('{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT"}').toString('base64url')
    expect(await reasonFor(`${header}.AAAA.BBBB.CCCC.DDDD`)).toMatchObject({ kind: 'auth0.api_token_encrypted' })
  })
})

describe('the domain', () => {
  const CUSTOM = 'https://login.acme.example'
  const onCustomDomain = (options: Record<string, unknown> = {}) =>
    create(
      { metadataUrl: `${CUSTOM}/.well-known/openid-configuration`, ...options },
      { customDomain: CUSTOM, origin: TENANT },
    )

  it('at which the user signed in is the issuer; the tenant domain is another one, with the cure', async () => {
    const { emulator, validator } = onCustomDomain()
    const token = await emulator.mint({ claims: { iss: `${CUSTOM}/` } })
    expect((await validator.validate(token)).issuer).toBe('https://login.acme.example/')
    expect(await reasonFor(await emulator.mint(), { emulator, validator })).toEqual({
      kind: 'auth0.other_domain',
      detail: 'the user signed in at acme.eu.auth0.com; accepted is https://login.acme.example/',
      cure: expect.stringContaining('AUTH0_FURTHER_ISSUERS'),
    })
  })

  it.each([TENANT, `${TENANT}/`, `${TENANT}/.well-known/openid-configuration`])(
    'may be joined by others of the tenant: %s',
    async further => {
      const { emulator, validator } = onCustomDomain({ furtherIssuers: further })
      expect(validator.issuers).toEqual(['https://login.acme.example/', 'https://acme.eu.auth0.com/'])
      await validator.validate(await emulator.mint())
    },
  )

  it.each([
    `${TENANT}`,
    `${TENANT}/`,
    `${TENANT}/.well-known/openid-configuration`,
    `${TENANT}/.well-known/oauth-authorization-server`,
  ])('is taken from an issuer or a metadata URL: %s', async metadataUrl => {
    const { emulator, validator } = create({ metadataUrl })
    expect(validator.issuers).toEqual(['https://acme.eu.auth0.com/'])
    await validator.validate(await emulator.mint())
  })

  it.each([
    ['https://acme/.well-known/openid-configuration', 'a whole domain'],
    ['https://manage.auth0.com/.well-known/openid-configuration', 'is the console'],
  ])('%s is a mistake with a sentence of its own', (metadataUrl, sentence) => {
    expect(mistakesOf({ metadataUrl })).toEqual({
      metadataUrl: expect.stringContaining(sentence),
    })
  })

  it('and an audience of the right kind are no mistakes', () => {
    for (const metadataUrl of [`${TENANT}/`, 'http://localhost:3001/.well-known/openid-configuration']) {
      expect(mistakesOf({ metadataUrl, audience: RESOURCE })).toEqual({})
    }
    expect(mistakesOf({ metadataUrl: TENANT, audience: `${TENANT}/api/v2/` })).toEqual({
      audience: expect.stringContaining('Management API'),
    })
  })

  it.each([
    ['https://acme.auth0.com/', true],
    ['https://acme.eu.auth0.com/.well-known/openid-configuration', true],
    ['https://ACME.EU.AUTH0.COM/', true],
    ['https://acme.prod.auth0app.com/', true],
    ['https://auth0.com.evil.example/', false],
    ['https://notauth0.com/', false],
    ['https://evil.example/auth0.com', false],
    ['https://auth0.com@evil.example/', false],
  ])('is recognised on label boundaries: %s', (url, expected) => {
    expect(recognizeProvider(new URL(url)).name === 'auth0').toBe(expected)
  })
})

describe('keys', () => {
  it('may be two around a rotation', async () => {
    const { emulator, validator } = create()
    const old = await emulator.mint()
    emulator.keys.announce()
    await validator.warmUp()
    emulator.keys.rotate('kept')
    await validator.validate(await emulator.mint())
    await validator.validate(old)
    expect(emulator.count('/.well-known/jwks.json')).toBe(1)
  })
})
