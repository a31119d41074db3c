import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { InvalidTokenError } from '../../src/errors.ts'
import type { TokenValidator } from '../../src/token-validator.ts'
import { type ApiKey, apiKeyIssuer, createApiKeyValidator, withApiKeys } from '../../src/validators/api-keys.ts'
import { createContext, NOW, RESOURCE, refusalOf } from '../engines/support.ts'

const KEY = `idplug_${'k'.repeat(43)}`

function validatorWith(entry: Partial<ApiKey> = {}, key = KEY) {
  const known: ApiKey = {
    id: 'ci',
    sha256: hash('sha256', key, 'hex'),
    owner: 'ci@acme',
    scopes: ['notes:read'],
    ...entry,
  }
  const keys = new Map([[known.sha256, known]])
  const { context, advance } = createContext(fetch)
  return { keys, advance, validator: createApiKeyValidator(sha256 => keys.get(sha256), context) }
}

describe('an API key', () => {
  it('is its owner with its scopes, vouched for by this server', async () => {
    expect(await validatorWith().validator.validate(KEY)).toEqual({
      issuer: apiKeyIssuer(RESOURCE),
      subject: 'ci@acme',
      clientId: 'ci',
      scopes: ['notes:read'],
      audience: [RESOURCE],
      expiresAt: NOW + 60,
      principalType: 'service',
      claims: {},
    })
  })

  it('counts no more once it is off the list', async () => {
    const { keys, validator } = validatorWith()
    await validator.validate(KEY)
    keys.clear()
    expect((await refusalOf(validator.validate(KEY))).reason).toEqual({ kind: 'inactive' })
  })

  it('ends at its time, to the second', async () => {
    const { validator, advance } = validatorWith({ expiresAt: NOW + 10 })
    expect((await validator.validate(KEY)).expiresAt).toBe(NOW + 10)
    advance(10)
    expect((await refusalOf(validator.validate(KEY))).reason).toMatchObject({ kind: 'expired' })
  })

  it.each([
    ['another key', `idplug_${'x'.repeat(43)}`, 'inactive'],
    ['the prefix alone', 'idplug_', 'token_malformed'],
    ['a key with more behind it', `${KEY}k`, 'token_malformed'],
    ['its own hash', `idplug_${hash('sha256', KEY, 'hex')}`, 'token_malformed'],
    ['one in other letters', KEY.toUpperCase(), 'token_malformed'],
  ])('is not %s', async (_label, text, kind) => {
    const error = await refusalOf(validatorWith().validator.validate(text))
    expect(error).toBeInstanceOf(InvalidTokenError)
    expect(error.reason.kind).toBe(kind)
    expect(error.message).not.toContain(text)
  })
})

describe('API keys beside a provider', () => {
  it('are shown to no provider, and its tokens are looked up nowhere else', async () => {
    const shown: string[] = []
    const provider = {
      issuers: ['https://id.example.com'],
      warmUp: async () => {},
      validate: async (token: string) => void shown.push(token),
    } as unknown as TokenValidator
    const { validator } = validatorWith()
    const both = withApiKeys(provider, validator, { resource: RESOURCE })
    expect(both.issuers).toEqual(['https://id.example.com'])
    await both.validate(KEY)
    await refusalOf(both.validate('idplug_nonsense'))
    await both.validate('a-token')
    expect(shown).toEqual(['a-token'])
  })
})
