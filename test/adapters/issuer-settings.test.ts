import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createProviders } from '../../auth/providers.ts'
import { loadConfiguration } from '../../config/load.ts'
import { createOidcEmulator, type OidcEmulatorOptions } from '../../emulators/oidc.ts'
import { ConfigError } from '../../src/config-error.ts'
import { createContext, NOW, refusalOf } from '../engines/support.ts'

const PUBLIC = 'https://id.example.com/realms/acme'
const INTERNAL = 'http://keycloak:8080'
const METADATA = '/.well-known/openid-configuration'
const PUBLIC_URL = 'https://mcp.example.com'

/** Keycloak behind a proxy: it calls itself by its public name, and is reachable here by its name inside only. */
function insideOnly(
  changes: (metadata: Record<string, unknown>) => object = () => ({}),
  options: OidcEmulatorOptions = {},
) {
  const emulator = createOidcEmulator({
    product: 'keycloak',
    origin: 'https://id.example.com',
    now: () => NOW * 1000,
    ...options,
  })
  const asked: string[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    const { origin, pathname } = new URL(request.url)
    asked.push(origin + pathname)
    if (origin !== INTERNAL) throw new TypeError('fetch failed', { cause: { code: 'ENOTFOUND' } })
    const body = request.method === 'POST' ? await request.text() : undefined
    const { method, headers } = request
    const answer = await emulator.fetch(`https://id.example.com${pathname}`, { method, headers, body })
    if (!pathname.includes('/.well-known/') || !answer.ok) return answer
    const metadata = (await answer.json()) as Record<string, unknown>
    return Response.json({ ...metadata, ...changes(metadata) })
  }
  return { emulator, fetch, asked }
}

const internalEndpoints = (metadata: Record<string, unknown>) =>
  Object.fromEntries(
    ['jwks_uri', 'introspection_endpoint'].map(member => [
      member,
      String(metadata[member]).replace('https://id.example.com', INTERNAL),
    ]),
  )

function validatorOf(env: Record<string, string>, fetch: typeof globalThis.fetch) {
  const { providers, resource, settings, warnings } = loadConfiguration({ PUBLIC_URL, ...env })
  const { context, seen } = createContext(fetch, { resource, insecureHosts: settings.AUTH_INSECURE_HOSTS })
  return { validator: createProviders(providers, context).validator, seen, warnings }
}

/** Problems by setting; fails when there are none. */
function problems(env: Record<string, string>): Record<string, string> {
  try {
    loadConfiguration({ PUBLIC_URL, ...env })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return Object.fromEntries(error.problems.map(({ setting, problem }) => [setting, problem]))
  }
  return expect.fail('the configuration was accepted')
}

const INSIDE = {
  AUTH_PROVIDER: 'oidc',
  OIDC_METADATA_URL: `${INTERNAL}/realms/acme${METADATA}`,
  OIDC_ISSUER: PUBLIC,
  AUTH_INSECURE_HOSTS: 'keycloak',
}

describe('an issuer apart from the place of its metadata', () => {
  it('is accepted, published, and what identities are kept under, with endpoints inside the network', async () => {
    const { emulator, fetch } = insideOnly(internalEndpoints)
    const { validator } = validatorOf(INSIDE, fetch)
    expect(await validator.validate(await emulator.mint())).toMatchObject({ issuer: PUBLIC, clientId: 'native' })
    expect(validator.issuers).toEqual([PUBLIC])
  })

  it('may be asked at the URL that the well-known places follow from', async () => {
    const { emulator, fetch, asked } = insideOnly(internalEndpoints)
    const { validator } = validatorOf({ ...INSIDE, OIDC_METADATA_URL: `${INTERNAL}/realms/acme` }, fetch)
    expect(await validator.validate(await emulator.mint())).toMatchObject({ issuer: PUBLIC })
    expect(asked.every(url => url.startsWith(INTERNAL))).toBe(true)
  })

  it('has its keys at the place that the settings name, where the metadata names a public one', async () => {
    const { emulator, fetch } = insideOnly()
    const { validator } = validatorOf(INSIDE, fetch)
    const reason = (await refusalOf(validator.validate(await emulator.mint()))).reason
    expect(reason).toMatchObject({ kind: 'provider_unreachable', endpoint: `${PUBLIC}/protocol/openid-connect/certs` })

    const OIDC_JWKS_URI = `${INTERNAL}/realms/acme/protocol/openid-connect/certs`
    const { validator: other } = validatorOf({ ...INSIDE, OIDC_JWKS_URI }, fetch)
    expect(await other.validate(await emulator.mint())).toMatchObject({ issuer: PUBLIC })
  })

  it('is compared byte for byte with the document and with tokens', async () => {
    const { emulator, fetch } = insideOnly(internalEndpoints)
    const { validator } = validatorOf({ ...INSIDE, OIDC_ISSUER: `${PUBLIC}/` }, fetch)
    const token = await emulator.mint({ claims: { iss: `${PUBLIC}/` } })
    expect((await refusalOf(validator.validate(token))).reason).toMatchObject({
      kind: 'metadata_mismatch',
      expected: `${PUBLIC}/`,
      actual: PUBLIC,
    })
    const { validator: right } = validatorOf(INSIDE, fetch)
    expect((await refusalOf(right.validate(token))).reason).toMatchObject({ kind: 'issuer_mismatch' })
    const inside = await emulator.mint({ claims: { iss: `${INTERNAL}/realms/acme` } })
    expect((await refusalOf(right.validate(inside))).reason).toMatchObject({ kind: 'issuer_mismatch' })
  })

  it('is the one at an introspection endpoint, too', async () => {
    const { emulator, fetch } = insideOnly(internalEndpoints, { tokens: 'opaque' })
    const { validator } = validatorOf(
      {
        AUTH_PROVIDER: 'introspection',
        INTROSPECTION_METADATA_URL: INSIDE.OIDC_METADATA_URL,
        INTROSPECTION_ISSUER: PUBLIC,
        INTROSPECTION_CLIENT_ID: 'introspector',
        INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
        AUTH_INSECURE_HOSTS: 'keycloak:8080',
      },
      fetch,
    )
    expect(await validator.validate(await emulator.mint())).toMatchObject({ issuer: PUBLIC })
  })

  it('is enough by itself, as the metadata URL is', async () => {
    const emulator = createOidcEmulator({
      product: 'keycloak',
      origin: 'https://id.example.com',
      now: () => NOW * 1000,
    })
    const { validator } = validatorOf({ AUTH_PROVIDER: 'oidc', OIDC_ISSUER: PUBLIC }, emulator.fetch)
    expect(await validator.validate(await emulator.mint())).toMatchObject({ issuer: PUBLIC })
    expect(problems({ AUTH_PROVIDER: 'oidc' })).toEqual({
      OIDC_METADATA_URL:
        'is not set. The OpenID provider needs it for metadataUrl, unless AUTH_METADATA_URL is set: URL of the metadata document, or the issuer; both are accepted.',
    })
  })
})

describe('keys without metadata', () => {
  const KEYS = 'https://id.example.com/realms/acme/protocol/openid-connect/certs'

  it('are fetched where the settings say, and nothing else is', async () => {
    const emulator = createOidcEmulator({
      product: 'keycloak',
      origin: 'https://id.example.com',
      now: () => NOW * 1000,
    })
    const { validator } = validatorOf(
      { AUTH_PROVIDER: 'oidc', OIDC_ISSUER: PUBLIC, OIDC_JWKS_URI: KEYS },
      emulator.fetch,
    )
    expect(await validator.validate(await emulator.mint())).toMatchObject({ issuer: PUBLIC })
    expect(emulator.requests.map(({ path }) => path)).toEqual([new URL(KEYS).pathname])
  })

  it('need an issuer, because nothing tells whether it ends in a slash', () => {
    const env = { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: PUBLIC + METADATA, OIDC_JWKS_URI: KEYS }
    expect(problems(env)).toEqual({ OIDC_ISSUER: expect.stringContaining('is needed beside jwksUri') })
  })
})

describe('tokens whose iss is not the issuer of the metadata', () => {
  const TRUST = 'http://id.example.com/adfs/services/trust'
  const env = { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: PUBLIC + METADATA, OIDC_ACCESS_TOKEN_ISSUER: TRUST }
  const emulate = () =>
    createOidcEmulator({ product: 'keycloak', origin: 'https://id.example.com', now: () => NOW * 1000 })

  it('are accepted, under the issuer that is published', async () => {
    const emulator = emulate()
    const { validator } = validatorOf(env, emulator.fetch)
    const token = await emulator.mint({ claims: { iss: TRUST } })
    expect(await validator.validate(token)).toMatchObject({ issuer: PUBLIC, clientId: 'native' })
    expect(validator.issuers).toEqual([PUBLIC])
    expect(validator.answersFor?.(TRUST)).toBe(true)
  })

  it('are the only ones: what carries the issuer of the metadata is an ID token', async () => {
    const emulator = emulate()
    const { validator } = validatorOf(env, emulator.fetch)
    expect((await refusalOf(validator.validate(await emulator.mint()))).reason).toMatchObject({
      kind: 'issuer_mismatch',
      actual: PUBLIC,
      expected: [TRUST],
    })
    const other = await emulator.mint({ claims: { iss: `${TRUST}/` } })
    expect((await refusalOf(validator.validate(other))).reason).toMatchObject({ kind: 'issuer_mismatch' })
  })

  it('are told apart from those of another provider beside it', async () => {
    const emulator = emulate()
    const demo = { AUTH_SERVER_URL: 'https://as.example.com', DEMO_RS_CLIENT_SECRET: 'a-secret-of-16-letters' }
    const settings = {
      ...env,
      ...demo,
      AUTH_PROVIDER: 'demo,oidc',
      DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on',
      AUTH_MODE: 'separate',
    }
    const { validator } = validatorOf(settings, emulator.fetch)
    expect(await validator.validate(await emulator.mint({ claims: { iss: TRUST } }))).toMatchObject({ issuer: PUBLIC })
  })

  it('are so at an introspection endpoint, where the answer names one', async () => {
    const emulator = createOidcEmulator({ origin: 'https://as.example.com', tokens: 'opaque', now: () => NOW * 1000 })
    const { validator } = validatorOf(
      {
        AUTH_PROVIDER: 'introspection',
        INTROSPECTION_METADATA_URL: 'https://as.example.com',
        INTROSPECTION_ACCESS_TOKEN_ISSUER: TRUST,
        INTROSPECTION_CLIENT_ID: 'introspector',
        INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
      },
      emulator.fetch,
    )
    const token = await emulator.mint({ claims: { iss: TRUST } })
    expect(await validator.validate(token)).toMatchObject({ issuer: 'https://as.example.com' })
    const reason = (await refusalOf(validator.validate(await emulator.mint()))).reason
    expect(reason).toMatchObject({ kind: 'issuer_mismatch', expected: [TRUST] })
  })
})

describe('plain http', () => {
  const http = { ...INSIDE, AUTH_INSECURE_HOSTS: '' }

  it.each([
    ['no host', ''],
    ['another host', 'authentik'],
    ['another port', 'keycloak:80'],
    ['a name that ends so', 'cloak'],
    ['a name below', 'id.keycloak'],
  ])('stops the start where %s is named', (_what, AUTH_INSECURE_HOSTS) => {
    expect(problems({ ...http, AUTH_INSECURE_HOSTS })).toEqual({
      OIDC_METADATA_URL: expect.stringMatching(
        /^must be a URL that starts with https:.*name it in AUTH_INSECURE_HOSTS/,
      ),
    })
  })

  it.each(['http://keycloak', 'keycloak/realms', '*', '*.internal', 'user@keycloak'])('has no switch like %s', host => {
    expect(problems({ ...http, AUTH_INSECURE_HOSTS: host })).toMatchObject({
      AUTH_INSECURE_HOSTS: expect.stringContaining('must be host names'),
    })
  })

  it('is told of at every start', () => {
    const { warnings } = loadConfiguration({ PUBLIC_URL, ...INSIDE })
    expect(warnings).toMatchObject([
      {
        setting: 'AUTH_INSECURE_HOSTS',
        problem: expect.stringContaining('over http: whoever can change that traffic'),
      },
    ])
  })

  it('is refused for what the metadata names at a host that is not named', async () => {
    const { emulator, fetch, asked } = insideOnly(() => ({ jwks_uri: 'http://elsewhere:8080/certs' }))
    const { validator } = validatorOf(INSIDE, fetch)
    expect((await refusalOf(validator.validate(await emulator.mint()))).reason).toMatchObject({
      endpoint: 'http://elsewhere:8080/certs',
      expected: 'https:',
      cure: expect.stringContaining('AUTH_INSECURE_HOSTS'),
    })
    expect(asked.filter(url => url.includes('elsewhere'))).toEqual([])
  })

  it.each([
    ['OIDC_JWKS_URI', { AUTH_PROVIDER: 'oidc', OIDC_ISSUER: PUBLIC }],
    ['OKTA_METADATA_URL', { AUTH_PROVIDER: 'okta' }],
    [
      'INTROSPECTION_ENDPOINT',
      {
        AUTH_PROVIDER: 'introspection',
        INTROSPECTION_ISSUER: PUBLIC,
        INTROSPECTION_CLIENT_ID: 'introspector',
        INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
      },
    ],
  ])('in %s is refused by the same rule', (setting, env) => {
    expect(problems({ ...env, [setting]: 'http://elsewhere/oauth2/default' })).toMatchObject({
      [setting]: expect.stringContaining('AUTH_INSECURE_HOSTS'),
    })
  })
})

describe('services', () => {
  const env = {
    AUTH_PROVIDER: 'oidc',
    OIDC_METADATA_URL: PUBLIC + METADATA,
    OIDC_SERVICE_CLAIMS: 'login=machine-{client_id}, idtyp=app',
  }
  const emulator = createOidcEmulator({ product: 'keycloak', origin: 'https://id.example.com', now: () => NOW * 1000 })
  const { validator } = validatorOf(env, emulator.fetch)
  const typeOf = async (claims: object) =>
    (await validator.validate(await emulator.mint({ claims: { sub: 'f3', azp: 'machine', ...claims } }))).principalType

  it.each([
    ['the user name that its client has', { login: 'machine-machine' }],
    ['another claim', { idtyp: 'app' }],
    ['a list that holds it', { idtyp: ['user', 'app'] }],
    ['the account that Keycloak gives them, too', { preferred_username: 'service-account-machine', sid: undefined }],
    ['no mark, and the client for a subject', { sub: 'machine' }],
  ])('are told by %s', async (_what, claims) => {
    expect(await typeOf(claims)).toBe('service')
  })

  it.each([
    ['no mark', {}],
    ['the user name of another client', { login: 'machine-other' }],
    ['a user name that only begins so', { login: 'machine-machine-2' }],
    ['another value', { idtyp: 'user' }],
    ['null', { idtyp: null }],
  ])('are not those with %s', async (_what, claims) => {
    expect(await typeOf(claims)).toBe('user')
  })

  it('have marks of claim and value', () => {
    expect(problems({ ...env, OIDC_SERVICE_CLAIMS: 'idtyp' })).toEqual({
      OIDC_SERVICE_CLAIMS: expect.stringContaining('must be pairs of claim and value'),
    })
  })
})

describe('an introspection endpoint that takes a bearer token', () => {
  const env = {
    AUTH_PROVIDER: 'introspection',
    INTROSPECTION_METADATA_URL: 'https://as.example.com',
    INTROSPECTION_AUTH_METHOD: 'bearer',
    INTROSPECTION_CLIENT_SECRET: 'an.access~token/of+ours==',
  }
  const metadata = { issuer: 'https://as.example.com', introspection_endpoint: 'https://as.example.com/introspect' }

  it('gets it in the header, and no client', async () => {
    const requests: { authorization: string | null; body: string }[] = []
    const { validator } = validatorOf(env, async (input, init) => {
      const request = new Request(input, init)
      if (request.method === 'GET') return Response.json(metadata)
      requests.push({ authorization: request.headers.get('authorization'), body: await request.text() })
      const claims = { client_id: 'native', sub: 'ada', aud: `${PUBLIC_URL}/mcp`, exp: NOW + 60 }
      return Response.json({ active: true, ...claims })
    })
    expect(await validator.validate('opaque')).toMatchObject({ subject: 'ada' })
    expect(requests).toEqual([
      { authorization: 'Bearer an.access~token/of+ours==', body: 'token_type_hint=access_token&token=opaque' },
    ])
  })

  it('is our own fault when it refuses the token', async () => {
    const { validator, seen } = validatorOf(env, async (_input, init) =>
      init?.method === 'POST' ? new Response('', { status: 401 }) : Response.json(metadata),
    )
    expect((await refusalOf(validator.validate('opaque'))).reason).toMatchObject({ kind: 'own_credentials_refused' })
    expect(JSON.stringify(seen)).not.toContain('an.access')
  })

  it('needs a token that a header can hold, and no client id; other methods need one', () => {
    expect(problems({ ...env, INTROSPECTION_CLIENT_SECRET: 'Bearer abc' })).toEqual({
      INTROSPECTION_CLIENT_SECRET: expect.stringContaining('must hold an access token alone'),
    })
    expect(problems({ ...env, INTROSPECTION_AUTH_METHOD: '', INTROSPECTION_CLIENT_SECRET: '' })).toMatchObject({
      INTROSPECTION_CLIENT_ID: expect.stringMatching(/^is not set\. The introspection endpoint needs it for clientId/),
      INTROSPECTION_CLIENT_SECRET: expect.stringContaining('is not set'),
    })
  })
})

describe('the metadata URL', () => {
  it('may end in a slash', async () => {
    const emulator = createOidcEmulator({
      product: 'keycloak',
      origin: 'https://id.example.com',
      now: () => NOW * 1000,
    })
    const slash: typeof fetch = (input, init) =>
      emulator.fetch(String(input instanceof Request ? input.url : input).replace(/\/$/, ''), init)
    const { validator } = validatorOf({ AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: `${PUBLIC}${METADATA}/` }, slash)
    expect(await validator.validate(await emulator.mint())).toMatchObject({ issuer: PUBLIC })
  })
})

describe('a file of certificate authorities', () => {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each([
    ['is not there', undefined, 'cannot be read (ENOENT)'],
    ['holds something else', 'no certificate', 'does not hold certificates'],
    [
      'holds a broken one',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'does not hold certificates',
    ],
  ])('stops the start when it %s', (_what, content, problem) => {
    const path = join(folder, 'ca.pem')
    if (content !== undefined) writeFileSync(path, content)
    expect(problems({ AUTH_PROVIDER: 'oidc', OIDC_ISSUER: PUBLIC, AUTH_CA_FILE: path })).toEqual({
      AUTH_CA_FILE: expect.stringContaining(problem),
    })
  })
})
