import { describe, expect, it } from 'vitest'
import { userinfo } from '../../adapters/userinfo/index.ts'
import { createProviders } from '../../auth/providers.ts'
import { loadConfiguration } from '../../config/load.ts'
import { createOidcEmulator, type OidcEmulatorOptions } from '../../emulators/oidc.ts'
import { ConfigError } from '../../src/config-error.ts'
import type { CompleteContext } from '../../src/context.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import { createContext, createKey, createProvider, mint, NOW, RESOURCE, refusalOf } from '../engines/support.ts'
import { describeRecordings } from '../record/describe-recordings.ts'
import { describeOverVariants, membersOf, varied } from '../support/variants.ts'

const ORIGIN = 'https://as.example.com'
const METADATA = `${ORIGIN}/.well-known/openid-configuration`
const USERINFO = `${ORIGIN}/userinfo`
const grants = [{ scopes: 'notes:read', to: 'everyone' }]
const OPTIONS = { adapter: 'userinfo', metadataUrl: METADATA, clientIds: 'native', grants }
const DANGEROUS = { clientIds: undefined, dangerouslyAcceptTokensOfAnyClient: 'true' }
const secret = () => expect.fail('it has no secret')

const parse = (options: object = {}) => userinfo.options.parse({ ...OPTIONS, ...options })
const create = (context: CompleteContext, options: object = {}) =>
  userinfo.create(parse(options), { ...context, secret })
const emulate = (options: OidcEmulatorOptions = {}) =>
  varied(
    createOidcEmulator({
      origin: ORIGIN,
      tokens: 'opaque',
      userInfoClaims: ['client_id'],
      now: () => NOW * 1000,
      ...options,
    }),
  )

/** The adapter in front of one answer of UserInfo. */
function facing(answer: (request: Request) => Response | Promise<Response>, options: object = {}) {
  const provider = createProvider({
    [METADATA]: () => Response.json({ issuer: ORIGIN, userinfo_endpoint: USERINFO }),
    [USERINFO]: answer,
  })
  const { context, seen, advance } = createContext(provider.fetch)
  const validator = create(context, options)
  return { validator, seen, advance, requests: provider.requests, urls: provider.urls }
}
const ADA = { sub: 'ada', client_id: 'native' }
const answering = (change: object, options: object = {}) =>
  facing(() => Response.json({ ...ADA, ...change }), options).validator.validate('token')
const reasonOf = async (validation: Promise<unknown>) => {
  const error = await refusalOf(validation)
  expect(error).toBeInstanceOf(InvalidTokenError)
  return error.reason
}

describeOverVariants(
  'userinfo',
  {
    tokens: 'opaque',
    async start() {
      const emulator = emulate()
      const changes = new Map<string, object>()
      const revoked = await emulator.mint()
      emulator.revoke(revoked)
      const changed = async (change: object) => {
        const token = await emulator.mint()
        changes.set(token, change)
        return token
      }
      return {
        resource: RESOURCE,
        now: NOW * 1000,
        async fetch(input, init) {
          const answer = await emulator.fetch(input, init)
          const token = new Request(input, init).headers.get('authorization')?.replace('Bearer ', '') ?? ''
          const change = changes.get(token)
          return change ? Response.json({ ...((await answer.json()) as object), ...change }) : answer
        },
        createValidator: context => create(context),
        good: [await emulator.mint(), await changed({ iss: ORIGIN, aud: 'native', client_id: undefined })],
        refused: {
          unknown: { token: 'never-issued', reason: 'inactive' },
          revoked: { token: revoked, reason: 'inactive' },
          expired: { token: await emulator.mint({ claims: { exp: NOW - 1 } }), reason: 'inactive' },
          otherBinding: { token: await emulator.mint({ clientId: 'other-app' }), reason: 'client_refused' },
          otherAzp: { token: await changed({ client_id: undefined, azp: 'other-app' }), reason: 'client_refused' },
          noClient: { token: await changed({ client_id: undefined }), reason: 'claim_missing' },
          severalAudiences: {
            token: await changed({ client_id: undefined, aud: ['native', 'other-app'] }),
            reason: 'claim_missing',
          },
          clientIsNoText: { token: await changed({ client_id: ['native'] }), reason: 'claim_invalid' },
          noSubject: { token: await changed({ sub: undefined }), reason: 'subject_missing' },
          emptySubject: { token: await changed({ sub: '' }), reason: 'claim_invalid' },
          numericSubject: { token: await changed({ sub: 7 }), reason: 'claim_invalid' },
          otherIssuer: { token: await changed({ iss: 'https://other.example.com' }), reason: 'issuer_mismatch' },
          ended: { token: await changed({ exp: NOW - 60 }), reason: 'expired' },
        },
      }
    },
  },
  {
    members: membersOf('discovery', 'userinfo'),
    read: membersOf('userinfo'),
    needed: ['discovery.userinfo_endpoint'],
  },
)

describe('a JWT', () => {
  const jwtOf = (iss: string) => `e30.${Buffer.from(JSON.stringify({ iss })).toString('base64url')}.c2ln`

  it('of another issuer is not shown to the endpoint', async () => {
    const { validator, requests } = facing(() => Response.json(ADA))
    expect(await reasonOf(validator.validate(jwtOf('https://other.example.com')))).toMatchObject({
      kind: 'issuer_mismatch',
    })
    expect(requests).toEqual([])
  })

  it('of this issuer is shown to it', async () => {
    const { validator } = facing(() => Response.json(ADA))
    expect((await validator.validate(jwtOf(ORIGIN))).subject).toBe('ada')
  })
})

describe('what a token becomes', () => {
  it('has the subject, the client, scopes by rule, and ends with its time in the cache', async () => {
    expect(await answering({})).toMatchObject({
      issuer: ORIGIN,
      subject: 'ada',
      clientId: 'native',
      scopes: ['notes:read'],
      audience: [],
      expiresAt: NOW + 60,
      principalType: 'user',
    })
  })

  it('is asked about again after its time in the cache, so that a revocation is noticed', async () => {
    const emulator = emulate()
    const { context, advance } = createContext(emulator.fetch)
    const validator = create(context)
    const token = await emulator.mint()
    await validator.validate(token)
    emulator.revoke(token)
    await validator.validate(token)
    advance(61)
    expect(await reasonOf(validator.validate(token))).toEqual({ kind: 'inactive' })
  })

  it('gets no scope from the answer', async () => {
    const answer = { ...ADA, scope: 'notes:write admin' }
    expect((await answering(answer)).scopes).toEqual(['notes:read'])
    // As for a server without scopes.
    const { fetch } = createProvider({ [USERINFO]: () => Response.json(answer) })
    const options = { ...parse({ metadataUrl: ORIGIN, userInfoEndpoint: USERINFO }), grants: [] }
    const validator = userinfo.create(options, { ...createContext(fetch).context, secret })
    expect((await validator.validate('token')).scopes).toEqual([])
  })

  it('is judged by groups, roles and verified addresses of the answer', async () => {
    const rules = [
      { scopes: 'a', to: 'group:staff' },
      { scopes: 'b', to: 'role:editor' },
      { scopes: 'c', to: '@example.com' },
    ]
    const options = { grants: rules, groupsClaim: 'memberships', wireScopes: 'openid email' }
    const answer = { memberships: ['staff'], roles: { editor: {} }, email: 'ada@example.com' }
    expect((await answering({ ...answer, email_verified: true }, options)).scopes).toEqual(['a', 'b', 'c'])
    for (const email_verified of [false, undefined, 'true', 1]) {
      expect((await answering({ ...answer, email_verified }, options)).scopes).toEqual(['a', 'b'])
    }
    const refused = answering({ ...answer, email_verified: false }, { ...options, allow: 'ada@example.com' })
    expect((await reasonOf(refused)).kind).toBe('person_not_allowed')
  })
})

describe('the endpoint', () => {
  it('is asked by GET with the token in the Authorization header and in no URL', async () => {
    const { validator, requests } = facing(() => Response.json(ADA))
    await validator.validate('a-secret-token')
    const [, request] = requests.slice(-2)
    expect(`${request?.method} ${request?.url}`).toBe(`GET ${USERINFO}`)
    expect(request?.headers.get('authorization')).toBe('Bearer a-secret-token')
    expect(requests.map(({ url }) => url).join()).not.toContain('secret')
  })

  it('is that of the settings where they name one, and the metadata is then not read', async () => {
    const { validator, urls } = facing(() => Response.json(ADA), {
      metadataUrl: ORIGIN,
      userInfoEndpoint: USERINFO,
    })
    expect((await validator.validate('token')).issuer).toBe(ORIGIN)
    expect(urls()).toEqual([USERINFO])
  })

  it('has to be in the metadata otherwise', async () => {
    const provider = createProvider({ [METADATA]: () => Response.json({ issuer: ORIGIN }) })
    const error = await refusalOf(create(createContext(provider.fetch).context).validate('token'))
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({ kind: 'metadata_incomplete', member: 'userinfo_endpoint' })
  })

  it('belongs to the issuer that the metadata spells, which is published', async () => {
    const provider = createProvider({
      [METADATA]: () => Response.json({ issuer: `${ORIGIN}/`, userinfo_endpoint: USERINFO }),
      [USERINFO]: () => Response.json({ ...ADA, iss: `${ORIGIN}/` }),
    })
    const validator = create(createContext(provider.fetch).context)
    expect((await validator.validate('token')).issuer).toBe(`${ORIGIN}/`)
    expect(validator.issuers).toEqual([`${ORIGIN}/`])
    expect((await validator.serverMetadata?.())?.issuer).toBe(`${ORIGIN}/`)
  })

  const challenge = (text: string) => ({ 'www-authenticate': text })
  it.each([
    [401, {}, '', InvalidTokenError, 'inactive'],
    [401, challenge('Bearer error="invalid_token"'), '', InvalidTokenError, 'inactive'],
    [401, challenge('Bearer error="insufficient_scope"'), '', InvalidTokenError, 'userinfo.scope_missing'],
    [400, challenge('Bearer error="invalid_token"'), '', InvalidTokenError, 'inactive'],
    [400, {}, '{"error":"invalid_token"}', InvalidTokenError, 'inactive'],
    [400, {}, '{"error":"invalid_request"}', MisconfigurationError, 'endpoint_refused_request'],
    [400, {}, '', MisconfigurationError, 'endpoint_refused_request'],
    [403, challenge('Bearer realm="x", error=invalid_token'), '', InvalidTokenError, 'inactive'],
    [
      403,
      challenge('Bearer error="insufficient_scope", scope="openid"'),
      '',
      InvalidTokenError,
      'userinfo.scope_missing',
    ],
    [403, {}, '{"error":"insufficient_scope"}', InvalidTokenError, 'userinfo.scope_missing'],
    [
      403,
      challenge('Bearer error_description="not error=\\"invalid_token\\"", error="access_denied"'),
      '',
      MisconfigurationError,
      'endpoint_refused_request',
    ],
    [
      403,
      challenge('Bearer error_description="invalid_token", error="access_denied"'),
      '',
      MisconfigurationError,
      'endpoint_refused_request',
    ],
    [403, {}, '<html>', MisconfigurationError, 'endpoint_refused_request'],
    [401, { 'content-type': 'text/html' }, '<p>Sign in</p>', ValidatorUnavailableError, 'provider_answer_unusable'],
    [401, challenge('Basic realm="staging"'), '', ValidatorUnavailableError, 'provider_answer_unusable'],
    [
      401,
      { ...challenge('Bearer error="invalid_token"'), 'content-type': 'text/html' },
      '<p>',
      InvalidTokenError,
      'inactive',
    ],
    [403, { 'retry-after': '60' }, '', ValidatorUnavailableError, 'provider_throttled'],
    [404, {}, '', MisconfigurationError, 'endpoint_refused_request'],
    [405, {}, '', MisconfigurationError, 'endpoint_refused_request'],
    [429, {}, '', ValidatorUnavailableError, 'provider_throttled'],
    [500, {}, '', ValidatorUnavailableError, 'provider_failing'],
    [302, { location: '/login' }, '', ValidatorUnavailableError, 'provider_answer_unusable'],
    [202, {}, '{"sub":"ada"}', ValidatorUnavailableError, 'provider_answer_unusable'],
    [200, {}, '<html>', ValidatorUnavailableError, 'provider_answer_unusable'],
    [200, {}, '{}', ValidatorUnavailableError, 'provider_answer_unusable'],
    [200, {}, '{"error":"server_error"}', ValidatorUnavailableError, 'provider_answer_unusable'],
    [200, {}, '{"error":"invalid_token"}', InvalidTokenError, 'inactive'],
    [200, {}, '{"name":"Ada","client_id":"native"}', InvalidTokenError, 'subject_missing'],
  ])('answering %i with %j and %s means %o, %s', async (status, headers, body, type, kind) => {
    const error = await refusalOf(facing(() => new Response(body, { status, headers })).validator.validate('token'))
    expect(error).toBeInstanceOf(type)
    expect(error.reason.kind).toBe(kind)
  })

  it('that signs its answers is our fault, with what cures it', async () => {
    const headers = { 'content-type': 'application/jwt; charset=utf-8' }
    const body = mint(createKey('key-1'), { sub: 'ada' })
    const error = await refusalOf(facing(() => new Response(body, { headers })).validator.validate('token'))
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toEqual({
      kind: 'answer_unsupported',
      endpoint: USERINFO,
      actual: 'application/jwt',
      expected: 'application/json',
      cure: 'have the provider answer in JSON: take userinfo_signed_response_alg and userinfo_encrypted_response_alg out of the registration of the MCP clients',
    })
  })

  it.each([400, 413, 431])('that refuses one token with %i goes on answering others', async status => {
    const { validator } = facing(({ headers }) => {
      const token = headers.get('authorization')
      if (token === 'Bearer long') return new Response('', { status })
      return token === 'Bearer good' ? Response.json(ADA) : new Response('', { status: 401 })
    })
    await validator.warmUp()
    await refusalOf(validator.validate('long'))
    expect((await validator.validate('good')).subject).toBe('ada')
  })

  it('that fails is shown no token until a trial succeeds', async () => {
    let fails = true
    const { validator, requests, advance } = facing(() => new Response('', { status: fails ? 503 : 401 }))
    for (const token of ['one', 'two', 'three']) {
      expect(await refusalOf(validator.validate(token))).toBeInstanceOf(ValidatorUnavailableError)
    }
    const shown = () =>
      requests.map(({ headers }) => headers.get('authorization')).filter(authorization => authorization !== null)
    expect(shown()).toEqual(['Bearer one'])
    fails = false
    advance(2)
    expect(await reasonOf(validator.validate('two'))).toEqual({ kind: 'inactive' })
    expect(shown()).toEqual(['Bearer one', 'Bearer idplug-warm-up', 'Bearer two'])
  })
})

describe('the binding', () => {
  it('compares the member that the settings name', async () => {
    const options = { clientIdClaim: 'app.id' }
    expect((await answering({ client_id: undefined, app: { id: 'native' } }, options)).clientId).toBe('native')
    expect(await reasonOf(answering({ app: { id: 'other-app' } }, options))).toMatchObject({ kind: 'client_refused' })
    expect(await reasonOf(answering({}, options))).toMatchObject({ kind: 'claim_missing', claim: 'client_id' })
  })

  it('names the settings that help where the answer names no client', async () => {
    expect(await reasonOf(answering({ client_id: undefined }))).toEqual({
      kind: 'claim_missing',
      claim: 'client_id',
      cure: 'have the provider put client_id into its UserInfo answers, or set clientIdClaim (USERINFO_CLIENT_ID_CLAIM) to the member that names the client',
    })
  })

  it('may be the audience alone', async () => {
    const options = { clientIds: undefined, audience: RESOURCE }
    expect((await answering({ aud: RESOURCE }, options)).clientId).toBe('native')
    expect(await reasonOf(answering({ aud: 'https://other.example.com' }, options))).toMatchObject({
      kind: 'audience_mismatch',
    })
    expect((await reasonOf(answering({}, options))).kind).toBe('userinfo.audience_missing')
    const several = { aud: [RESOURCE, 'urn:other'], client_id: undefined }
    expect((await reasonOf(answering(several, options))).kind).toBe('claim_missing')
    expect((await answering(several, { ...options, defaultClientId: 'apps' })).clientId).toBe('apps')
  })

  it('may be both, and then both count', async () => {
    const options = { audience: RESOURCE }
    expect((await answering({ aud: RESOURCE }, options)).audience).toEqual([RESOURCE])
    expect((await reasonOf(answering({ aud: RESOURCE, client_id: 'other-app' }, options))).kind).toBe('client_refused')
  })

  it('is left out by the switch of that name only, with a warning at every start', async () => {
    for (const round of [1, 2]) {
      const { validator, seen } = facing(() => Response.json({ sub: 'ada' }), DANGEROUS)
      expect(seen.warnings, String(round)).toEqual([
        [
          'Tokens are accepted whichever app of the provider they were issued to.',
          { dangerouslyAcceptTokensOfAnyClient: true },
        ],
      ])
      expect((await validator.validate('token')).clientId).toBe('any-client')
    }
    expect((await answering({}, { ...DANGEROUS, defaultClientId: 'portal' })).clientId).toBe('portal')
    expect(facing(() => Response.json({})).seen.warnings).toEqual([])
  })
})

describe('the start', () => {
  const SETTINGS = {
    PUBLIC_URL: 'https://mcp.example.com',
    AUTH_PROVIDER: 'userinfo',
    USERINFO_METADATA_URL: METADATA,
    USERINFO_CLIENT_IDS: 'native',
    USERINFO_GRANT_SCOPES: 'notes:read',
    USERINFO_GRANT_TO: 'everyone',
  }

  function problemsOf(settings: Record<string, string | undefined>): Record<string, string> {
    const given = Object.entries({ ...SETTINGS, ...settings }).filter(([, value]) => value !== undefined)
    const env = Object.fromEntries(given) as Record<string, string>
    try {
      loadConfiguration(env)
      return {}
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return Object.fromEntries(error.problems.map(({ setting, problem }) => [setting, problem]))
    }
  }

  it('is refused without a binding, together with all else that is missing', () => {
    const problems = problemsOf({
      USERINFO_METADATA_URL: undefined,
      USERINFO_CLIENT_IDS: undefined,
      USERINFO_GRANT_SCOPES: undefined,
      USERINFO_GRANT_TO: undefined,
    })
    expect(Object.keys(problems).sort()).toEqual([
      'USERINFO_CLIENT_IDS',
      'USERINFO_GRANT_SCOPES',
      'USERINFO_GRANT_TO',
      'USERINFO_METADATA_URL',
    ])
    expect(problems.USERINFO_CLIENT_IDS).toContain('USERINFO_DANGEROUSLY_ACCEPT_TOKENS_OF_ANY_CLIENT=true')
  })

  it.each([
    [{ USERINFO_CLIENT_IDS: undefined }, 'USERINFO_CLIENT_IDS'],
    [
      { USERINFO_CLIENT_IDS: undefined, USERINFO_DANGEROUSLY_ACCEPT_TOKENS_OF_ANY_CLIENT: 'false' },
      'USERINFO_CLIENT_IDS',
    ],
    [{ USERINFO_CLIENT_IDS: undefined, USERINFO_DEFAULT_CLIENT_ID: 'native' }, 'USERINFO_CLIENT_IDS'],
    [{ USERINFO_CLIENT_IDS: undefined, USERINFO_CLIENT_ID_CLAIM: 'azp' }, 'USERINFO_CLIENT_IDS'],
    [{ USERINFO_DANGEROUSLY_ACCEPT_TOKENS_OF_ANY_CLIENT: 'true' }, 'USERINFO_CLIENT_IDS'],
    [{ USERINFO_DEFAULT_CLIENT_ID: 'native' }, 'USERINFO_DEFAULT_CLIENT_ID'],
    [{ USERINFO_DEFAULT_CLIENT_ID: 'native', USERINFO_AUDIENCE: RESOURCE }, 'USERINFO_DEFAULT_CLIENT_ID'],
    [{ USERINFO_CLIENT_ID_CLAIM: 'sub' }, 'USERINFO_CLIENT_ID_CLAIM'],
    [{ USERINFO_ENDPOINT: USERINFO }, 'USERINFO_ISSUER'],
    [{ USERINFO_ENDPOINT: 'http://as.example.com/userinfo', USERINFO_METADATA_URL: ORIGIN }, 'USERINFO_ENDPOINT'],
    [{ USERINFO_WIRE_SCOPES: 'profile' }, 'USERINFO_WIRE_SCOPES'],
    [{ USERINFO_ALLOW: '@example.com' }, 'USERINFO_WIRE_SCOPES'],
    [{ USERINFO_GRANT_SCOPES: undefined }, 'USERINFO_GRANT_SCOPES'],
  ])('is refused with %j for %s', (settings, setting) => {
    expect(Object.keys(problemsOf(settings))).toEqual([setting])
  })

  it.each([
    {},
    { USERINFO_CLIENT_IDS: undefined, USERINFO_AUDIENCE: RESOURCE },
    { USERINFO_CLIENT_IDS: undefined, USERINFO_AUDIENCE: RESOURCE, USERINFO_DEFAULT_CLIENT_ID: 'apps' },
    { USERINFO_CLIENT_IDS: undefined, USERINFO_DANGEROUSLY_ACCEPT_TOKENS_OF_ANY_CLIENT: 'true' },
    { USERINFO_ENDPOINT: USERINFO, USERINFO_METADATA_URL: ORIGIN },
    { USERINFO_ENDPOINT: USERINFO, USERINFO_ISSUER: ORIGIN },
    { USERINFO_ALLOW: '@example.com', USERINFO_WIRE_SCOPES: 'openid email' },
  ])('takes %j', settings => {
    expect(problemsOf(settings)).toEqual({})
  })

  it('tells clients to request openid, whatever they need', () => {
    const { providers } = loadConfiguration(SETTINGS)
    expect(providers[0]?.scopeNames.toWire(['notes:read'])).toEqual(['openid'])
  })
})

describe('beside other providers', () => {
  it('is shown opaque tokens and its own JWTs only', async () => {
    const { providers, resource } = loadConfiguration({
      PUBLIC_URL: 'https://mcp.example.com',
      AUTH_PROVIDER: 'userinfo,oidc',
      USERINFO_METADATA_URL: METADATA,
      USERINFO_CLIENT_IDS: 'native',
      USERINFO_GRANT_SCOPES: 'notes:read',
      USERINFO_GRANT_TO: 'everyone',
      OIDC_METADATA_URL: 'https://id.example.com',
    })
    const provider = createProvider({
      [METADATA]: () => Response.json({ issuer: ORIGIN, userinfo_endpoint: USERINFO }),
      [USERINFO]: () => Response.json(ADA),
    })
    const { context } = createContext(provider.fetch)
    const { validator } = createProviders(providers, { ...context, resource })
    const key = createKey('key-1')
    const asked = () => provider.urls().filter(url => url === USERINFO).length
    await refusalOf(validator.validate(mint(key, { iss: 'https://id.example.com' })))
    expect((await refusalOf(validator.validate(mint(key, { iss: 'https://other.example.com' })))).reason.kind).toBe(
      'issuer_unknown',
    )
    await refusalOf(validator.validate(`ghp_${'0'.repeat(36)}`))
    expect(asked()).toBe(0)
    expect((await validator.validate('opaque')).subject).toBe('ada')
    expect((await validator.validate(mint(key, { iss: ORIGIN }))).subject).toBe('ada')
    expect(asked()).toBe(2)
  })
})

describeRecordings('userinfo')
