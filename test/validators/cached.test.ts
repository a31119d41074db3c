import { InvalidTokenError as SdkInvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { expect, test } from 'vitest'
import type { ValidatorContext } from '../../src/context.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import type { TokenReason } from '../../src/reasons.ts'
import type { ValidatedToken } from '../../src/token-validator.ts'
import { createCachedValidator } from '../../src/validators/cached.ts'
import { createContext, ISSUER, NOW, RESOURCE, refusalOf } from '../engines/support.ts'

/** An engine that the test answers for; `decisions` lists what it was asked. */
function createEngine(overrides: Partial<ValidatorContext> = {}) {
  const { context, seen, advance } = createContext(fetch, overrides)
  const decisions: string[] = []
  let answer: (token: string) => Promise<ValidatedToken> = async () => tokenUntil(NOW + 3600)
  const validator = createCachedValidator(
    {
      issuers: [ISSUER],
      warmUp: async () => {},
      decide(token) {
        decisions.push(token)
        return answer(token)
      },
    },
    context,
  )
  const answerWith = (next: typeof answer) => {
    answer = next
  }
  return { validator, decisions, seen, advance, answerWith }
}

function tokenUntil(expiresAt: number): ValidatedToken {
  return Object.freeze({
    issuer: ISSUER,
    subject: 'user-1',
    clientId: 'client-1',
    scopes: Object.freeze(['notes:read']),
    audience: Object.freeze([RESOURCE]),
    expiresAt,
    principalType: 'user',
    claims: Object.freeze({ sub: 'user-1' }),
  })
}

const refuse = (reason: TokenReason) => async () => {
  throw new InvalidTokenError(reason)
}

test('keeps an accepted token for its time in the cache, then asks again', async () => {
  const { validator, decisions, seen, advance } = createEngine({ cacheSeconds: 60 })
  const first = await validator.validate('token')
  advance(59.9)
  expect(await validator.validate('token')).toBe(first)
  advance(0.1)
  await validator.validate('token')
  expect(decisions).toEqual(['token', 'token'])
  expect(seen.lookups).toEqual(['miss', 'hit', 'miss'])
})

test('keeps an accepted token never past its expiry', async () => {
  const { validator, decisions, advance, answerWith } = createEngine({ cacheSeconds: 60 })
  answerWith(async () => tokenUntil(NOW + 10))
  await validator.validate('token')
  advance(9.9)
  await validator.validate('token')
  expect(decisions).toHaveLength(1)
  advance(0.1)
  answerWith(refuse({ kind: 'expired', expiredAt: NOW + 10, now: NOW + 10 }))
  expect((await refusalOf(validator.validate('token'))).reason.kind).toBe('expired')
})

test.each([
  ['on no connection', undefined],
  ['on one connection', {}],
])('remembers a refusal for a few seconds, %s', async (_case, connection) => {
  const { validator, decisions, seen, advance, answerWith } = createEngine({ refusedCacheSeconds: 5 })
  const refusedKind = async () => (await refusalOf(validator.validate('token', connection))).reason.kind
  answerWith(refuse({ kind: 'inactive' }))
  await refusedKind()
  expect(await refusedKind()).toBe('inactive')
  advance(4.9)
  expect(await refusedKind()).toBe('inactive')
  expect(decisions).toHaveLength(1)
  advance(0.1)
  answerWith(async () => tokenUntil(NOW + 3600))
  await validator.validate('token', connection)
  expect(seen.lookups).toEqual(['miss', 'negative', 'negative', 'miss'])
})

test('remembers no refusal when that is turned off', async () => {
  const { validator, decisions, answerWith } = createEngine({ refusedCacheSeconds: 0 })
  answerWith(refuse({ kind: 'inactive' }))
  await refusalOf(validator.validate('token'))
  await refusalOf(validator.validate('token'))
  expect(decisions).toHaveLength(2)
})

test.each([
  new ValidatorUnavailableError({ kind: 'provider_timeout', endpoint: 'https://as.example.com/', seconds: 5 }),
  new MisconfigurationError({ kind: 'own_credentials_refused', endpoint: 'https://as.example.com/', status: 401 }),
  new Error('a bug'),
])('never remembers %s', async error => {
  const { validator, decisions, answerWith } = createEngine()
  answerWith(() => Promise.reject(error))
  await expect(validator.validate('token')).rejects.toBe(error)
  answerWith(async () => tokenUntil(NOW + 3600))
  await validator.validate('token')
  expect(decisions).toHaveLength(2)
})

test('forgets an accepted token once it is refused', async () => {
  const { validator, advance, answerWith } = createEngine()
  await validator.validate('token')
  advance(60)
  answerWith(refuse({ kind: 'inactive' }))
  await refusalOf(validator.validate('token'))
  expect((await refusalOf(validator.validate('token'))).reason.kind).toBe('inactive')
})

test('lets all requests with one new token wait for one decision', async () => {
  const { validator, decisions, seen, answerWith } = createEngine()
  const { promise, resolve } = Promise.withResolvers<ValidatedToken>()
  answerWith(() => promise)
  const waiting = Array.from({ length: 1000 }, () => validator.validate('token'))
  resolve(tokenUntil(NOW + 3600))
  expect(new Set(await Promise.all(waiting)).size).toBe(1)
  expect(decisions).toEqual(['token'])
  expect(seen.lookups.filter(outcome => outcome === 'joined')).toHaveLength(999)
})

test('gives all of them the same refusal, and asks anew after an outage', async () => {
  const { validator, decisions, answerWith } = createEngine()
  const { promise, reject } = Promise.withResolvers<ValidatedToken>()
  answerWith(() => promise)
  const waiting = Array.from({ length: 100 }, () => refusalOf(validator.validate('token')))
  reject(new ValidatorUnavailableError({ kind: 'provider_failing', endpoint: 'https://as.example.com/', status: 500 }))
  for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(ValidatorUnavailableError)
  answerWith(async () => tokenUntil(NOW + 3600))
  await validator.validate('token')
  expect(decisions).toHaveLength(2)
})

test('decides about every token by itself', async () => {
  const { validator, answerWith } = createEngine()
  answerWith(async token => ({ ...tokenUntil(NOW + 3600), subject: token }))
  const subjects = await Promise.all(['a', 'b', 'a', 'B'].map(async token => (await validator.validate(token)).subject))
  expect(subjects).toEqual(['a', 'b', 'a', 'B'])
})

test('keeps good tokens while garbage pours in', async () => {
  const { validator, decisions, answerWith } = createEngine({ cacheMaxEntries: 10 })
  await validator.validate('good')
  answerWith(refuse({ kind: 'inactive' }))
  for (let n = 0; n < 10_000; n++) await refusalOf(validator.validate(`garbage-${n}`))
  decisions.length = 0
  await validator.validate('good')
  await refusalOf(validator.validate('garbage-0'))
  expect(decisions).toEqual(['garbage-0'])
})

test('keeps no more accepted tokens than it may, the latest used ones', async () => {
  const { validator, decisions } = createEngine({ cacheMaxEntries: 2 })
  for (const token of ['a', 'b', 'a', 'c', 'a']) await validator.validate(token)
  expect(decisions).toEqual(['a', 'b', 'c'])
  await validator.validate('b')
  expect(decisions).toEqual(['a', 'b', 'c', 'b'])
})

test('takes RFC 6750 tokens of 16,384 characters at most, and decides about nothing else', async () => {
  const { validator, decisions } = createEngine()
  await validator.validate(`${'aZ09-._~+/'.repeat(1638)}aa==`)
  decisions.length = 0
  for (const token of ['x'.repeat(16_385), 'a=b', '=', 'a b', 'a\n', 'ä', '\u0000', '“quoted”']) {
    expect((await refusalOf(validator.validate(token))).reason.kind).toBe('token_malformed')
  }
  expect(decisions).toEqual([])
})

test('looks at 16,384 characters in linear time', async () => {
  const { validator } = createEngine()
  const startedAt = performance.now()
  for (let n = 0; n < 100; n++) await refusalOf(validator.validate(`${'='.repeat(16_382)}${n % 10}x`))
  expect(performance.now() - startedAt).toBeLessThan(1000)
})

test('hands the MCP SDKs what they need, with scopes that a caller may change', async () => {
  const { validator } = createEngine()
  const info = await validator.verifyAccessToken('token')
  expect(info).toEqual({
    token: 'token',
    clientId: 'client-1',
    scopes: ['notes:read'],
    expiresAt: NOW + 3600,
    resource: new URL('https://mcp.example.com/mcp'),
    extra: { token: tokenUntil(NOW + 3600) },
  })
  info.scopes.push('notes:admin')
  expect((await validator.verifyAccessToken('token')).scopes).toEqual(['notes:read'])
})

test('turns refusals into what the MCP SDKs recognise, and leaves bugs alone', async () => {
  const { validator, answerWith } = createEngine()
  answerWith(refuse({ kind: 'inactive' }))
  const refused = validator.verifyAccessToken('token')
  await expect(refused).rejects.toBeInstanceOf(SdkInvalidTokenError)
  await expect(refused).rejects.toMatchObject({ code: 'invalid_token', cause: { reason: { kind: 'inactive' } } })
  answerWith(() => Promise.reject(new RangeError('a bug')))
  await expect(validator.verifyAccessToken('other')).rejects.toBeInstanceOf(RangeError)
})

test('tells the tokens of one connection apart, and knows a token again on another', async () => {
  const { validator, decisions, answerWith } = createEngine()
  answerWith(async token => ({ ...tokenUntil(NOW + 3600), subject: token }))
  const [one, other] = [{}, {}]
  const subjects: string[] = []
  for (const [token, connection] of [
    ['a', one],
    ['b', one],
    ['a', one],
    ['b', other],
    ['a', undefined],
  ] as const) {
    subjects.push((await validator.validate(token, connection)).subject)
  }
  expect(subjects).toEqual(['a', 'b', 'a', 'b', 'a'])
  expect(decisions).toEqual(['a', 'b'])
})

test('asks again about the token of a connection when its time in the cache is over', async () => {
  const { validator, decisions, advance, answerWith } = createEngine({ cacheSeconds: 60 })
  const connection = {}
  await validator.validate('token', connection)
  advance(61)
  answerWith(refuse({ kind: 'inactive' }))
  expect((await refusalOf(validator.validate('token', connection))).reason.kind).toBe('inactive')
  expect((await refusalOf(validator.validate('token', connection))).reason.kind).toBe('inactive')
  expect(decisions).toEqual(['token', 'token'])
})
