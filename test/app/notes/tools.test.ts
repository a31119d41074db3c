import { expect, it } from 'vitest'
import { factsOf } from '../../../app/commands/client/report.ts'
import { createTools } from '../../../app/notes/tools.ts'

const TOKEN = {
  issuer: 'https://as.example.com',
  subject: 'ada',
  clientId: 'cli',
  scopes: ['notes:read'],
  audience: ['https://mcp.example.com/mcp'],
  principalType: 'user',
  claims: {},
} as const

it.each([
  [1_793_494_800, '2026-11-01T01:00:00.000Z'],
  [1_793_494_800.5, '2026-11-01T01:00:00.500Z'],
  [1e15, '+275760-09-13T00:00:00.000Z'],
  [Number.MAX_VALUE, '+275760-09-13T00:00:00.000Z'],
])('whoami and whoever signs in are told when a token that lasts until %s expires', async (expiresAt, text) => {
  const whoami = createTools({} as never).find(({ name }) => name === 'whoami') ?? expect.fail('no whoami')
  expect(await whoami.handler({}, { token: { ...TOKEN, expiresAt } } as never)).toMatchObject({ expiresAt: text })
  const signIn = {
    issuer: 'https://as.example.com',
    tokens: { accessToken: 'a', tokenType: 'Bearer', scopes: [], expiresAt },
  }
  expect(factsOf('https://mcp.example.com/mcp', signIn as never).expiresAt).toBe(text)
})
