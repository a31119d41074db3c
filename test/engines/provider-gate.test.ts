import { describe, expect, test } from 'vitest'
import { createProviderGate } from '../../src/engines/provider-gate.ts'
import { MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'

const ENDPOINT = 'https://as.example.com/introspect'
const failing = new ValidatorUnavailableError({ kind: 'provider_failing', endpoint: ENDPOINT, status: 503 })
const throttled = (retryAfterSeconds?: number) =>
  new ValidatorUnavailableError({ kind: 'provider_throttled', endpoint: ENDPOINT, status: 429 }, { retryAfterSeconds })

function setUp() {
  let now = 1_793_491_200_000
  let calls = 0
  let answer: () => Promise<string> = async () => 'answer'
  const gate = createProviderGate(
    () => {
      calls++
      return answer()
    },
    () => now,
  )
  return {
    gate,
    calls: () => calls,
    advance: (seconds: number) => {
      now += seconds * 1000
    },
    answerWith: (next: () => Promise<string>) => {
      answer = next
    },
    failWith: (error: unknown) => {
      answer = () => Promise.reject(error)
    },
    refusal: () =>
      gate.ask().then(
        () => expect.fail('it was answered'),
        (error: ValidatorUnavailableError) => error,
      ),
  }
}

test('makes one call for all simultaneous callers', async () => {
  const { gate, calls } = setUp()
  await Promise.all(Array.from({ length: 100 }, () => gate.ask()))
  expect(calls()).toBe(1)
  await gate.ask()
  expect(calls()).toBe(2)
})

test('makes one call per back-off step (1, 2, 4 … 30 seconds), and starts over after a success', async () => {
  const { gate, calls, advance, failWith, answerWith, refusal } = setUp()
  failWith(failing)
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    const before = calls()
    await Promise.all(Array.from({ length: 50 }, refusal))
    expect(calls()).toBe(before + 1)
    advance(seconds - 0.25)
    expect((await refusal()).retryAfterSeconds).toBe(1)
    expect(calls()).toBe(before + 1)
    advance(0.25)
  }
  answerWith(async () => 'back')
  expect(await gate.ask()).toBe('back')
  failWith(failing)
  await refusal()
  advance(1)
  answerWith(async () => 'back')
  expect(await gate.ask()).toBe('back')
})

describe('Retry-After', () => {
  test.each([
    ['429 with Retry-After: 60', throttled(60), 60],
    ['429 with an hour', throttled(3600), 3600],
    ['429 with a week', throttled(604_800), 3600],
    ['429 without one', throttled(), 1],
    [
      '503 with Retry-After: 60',
      new ValidatorUnavailableError(
        { kind: 'provider_failing', endpoint: ENDPOINT, status: 503 },
        { retryAfterSeconds: 60 },
      ),
      60,
    ],
    [
      '503 with an hour',
      new ValidatorUnavailableError(
        { kind: 'provider_failing', endpoint: ENDPOINT, status: 503 },
        { retryAfterSeconds: 3600 },
      ),
      300,
    ],
  ])('makes no call before the time in Retry-After: %s', async (_label, error, seconds) => {
    const { calls, advance, failWith, refusal } = setUp()
    failWith(error)
    await refusal()
    advance(seconds - 0.5)
    await refusal()
    expect(calls()).toBe(1)
    advance(0.5)
    await refusal()
    expect(calls()).toBe(2)
  })

  test('tells callers the time that is left', async () => {
    const { advance, failWith, refusal } = setUp()
    failWith(throttled(60))
    expect((await refusal()).retryAfterSeconds).toBe(60)
    advance(18.5)
    expect(await refusal()).toMatchObject({ retryAfterSeconds: 42, reason: { kind: 'provider_throttled' } })
  })

  test('prolongs a running back-off', async () => {
    const { gate, calls, advance, refusal, failWith } = setUp()
    failWith(failing)
    await refusal()
    gate.failed(throttled(60))
    advance(59)
    await refusal()
    expect(calls()).toBe(1)
  })
})

test('counts calls that fail together as one failure', async () => {
  const { gate, calls, advance } = setUp()
  for (let n = 0; n < 50; n++) gate.failed(failing)
  expect(gate.failures).toBe(1)
  advance(1)
  await gate.ask()
  expect(calls()).toBe(1)
  expect(gate.failure).toBeUndefined()
})

test('backs off after our own mistakes too, and throws the same error again', async () => {
  const { calls, failWith, refusal } = setUp()
  const mistake = new MisconfigurationError({ kind: 'own_credentials_refused', endpoint: ENDPOINT, status: 401 })
  failWith(mistake)
  expect(await refusal()).toBe(mistake)
  expect(await refusal()).toBe(mistake)
  expect(calls()).toBe(1)
})
