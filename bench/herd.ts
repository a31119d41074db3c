import { generateKeyPairSync } from 'node:crypto'
import { createIntrospectionValidator } from '../src/engines/introspection.ts'
import { createJwtValidator } from '../src/engines/jwt.ts'
import { InvalidTokenError, ValidatorUnavailableError } from '../src/errors.ts'
import type { BenchSection } from './report.ts'

const ISSUER = 'https://as.example.com'
const RESOURCE = 'https://mcp.example.com/mcp'
const HERD = 1000
const UNKNOWN_KEYS = 10_000

/** How often a crowd makes us ask the provider. Counts, not times: the provider is a function and the clock is ours. */
export async function run(): Promise<BenchSection> {
  return {
    title: 'herd: calls to the provider',
    method: 'Counts of requests that reached the provider.',
    measurements: [],
    targets: [
      { name: `${HERD} concurrent requests with one new token`, actual: await countIntrospections(), limit: 1 },
      { name: `${UNKNOWN_KEYS} unknown key ids in a minute`, actual: await countKeyFetches(), limit: 17 },
    ],
  }
}

async function countIntrospections(): Promise<number> {
  let calls = 0
  const validator = createIntrospectionValidator(
    {
      issuer: ISSUER,
      introspectionEndpoint: `${ISSUER}/introspect`,
      audience: { audience: [RESOURCE] },
      credentials: { method: 'client_secret_basic', clientId: 'mcp-server', clientSecret: 'secret' },
    },
    {
      resource: RESOURCE,
      now: Date.now,
      fetch: async () => {
        calls++
        await new Promise(setImmediate)
        return Response.json({ active: true, sub: 'user-1', client_id: 'client-1', aud: RESOURCE })
      },
    },
  )
  await Promise.all(Array.from({ length: HERD }, () => validator.validate('one-new-token')))
  return calls
}

async function countKeyFetches(): Promise<number> {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  let fetches = 0
  let now = Date.now()
  const validator = createJwtValidator(
    { issuer: ISSUER, jwksUri: `${ISSUER}/jwks`, audience: { audience: [RESOURCE] }, types: ['at+jwt'] },
    {
      resource: RESOURCE,
      now: () => now,
      fetch: async () => {
        fetches++
        await new Promise(setImmediate)
        return Response.json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'known' }] })
      },
    },
  )
  await validator.warmUp()
  now += 45_000
  fetches = 0
  const pending: Promise<void>[] = []
  for (let n = 0; n < UNKNOWN_KEYS; n++) {
    now += 60_000 / UNKNOWN_KEYS
    pending.push(validator.validate(unknownKeyToken(n)).then(failAccepted, expectRefused))
    if (n % 100 === 0) await new Promise(setImmediate)
  }
  await Promise.all(pending)
  return fetches
}

function unknownKeyToken(serial: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'ES256', typ: 'at+jwt', kid: `unknown-${serial}` })}.${part({ iss: ISSUER })}.AAAA`
}

function failAccepted(): never {
  throw new Error('a token under an unknown key was accepted')
}

/** Refused, or told to come again: the key might be published by now. */
function expectRefused(error: unknown): void {
  if (error instanceof InvalidTokenError && error.reason.kind === 'key_unknown') return
  if (error instanceof ValidatorUnavailableError && error.reason.kind === 'key_not_fetched') return
  throw error
}
