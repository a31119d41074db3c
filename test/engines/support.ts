import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect } from 'vitest'
import type { CompleteContext, ProviderCall } from '../../src/context.ts'
import { AuthorizationError } from '../../src/errors.ts'
import { type JsonObject, signJwt } from '../../src/testing/sign-jwt.ts'

export const RESOURCE = 'https://mcp.example.com/mcp'
export const ISSUER = 'https://as.example.com'
/** 2026-11-01T00:00:00Z, in seconds. */
export const NOW = 1_793_491_200

export type Handler = (request: Request) => Response | Promise<Response>

/** A provider by injected fetch: handlers by URL without query, 404 for the rest. Records what it is asked. */
export function createProvider(handlers: Record<string, Handler>) {
  const requests: Request[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    requests.push(request)
    const { origin, pathname } = new URL(request.url)
    return (await handlers[origin + pathname]?.(request.clone())) ?? new Response('Not Found', { status: 404 })
  }
  return { fetch, requests, handlers, urls: () => requests.map(({ url }) => url) }
}

/** Surroundings with a clock that stands still until told otherwise, and everything that observers are told. */
export function createContext(fetch: typeof globalThis.fetch, overrides: Partial<CompleteContext> = {}) {
  let now = NOW * 1000
  const seen = {
    calls: [] as Omit<ProviderCall, 'milliseconds'>[],
    lookups: [] as string[],
    warnings: [] as [string, Readonly<Record<string, unknown>>][],
  }
  const context: CompleteContext = {
    resource: RESOURCE,
    fetch,
    now: () => now,
    observer: {
      providerCall: ({ operation, outcome }) => seen.calls.push({ operation, outcome }),
      cacheLookup: outcome => seen.lookups.push(outcome),
      warning: (message, facts) => seen.warnings.push([message, facts]),
    },
    ...overrides,
  }
  const advance = (seconds: number) => {
    now += seconds * 1000
  }
  return { context, seen, advance }
}

/** The error that ends a validation; fails when there is none, or one that is not ours. */
export async function refusalOf(validation: Promise<unknown>): Promise<AuthorizationError> {
  const outcome = await validation.then(
    () => 'accepted',
    (error: unknown) => error,
  )
  expect(outcome).toBeInstanceOf(AuthorizationError)
  return outcome as AuthorizationError
}

export interface TestKey {
  alg: string
  kid: string
  privateKey: KeyObject
  /** As a key set holds it, `alg` included. */
  jwk: JsonObject
}

export function createKey(kid: string, alg = 'ES256'): TestKey {
  const { privateKey, publicKey } = keyPair(alg)
  return { alg, kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

function keyPair(alg: string) {
  switch (alg) {
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' })
    case 'EdDSA':
      return generateKeyPairSync('ed25519')
    default:
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
  }
}

/** Claims of a good RFC 9068 token. */
export const CLAIMS = {
  iss: ISSUER,
  sub: 'user-1',
  aud: RESOURCE,
  client_id: 'client-1',
  scope: 'notes:read notes:write',
  iat: NOW - 10,
  exp: NOW + 3600,
} as const

let serial = 0

/** A good token with changes: members are replaced, `undefined` ones removed. Each call makes another token. */
export function mint(key: TestKey, claims: JsonObject = {}, header: JsonObject = {}): string {
  return signJwt(
    { alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header },
    { ...CLAIMS, jti: `jti-${++serial}`, ...claims },
    key.privateKey,
  )
}
