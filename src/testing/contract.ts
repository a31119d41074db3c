import { createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { CompleteContext } from '../context.ts'
import { InvalidTokenError, ValidatorUnavailableError } from '../errors.ts'
import type { TokenValidator } from '../token-validator.ts'
import { encodePart, type JsonObject, signJwt } from './sign-jwt.ts'

/** A SHA-256 in base64url, of no key in particular. */
const THUMBPRINT = 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U'

/** Header `typ` of what a provider may sign with the same keys; the last is no media type at all. */
const OTHER_TYPES = [
  'logout+jwt',
  'dpop+jwt',
  'application/secevent+jwt',
  'oauth-id-jag+jwt',
  'token-introspection+jwt',
  'oauth-authz-req+jwt',
  7,
]

/** A token that must be refused, and the `kind` of the reason. */
export interface RefusedToken {
  token: string
  reason: string
}

/** A change to a good JWT: members are replaced, `undefined` ones removed. */
export interface RefusedChange {
  header?: JsonObject
  claims?: JsonObject
  reason: string
}

interface ContractProvider {
  /** Identifier of the MCP server under test. */
  resource: string
  /** Milliseconds since the Unix epoch at which the good tokens are valid, for ten minutes at least. */
  now: number
  /** The provider, as the validator reaches it. Nothing else is reachable. */
  fetch: typeof globalThis.fetch
  createValidator(context: CompleteContext): TokenValidator
  /** Requests that one new token takes at most, where rules need facts that it lacks. Default: 1. */
  requestsPerToken?: number
}

/** A provider of tokens that mean something only to itself. */
export interface OpaqueProvider extends ContractProvider {
  /** Good tokens, one per dialect at least. */
  good: readonly [string, ...string[]]
  /**
   * `unknown` is a token that the provider never issued; `otherBinding` is one for another audience or client; `noSubject` is one
   * of which the provider does not say who it belongs to.
   */
  refused: { unknown: RefusedToken; otherBinding: RefusedToken; noSubject: RefusedToken } & Readonly<
    Record<string, RefusedToken>
  >
}

/** A provider of signed tokens, verified by its published keys. */
export interface JwtProvider extends ContractProvider {
  /** Header and claims of good tokens, one per dialect at least. The first is the one that changes are made to. */
  good: readonly [GoodJwt, ...GoodJwt[]]
  /** The key that the provider signs with now. */
  privateKey(): KeyObject
  /** From now on signs with a new key under a new `kid`, and publishes only that. Returns the `kid`. */
  rotate(): string
  /** Claim that says who a token belongs to. Default: `sub`. */
  subjectClaim?: string
  /** Changes that make the token one for another audience or client, and an ID token. */
  refused: { otherBinding: RefusedChange; idToken: RefusedChange } & Readonly<Record<string, RefusedChange>>
}

export interface GoodJwt {
  header: JsonObject & { alg: string; kid: string }
  claims: JsonObject & { iss: string; exp: number }
}

/**
 * What a validator is tested on. The kind decides which cases there are, so that none is passed over in silence: signatures say
 * nothing about opaque tokens.
 */
export type ContractSetup =
  | { tokens: 'opaque'; start(): Promise<OpaqueProvider> }
  | { tokens: 'jwt'; start(): Promise<JwtProvider> }

/** The rules that every `TokenValidator` keeps, whatever its provider. Adapters add tests of their own quirks. */
export function describeTokenValidator(name: string, setup: ContractSetup): void {
  describe(`${name} keeps the contract of a TokenValidator`, () => {
    if (setup.tokens === 'opaque') describeOpaque(setup.start)
    else describeJwt(setup.start)
  })
}

function describeOpaque(start: () => Promise<OpaqueProvider>): void {
  const harness = async () => {
    const provider = await start()
    return { ...createHarness(provider), provider, good: provider.good, other: provider.refused.unknown.token }
  }
  describeEvery(harness)

  test('rejects each of the tokens that the provider would not stand for, with its reason', async () => {
    const { provider, validator } = await harness()
    for (const [label, { token, reason }] of Object.entries(provider.refused)) {
      await expectRefused(validator, token, reason, label)
    }
  })

  test('rejects a token without a subject: it belongs to nobody, and its client is no stand-in', async () => {
    const { provider, validator } = await harness()
    const { token, reason } = provider.refused.noSubject
    await expectRefused(validator, token, reason)
  })
}

function describeJwt(start: () => Promise<JwtProvider>): void {
  const harness = async () => {
    const provider = await start()
    const [base] = provider.good
    const nowSeconds = Math.floor(provider.now / 1000)
    const mint = (change: { header?: JsonObject; claims?: JsonObject } = {}, key = provider.privateKey()) =>
      signJwt({ ...base.header, ...change.header }, { ...base.claims, ...change.claims }, key)
    const good = provider.good.map(({ header, claims }) => signJwt(header, claims, provider.privateKey()))
    const other = mint({ claims: { exp: nowSeconds - 3600 } })
    return { ...createHarness(provider), provider, base, nowSeconds, mint, good, other }
  }
  describeEvery(harness)

  test('rejects what the provider signs for others, with its reason', async () => {
    const { provider, validator, mint } = await harness()
    for (const [label, { reason, ...change }] of Object.entries(provider.refused)) {
      await expectRefused(validator, mint(change), reason, label)
    }
  })

  test('rejects a token without a subject: it belongs to nobody, and its client is no stand-in', async () => {
    const { provider, validator } = await harness()
    const { subjectClaim = 'sub' } = provider
    const named = provider.good.filter(({ claims }) => claims[subjectClaim] !== undefined)
    expect(named).not.toEqual([])
    for (const { header, claims } of named) {
      for (const subject of [undefined, null, '', 7, {}, [claims[subjectClaim]]]) {
        const token = signJwt(header, { ...claims, [subjectClaim]: subject }, provider.privateKey())
        expect(await refusal(validator, token), inspect(subject)).toBeInstanceOf(InvalidTokenError)
      }
    }
  })

  test('rejects another issuer, and the same one with or without a slash, with issuer_mismatch', async () => {
    const { validator, mint, base } = await harness()
    const slashed = base.claims.iss.endsWith('/') ? base.claims.iss.slice(0, -1) : `${base.claims.iss}/`
    for (const iss of ['https://issuer.example', slashed, base.claims.iss.toUpperCase(), '']) {
      await expectRefused(validator, mint({ claims: { iss } }), 'issuer_mismatch', iss)
    }
    await expectRefused(validator, mint({ claims: { iss: undefined } }), 'claim_missing')
    await expectRefused(validator, mint({ claims: { iss: [base.claims.iss] } }), 'claim_invalid')
  })

  test('rejects an expired token with expired, and one without exp with claim_missing', async () => {
    const { validator, mint, nowSeconds } = await harness()
    await expectRefused(validator, mint({ claims: { exp: nowSeconds - 3600 } }), 'expired')
    await expectRefused(validator, mint({ claims: { exp: undefined } }), 'claim_missing')
    await expectRefused(validator, mint({ claims: { exp: String(nowSeconds + 60) } }), 'claim_invalid')
  })

  test('rejects a token whose nbf lies ahead with not_yet_valid', async () => {
    const { validator, mint, nowSeconds } = await harness()
    await expectRefused(validator, mint({ claims: { nbf: nowSeconds + 3600 } }), 'not_yet_valid')
  })

  test('rejects a signature by another key under the same kid with signature_invalid', async () => {
    const { provider, validator, mint } = await harness()
    await expectRefused(validator, mint({}, anotherKeyLike(provider.privateKey())), 'signature_invalid')
  })

  test('rejects a token whose claims were changed after signing with signature_invalid', async () => {
    const { validator, mint, base } = await harness()
    const [header, , signature] = mint().split('.')
    const forged = `${header}.${encodePart({ ...base.claims, sub: 'somebody-else' })}.${signature}`
    await expectRefused(validator, forged, 'signature_invalid')
  })

  test('rejects an unknown kid with key_unknown', async () => {
    const { validator, mint } = await harness()
    await expectRefused(validator, mint({ header: { kid: 'nobody/knows+this=' } }), 'key_unknown')
  })

  test('rejects alg none, and HMAC keyed with the public key, with algorithm_refused', async () => {
    const { provider, validator, mint } = await harness()
    const publicKey = createPublicKey(provider.privateKey())
    const spellings = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(publicKey.export({ format: 'jwk' })),
    ]
    for (const alg of ['none', 'None', 'nOnE']) {
      await expectRefused(validator, mint({ header: { alg } }), 'algorithm_refused', alg)
    }
    for (const secret of spellings) {
      const key = createSecretKey(Buffer.from(secret))
      await expectRefused(validator, mint({ header: { alg: 'HS256' } }, key), 'algorithm_refused')
    }
  })

  test('ignores keys that the header brings along, and fetches none of them', async () => {
    const { provider, validator, mint, base, upstream } = await harness()
    await validator.warmUp()
    const { calls } = upstream
    const { header } = headerKeys(provider.privateKey(), base.header.alg)
    for (const [name, value] of Object.entries(header)) {
      expect((await validator.validate(mint({ header: { [name]: value } }))).subject, name).not.toBe('')
    }
    await validator.validate(mint({ header }))
    expect(upstream.calls).toBe(calls)
  })

  test('rejects a token signed by the key that its header brings along, and fetches no such key', async () => {
    const { provider, validator, mint, base, upstream } = await harness()
    await validator.warmUp()
    const { calls } = upstream
    const { header, privateKey } = headerKeys(provider.privateKey(), base.header.alg)
    for (const [name, value] of Object.entries(header)) {
      for (const kid of [base.header.kid, `${base.header.kid}-own`, undefined]) {
        const error = await refusal(validator, mint({ header: { [name]: value, kid } }, privateKey))
        expect(error, name).toBeInstanceOf(InvalidTokenError)
        expect(['signature_invalid', 'key_unknown'], name).toContain((error as InvalidTokenError).reason.kind)
      }
    }
    expect(upstream.calls).toBe(calls)
  })

  test('rejects critical, compressed, unencoded and nested content with header_unsupported', async () => {
    const { validator, mint } = await harness()
    for (const header of [{ crit: ['exp'] }, { crit: [] }, { b64: false }, { zip: 'DEF' }, { cty: 'JWT' }]) {
      await expectRefused(validator, mint({ header }), 'header_unsupported', JSON.stringify(header))
    }
  })

  test('rejects another typ with type_mismatch', async () => {
    const { validator, mint } = await harness()
    for (const typ of OTHER_TYPES)
      await expectRefused(validator, mint({ header: { typ } }), 'type_mismatch', String(typ))
  })

  test('rejects a key-bound token presented as bearer with sender_constrained', async () => {
    const { validator, mint } = await harness()
    for (const cnf of [{ jkt: THUMBPRINT }, { jkt: 'thumbprint' }, { 'x5t#S256': THUMBPRINT }]) {
      await expectRefused(validator, mint({ claims: { cnf } }), 'sender_constrained', JSON.stringify(cnf))
    }
  })

  test('accepts a key-bound token presented with DPoP, names the key, and goes on refusing it as bearer', async () => {
    const { validator, mint } = await harness()
    const token = mint({ claims: { cnf: { jkt: THUMBPRINT } } })
    const connection = {}
    for (const round of ['first', 'cached']) {
      const accepted = await validator.validate(token, connection, 'DPoP')
      expect(accepted.confirmation, round).toEqual({ jkt: THUMBPRINT })
      await expectRefused(validator, token, 'sender_constrained', round)
      await expect(validator.validate(token, connection), round).rejects.toThrow(InvalidTokenError)
    }
    await expect(validator.verifyAccessToken(token)).rejects.toThrow()
  })

  test('names no key for a plain token presented with DPoP, so that the caller can refuse it', async () => {
    const { validator, mint } = await harness()
    expect((await validator.validate(mint(), undefined, 'DPoP')).confirmation).toBeUndefined()
  })

  test('rejects a token bound in a way that cannot be checked, also with DPoP', async () => {
    const { validator, mint } = await harness()
    for (const cnf of [{ 'x5t#S256': THUMBPRINT }, { jkt: THUMBPRINT, 'x5t#S256': THUMBPRINT }, { jkt: 7 }, {}]) {
      await expect(
        validator.validate(mint({ claims: { cnf } }), undefined, 'DPoP'),
        JSON.stringify(cnf),
      ).rejects.toMatchObject({ reason: { kind: 'sender_constrained' } })
    }
  })

  test('rejects five parts with token_encrypted and other shapes with token_malformed', async () => {
    const { validator, mint } = await harness()
    const [header, claims, signature] = mint().split('.')
    await expectRefused(validator, `${header}..${claims}.${signature}.${signature}`, 'token_encrypted')
    for (const shape of [`${header}.${claims}`, `${header}.${claims}.${signature}.${signature}`, `.${claims}.`, '..']) {
      await expectRefused(validator, shape, 'token_malformed', shape)
    }
  })

  test('refuses no good token while keys rotate under load, with one fetch per cool-down', async () => {
    const { provider, validator, mint, clock, upstream } = await harness()
    await validator.warmUp()
    clock.advance(31)
    const before = Array.from({ length: 50 }, (_, n) => mint({ claims: { jti: `old-${n}` } }))
    const kid = provider.rotate()
    const after = Array.from({ length: 50 }, (_, n) => mint({ header: { kid }, claims: { jti: `new-${n}` } }))
    const { calls } = upstream
    await Promise.all([...after, ...before].map(token => validator.validate(token)))
    expect(upstream.calls - calls).toBe(1)
  })

  test('accepts tokens of known keys while the provider is down', async () => {
    const { validator, mint, clock, upstream } = await harness()
    await validator.warmUp()
    upstream.outage = 'refused'
    clock.advance(300)
    await validator.validate(mint({ claims: { jti: 'while-down' } }))
  })
}

/** Cases that hold for every kind of token. */
function describeEvery(
  harness: () => Promise<Harness & { provider: ContractProvider; good: readonly string[]; other: string }>,
): void {
  test('accepts a good token of every dialect, and says who, for whom and how long', async () => {
    const { validator, good, provider } = await harness()
    for (const token of good) {
      const validated = await validator.validate(token)
      expect(validator.issuers.length).toBeGreaterThan(0)
      expect(validated.subject).not.toBe('')
      expect(validated.clientId).not.toBe('')
      if (validated.subject === validated.clientId) expect(validated.principalType).toBe('service')
      expect(validated.expiresAt).toBeGreaterThan(provider.now / 1000)
      expect(Object.isFrozen(validated) && Object.isFrozen(validated.claims)).toBe(true)
      expect(Object.isFrozen(validated.scopes) && Object.isFrozen(validated.audience)).toBe(true)
      expect(await validator.verifyAccessToken(token)).toEqual({
        token,
        clientId: validated.clientId,
        scopes: validated.scopes,
        expiresAt: validated.expiresAt,
        resource: new URL(provider.resource),
        extra: { token: validated },
      })
    }
  })

  test('rejects garbage with token_malformed and asks nobody about it', async () => {
    const { validator, upstream } = await harness()
    for (const garbage of ['', ' ', 'a b', 'ä', 'null\0byte', 'a\r\nb: c', '=', 'x'.repeat(100_000)]) {
      await expectRefused(validator, garbage, 'token_malformed', inspect(garbage.slice(0, 20)))
    }
    expect(upstream.calls).toBe(0)
  })

  test.each(outages)('answers an outage (%s) with 503, and recovers without a restart', async outage => {
    const { validator, good, upstream, clock } = await harness()
    upstream.outage = outage
    const error = await refusal(validator, good[0] as string)
    expect(error).toBeInstanceOf(ValidatorUnavailableError)
    expect((error as ValidatorUnavailableError).retryAfterSeconds).toBeGreaterThan(0)
    expect(inspect(error, { depth: 10 })).not.toContain(good[0])
    upstream.outage = undefined
    clock.advance(60)
    await validator.validate(good[0] as string)
  })

  test('asks once for a thousand concurrent uses of one new token', async () => {
    const { validator, good, upstream, provider } = await harness()
    await validator.warmUp()
    const { calls } = upstream
    const token = good[0] as string
    const results = await Promise.all(Array.from({ length: 1000 }, () => validator.validate(token)))
    expect(new Set(results).size).toBe(1)
    expect(upstream.calls - calls).toBeLessThanOrEqual(provider.requestsPerToken ?? 1)
  })

  test('names neither the token nor a provider body in a refusal', async () => {
    const { validator, other } = await harness()
    const error = await refusal(validator, other)
    expect(error).toBeInstanceOf(InvalidTokenError)
    expect(inspect(error, { depth: 10 })).not.toContain(other)
    expect((error as InvalidTokenError).cause).toBeUndefined()
  })
}

const outages = ['refused', 'status 500', 'status 429', 'not JSON', 'not an object', 'too large'] as const
type Outage = (typeof outages)[number]

interface Harness {
  validator: TokenValidator
  clock: { advance(seconds: number): void }
  /** `calls` counts requests to the provider; `outage` makes every one of them fail. */
  upstream: { calls: number; outage: Outage | undefined }
}

function createHarness(provider: ContractProvider): Harness {
  let now = provider.now
  const upstream: Harness['upstream'] = { calls: 0, outage: undefined }
  const validator = provider.createValidator({
    resource: provider.resource,
    now: () => now,
    fetch: async (input, init) => {
      upstream.calls++
      return upstream.outage ? fail(upstream.outage) : provider.fetch(input, init)
    },
  })
  const advance = (seconds: number) => {
    now += seconds * 1000
  }
  return { validator, clock: { advance }, upstream }
}

function fail(outage: Outage): Response {
  switch (outage) {
    case 'refused':
      throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })
    case 'status 500':
      return new Response('Internal Server Error', { status: 500 })
    case 'status 429':
      return new Response('{"error":"slow_down"}', { status: 429, headers: { 'retry-after': '7' } })
    case 'not JSON':
      return new Response('<html>', { headers: { 'content-type': 'application/json' } })
    case 'not an object':
      return Response.json(['active'])
    case 'too large':
      return Response.json({ active: true, keys: [], padding: 'x'.repeat(2_000_000) })
  }
}

async function refusal(validator: TokenValidator, token: string): Promise<unknown> {
  return validator.validate(token).then(
    () => expect.fail('the token was accepted'),
    (error: unknown) => error,
  )
}

async function expectRefused(validator: TokenValidator, token: string, reason: string, label = reason): Promise<void> {
  const error = await refusal(validator, token)
  expect(error, label).toBeInstanceOf(InvalidTokenError)
  expect((error as InvalidTokenError).reason.kind, label).toBe(reason)
}

/** A key of the same type as the provider's, and every header parameter that may bring it along (RFC 7515 §4.1). */
function headerKeys(like: KeyObject, alg: string): { header: JsonObject; privateKey: KeyObject } {
  const privateKey = anotherKeyLike(like)
  const publicKey = createPublicKey(privateKey)
  const url = 'https://attacker.example/keys'
  const jwk = { ...publicKey.export({ format: 'jwk' }), alg }
  const certificate = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  return { header: { jwk, jku: url, x5u: url, x5c: [certificate], x5t: 'AAAA' }, privateKey }
}

function anotherKeyLike(key: KeyObject): KeyObject {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: key.asymmetricKeyDetails?.namedCurve ?? 'P-256' }).privateKey
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey
    default:
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  }
}
