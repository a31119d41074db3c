import { generateKeyPairSync } from 'node:crypto'
import { createJwtValidator } from '../src/engines/jwt.ts'
import { signJwt } from '../src/testing/sign-jwt.ts'
import type { TokenValidator } from '../src/token-validator.ts'

// Fills the cache of a validator with as many distinct tokens as the argument says, and reports what they weigh.

/** Bytes per cached token, after a full collection before and after. */
export interface MemoryReport {
  heap: number
  resident: number
}

const ISSUER = 'https://issuer.example'
const RESOURCE = 'https://mcp.example.com/mcp'
const count = Number(process.argv[2])

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }] }
const validatorOf = (cacheMaxEntries: number) =>
  createJwtValidator(
    { issuer: ISSUER, jwksUri: `${ISSUER}/jwks`, audience: { audience: [RESOURCE] }, types: ['at+jwt'] },
    {
      resource: RESOURCE,
      fetch: async () => Response.json(keys),
      now: Date.now,
      cacheMaxEntries,
      cacheSeconds: 3600,
    },
  )

const now = Math.floor(Date.now() / 1000)
const tokenOf = (subject: string) =>
  signJwt(
    { alg: 'ES256', typ: 'at+jwt', kid: 'k' },
    {
      iss: ISSUER,
      sub: subject,
      aud: RESOURCE,
      client_id: 'client',
      scope: 'notes:read notes:write',
      iat: now,
      exp: now + 7200,
      jti: `${subject}-${now}`,
    },
    privateKey,
  )

async function fill(validator: TokenValidator, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await validator.validate(tokenOf(`user-${i}`))
}

function inUse(): MemoryReport {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, resident: rss }
}

// A validator that keeps next to nothing validates as many tokens first. What they leave behind is the machinery's, most
// of it pages of V8's young generation, which grows with the garbage that validating makes and not with what is kept.
await fill(validatorOf(1000), 0, count)
const validator = validatorOf(count)
await fill(validator, 0, 1000)
const measured = count - 1000
const before = inUse()
await fill(validator, 1000, count)
const after = inUse()
process.send?.({
  heap: (after.heap - before.heap) / measured,
  resident: (after.resident - before.resident) / measured,
} satisfies MemoryReport)
process.disconnect?.()
