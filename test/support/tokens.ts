import type { ValidatedToken } from '../../src/token-validator.ts'

/** A token as a validator would have accepted it, with some members changed. */
export function acceptedToken(changes: Partial<ValidatedToken> = {}): ValidatedToken {
  return Object.freeze({
    issuer: 'https://issuer.example',
    subject: 'user-1',
    clientId: 'client-1',
    scopes: ['notes:read'],
    audience: ['https://mcp.example.com/mcp'],
    expiresAt: 4_000_000_000,
    principalType: 'user' as const,
    claims: {},
    ...changes,
  })
}
