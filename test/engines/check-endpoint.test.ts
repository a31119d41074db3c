import { describe, expect, test } from 'vitest'
import { type CheckEndpointValidatorOptions, createCheckEndpointValidator } from '../../src/engines/check-endpoint.ts'
import { throttled } from '../../src/engines/provider-request.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import { describeTokenValidator } from '../../src/testing/contract.ts'
import { createContext, createProvider, ISSUER, NOW, RESOURCE, refusalOf } from './support.ts'

const ENDPOINT = 'https://as.example.com/check'

/** An endpoint that takes `token` in JSON and answers 410 for what it does not know. */
const OPTIONS: CheckEndpointValidatorOptions = {
  issuer: ISSUER,
  audience: { clientIds: ['client-1'] },
  expiry: 'required',
  probe: 'probe',
  precheck(token) {
    if (token.startsWith('other-')) throw new InvalidTokenError({ kind: 'example.other', detail: 'd', cure: 'c' })
  },
  request: token => ({ url: ENDPOINT, init: { method: 'POST', body: JSON.stringify({ token }) } }),
  read(answer) {
    if (answer.status === 410) throw new InvalidTokenError({ kind: 'inactive' })
    const { endpoint, status } = answer
    if (status !== 200) throw new MisconfigurationError({ kind: 'own_credentials_refused', endpoint, status })
    return answer.json()
  },
}

const GOOD = { sub: 'user-1', client_id: 'client-1', scope: 'notes:read', exp: NOW + 3600 }

function endpoint(answers: Record<string, object>) {
  return createProvider({
    [ENDPOINT]: async request => {
      const { token } = (await request.json()) as { token: string }
      const answer = answers[token]
      return answer ? Response.json(answer) : new Response('', { status: 410 })
    },
  })
}

describeTokenValidator('the check endpoint engine', {
  tokens: 'opaque',
  async start() {
    const { fetch } = endpoint({
      good: GOOD,
      foreign: { ...GOOD, client_id: 'client-2' },
      expired: { ...GOOD, exp: NOW - 60 },
      endless: { ...GOOD, exp: undefined },
      bound: { ...GOOD, cnf: { jkt: 'thumbprint' } },
      nobody: { ...GOOD, sub: undefined },
    })
    return {
      resource: RESOURCE,
      now: NOW * 1000,
      fetch,
      createValidator: context => createCheckEndpointValidator(OPTIONS, context),
      good: ['good'],
      refused: {
        unknown: { token: 'never-issued', reason: 'inactive' },
        otherBinding: { token: 'foreign', reason: 'client_refused' },
        noSubject: { token: 'nobody', reason: 'subject_missing' },
        otherKind: { token: 'other-kind', reason: 'example.other' },
        expired: { token: 'expired', reason: 'expired' },
        endless: { token: 'endless', reason: 'claim_missing' },
        bound: { token: 'bound', reason: 'sender_constrained' },
      },
    }
  },
})

describe('the check endpoint engine', () => {
  const setUp = (answers: Record<string, object>, options: Partial<CheckEndpointValidatorOptions> = {}) => {
    const provider = endpoint(answers)
    const { context, seen, advance } = createContext(provider.fetch)
    return { validator: createCheckEndpointValidator({ ...OPTIONS, ...options }, context), provider, seen, advance }
  }

  test('accepts a token under the configured issuer, and reports the call', async () => {
    const { validator, seen } = setUp({ good: GOOD })
    expect(await validator.validate('good')).toMatchObject({ issuer: ISSUER, subject: 'user-1', expiresAt: NOW + 3600 })
    expect(validator.issuers).toEqual([ISSUER])
    expect(seen.calls).toEqual([{ operation: 'check', outcome: 'answered' }])
  })

  test('does not send a token that precheck refuses', async () => {
    const { validator, provider } = setUp({})
    expect((await refusalOf(validator.validate('other-kind'))).reason.kind).toBe('example.other')
    expect(provider.requests).toEqual([])
  })

  test('keeps a token without exp for the cache time where that is allowed', async () => {
    const { validator } = setUp({ endless: { ...GOOD, exp: undefined } }, { expiry: 'optional' })
    expect((await validator.validate('endless')).expiresAt).toBe(NOW + 60)
  })

  test('lets the provider replace the reason of a refusal', async () => {
    const { validator } = setUp(
      { foreign: { ...GOOD, client_id: 'client-2' } },
      { explain: ({ kind }, { claims }) => ({ kind: 'example.explained', detail: kind, cure: String(claims.sub) }) },
    )
    expect((await refusalOf(validator.validate('foreign'))).reason).toEqual({
      kind: 'example.explained',
      detail: 'client_refused',
      cure: 'user-1',
    })
  })

  test('asks about the probe token once when it warms up, whatever the answer is', async () => {
    for (const answers of [{}, { probe: GOOD }] as Record<string, object>[]) {
      const { validator, provider } = setUp(answers)
      await validator.warmUp()
      await validator.warmUp()
      expect(provider.requests).toHaveLength(1)
    }
  })

  test('fails to warm up while the endpoint refuses our credentials, and tries again', async () => {
    const { validator, provider, advance } = setUp({})
    provider.handlers[ENDPOINT] = () => new Response('', { status: 401 })
    expect(await refusalOf(validator.warmUp() as Promise<never>)).toBeInstanceOf(MisconfigurationError)
    expect(await refusalOf(validator.validate('good'))).toBeInstanceOf(MisconfigurationError)
    provider.handlers[ENDPOINT] = () => new Response('', { status: 410 })
    advance(1)
    await validator.warmUp()
  })
})

describe('throttled', () => {
  const answer = (headers: Record<string, string>) => ({
    endpoint: ENDPOINT,
    status: 403,
    headers: new Headers(headers),
  })

  test.each([
    [{ 'retry-after': '17' }, 17],
    [{ 'retry-after': new Date((NOW + 30) * 1000).toUTCString() }, 30],
    [{ 'x-ratelimit-reset': String(NOW + 40) }, 40],
    [{ 'retry-after': '17', 'x-ratelimit-reset': String(NOW + 40) }, 17],
    [{ 'retry-after': 'soon', 'x-ratelimit-reset': String(NOW + 40) }, 40],
    [{ 'x-ratelimit-reset': 'soon' }, 5],
    [{ 'x-ratelimit-reset': String(NOW - 40) }, 1],
    [{}, 5],
  ])('reads %j as %i seconds', (headers, seconds) => {
    const error = throttled(answer(headers as Record<string, string>), NOW * 1000)
    expect(error).toBeInstanceOf(ValidatorUnavailableError)
    expect(error.reason).toEqual({ kind: 'provider_throttled', endpoint: ENDPOINT, status: 403 })
    expect(error.retryAfterSeconds).toBe(seconds)
  })
})
