import { describe, expect, test } from 'vitest'
import { createCheckEndpointValidator } from '../../src/engines/check-endpoint.ts'
import { createIntrospectionValidator } from '../../src/engines/introspection.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import type { TokenValidator } from '../../src/token-validator.ts'
import {
  createContext,
  createKey,
  createProvider,
  type Handler,
  ISSUER,
  mint,
  NOW,
  RESOURCE,
  refusalOf,
} from './support.ts'

const METADATA = `${ISSUER}/.well-known/oauth-authorization-server`
const KEYS = `${ISSUER}/jwks`
const ENDPOINT = `${ISSUER}/introspect`
const key = createKey('key-1')
const credentials = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'secret' } as const
const audience = { audience: [RESOURCE] } as const
const metadata = () => Response.json({ issuer: ISSUER, jwks_uri: KEYS, introspection_endpoint: ENDPOINT })
const ACTIVE = { active: true, sub: 'user-1', client_id: 'client-1', aud: RESOURCE, exp: NOW + 86_400 }

type Context = ReturnType<typeof createContext>['context']

interface Case {
  label: string
  create(context: Context): TokenValidator
  /** Where it fails; everything else works. */
  failing: string[]
  healthy: Record<string, Handler>
  /** Made up, another one each time, and only the provider can tell. */
  garbage(serial: number): string
  good(): string
}

/** Says of tokens that begin with `good` that they are good. */
const introspects: Handler = async request => {
  const token = new URLSearchParams(await request.text()).get('token')
  return Response.json(token?.startsWith('good') ? ACTIVE : { active: false })
}
const checks: Handler = async request => {
  const token = await request.text()
  return token.startsWith('good') ? Response.json(ACTIVE) : new Response('', { status: 404 })
}

let serial = 0
const opaque = { garbage: (n: number) => `made-up-${n}`, good: () => `good-${++serial}` }
const introspection = {
  ...opaque,
  create: (context: Context) => createIntrospectionValidator({ issuer: ISSUER, audience, credentials }, context),
  healthy: { [METADATA]: metadata, [ENDPOINT]: introspects },
}
const jwt = {
  create: (context: Context) => createJwtValidator({ issuer: ISSUER, audience, types: ['at+jwt'] }, context),
  healthy: { [METADATA]: metadata, [KEYS]: () => Response.json({ keys: [key.jwk] }) },
  garbage: (n: number) => mint(key, {}, { kid: `made-up-${n}` }),
  good: () => mint(key, { exp: NOW + 86_400 }),
}

const cases: Case[] = [
  { label: 'the metadata of a key set', ...jwt, failing: [METADATA] },
  { label: 'a key set', ...jwt, failing: [KEYS] },
  { label: 'all of a provider with keys', ...jwt, failing: [METADATA, KEYS] },
  { label: 'the metadata of an introspection endpoint', ...introspection, failing: [METADATA] },
  { label: 'an introspection endpoint', ...introspection, failing: [ENDPOINT] },
  { label: 'all of a provider with introspection', ...introspection, failing: [METADATA, ENDPOINT] },
  {
    label: 'a check endpoint',
    ...opaque,
    create: context =>
      createCheckEndpointValidator(
        {
          issuer: ISSUER,
          audience,
          principalType: () => 'user',
          scopes: () => [],
          expiry: 'required',
          probe: 'nobody',
          precheck: () => {},
          request: token => ({ url: ENDPOINT, init: { method: 'POST', body: token } }),
          read(answer) {
            if (answer.status === 401) {
              throw new MisconfigurationError({ kind: 'own_credentials_refused', endpoint: ENDPOINT, status: 401 })
            }
            if (answer.status === 400) {
              throw new MisconfigurationError({ kind: 'endpoint_refused_request', endpoint: ENDPOINT, status: 400 })
            }
            if (answer.status === 404) throw new InvalidTokenError({ kind: 'inactive' })
            return answer.json()
          },
        },
        context,
      ),
    healthy: { [ENDPOINT]: checks },
    failing: [ENDPOINT],
  },
]

function setUp({ create, healthy, failing }: Case) {
  const provider = createProvider({ ...healthy })
  const { context, advance } = createContext(provider.fetch)
  const validator = create(context)
  const fail = (handler: Handler) => {
    for (const url of failing) provider.handlers[url] = handler
  }
  const repair = () => Object.assign(provider.handlers, healthy)
  /** Calls to what is failing. */
  const calls = () => provider.requests.filter(({ url }) => failing.includes(url)).length
  return { validator, fail, repair, calls, advance, provider }
}

const failures: [string, Handler][] = [
  ['503', () => new Response('', { status: 503 })],
  ['429', () => new Response('', { status: 429 })],
  [
    'no connection',
    () => {
      throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
    },
  ],
  ['nonsense', () => new Response('<html>')],
]

/** What strangers may cause at any time: readiness, metadata, and tokens that they make up. */
async function knock(validator: TokenValidator, garbage: (serial: number) => string): Promise<void> {
  const knocks = Array.from({ length: 20 }, () => [
    validator.warmUp(),
    validator.serverMetadata?.(),
    validator.validate(garbage(++serial)),
  ]).flat()
  await Promise.allSettled(knocks)
}

describe.each(cases)('while $label fails', testCase => {
  test.each(failures)(
    'makes one call per back-off step for strangers’ tokens, from the first one on: %s',
    async (_label, failure) => {
      const { validator, fail, repair, calls, advance } = setUp(testCase)
      fail(failure)
      await knock(validator, testCase.garbage)
      const first = calls()
      expect(first).toBeLessThanOrEqual(testCase.failing.includes(METADATA) && _label === 'nonsense' ? 2 : 1)
      let asked = first
      for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
        for (let part = 0; part < 4; part++) {
          await knock(validator, testCase.garbage)
          expect(calls()).toBe(asked)
          advance(seconds / 4)
        }
        await knock(validator, testCase.garbage)
        expect(calls() - asked).toBeLessThanOrEqual(first)
        asked = calls()
      }
      repair()
      advance(30)
      await validator.validate(testCase.good())
    },
  )

  test('makes no call for the time in Retry-After, and tells clients that time', async () => {
    const { validator, fail, repair, calls, advance } = setUp(testCase)
    fail(() => new Response('', { status: 429, headers: { 'retry-after': '60' } }))
    await validator.warmUp().catch(() => {})
    const asked = calls()
    for (let second = 0; second < 59; second++) {
      advance(1)
      await knock(validator, testCase.garbage)
      const error = await refusalOf(validator.validate(testCase.good()))
      expect(error).toBeInstanceOf(ValidatorUnavailableError)
      expect(error).toMatchObject({ retryAfterSeconds: 59 - second, status: 503 })
      expect(await refusalOf(validator.warmUp())).toMatchObject({ retryAfterSeconds: 59 - second })
    }
    expect(calls()).toBe(asked)
    repair()
    advance(1)
    await validator.validate(testCase.good())
  })
})

describe.each(cases.filter(({ failing }) => failing.length === 1 && failing[0] === ENDPOINT))(
  'after $label has worked',
  testCase => {
    test('notices an outage by one call, reports it in readiness, and recovers after one success', async () => {
      const { validator, fail, repair, calls, advance } = setUp(testCase)
      await validator.warmUp()
      await validator.validate(testCase.good())
      fail(() => new Response('', { status: 503 }))
      const asked = calls()
      await refusalOf(validator.validate(testCase.garbage(++serial)))
      await knock(validator, testCase.garbage)
      expect(calls()).toBe(asked + 1)
      expect(await refusalOf(validator.warmUp())).toBeInstanceOf(ValidatorUnavailableError)
      repair()
      advance(1)
      await Promise.all([validator.warmUp(), validator.validate(testCase.good()), validator.warmUp()])
      expect(calls()).toBe(asked + 3)
    })

    test('does not send refused credentials again with every request', async () => {
      const { validator, fail, calls } = setUp(testCase)
      await validator.validate(testCase.good())
      fail(() => new Response('', { status: 401 }))
      expect(await refusalOf(validator.validate(testCase.good()))).toBeInstanceOf(MisconfigurationError)
      const asked = calls()
      await knock(validator, testCase.garbage)
      expect(await refusalOf(validator.validate(testCase.good()))).toBeInstanceOf(MisconfigurationError)
      expect(calls()).toBe(asked)
    })

    test.each(['before', 'after'])(
      'does not back off for a token that the endpoint calls unreadable, %s a success',
      async when => {
        const { validator, provider } = setUp(testCase)
        const healthy = testCase.healthy[ENDPOINT] as Handler
        provider.handlers[ENDPOINT] = async request =>
          (await request.clone().text()).includes('unreadable')
            ? Response.json({ error: 'unsupported_token_type' }, { status: 400 })
            : healthy(request)
        if (when === 'after') await validator.warmUp()
        await refusalOf(validator.validate(`unreadable-${++serial}`))
        await validator.validate(testCase.good())
        await validator.warmUp()
      },
    )

    test('backs off when the endpoint calls everything unreadable, even what it could read before', async () => {
      const { validator, fail, calls } = setUp(testCase)
      await validator.warmUp()
      await validator.validate(testCase.good())
      fail(() => Response.json({}, { status: 400 }))
      expect(await refusalOf(validator.validate(testCase.good()))).toBeInstanceOf(MisconfigurationError)
      const asked = calls()
      await knock(validator, testCase.garbage)
      expect(calls()).toBe(asked)
    })

    test('does not prolong the back-off for an unreadable trial after a success', async () => {
      const { validator, provider, advance } = setUp(testCase)
      const healthy = testCase.healthy[ENDPOINT] as Handler
      await validator.validate(testCase.good())
      provider.handlers[ENDPOINT] = () => new Response('', { status: 503 })
      await refusalOf(validator.validate(testCase.good()))
      provider.handlers[ENDPOINT] = async request =>
        (await request.clone().text()).includes('good')
          ? healthy(request)
          : Response.json({ error: 'unsupported_token_type' }, { status: 400 })
      advance(1)
      await validator.validate(testCase.good())
    })

    test('locks nobody else out for long when the endpoint fails at a made-up token', async () => {
      const { validator, provider, advance } = setUp(testCase)
      const healthy = testCase.healthy[ENDPOINT] as Handler
      provider.handlers[ENDPOINT] = async request =>
        (await request.clone().text()).includes('poison') ? new Response('', { status: 500 }) : healthy(request)
      await validator.validate(testCase.good())
      expect(await refusalOf(validator.validate(`poison-${++serial}`))).toBeInstanceOf(ValidatorUnavailableError)
      advance(1)
      await validator.validate(testCase.good())
      for (let n = 0; n < 200; n++) {
        expect(await refusalOf(validator.validate(`poison-${++serial}`))).toBeInstanceOf(ValidatorUnavailableError)
        await validator.validate(testCase.good())
        await validator.warmUp()
        advance(1)
      }
      provider.handlers[ENDPOINT] = () => new Response('', { status: 503 })
      await refusalOf(validator.validate(testCase.good()))
      const asked = provider.requests.length
      await knock(validator, testCase.garbage)
      expect(provider.requests).toHaveLength(asked)
    })
  },
)
