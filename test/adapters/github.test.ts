import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { github } from '../../adapters/github/index.ts'
import { recognizeProvider } from '../../adapters/index.ts'
import { createGithubEmulator } from '../../emulators/github.ts'
import type { CompleteContext } from '../../src/context.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import { createContext, createProvider, NOW, RESOURCE, refusalOf } from '../engines/support.ts'
import { describeRecordings } from '../record/describe-recordings.ts'
import { describeOverVariants, membersOf, varied } from '../support/variants.ts'

const OAUTH_APP = 'Ov23liEmulatedOAuth0'
const GITHUB_APP = 'Iv23liEmulatedApp000'
const SECRETS: Record<string, string> = { OAUTH_SECRET: 'e'.repeat(40), APP_SECRET: 'a'.repeat(40) }
const CHECK = `https://api.github.com/applications/${OAUTH_APP}/token`

const OPTIONS = {
  adapter: 'github',
  metadataUrl: 'https://github.com/.well-known/oauth-authorization-server/login/oauth',
  clientId: OAUTH_APP,
  clientSecretEnv: 'OAUTH_SECRET',
  grants: [{ scopes: 'notes:read', to: 'everyone' }],
}
const APP_OPTIONS = { clientId: GITHUB_APP, clientSecretEnv: 'APP_SECRET' }

const emulate = () => varied(createGithubEmulator({ origin: 'https://github.com', now: () => NOW * 1000 }))

function create(context: CompleteContext, options: object = {}) {
  const secret = (name: string) => SECRETS[name] ?? expect.fail(`no secret ${name}`)
  return github.create(github.options.parse({ ...OPTIONS, ...options }), { ...context, secret })
}

/** The adapter with some options changed, the emulator behind it. */
function setUp(options: object = {}, overrides: Partial<CompleteContext> = {}) {
  const emulator = emulate()
  const { context, seen, advance } = createContext(emulator.fetch, overrides)
  return { emulator, validator: create(context, options), seen, advance }
}

/** The adapter in front of one answer of the check endpoint. */
function facing(answer: (request: Request) => Response | Promise<Response>) {
  const provider = createProvider({ [CHECK]: answer })
  const { context, seen } = createContext(provider.fetch)
  return { validator: create(context), requests: provider.requests, seen }
}

const LIMITED = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW + 120) }

for (const [name, options] of [
  ['an OAuth app', {}],
  ['a GitHub App', APP_OPTIONS],
] as const) {
  describeOverVariants(
    `the github adapter, ${name}`,
    {
      tokens: 'opaque',
      async start() {
        const emulator = emulate()
        const clientId = 'clientId' in options ? options.clientId : OAUTH_APP
        const otherId = clientId === OAUTH_APP ? GITHUB_APP : OAUTH_APP
        const mint = (answer = {}) => emulator.mint(answer, clientId)
        const revoked = mint()
        emulator.revoke(revoked)
        return {
          resource: RESOURCE,
          now: NOW * 1000,
          fetch: emulator.fetch,
          createValidator: context => create(context, options),
          good: [mint(), mint({ expires_at: '2026-11-01T08:00:00Z' }), mint({ expires_at: null, scopes: ['repo'] })],
          refused: {
            unknown: { token: 'gho_neverissued', reason: 'github.not_ours' },
            otherBinding: { token: emulator.mint({}, otherId), reason: 'github.not_ours' },
            revoked: { token: revoked, reason: 'github.not_ours' },
            ancient: { token: 'f'.repeat(40), reason: 'github.not_ours' },
            expired: { token: mint({ expires_at: '2026-10-31T23:59:00Z' }), reason: 'github.not_ours' },
            answerNamesAnotherApp: { token: mint({ app: { client_id: otherId } }), reason: 'client_refused' },
            answerNamesNoApp: { token: mint({ app: undefined }), reason: 'claim_missing' },
            noSubject: { token: mint({ user: null }), reason: 'subject_missing' },
            idIsText: { token: mint({ user: { id: '1001', login: 'ada' } }), reason: 'subject_missing' },
            idIsZero: { token: mint({ user: { id: 0, login: 'ada' } }), reason: 'subject_missing' },
            oddExpiry: { token: mint({ expires_at: 'soon' }), reason: 'claim_invalid' },
            emptyExpiry: { token: mint({ expires_at: '' }), reason: 'claim_invalid' },
            numericExpiry: { token: mint({ expires_at: 1_793_520_000 }), reason: 'claim_invalid' },
            noExpiry: { token: mint({ expires_at: false }), reason: 'claim_invalid' },
            nestedExpiry: { token: mint({ expires_at: { at: '2026-11-01T08:00:00Z' } }), reason: 'claim_invalid' },
          },
        }
      },
    },
    {
      members: membersOf('github_check', 'github_user'),
      read: membersOf('github_check', 'github_user'),
      needed: ['github_check.user'],
    },
  )
}

describe('what a token of GitHub becomes', () => {
  it('has the numeric user id, our app, and scopes by rule instead of those of GitHub', async () => {
    const { emulator, validator } = setUp()
    const token = await validator.validate(emulator.mint({ scopes: ['repo', 'read:user'] }))
    expect(token).toMatchObject({
      issuer: 'https://github.com/login/oauth',
      subject: '1001',
      clientId: OAUTH_APP,
      scopes: ['notes:read'],
      audience: [],
      principalType: 'user',
    })
  })

  it('of a GitHub App ends when the answer says so, and shows the permissions of the installation', async () => {
    const { emulator, validator } = setUp(APP_OPTIONS)
    const token = await validator.validate(emulator.mint({}, GITHUB_APP))
    expect(token.expiresAt).toBe(NOW + 28_800)
    expect(token.claims).toMatchObject({ scopes: [], installation: { permissions: { contents: 'read' } } })
  })

  it('without expiry is good until the end of its time in the cache', async () => {
    const { emulator, validator, advance } = setUp()
    const token = emulator.mint()
    expect((await validator.validate(token)).expiresAt).toBe(NOW + 60)
    emulator.revoke(token)
    await validator.validate(token)
    expect(emulator.requests).toHaveLength(1)
    advance(61)
    expect((await refusalOf(validator.validate(token))).reason.kind).toBe('github.not_ours')
  })

  it('keeps nothing of the token, which the answer echoes', async () => {
    const { emulator, validator } = setUp()
    const token = emulator.mint()
    const { claims } = await validator.validate(token)
    const text = inspect(claims, { depth: 10 })
    expect(text).not.toContain(token.slice(-8))
    expect(claims).not.toHaveProperty('hashed_token')
    expect(claims.user).toEqual({ id: 1001, login: 'ada', type: 'User' })
  })

  it('gets scopes by user id, never by login name', async () => {
    const grants = [
      { scopes: 'notes:read', to: 'everyone' },
      { scopes: 'notes:write', to: ['1001', '7'] },
    ]
    const { emulator, validator } = setUp({ grants })
    const scopesOf = async (user: object) => (await validator.validate(emulator.mint({ user }))).scopes
    expect(await scopesOf({ id: 1001, login: 'renamed' })).toEqual(['notes:read', 'notes:write'])
    expect(await scopesOf({ id: 1002, login: '1001' })).toEqual(['notes:read'])
    expect(await scopesOf({ id: 100, login: 'ada' })).toEqual(['notes:read'])
  })
})

describe('rules about people', () => {
  const ada = {
    login: 'ada',
    id: 1001,
    emails: [
      { email: 'ada@corp.com', verified: true, primary: true },
      { email: 'ada@other.example', verified: false, primary: false },
    ],
    organizations: [{ id: 42, login: 'acme' }],
    teams: [{ id: 7, slug: 'devs' }],
  } as const
  const SCOPES = ['user:email', 'read:org']

  function withAda(options: object, scopes: readonly string[] = SCOPES) {
    const emulator = createGithubEmulator({ origin: 'https://github.com', now: () => NOW * 1000, users: [ada] })
    const { context, seen } = createContext(emulator.fetch)
    const validator = create(context, options)
    return { emulator, seen, validate: async () => validator.validate(emulator.mint({ scopes })) }
  }

  it.each([
    ['user:1001', true],
    ['org:42', true],
    ['group:7', true],
    ['ada@corp.com', true],
    ['@corp.com', true],
    ['user:42', false],
    ['org:7', false],
    ['group:42', false],
    ['@other.example', false],
    ['ben@corp.com', false],
  ])('with allow %s a member is let in: %s', async (allow, isLetIn) => {
    const validating = withAda({ allow }).validate()
    if (isLetIn) await validating
    else expect((await refusalOf(validating)).reason).toMatchObject({ kind: 'person_not_allowed', subject: '1001' })
  })

  it('give scopes by organization and team', async () => {
    const grants = [
      { scopes: 'notes:read', to: 'org:42' },
      { scopes: 'notes:write', to: 'group:7, org:43' },
      { scopes: 'notes:admin', to: 'org:43' },
    ]
    expect((await withAda({ grants }).validate()).scopes).toEqual(['notes:read', 'notes:write'])
  })

  it('ask only for what they go by, once for each token, with the token in no URL', async () => {
    const { emulator, validate } = withAda({ allow: 'org:42' })
    await validate()
    expect(emulator.requests.map(({ path }) => path.replace(/\?.*/, ''))).toEqual([
      `/applications/${OAUTH_APP}/token`,
      '/user/orgs',
    ])
    expect(emulator.requests.map(({ path }) => path).join()).not.toContain('gho_')
  })

  it('look at every page of a list', async () => {
    const organizations = Array.from({ length: 150 }, (_, index) => ({ id: index + 1, login: `org${index}` }))
    const emulator = createGithubEmulator({
      origin: 'https://github.com',
      now: () => NOW * 1000,
      users: [{ ...ada, organizations }],
    })
    const validator = create(createContext(emulator.fetch).context, { allow: 'org:149' })
    await validator.validate(emulator.mint({ scopes: SCOPES }))
  })

  it('let nobody in by a list that the token does not open, and say which scope is missing', async () => {
    const { validate, seen } = withAda({ allow: 'org:42' }, [])
    expect((await refusalOf(validate())).reason).toMatchObject({ kind: 'person_not_allowed' })
    expect(JSON.stringify(seen)).toContain('read:org')
  })

  it.each([
    ['reset', { kind: 'reset' }, ValidatorUnavailableError],
    ['throttled', { kind: 'status', status: 403, headers: LIMITED }, ValidatorUnavailableError],
    ['502', { kind: 'status', status: 502 }, ValidatorUnavailableError],
    ['no JSON', { kind: 'status', status: 200, body: '<html>' }, ValidatorUnavailableError],
    ['no list', { kind: 'status', status: 200, body: '{}' }, ValidatorUnavailableError],
    ['410', { kind: 'status', status: 410 }, MisconfigurationError],
    ['401', { kind: 'status', status: 401 }, InvalidTokenError],
  ] as const)('do not guess when the list is %s', async (_label, outage, error) => {
    const { emulator, validate } = withAda({ allow: 'org:42' })
    emulator.fail({ path: '/user/orgs', ...outage })
    expect(await refusalOf(validate())).toBeInstanceOf(error)
  })
})

describe('the check endpoint', () => {
  it('is asked once, by POST of JSON under our own credentials, with the token in no URL', async () => {
    const { emulator, validator } = setUp()
    const token = emulator.mint()
    let body: unknown
    const { validator: facingOne, requests } = facing(async request => {
      body = await request.json()
      return new Response('{}', { status: 404 })
    })
    await refusalOf(facingOne.validate(token))
    expect(body).toEqual({ access_token: token })
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([`POST ${CHECK}`])
    const [request] = requests
    expect(request?.headers.get('authorization')).toBe(`Basic ${btoa(`${OAUTH_APP}:${'e'.repeat(40)}`)}`)
    expect(request?.headers.get('content-type')).toBe('application/json')
    expect(request?.headers.get('user-agent')).toBe('idplug')
    await validator.validate(token)
    expect(emulator.requests).toHaveLength(1)
  })

  it.each([
    [404, {}, InvalidTokenError, 'github.not_ours'],
    [401, {}, MisconfigurationError, 'own_credentials_refused'],
    [403, {}, MisconfigurationError, 'endpoint_refused_request'],
    [403, { 'x-ratelimit-remaining': '12' }, MisconfigurationError, 'endpoint_refused_request'],
    [400, {}, MisconfigurationError, 'endpoint_refused_request'],
    [403, LIMITED, ValidatorUnavailableError, 'provider_throttled'],
    [403, { 'retry-after': '60' }, ValidatorUnavailableError, 'provider_throttled'],
    [429, LIMITED, ValidatorUnavailableError, 'provider_throttled'],
    [422, {}, ValidatorUnavailableError, 'provider_throttled'],
    [301, { location: 'https://evil.example/' }, ValidatorUnavailableError, 'provider_answer_unusable'],
    [500, LIMITED, ValidatorUnavailableError, 'provider_failing'],
  ])('answering %i with %j means %o, %s', async (status, headers, type, kind) => {
    const { validator } = facing(() => new Response('{"message":"…"}', { status, headers }))
    const error = await refusalOf(validator.validate('gho_token'))
    expect(error).toBeInstanceOf(type)
    expect(error.reason.kind).toBe(kind)
  })

  it.each(['<p>Not Found</p>', ''])(
    'answering 404 with %j instead of JSON is a proxy that does not find it',
    async body => {
      const { validator } = facing(() => new Response(body, { status: 404 }))
      expect((await refusalOf(validator.validate('gho_token'))).reason.kind).toBe('provider_answer_unusable')
    },
  )

  it.each([
    [403, LIMITED, 120],
    [429, LIMITED, 120],
    [403, { 'retry-after': '17' }, 17],
    [403, { ...LIMITED, 'retry-after': '17' }, 17],
    [429, { 'x-ratelimit-reset': String(NOW + 4000) }, 300],
    [429, { 'x-ratelimit-reset': 'soon' }, 5],
    [422, {}, 5],
    [500, LIMITED, 5],
  ])('answering %i with %j is asked again after %i s', async (status, headers, seconds) => {
    const { validator } = facing(() => new Response('', { status, headers }))
    const error = await refusalOf(validator.validate('gho_token'))
    expect((error as ValidatorUnavailableError).retryAfterSeconds).toBe(seconds)
  })

  it.each([
    ['https://github.com/login/oauth', undefined, 'https://api.github.com'],
    ['https://github.com/login/oauth/.well-known/oauth-authorization-server', undefined, 'https://api.github.com'],
    ['https://octo.ghe.com/login/oauth', undefined, 'https://api.octo.ghe.com'],
    ['https://git.example.com/login/oauth', undefined, 'https://git.example.com/api/v3'],
    ['https://git.example.com:8443/login/oauth', undefined, 'https://git.example.com:8443/api/v3'],
    ['https://octo.ghe.com/login/oauth', 'https://octo.ghe.com/api/v3/', 'https://octo.ghe.com/api/v3'],
  ])('of %s with apiUrl %s is below %s', async (metadataUrl, apiUrl, base) => {
    const provider = createProvider({})
    const validator = create(createContext(provider.fetch).context, { metadataUrl, apiUrl })
    await refusalOf(validator.validate('gho_token'))
    expect(provider.urls()).toEqual([`${base}/applications/${OAUTH_APP}/token`])
    expect(validator.issuers).toEqual([metadataUrl.replace('/.well-known/oauth-authorization-server', '')])
  })
})

describe('tokens that GitHub is not asked about', () => {
  it.each([
    ['ghp_0123456789abcdefghijABCDEFGHIJ012345', 'github.personal_access_token'],
    ['github_pat_11AAAAAAA0_abcdef', 'github.personal_access_token'],
    ['ghs_0123456789abcdefghijABCDEFGHIJ012345', 'github.installation_token'],
    ['ghr_0123456789abcdefghijABCDEFGHIJ012345', 'github.refresh_token'],
    ['ya29.a0-of-another-provider', 'github.other_token'],
    ['eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V4YW1wbGUuY29tIn0.c2ln', 'github.other_token'],
    ['F'.repeat(40), 'github.other_token'],
    ['f'.repeat(39), 'github.other_token'],
    ['GHO_token', 'github.other_token'],
    [`gho_${'x'.repeat(2045)}`, 'token_malformed'],
  ])('%s are rejected with %s', async (token, kind) => {
    const { emulator, validator } = setUp()
    const error = await refusalOf(validator.validate(token))
    expect(error).toBeInstanceOf(InvalidTokenError)
    expect(error.reason.kind).toBe(kind)
    if (kind.startsWith('github.')) expect(error.reason).toMatchObject({ cure: expect.stringContaining('.') })
    expect(emulator.requests).toEqual([])
  })

  it('do not include long ones: their length is not documented', async () => {
    const { emulator, validator } = setUp()
    await refusalOf(validator.validate(`ghu_${'x'.repeat(2044)}`))
    expect(emulator.requests).toHaveLength(1)
  })
})

describe('warmUp', () => {
  it('asks about a token of nobody, once, and is content with 404', async () => {
    const { emulator, validator } = setUp()
    await validator.warmUp()
    await validator.warmUp()
    expect(emulator.requests.map(({ path }) => path)).toEqual([`/applications/${OAUTH_APP}/token`])
  })

  it('finds our own wrong secret, and says so to the operator', async () => {
    const { validator, seen } = setUp({ clientSecretEnv: 'APP_SECRET' })
    const error = await refusalOf(validator.warmUp())
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({ kind: 'own_credentials_refused', status: 401 })
    expect(seen.warnings).toHaveLength(1)
    expect(inspect([error, seen], { depth: 10 })).not.toContain('a'.repeat(40))
  })

  it('fails while GitHub is out of reach, and works when it is back', async () => {
    const { emulator, validator, advance } = setUp()
    const repair = emulator.fail({ kind: 'reset' })
    await expect(validator.warmUp()).rejects.toBeInstanceOf(ValidatorUnavailableError)
    repair()
    advance(1)
    await validator.warmUp()
  })
})

describe('the options of the github adapter', () => {
  const problemsOf = (changes: object) => {
    const { error } = github.options.safeParse({ ...OPTIONS, ...changes })
    return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
  }

  it('do without everything but the app and grants', () => {
    expect(problemsOf({})).toEqual([])
  })

  it.each([
    [{ clientId: undefined }, 'clientId: '],
    [{ clientId: '../../user' }, 'clientId: must be a client id'],
    [{ clientId: '..' }, 'clientId: must be a client id'],
    [{ clientSecretEnv: undefined }, 'clientSecretEnv: '],
    [{ clientSecretEnv: 'e'.repeat(40) }, 'clientSecretEnv: must be the name of an environment variable'],
    [{ grants: undefined }, 'grants: '],
    [{ grants: [{ scopes: 'a', to: 'octocat' }] }, 'grants.0.to: must be everyone, or user:NUMBER, org:NUMBER'],
    [{ allow: 'org:acme' }, 'allow: must be everyone, or user:NUMBER, org:NUMBER'],
    [{ apiUrl: 'http://git.example.com/api/v3' }, 'apiUrl: must be a URL that starts with https'],
    [{ scopePrefix: 'x/' }, ': Unrecognized key'],
  ])('refuse %j', (changes, problem) => {
    const problems = problemsOf(changes)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })

  it.each([
    [{ metadataUrl: 'https://github.com' }, 'hunter2', { metadataUrl: expect.stringContaining('/login/oauth') }],
    [{ clientId: '123456' }, 'hunter2', { clientId: expect.stringContaining('is the App ID') }],
    [
      {},
      '-----BEGIN RSA PRIVATE KEY-----hunter2',
      { clientSecretEnv: expect.stringMatching(/^(?!.*hunter2).*client secret/) },
    ],
    [{}, 'hunter2', {}],
    [{ clientId: '0123456789abcdef0123' }, 'hunter2', {}],
  ])('with %j are answered by the cure', (changes, secret, mistakes) => {
    const options = github.options.parse({ ...OPTIONS, ...changes })
    expect(github.mistakes?.(options, () => secret)).toEqual(mistakes)
  })

  it.each([
    ['https://github.com/login/oauth', true],
    ['https://github.com/login/oauth/', true],
    ['https://github.com/.well-known/oauth-authorization-server/login/oauth', true],
    ['https://github.com/login/oauth/.well-known/oauth-authorization-server', true],
    ['https://GitHub.com/login/oauth', true],
    ['https://octo.ghe.com/login/oauth', true],
    ['https://github.com', false],
    ['https://github.com/login/oauth2', false],
    ['https://github.com/somebody/login/oauth', false],
    ['https://gist.github.com/login/oauth', false],
    ['https://github.com.evil.example/login/oauth', false],
    ['https://notgithub.com/login/oauth', false],
    ['https://ghe.com/login/oauth', false],
    ['https://notghe.com/login/oauth', false],
    ['https://octo.ghe.com.evil.example/login/oauth', false],
    ['https://token.actions.githubusercontent.com', false],
    // Enterprise Server can be on any host, and other products have the same path: AUTH_PROVIDER has to say it.
    ['https://git.example.com/login/oauth', false],
  ])('belong to %s: %s', (url, recognized) => {
    expect(github.recognizes?.(new URL(url))).toBe(recognized)
    if (recognized) expect(recognizeProvider(new URL(url)).adapter).toBe(github)
  })
})

describeRecordings('github')
