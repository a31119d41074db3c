import { expect, test } from 'vitest'
import { createCallGate } from '../../src/engines/call-gate.ts'
import { InvalidTokenError, ValidatorUnavailableError } from '../../src/errors.ts'

const ENDPOINT = 'https://graph.example.com/groups'

function setUp() {
  let now = 1_793_491_200_000
  const gate = createCallGate(() => now)
  const calls: string[] = []
  let error: Error | undefined
  const call = (name: string) =>
    gate(async () => {
      calls.push(name)
      if (error) throw error
      return `answer to ${name}`
    })
  return {
    call,
    calls,
    failWith: (next: Error | undefined) => {
      error = next
    },
    advance: (seconds: number) => {
      now += seconds * 1000
    },
  }
}

const settled = (calls: Promise<unknown>[]) => Promise.allSettled(calls).then(all => all.map(({ status }) => status))

test('makes one call per back-off step while the endpoint fails, and every call after one succeeds', async () => {
  const { call, calls, failWith, advance } = setUp()
  failWith(new ValidatorUnavailableError({ kind: 'provider_failing', endpoint: ENDPOINT, status: 503 }))
  expect(await settled([call('a')])).toEqual(['rejected'])
  for (const seconds of [1, 2, 4]) {
    expect(new Set(await settled(['b', 'c', 'd'].map(call)))).toEqual(new Set(['rejected']))
    advance(seconds)
    const before = calls.length
    expect(new Set(await settled(['b', 'c', 'd'].map(call)))).toEqual(new Set(['rejected']))
    expect(calls.length).toBe(before + 1)
  }
  failWith(undefined)
  advance(8)
  calls.length = 0
  expect(await Promise.all(['e', 'f', 'g'].map(call))).toEqual(['answer to e', 'answer to f', 'answer to g'])
  expect(calls).toEqual(['e', 'f', 'g'])
})

test('makes no call before the time in Retry-After', async () => {
  const { call, calls, failWith, advance } = setUp()
  failWith(
    new ValidatorUnavailableError(
      { kind: 'provider_throttled', endpoint: ENDPOINT, status: 429 },
      { retryAfterSeconds: 60 },
    ),
  )
  await settled([call('a')])
  advance(20)
  await expect(call('b')).rejects.toMatchObject({ retryAfterSeconds: 40 })
  expect(calls).toEqual(['a'])
})

test('closes no gate for a refusal of a token', async () => {
  const { call, failWith, advance } = setUp()
  failWith(new ValidatorUnavailableError({ kind: 'provider_failing', endpoint: ENDPOINT, status: 503 }))
  await settled([call('a')])
  advance(1)
  failWith(new InvalidTokenError({ kind: 'inactive' }))
  await expect(call('b')).rejects.toBeInstanceOf(InvalidTokenError)
  failWith(undefined)
  expect(await call('c')).toBe('answer to c')
})
