import { describe, expect, test } from 'vitest'
import { createDiscovery, issuerInForce, wellKnownUrls } from '../../src/engines/discovery.ts'
import { createIntrospectionValidator } from '../../src/engines/introspection.ts'
import { issuerAndMetadata } from '../../src/engines/issuer.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { MisconfigurationError } from '../../src/errors.ts'
import { createContext, createKey, createProvider, RESOURCE, refusalOf } from './support.ts'

const ISSUER = 'https://as.example.com/tenant'
const INSERTED = 'https://as.example.com/.well-known/oauth-authorization-server/tenant'
const OIDC_INSERTED = 'https://as.example.com/.well-known/openid-configuration/tenant'
const OIDC_SUFFIX = 'https://as.example.com/tenant/.well-known/openid-configuration'
const metadata = { issuer: ISSUER, jwks_uri: 'https://as.example.com/jwks' }

function discover(handlers: Parameters<typeof createProvider>[0], options: { metadataUrl?: string } = {}) {
  const provider = createProvider(handlers)
  const { context, advance } = createContext(provider.fetch)
  const discovery = createDiscovery({ issuer: ISSUER, member: 'jwks_uri', ...options }, context)
  return { provider, discovery, advance }
}

test('asks the URL of RFC 8414 first, and then that of OpenID Connect', () => {
  expect(wellKnownUrls(ISSUER)).toEqual([INSERTED, OIDC_INSERTED, OIDC_SUFFIX])
  expect(wellKnownUrls('https://tenant.auth0.com/')).toEqual([
    'https://tenant.auth0.com/.well-known/oauth-authorization-server',
    'https://tenant.auth0.com/.well-known/openid-configuration',
  ])
})

test('skips URLs without a document and documents without the member', async () => {
  const { provider, discovery } = discover({
    [INSERTED]: () => Response.json({ issuer: ISSUER }),
    [OIDC_INSERTED]: () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
    [OIDC_SUFFIX]: () => Response.json(metadata),
  })
  expect(await discovery.get()).toEqual(metadata)
  expect(provider.urls()).toEqual([INSERTED, OIDC_INSERTED, OIDC_SUFFIX])
})

test('asks only the metadata URL when one is configured', async () => {
  const { provider, discovery } = discover(
    { [INSERTED]: () => Response.json(metadata) },
    { metadataUrl: 'https://as.example.com/metadata.json' },
  )
  const error = await refusalOf(discovery.get())
  expect(error.reason).toEqual({
    kind: 'endpoint_refused_request',
    endpoint: 'https://as.example.com/metadata.json',
    status: 404,
  })
  expect(provider.urls()).toEqual(['https://as.example.com/metadata.json'])
})

test.each([
  `${ISSUER}/`,
  'https://AS.example.com/tenant',
  'http://as.example.com/tenant',
  'https://as.example.com',
  undefined,
  [ISSUER],
])('refuses a document whose issuer is %j with metadata_mismatch', async issuer => {
  const { discovery } = discover({ [INSERTED]: () => Response.json({ ...metadata, issuer }) })
  const error = await refusalOf(discovery.get())
  expect(error).toBeInstanceOf(MisconfigurationError)
  expect(error.reason).toMatchObject({ kind: 'metadata_mismatch', endpoint: INSERTED, expected: ISSUER })
})

test('names the member that no document has', async () => {
  const { discovery } = discover({ [OIDC_SUFFIX]: () => Response.json({ issuer: ISSUER, jwks_uri: 'keys' }) })
  const error = await refusalOf(discovery.get())
  expect(error.reason).toEqual({ kind: 'metadata_incomplete', endpoint: OIDC_SUFFIX, member: 'jwks_uri' })
})

test('reports an outage, not a wrong setting, when URLs fail', async () => {
  const { provider, discovery } = discover({ [INSERTED]: () => new Response('', { status: 500 }) })
  expect((await refusalOf(discovery.get())).reason.kind).toBe('provider_failing')
  expect(provider.requests).toHaveLength(3)
})

test('reports where a document has moved to, even if other URLs have none', async () => {
  // As Django sends it, whose URLs end in a slash.
  const moved = () => new Response(null, { status: 301, headers: { location: `${OIDC_SUFFIX}/` } })
  const { discovery } = discover({ [OIDC_SUFFIX]: moved })
  const error = await refusalOf(discovery.get())
  expect(error).toBeInstanceOf(MisconfigurationError)
  expect(error.reason).toEqual({
    kind: 'metadata_moved',
    endpoint: OIDC_SUFFIX,
    location: `${OIDC_SUFFIX}/`,
    cure: `set the metadata URL to ${OIDC_SUFFIX}/, if that is your provider`,
  })
})

test.each([
  ['https://id.example.com/o/.well-known/openid-configuration', 'https://id.example.com/o'],
  ['https://id.example.com/o/.well-known/openid-configuration/', 'https://id.example.com/o'],
  ['https://id.example.com/.well-known/openid-configuration/', 'https://id.example.com'],
  ['https://id.example.com/.well-known/oauth-authorization-server/o/', 'https://id.example.com/o'],
  ['https://id.example.com/.well-known/oauth-authorization-server/a/b', 'https://id.example.com/a/b'],
])('reads the issuer from the metadata URL %s, and asks there', (configured, issuer) => {
  expect(issuerAndMetadata(configured)).toEqual({ issuer, metadataUrl: configured })
})

test('shares one request among all callers, and makes none during the back-off', async () => {
  const { provider, discovery, advance } = discover({})
  await Promise.all(Array.from({ length: 100 }, () => refusalOf(discovery.get())))
  await refusalOf(discovery.get())
  expect(provider.requests).toHaveLength(3)
  provider.handlers[INSERTED] = () => Response.json(metadata)
  advance(1)
  expect(await discovery.get()).toEqual(metadata)
})

test('doubles the wait after each failure up to 30 seconds, and waits as long as Retry-After says', async () => {
  const { provider, discovery, advance } = discover({}, { metadataUrl: INSERTED })
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    await refusalOf(discovery.get())
    const asked = provider.requests.length
    advance(seconds - 0.1)
    await refusalOf(discovery.get())
    expect(provider.requests, `${seconds} s`).toHaveLength(asked)
    advance(0.1)
  }
  provider.handlers[INSERTED] = () => new Response('', { status: 429, headers: { 'retry-after': '90' } })
  await refusalOf(discovery.get())
  const asked = provider.requests.length
  advance(89)
  await refusalOf(discovery.get())
  expect(provider.requests).toHaveLength(asked)
})

test('refreshes after an hour in the background, and keeps the old document when that fails', async () => {
  const { provider, discovery, advance } = discover({ [INSERTED]: () => Response.json(metadata) })
  await discovery.get()
  advance(3600)
  provider.handlers[INSERTED] = () => new Response('', { status: 503 })
  expect(await discovery.get()).toEqual(metadata)
  expect(provider.requests.length).toBeGreaterThan(1)
  provider.handlers[INSERTED] = () => Response.json({ ...metadata, jwks_uri: 'https://as.example.com/new' })
  await expect.poll(() => discovery.failure).toBeDefined()
  advance(60)
  await discovery.get()
  await expect.poll(async () => (await discovery.get()).jwks_uri).toBe('https://as.example.com/new')
})

describe('an issuer of which only the spelling is open', () => {
  const issuer = { oneOf: [ISSUER, `${ISSUER}/`] } as const

  test.each(issuer.oneOf)('accepts the spelling of the issuer in the metadata: %s', async named => {
    const { fetch } = createProvider({ [INSERTED]: () => Response.json({ ...metadata, issuer: named }) })
    const { context } = createContext(fetch)
    const discovery = createDiscovery({ issuer, member: 'jwks_uri', metadataUrl: INSERTED }, context)
    const inForce = issuerInForce(issuer, discovery)
    expect(inForce()).toBe(ISSUER)
    await discovery.get()
    expect(inForce()).toBe(named)
  })

  test('refuses a metadata issuer that is not one of the spellings', async () => {
    const { fetch } = createProvider({ [INSERTED]: () => Response.json({ ...metadata, issuer: `${ISSUER}//` }) })
    const discovery = createDiscovery({ issuer, member: 'jwks_uri' }, createContext(fetch).context)
    expect((await refusalOf(discovery.get())).reason).toMatchObject({ kind: 'metadata_mismatch', expected: ISSUER })
  })

  test('both engines report the spelling from the metadata, and compare with it from then on', async () => {
    const named = `${ISSUER}/`
    const endpoint = 'https://as.example.com/introspect'
    const provider = createProvider({
      [INSERTED]: () => Response.json({ ...metadata, issuer: named, introspection_endpoint: endpoint }),
      'https://as.example.com/jwks': () => Response.json({ keys: [createKey('key-1').jwk] }),
      [endpoint]: async request => {
        const iss = new URLSearchParams(await request.text()).get('token') === 'slashed' ? named : ISSUER
        return Response.json({ active: true, iss, sub: 'user-1', client_id: 'client-1', aud: RESOURCE })
      },
    })
    const { context } = createContext(provider.fetch)
    const rules = { issuer, metadataUrl: INSERTED, audience: { audience: [RESOURCE] } } as const
    const credentials = { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'secret' } as const
    const introspection = createIntrospectionValidator({ ...rules, credentials }, context)
    const jwt = createJwtValidator({ ...rules, types: null }, context)
    for (const validator of [introspection, jwt]) {
      expect(validator.issuers).toEqual([ISSUER])
      await validator.warmUp()
      expect(validator.issuers).toEqual([named])
    }
    expect((await introspection.validate('slashed')).issuer).toBe(named)
    expect((await refusalOf(introspection.validate('bare'))).reason).toEqual({
      kind: 'issuer_mismatch',
      actual: ISSUER,
      expected: [named],
    })
  })
})

test.each([
  [`${ISSUER}/`, `write the issuer as ${ISSUER}/:`],
  ['https://internal:8080/tenant', `public URL to ${ISSUER}`],
])('names the setting to change when the document is that of %s', async (issuer, cure) => {
  const { discovery } = discover({ [INSERTED]: () => Response.json({ ...metadata, issuer }) })
  expect((await refusalOf(discovery.get())).reason).toMatchObject({ cure: expect.stringContaining(cure) })
})
