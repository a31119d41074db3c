import { describe, expect, it } from 'vitest'
import { refusal } from '../src/bearer/refusal.ts'
import { ConfigError } from '../src/config-error.ts'
import { toSdkError } from '../src/sdk-errors.ts'

type Errors = typeof import('../src/errors.ts')
type ClassName = (typeof names)[number]

const first: Errors = await import('../src/errors.ts')
/** As a second copy of this package in the same process has it: npm nests one where versions differ. */
const second: Errors = await import(`${'../src/errors.ts'}?copy`)

const names = [
  'MissingTokenError',
  'InvalidRequestError',
  'InvalidTokenError',
  'InvalidProofError',
  'InsufficientScopeError',
  'ValidatorUnavailableError',
  'MisconfigurationError',
] as const

const endpoint = 'https://as.example.com/introspect'
const outage = { kind: 'provider_timeout', endpoint, seconds: 5 } as const

function make(name: ClassName, errors: Errors) {
  switch (name) {
    case 'MissingTokenError':
      return new errors.MissingTokenError()
    case 'InvalidRequestError':
      return new errors.InvalidRequestError({ kind: 'token_in_query' })
    case 'InvalidTokenError':
      return new errors.InvalidTokenError({ kind: 'inactive' })
    case 'InvalidProofError':
      return new errors.InvalidProofError({ kind: 'proof_missing' })
    case 'InsufficientScopeError':
      return new errors.InsufficientScopeError(['a', 'b'], ['a'])
    case 'ValidatorUnavailableError':
      return new errors.ValidatorUnavailableError(outage, { retryAfterSeconds: 7 })
    case 'MisconfigurationError':
      return new errors.MisconfigurationError({ kind: 'own_credentials_refused', endpoint, status: 401 })
  }
}

it('the copy is another module with other classes', () => {
  for (const name of names) expect(second[name]).not.toBe(first[name])
  expect(Object.getPrototypeOf(second.InvalidTokenError)).not.toBe(first.AuthorizationError)
})

describe.each(names)('a %s of a second copy of this package', name => {
  const ours = make(name, first)
  const theirs = make(name, second)

  it('is an instance of its class in either copy, of the base, and of no other class', () => {
    for (const [error, errors] of [
      [theirs, first],
      [ours, second],
    ] as const) {
      expect(error instanceof errors.AuthorizationError).toBe(true)
      expect(names.filter(other => error instanceof errors[other])).toEqual([name])
      expect(error).toBeInstanceOf(Error)
    }
  })

  it('stands for the same outcome', () => {
    expect(first.outcomeOf(theirs)).toBe(first.outcomeOf(ours))
    expect(first.outcomeOf(theirs)).toBe(first[name].outcome)
  })

  it('is refused as one of ours is, byte for byte', () => {
    const options = { resourceMetadataUrl: 'https://mcp.example.com/.well-known/x', initialScopes: ['a'] }
    expect(refusal(theirs, 'id-1', options)).toEqual(refusal(ours, 'id-1', options))
    expect(refusal(theirs, 'id-1', options).status).toBe(theirs.status)
  })

  it('is translated for the MCP SDKs as one of ours is', async () => {
    const [one, other] = (await Promise.all([toSdkError(theirs), toSdkError(ours)])) as [Error, Error]
    expect(one.constructor).toBe(other.constructor)
    expect({ ...one }).toEqual({ ...other })
    expect(one.cause).toBe(theirs)
  })
})

it.each([
  ['a bug', new TypeError('x')],
  ['a configuration that cannot work', new ConfigError([])],
  ['an object that looks like one', { name: 'InvalidTokenError', status: 401, outcome: 'invalid_token', reason: {} }],
  ['undefined', undefined],
  ['null', null],
  ['a text', 'InvalidTokenError'],
])('%s is an instance of none of the classes, and answered 500', (_what, value) => {
  expect(value instanceof first.AuthorizationError).toBe(false)
  expect(names.filter(name => value instanceof first[name])).toEqual([])
  expect(first.outcomeOf(value)).toBeUndefined()
  const { status, body } = refusal(value, 'id-1', { resourceMetadataUrl: '', initialScopes: [] })
  expect(status).toBe(500)
  expect(body).toEqual({ error: 'server_error', error_description: 'Internal error.', request_id: 'id-1' })
})
