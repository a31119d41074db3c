import { Readable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { auth0 } from '../../../../adapters/auth0/index.ts'
import { oidc } from '../../../../adapters/oidc/index.ts'
import { findRefusal } from '../../../../app/commands/explain/audit-log.ts'
import { type Explanation, explainToken } from '../../../../app/commands/explain/explain.ts'
import { nearMiss } from '../../../../app/commands/explain/near-miss.ts'
import { explanationText, refusalText } from '../../../../app/commands/explain/report.ts'
import { offlineFetch, readSavedKeys, recordingFetch } from '../../../../app/commands/explain/saved-keys.ts'
import { createAuth0Emulator } from '../../../../emulators/auth0.ts'
import { createOidcEmulator } from '../../../../emulators/oidc.ts'
import type { CompleteContext } from '../../../../src/context.ts'
import { createIntrospectionValidator } from '../../../../src/engines/introspection.ts'
import { AuthorizationError, InvalidTokenError } from '../../../../src/errors.ts'
import { describeTokenValidator, type GoodJwt } from '../../../../src/testing/contract.ts'
import type { TokenValidator } from '../../../../src/token-validator.ts'

const ORIGIN = 'https://acme.eu.auth0.com'
const RESOURCE = 'https://mcp.example.com/mcp'
const NOW = 1_793_491_200_000

const create = (context: CompleteContext) =>
  auth0.create(auth0.options.parse({ adapter: 'auth0', metadataUrl: `${ORIGIN}/.well-known/openid-configuration` }), {
    ...context,
    secret: () => expect.fail('this provider needs no secret'),
  })
const emulate = () => createAuth0Emulator({ origin: ORIGIN, now: () => NOW })
const contextWith = (fetch: typeof globalThis.fetch): CompleteContext => ({
  resource: RESOURCE,
  fetch,
  now: () => NOW,
})

function setUp() {
  const emulator = emulate()
  const validator = create(contextWith(emulator.fetch))
  return { emulator, explain: (token: string) => explainToken(token, { validator, resource: RESOURCE, now: NOW }) }
}

/** A validator that has each of its decisions explained, and fails where the explanation says something else. */
function explaining(validator: TokenValidator, now: () => number): TokenValidator {
  return {
    get issuers() {
      return validator.issuers
    },
    answersFor: validator.answersFor,
    warmUp: () => validator.warmUp(),
    verifyAccessToken: token => validator.verifyAccessToken(token),
    async validate(token, connection, scheme) {
      const decision = validator.validate(token, connection, scheme)
      const asDecided: TokenValidator = { ...validator, issuers: validator.issuers, validate: () => decision }
      const explanation = await explainToken(token, { validator: asDecided, resource: RESOURCE, now: now() })
      const error = await decision.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expectAgreement(explanation, error)
      return decision
    },
  }
}

function expectAgreement({ verdict, reason, rules, meaning }: Explanation, error: unknown): void {
  const failed = rules.filter(({ passed }) => passed === false)
  if (error === undefined) {
    expect(verdict).toBe('accepted')
    expect(rules.every(({ passed }) => passed)).toBe(true)
    return
  }
  expect(error).toBeInstanceOf(AuthorizationError)
  expect(reason).toBe((error as AuthorizationError).reason.kind)
  expect(verdict).toBe(error instanceof InvalidTokenError ? 'refused' : 'undecided')
  expect(failed).toHaveLength(error instanceof InvalidTokenError ? 1 : 0)
  expect(meaning?.means).toBeTruthy()
  expect(meaning?.cure).toBeTruthy()
}

describeTokenValidator('auth0, with every decision explained,', {
  tokens: 'jwt',
  async start() {
    const emulator = emulate()
    return {
      resource: RESOURCE,
      now: NOW,
      fetch: emulator.fetch,
      createValidator: context => explaining(create(context), context.now),
      good: [emulator.accessToken() as GoodJwt, emulator.accessToken({ user: null }) as GoodJwt],
      privateKey: () => emulator.keys.current.privateKey,
      rotate: () => emulator.keys.rotate().kid,
      refused: {
        otherBinding: { claims: { aud: 'https://other.example.com/mcp' }, reason: 'auth0.other_api' },
        noAudience: { claims: { aud: undefined }, reason: 'audience_missing' },
        idToken: { claims: { aud: 'native', azp: undefined }, reason: 'id_token' },
        otherTenant: { claims: { iss: 'https://other.eu.auth0.com/' }, reason: 'auth0.other_domain' },
      },
    }
  },
})

describeTokenValidator('introspection, with every decision explained,', {
  tokens: 'opaque',
  async start() {
    const good = { active: true, sub: 'ada', client_id: 'client', aud: RESOURCE, exp: NOW / 1000 + 3600 }
    const answers: Record<string, object> = {
      good,
      other: { ...good, aud: 'https://other.example.com' },
      nobody: { ...good, sub: undefined },
    }
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const request = new Request(input, init)
      if (request.method === 'GET') {
        return Response.json({ issuer: 'https://as.example.com', introspection_endpoint: 'https://as.example.com/i' })
      }
      const token = new URLSearchParams(await request.text()).get('token') ?? ''
      return Response.json(answers[token] ?? { active: false })
    }
    return {
      resource: RESOURCE,
      now: NOW,
      fetch,
      createValidator: context =>
        explaining(
          createIntrospectionValidator(
            {
              issuer: 'https://as.example.com',
              audience: { audience: [RESOURCE] },
              credentials: { method: 'client_secret_basic', clientId: 'mcp-server', clientSecret: 'secret' },
            },
            context,
          ),
          context.now,
        ),
      good: ['good'],
      refused: {
        unknown: { token: 'never-issued', reason: 'inactive' },
        otherBinding: { token: 'other', reason: 'audience_mismatch' },
        noSubject: { token: 'nobody', reason: 'subject_missing' },
      },
    }
  },
})

describe('explain', () => {
  test("names the provider's cause and cure of an encrypted token", async () => {
    const { emulator, explain } = setUp()
    const { form, reason, meaning } = await explain(emulator.mintOpaque('jwe'))
    expect({ form, reason }).toEqual({ form: 'JWE', reason: 'auth0.no_api_requested' })
    expect(meaning?.cure).toContain('Resource Parameter Compatibility Profile')
  })

  test('says which rules had passed, which failed and which were not looked at', async () => {
    const { emulator, explain } = setUp()
    const { rules } = await explain(await emulator.mint({ audience: 'https://other.example.com' }))
    const passed = Object.fromEntries(rules.map(rule => [rule.rule, rule.passed]))
    expect(passed).toMatchObject({ signature: true, audience: false, lifetime: undefined })
    expect(rules.find(({ rule }) => rule === 'audience')?.seen).toContain('https://other.example.com')
  })

  test('leaves a decision open while the provider cannot be reached', async () => {
    const { emulator, explain } = setUp()
    const token = await emulator.mint()
    emulator.fail({ kind: 'reset' })
    expect(await explain(token)).toMatchObject({ verdict: 'undecided', reason: 'provider_unreachable', rules: [] })
  })

  test('holds no signature, in the text or in the object, of a good token, a refused one or an encrypted one', async () => {
    const { emulator, explain } = setUp()
    for (const token of [await emulator.mint(), await emulator.mint({ claims: { exp: 1 } }), emulator.mintOpaque()]) {
      const explanation = await explain(token)
      const shown = JSON.stringify(explanation) + explanationText(explanation)
      expect(shown).not.toContain(token.split('.').at(-1))
    }
  })

  test('says of a token without a subject what points to a person, and what to set', async () => {
    const { fetch, mint } = createOidcEmulator({ origin: 'https://id.example.com', now: () => NOW, audience: RESOURCE })
    const options = oidc.options.parse({ adapter: 'oidc', metadataUrl: 'https://id.example.com' })
    const validator = oidc.create(options, { resource: RESOURCE, fetch, now: () => NOW, secret: () => '' })
    const token = await mint({ claims: { sub: undefined, username: 'ada' } })
    const { rules, reason, meaning } = await explainToken(token, { validator, resource: RESOURCE, now: NOW })
    expect(reason).toBe('subject_missing')
    expect(rules.find(({ passed }) => passed === false)).toMatchObject({
      rule: 'claims',
      seen: 'no sub, and username points to a person',
    })
    expect(meaning?.means).toBe('The token does not say who it belongs to.')
    expect(meaning?.cure).toContain('set subjectClaim (OIDC_SUBJECT_CLAIM) to username')
  })

  test('shows what the introspection endpoint answered, of an opaque token and of a JWT', async () => {
    const answer = {
      active: true,
      sub: 'ada',
      client_id: 'cli',
      aud: 'https://other.example.com',
      exp: NOW / 1000 + 60,
    }
    const recording = recordingFetch(async () => Response.json(answer))
    const validator = createIntrospectionValidator(
      {
        issuer: 'https://as.example.com',
        introspectionEndpoint: 'https://as.example.com/i',
        audience: { audience: [RESOURCE] },
        credentials: { method: 'client_secret_basic', clientId: 'mcp-server', clientSecret: 'secret' },
      },
      contextWith(recording.fetch),
    )
    const context = { validator, resource: RESOURCE, now: NOW, answer: recording.introspection }
    for (const token of ['opaque', await emulate().mint({ claims: { iss: 'https://as.example.com' } })]) {
      const explanation = await explainToken(token, context)
      expect(explanation).toMatchObject({ verdict: 'refused', reason: 'audience_mismatch', claims: answer })
      const seen = Object.fromEntries(explanation.rules.map(rule => [rule.rule, rule.seen]))
      expect(seen).toMatchObject({
        signature: 'the answer of the provider',
        audience: 'https://other.example.com',
        client: 'cli',
      })
      expect(seen).not.toHaveProperty('algorithm')
      expect(explanationText(explanation)).not.toContain('(absent) until (absent)')
    }
  })

  test('says of a token of the future that a clock is wrong, and survives dates that do not exist', async () => {
    const { emulator, explain } = setUp()
    const ahead = await explain(await emulator.mint({ claims: { iat: NOW / 1000 + 600 } }))
    expect(ahead).toMatchObject({ verdict: 'refused', reason: 'issued_in_future' })
    expect(ahead.rules.find(({ passed }) => passed === false)?.rule).toBe('lifetime')
    expect(ahead.meaning?.means).toContain('clock of this machine: it is behind')
    const forever = await explain(await emulator.mint({ claims: { exp: 1e15, iat: -1e15 } }))
    expect(forever.verdict).toBe('accepted')
    expect(explanationText(forever)).toContain('1000000000000000')
  })

  test.each([
    ['opaque', 'never-issued'],
    ['JWE', 'jwe'],
  ])(
    'says of a token that nobody here can read that its claims are not known, not that they are absent: %s',
    async (_form, kind) => {
      const { emulator, explain } = setUp()
      const explanation = await explain(kind === 'jwe' ? emulator.mintOpaque('jwe') : kind)
      const text = stripVTControlCharacters(explanationText(explanation))
      expect(text).toMatch(/· not known: .*audience, client, lifetime, claims/)
      expect(text).not.toMatch(/(aud|sub|until|cnf) \(absent\)/)
    },
  )

  test.each([
    [
      'https://mcp.example.com:8443/mcp',
      'in port 8443 instead of 443',
      'Set PUBLIC_URL=https://mcp.example.com:8443, if',
    ],
    ['https://mcp.example.com/mcp//', 'in path /mcp// instead of /mcp', 'AUTH0_AUDIENCE'],
    ['http://mcp.example.com/mcp', 'in http:// instead of https://', 'Add http://mcp.example.com/mcp to'],
    ['https://mcp.example.com/', 'in path / instead of /mcp', 'to AUTH0_AUDIENCE, if the token'],
    ['https://MCP.example.com/mcp', 'in upper and lower case', 'PUBLIC_URL'],
    ['https://billing.example.com', undefined, 'Add https://billing.example.com to AUTH0_AUDIENCE'],
  ])('says of a token for %s how near it is, and what to change on either side', async (aud, near, here) => {
    const emulator = emulate()
    const validator = create(contextWith(emulator.fetch))
    const configured = { adapter: auth0, variableOf: (option: string) => `AUTH0_${option.toUpperCase()}` }
    const context = { validator, resource: RESOURCE, now: NOW, configuredFor: () => configured }
    const explanation = await explainToken(await emulator.mint({ claims: { aud } }), context)
    expect(explanation.verdict).toBe('refused')
    if (near === undefined) expect(explanation.nearMiss).toBeUndefined()
    else expect(explanation.nearMiss).toContain(near)
    const text = stripVTControlCharacters(explanationText(explanation)).replace(/\n +/g, ' ')
    expect(text).toMatch(/fix +At the provider: .*Auth0 Dashboard/)
    expect(text.slice(text.indexOf('or here'))).toContain(here)
  })

  test('counts the query of a URL as part of its path', () => {
    const [seen, expected] = ['https://mcp.example.com/mcp', 'https://mcp.example.com/mcp?tenant=a']
    expect(nearMiss([seen], [expected])).toBe(`${seen} differs from ${expected} in path /mcp instead of /mcp?tenant=a`)
  })

  test.each([
    ['https://acme.eu.auth0.com', 'in the slash at its end'],
    ['https://acme.eu.auth0.com:444/', 'in port 444 instead of 443'],
    ['https://acme.us.auth0.com/', undefined],
  ])('says of a token of the issuer %s how near it is', async (iss, near) => {
    const { emulator, explain } = setUp()
    const { reason, nearMiss, sides } = await explain(await emulator.mint({ claims: { iss } }))
    expect(reason).toMatch(/issuer|domain/)
    if (near === undefined) expect(nearMiss).toBeUndefined()
    else expect(nearMiss).toContain(near)
    expect(sides?.here).toContain(`add the provider that issues as ${iss}`)
  })

  test.each([
    ['behind', -600, { iat: NOW / 1000 + 600, exp: NOW / 1000 + 4_200 }],
    ['ahead of', 600, { iat: NOW / 1000 - 900, exp: NOW / 1000 - 300 }],
  ])(
    'blames the clock of this machine where it is ten minutes %s the one of the provider',
    async (word, ahead, claims) => {
      const emulator = emulate()
      const dated: typeof fetch = async (input, init) => {
        const answer = await emulator.fetch(input, init)
        const headers = new Headers(answer.headers)
        headers.set('date', new Date(NOW - ahead * 1000).toUTCString())
        return new Response(answer.body, { status: answer.status, headers })
      }
      const recording = recordingFetch(dated, () => NOW)
      const validator = create(contextWith(recording.fetch))
      const context = { validator, resource: RESOURCE, now: NOW, clockAhead: recording.clockAhead }
      const { rules, meaning } = await explainToken(await emulator.mint({ claims }), context)
      expect(rules.find(({ passed }) => passed === false)?.rule).toBe('lifetime')
      expect(meaning?.means).toContain(`The clock of this machine is 10 minutes ${word} that of the provider`)
      expect(meaning?.cure).toContain('NTP')
    },
  )

  test('does not blame a clock that agrees with the one of the provider', async () => {
    const emulator = emulate()
    const recording = recordingFetch(emulator.fetch, () => NOW)
    const context = {
      validator: create(contextWith(recording.fetch)),
      resource: RESOURCE,
      now: NOW,
      clockAhead: () => 1,
    }
    const { meaning } = await explainToken(await emulator.mint({ claims: { exp: NOW / 1000 - 300 } }), context)
    expect(meaning?.means).toBe('The token has expired.')
  })

  test('keeps within 80 columns', async () => {
    const { emulator, explain } = setUp()
    const text = explanationText(await explain(await emulator.mint({ claims: { exp: 1 } })))
    const visible = stripVTControlCharacters(text).split('\n')
    expect(visible.filter(line => line.length > 80)).toEqual([])
    expect(text).toContain('expired')
  })
})

describe('saved keys', () => {
  test('verify without a network what they were saved for, and refuse the rest alike', async () => {
    const emulator = emulate()
    const recording = recordingFetch(emulator.fetch)
    await create(contextWith(recording.fetch)).warmUp()
    const saved = readSavedKeys(JSON.stringify(recording.saved()))
    const validator = create(contextWith(offlineFetch(saved, () => expect.fail('the metadata was saved'))))
    const context = { validator, resource: RESOURCE, now: NOW }
    expect(await explainToken(await emulator.mint(), context)).toMatchObject({ verdict: 'accepted' })
    const foreign = await emulate().mint()
    expect(await explainToken(foreign, context)).toMatchObject({ verdict: 'refused', reason: 'key_unknown' })
  })

  test('may be a plain key set, with the configured issuer', async () => {
    const emulator = emulate()
    const saved = readSavedKeys(JSON.stringify({ keys: emulator.keys.published() }))
    const validator = create(contextWith(offlineFetch(saved, () => `${ORIGIN}/`)))
    const explanation = await explainToken(await emulator.mint(), { validator, resource: RESOURCE, now: NOW })
    expect(explanation.verdict).toBe('accepted')
  })

  test('that are none are refused in words', () => {
    expect(() => readSavedKeys('{"jwks":[]}')).toThrow('is no key set')
  })
})

describe('the audit log', () => {
  test('has the near miss of a refusal as well', () => {
    const facts = { actual: ['http://localhost:3233/mcp'], expected: ['http://localhost:3232/mcp'] }
    const text = refusalText({ id: 'abc-1', time: '', status: 401, reason: 'audience_mismatch', facts })
    expect(text.replace(/\s+/g, ' ')).toContain('in port 3233 instead of 3232')
  })

  const line = (entry: object) => `${JSON.stringify({ level: 'info', time: '2026-11-21T07:00:00.000Z', ...entry })}\n`

  test('gives the refusal with the id, and passes over broken lines and ids that only begin alike', async () => {
    const log = [
      'not JSON abc-1\n',
      line({ event: 'request_refused', request_id: 'abc-1f', status: 401, reason: 'expired', facts: {} }),
      line({
        event: 'request_refused',
        request_id: 'abc-1',
        status: 401,
        reason: 'auth0.other_api',
        facts: { detail: 'for another API', cure: 'create an API' },
      }),
    ]
    expect(await findRefusal(Readable.from(log), 'abc-1')).toEqual({
      id: 'abc-1',
      time: '2026-11-21T07:00:00.000Z',
      status: 401,
      reason: 'auth0.other_api',
      facts: { detail: 'for another API', cure: 'create an API' },
      who: undefined,
    })
  })

  test('says so where no line has the id', async () => {
    expect(await findRefusal(Readable.from([line({ request_id: 'other' })]), 'abc-1')).toBeUndefined()
  })
})
