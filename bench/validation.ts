import { generateKeyPairSync, hash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { JwtVerifier } from 'aws-jwt-verify'
import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier } from 'fast-jwt'
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import { presentedToken } from '../src/bearer/credentials.ts'
import { createJwtValidator } from '../src/engines/jwt.ts'
import type { TokenValidator } from '../src/token-validator.ts'
import { type BenchSection, type Measurement, ratio } from './report.ts'
import { type Candidate, measure } from './rounds.ts'

const ISSUER = 'https://as.example.com/'
const RESOURCE = 'https://mcp.example.com/mcp'
const DISTINCT_TOKENS = 256
const CACHED_PER_ROUND = 4000
const IN_FLIGHT = 32

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const keySet = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'key-1', alg: 'RS256', use: 'sig' }] }
const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()

/** One validation, cached and not, beside other libraries on the same token. */
export async function run(): Promise<BenchSection> {
  const tokens = await Promise.all(Array.from({ length: DISTINCT_TOKENS }, (_, n) => mint(n)))
  const keyServer = await serveKeys()
  try {
    const cached = await measureCached(tokens[0] as string)
    const sequential = await measureUncached(tokens, keyServer.url, 1)
    const concurrent = await measureUncached(tokens, keyServer.url, IN_FLIGHT)
    const pick = (from: Map<string, Measurement>, name: string) => from.get(name) as Measurement
    const against = (from: Map<string, Measurement>, name: string, base: string) =>
      ratio(pick(from, name), pick(from, base))
    return {
      title: 'validation: one access token (RS256), cached and not',
      method: `CPU of the process. A token of ${tokens[0]?.length} characters, for each operation a fresh string cut from a header.`,
      measurements: [...cached.values(), ...sequential.values(), ...concurrent.values()],
      targets: [
        {
          name: 'cached, against bare hash and look-up',
          actual: against(cached, 'idplug, cached', 'bare crypto.hash + lru-cache get'),
          limit: 1.3,
        },
        {
          name: 'cached, against fast-jwt cached',
          actual: against(cached, 'idplug, cached', 'fast-jwt, cached'),
          limit: 0.55,
        },
        {
          name: 'uncached, against jose with local keys',
          actual: against(sequential, 'idplug', 'jose, local key set'),
          limit: 1.15,
        },
        {
          name: `the same, ${IN_FLIGHT} in flight`,
          actual: against(concurrent, `idplug, ${IN_FLIGHT} in flight`, `jose, local key set, ${IN_FLIGHT} in flight`),
          limit: 1.15,
        },
      ],
    }
  } finally {
    keyServer.close()
  }
}

async function measureCached(token: string): Promise<Map<string, Measurement>> {
  const validator = createValidator()
  const expected = await validator.validate(token)
  const bare = new LRUCache<string, object>({ max: 10_000 })
  bare.set(hash('sha256', token, 'base64'), expected)
  const fastJwt = createVerifier({ key: publicPem, cache: true, allowedIss: ISSUER, allowedAud: RESOURCE })
  fastJwt(token)
  const headers = () => Array.from({ length: CACHED_PER_ROUND }, () => copyOf(`Bearer ${token}`))
  const slices = () => headers().map(header => header.slice('Bearer '.length))
  return measure(
    [
      {
        name: 'bare crypto.hash + lru-cache get',
        prepare: slices,
        run: copies => {
          for (const copy of copies) if (!bare.get(hash('sha256', copy, 'base64'))) throw new Error('not found')
        },
      },
      {
        name: 'idplug, cached',
        prepare: headers,
        run: async fresh => {
          for (const authorization of fresh) {
            const validated = await validator.validate(
              presentedToken({ authorization, authorizationCount: 1, url: '/mcp' }, 'Bearer'),
            )
            if (validated !== expected) throw new Error('not from the cache')
          }
        },
      },
      {
        name: 'fast-jwt, cached',
        prepare: slices,
        run: copies => {
          for (const copy of copies) fastJwt(copy)
        },
      },
    ],
    { rounds: 25, warmUps: 5, unit: 'µs CPU' },
  )
}

async function measureUncached(
  tokens: readonly string[],
  jwksUri: string,
  inFlight: number,
): Promise<Map<string, Measurement>> {
  const suffix = inFlight === 1 ? '' : `, ${inFlight} in flight`
  const candidate = (name: string, validate: (token: string) => unknown): Candidate => ({
    name: name + suffix,
    prepare: () => Array.from({ length: 4 }, () => tokens.map(copyOf)).flat(),
    run: copies => drain(copies, inFlight, validate),
  })
  // One entry, so that no round finds what another left behind.
  const validator = createValidator({ cacheMaxEntries: 1 })
  const localKeys = createLocalJWKSet(keySet)
  const expected = { issuer: ISSUER, audience: RESOURCE, algorithms: ['RS256'] }
  const fastJwt = createVerifier({
    key: publicPem,
    cache: false,
    algorithms: ['RS256'],
    allowedIss: ISSUER,
    allowedAud: RESOURCE,
  })
  const aws = JwtVerifier.create({ issuer: ISSUER, audience: RESOURCE, jwksUri })
  aws.cacheJwks(keySet as Parameters<typeof aws.cacheJwks>[0])
  const middleware = auth({ issuer: ISSUER, audience: RESOURCE, jwksUri })
  return measure(
    [
      candidate('idplug', token => validator.validate(token)),
      candidate('jose, local key set', token => jwtVerify(token, localKeys, expected)),
      candidate('fast-jwt', token => fastJwt(token)),
      candidate('aws-jwt-verify', token => aws.verify(token)),
      candidate('express-oauth2-jwt-bearer', token => runMiddleware(middleware, token)),
    ],
    { rounds: 15, warmUps: 4, unit: 'µs CPU' },
  )
}

async function drain(tokens: readonly string[], inFlight: number, validate: (token: string) => unknown): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < tokens.length) await validate(tokens[next++] as string)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}

function createValidator(options: { cacheMaxEntries?: number } = {}): TokenValidator {
  return createJwtValidator(
    { issuer: ISSUER, jwksUri: 'https://as.example.com/jwks', audience: { audience: [RESOURCE] }, types: ['at+jwt'] },
    { resource: RESOURCE, fetch: async () => Response.json(keySet), now: Date.now, ...options },
  )
}

function runMiddleware(middleware: ReturnType<typeof auth>, token: string): Promise<void> {
  const headers = { host: 'mcp.example.com', authorization: `Bearer ${token}` }
  const request = {
    method: 'POST',
    protocol: 'https',
    url: '/mcp',
    headers,
    query: {},
    is: () => false,
    get: () => headers.host,
  }
  return new Promise((resolve, reject) => {
    const next = (error?: unknown) => (error ? reject(error) : resolve())
    middleware(request as never, {} as never, next)
  })
}

/** A string of its own: an engine remembers the hash of a string that it has seen. */
function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function mint(serial: number): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({
    client_id: 'aZ3kP0qLmN8sT5vW2xY7bC4dE6fG1hJ9',
    scope: 'notes:read notes:write notes:admin openid profile email offline_access',
    jti: `token-${serial}`,
    auth_time: now - 60,
    email: 'someone.with.a.name@example.com',
    groups: ['engineering', 'on-call'],
  })
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'key-1' })
    .setIssuer(ISSUER)
    .setAudience(RESOURCE)
    .setSubject('auth0|65f1c0de4b3a29d8e7f60123')
    .setIssuedAt(now)
    .setExpirationTime(now + 3600)
    .sign(privateKey)
}

async function serveKeys(): Promise<{ url: string; close(): void }> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(keySet))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    close: () => server.close(),
  }
}
