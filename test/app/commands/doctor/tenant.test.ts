import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import type { FindingCode } from '../../../../app/commands/doctor/catalogue/index.ts'
import { createAuth0Emulator } from '../../../../emulators/auth0.ts'
import { createAzureEmulator } from '../../../../emulators/azure.ts'
import { createGoogleEmulator, googleDefaults } from '../../../../emulators/google.ts'
import { createOktaEmulator } from '../../../../emulators/okta.ts'
import { broken, type Case, emulator, examine, healthy, METADATA, NOW, ORIGIN, replaced, tampered } from './world.ts'

const metadata = (changes: Record<string, unknown>) => tampered(healthy, METADATA, () => changes)
const jwks = (change: (keys: Record<string, unknown>[]) => unknown[]) =>
  tampered(healthy, '/jwks', ({ keys }) => ({ keys: change(keys as Record<string, unknown>[]) }))

const auth0 = (options = {}) => createAuth0Emulator({ origin: 'https://acme.eu.auth0.com', now: () => NOW, ...options })
const AUTH0 = {
  AUTH_PROVIDER: 'auth0',
  AUTH0_DOMAIN: 'acme.eu.auth0.com',
  AUTH_METADATA_URL: undefined,
}
/** An Auth0 tenant with everything that its toggles offer. */
const auth0Complete = (options = {}) =>
  tampered(
    auth0({ clientIdMetadataDocuments: true, issuerInResponses: true, ...options }).fetch,
    METADATA,
    // Whether Auth0 lists none once documents are on is not known.
    () => ({ token_endpoint_auth_methods_supported: ['client_secret_post', 'none'] }),
  )
const auth0Api = (scopes: string[]) => [{ identifier: 'https://mcp.example.com/mcp', scopes }]
const ALL = ['notes:read', 'notes:write', 'notes:admin']
const machine = { clientId: 'machine', clientSecret: 'machine-secret' }
const native = { clientId: 'native', redirectUri: 'http://localhost:8766/callback' }

const rsa = (modulusLength: number) => {
  return generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' })
}

const USERINFO = {
  AUTH_PROVIDER: 'userinfo',
  USERINFO_CLIENT_IDS: 'native',
  USERINFO_GRANT_SCOPES: 'notes:read',
  USERINFO_GRANT_TO: 'everyone',
}

/** One mistake each, and the only thing that may be found then. */
const mistakes: Partial<Record<FindingCode, Case>> = {
  'config.no_effect': { settings: { OKTA_DOMAIN: 'acme.okta.com' } },
  'config.resource_local': { settings: { PUBLIC_URL: undefined } },
  'config.user_name_subject': { settings: { OIDC_SUBJECT_CLAIM: 'username' } },
  'config.any_client': {
    settings: {
      ...USERINFO,
      USERINFO_CLIENT_IDS: undefined,
      USERINFO_DANGEROUSLY_ACCEPT_TOKENS_OF_ANY_CLIENT: 'true',
    },
  },
  'config.insecure_hosts': {
    settings: {
      AUTH_METADATA_URL: `http://keycloak:8080${METADATA}`,
      OIDC_ISSUER: ORIGIN,
      AUTH_INSECURE_HOSTS: 'keycloak',
    },
    fetch: (input, init) => healthy(String(input).replace('http://keycloak:8080', ORIGIN), init),
  },
  'tenant.metadata_unread': {
    settings: { AUTH_METADATA_URL: undefined, OIDC_ISSUER: `${ORIGIN}/gateway`, OIDC_JWKS_URI: `${ORIGIN}/jwks` },
  },
  'tenant.unreachable': { fetch: broken('ENOTFOUND') },
  'tenant.tls_untrusted': { fetch: broken('DEPTH_ZERO_SELF_SIGNED_CERT') },
  'tenant.metadata_missing': { settings: { AUTH_METADATA_URL: `${ORIGIN}/wrong${METADATA}` } },
  'tenant.failing': { fetch: replaced(healthy, METADATA, () => new Response('', { status: 502 })) },
  'tenant.throttled': { fetch: replaced(healthy, METADATA, () => new Response('', { status: 429 })) },
  'tenant.metadata_not_json': { fetch: replaced(healthy, METADATA, () => new Response('<html>sign in</html>')) },
  'tenant.issuer_mismatch': { fetch: metadata({ issuer: 'https://other.example.com' }) },
  'tenant.issuer_slash': {
    settings: AUTH0,
    fetch: tampered(auth0Complete(), METADATA, () => ({ issuer: 'https://acme.eu.auth0.com' })),
  },
  'tenant.endpoint_missing': { fetch: metadata({ token_endpoint: undefined }) },
  'tenant.endpoint_insecure': { fetch: metadata({ token_endpoint: 'http://idp.example.com/token' }) },
  'tenant.keys_missing': { fetch: metadata({ jwks_uri: undefined }) },
  'tenant.keys_unreachable': { fetch: replaced(healthy, '/jwks', () => new Response('', { status: 404 })) },
  'tenant.keys_unusable': { fetch: jwks(keys => keys.map(key => ({ ...key, use: 'enc' }))) },
  'tenant.key_private': { fetch: jwks(keys => [...keys, { ...keys[0], kid: 'leak', d: 'c2VjcmV0' }]) },
  'tenant.key_symmetric': { fetch: jwks(keys => [...keys, { kty: 'oct', kid: 'shared', k: 'c2VjcmV0' }]) },
  'tenant.key_short': { fetch: jwks(keys => [...keys, { ...rsa(1024), kid: 'short', use: 'sig', alg: 'RS256' }]) },
  'tenant.key_without_id': { fetch: jwks(keys => [...keys, { ...rsa(2048), use: 'sig', alg: 'RS256' }]) },
  'tenant.key_id_twice': { fetch: jwks(keys => [...keys, { ...rsa(2048), kid: keys[0]?.kid, use: 'sig' }]) },
  'tenant.algorithm_unsupported': { fetch: jwks(() => [{ ...rsa(2048), kid: 'one', use: 'sig', alg: 'RS512' }]) },
  'tenant.pkce_not_advertised': { fetch: metadata({ code_challenge_methods_supported: undefined }) },
  'tenant.pkce_plain_only': { fetch: metadata({ code_challenge_methods_supported: ['plain'] }) },
  'tenant.registration_missing': {
    fetch: metadata({ client_id_metadata_document_supported: undefined, registration_endpoint: undefined }),
  },
  'tenant.cimd_without_none': {
    fetch: metadata({ token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'] }),
  },
  'tenant.cimd_missing': {
    fetch: replaced(
      metadata({ client_id_metadata_document_supported: undefined, registration_endpoint: `${ORIGIN}/register` }),
      '/register',
      () => Response.json({ error: 'invalid_redirect_uri' }, { status: 400 }),
    ),
  },
  'tenant.response_issuer_missing': { fetch: metadata({ authorization_response_iss_parameter_supported: undefined }) },
  'tenant.refresh_not_offered': { fetch: metadata({ scopes_supported: ['openid'] }) },
  'tenant.clock_skew': {
    fetch: replaced(healthy, METADATA, async answer => {
      const headers = { date: new Date(NOW - 120_000).toUTCString() }
      return new Response(await answer.text(), { headers })
    }),
  },
  'tenant.introspection_missing': {
    settings: {
      AUTH_PROVIDER: 'introspection',
      INTROSPECTION_CLIENT_ID: 'introspector',
      INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
    },
    fetch: metadata({ introspection_endpoint: undefined }),
  },
  'tenant.credentials_refused': {
    settings: {
      AUTH_PROVIDER: 'introspection',
      INTROSPECTION_CLIENT_ID: 'introspector',
      INTROSPECTION_CLIENT_SECRET: 'not the secret',
    },
  },
  'tenant.not_ready': {
    settings: {
      AUTH_PROVIDER: 'introspection',
      INTROSPECTION_CLIENT_ID: 'introspector',
      INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
    },
    fetch: replaced(healthy, '/introspect', () => new Response('', { status: 503 })),
  },
  'tenant.client_refused': { client: { clientId: 'machine', clientSecret: 'not the secret' } },
  'tenant.scope_unknown': {
    client: machine,
    fetch: replaced(healthy, '/token', () => Response.json({ error: 'invalid_scope' }, { status: 400 })),
  },
  'tenant.token_refused': {
    client: machine,
    fetch: replaced(healthy, '/token', () => Response.json({ error: 'server_error' }, { status: 400 })),
  },
  'tenant.resource_ignored': {
    settings: AUTH0,
    client: machine,
    fetch: auth0Complete({ apis: auth0Api(ALL), resourceParameterProfile: 'audience' }),
  },
  'tenant.audience_unknown': {
    settings: AUTH0,
    client: machine,
    fetch: auth0Complete({
      apis: [{ identifier: 'https://mcp.example.com/other', scopes: ALL }],
      resourceParameterProfile: 'compatibility',
    }),
  },
  'tenant.client_not_authorized': {
    settings: AUTH0,
    client: machine,
    fetch: auth0Complete({
      apis: auth0Api(ALL),
      clients: [{ clientId: 'machine', clientSecret: 'machine-secret', apis: [] }],
      resourceParameterProfile: 'compatibility',
    }),
  },
  'token.scopes_missing': {
    settings: AUTH0,
    client: machine,
    fetch: auth0Complete({ apis: auth0Api(['notes:read']), resourceParameterProfile: 'compatibility' }),
  },
  'token.long_lived': {
    settings: AUTH0,
    client: machine,
    fetch: auth0Complete({
      apis: auth0Api(ALL).map(api => ({ ...api, tokenLifetime: 2_592_000 })),
      resourceParameterProfile: 'compatibility',
    }),
  },
  'token.opaque': {
    settings: AUTH0,
    client: machine,
    fetch: replaced(auth0Complete(), '/oauth/token', () => Response.json({ access_token: auth0().mintOpaque() })),
  },
  'token.audience': {
    client: machine,
    fetch: replaced(healthy, '/token', async () => {
      const token = await emulator.mint({ user: null, claims: { aud: 'https://other.example.com' } })
      return Response.json({ access_token: token })
    }),
  },
  'token.refused': {
    client: machine,
    fetch: replaced(healthy, '/token', async () => {
      return Response.json({ access_token: await emulator.mint({ user: null, claims: { exp: 1 } }) })
    }),
  },
  'tenant.redirect_refused': { client: { ...native, redirectUri: 'http://localhost:8766/elsewhere' } },
  'tenant.redirect_port_fixed': {
    client: native,
    fetch: async (input, init) =>
      String(input).includes('49153') ? new Response('', { status: 400 }) : healthy(input, init),
  },
}

const azure = (api = {}) =>
  createAzureEmulator({
    origin: 'https://login.microsoftonline.com',
    now: () => NOW,
    api: { appIdUri: 'https://mcp.example.com/mcp', ...api },
    clients: [{ clientId: DAEMON.clientId, clientSecret: DAEMON.clientSecret, roles: ALL }],
  })
const DAEMON = { clientId: '2d4d11a2-f814-46a7-890a-274a72a7309e', clientSecret: 'daemon-secret' }
const AZURE = {
  AUTH_PROVIDER: 'azure',
  AUTH_METADATA_URL: undefined,
  AZURE_TENANT_ID: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  AZURE_CLIENT_ID: azure().api.clientId,
  AZURE_SCOPE_CLAIMS: 'scp,roles',
}
const NO_PREFIX = new URL('azure-without-prefix.json', import.meta.url).pathname
const OWN = new URL('own-adapter.json', import.meta.url).pathname
const SHARED = {
  ...AZURE,
  AZURE_TENANT_ID: 'organizations',
  AZURE_ALLOWED_TENANTS: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
}
const OKTA = { AUTH_PROVIDER: 'okta', AUTH_METADATA_URL: undefined, OKTA_DOMAIN: 'acme.okta.com' }
const GOOGLE = {
  AUTH_PROVIDER: 'google',
  AUTH_METADATA_URL: undefined,
  GOOGLE_CLIENT_IDS: googleDefaults.client.clientId,
  GOOGLE_GRANT_SCOPES: 'notes:read',
  GOOGLE_GRANT_TO: 'everyone',
}

/** What a provider lacks even when everything is set up rightly. */
const limits: Record<string, [Case, FindingCode[]]> = {
  auth0: [
    { settings: AUTH0, fetch: auth0().fetch },
    ['tenant.response_issuer_missing', 'tenant.cimd_missing', 'tenant.registration_closed'],
  ],
  azure: [
    { settings: AZURE, fetch: azure().fetch, client: DAEMON },
    ['tenant.pkce_not_advertised', 'tenant.response_issuer_missing', 'tenant.registration_missing'],
  ],
  okta: [
    {
      settings: OKTA,
      fetch: createOktaEmulator({ origin: 'https://acme.okta.com', audience: 'https://mcp.example.com/mcp' }).fetch,
    },
    ['tenant.response_issuer_missing', 'tenant.cimd_missing', 'tenant.registration_closed'],
  ],
  google: [
    { settings: GOOGLE, fetch: createGoogleEmulator({ origin: 'https://accounts.google.com' }).fetch },
    ['tenant.refresh_not_offered', 'tenant.response_issuer_missing', 'tenant.registration_missing'],
  ],
}

test.each(Object.entries(limits))('finds at %s what it lacks whatever is set up', async (_name, [world, codes]) => {
  expect((await examine(world)).map(found => found.code)).toEqual(codes)
})

/** Mistakes at Entra ID, found beside what it lacks anyway. */
const azureMistakes: Partial<Record<FindingCode, Case>> = {
  'config.scope_prefix_missing': { settings: { AUTH_PROVIDER: undefined, AUTH_CONFIG: NO_PREFIX } },
  'config.any_tenant': {
    settings: { ...SHARED, AZURE_ALLOWED_TENANTS: undefined, AZURE_DANGEROUSLY_ALLOW_ANY_TENANT: 'true' },
  },
  'tenant.issuer_template': { settings: SHARED },
  'tenant.resource_refused': {
    settings: { AZURE_APP_ID_URI: 'api://notes' },
    client: DAEMON,
    fetch: azure({ appIdUri: 'api://notes' }).fetch,
  },
  'token.version_1': { client: DAEMON, fetch: azure({ requestedAccessTokenVersion: 1 }).fetch },
}

test.each(Object.entries(azureMistakes))('finds %s at Entra ID, where that is the mistake', async (code, world) => {
  const [{ settings, fetch }, lacking] = limits.azure as [Case, FindingCode[]]
  const found = await examine({ fetch, ...world, settings: { ...settings, ...world.settings } })
  expect(found.map(item => item.code).filter(item => !lacking.includes(item))).toContain(code)
})

test('says where metadata that is redirected leads, without its query', async () => {
  const headers = { location: 'https://id.example.com/elsewhere/?token=secret' }
  const found = await examine({
    fetch: replaced(healthy, METADATA, () => new Response(null, { status: 301, headers })),
  })
  const { seen } = found.find(({ code }) => code === 'tenant.metadata_missing') ?? expect.fail('not found')
  expect(seen).toMatch(/^status 301 at .*, which leads to https:\/\/id\.example\.com\/elsewhere\/$/)
})

test('finds every mistake in the settings, each by its name', async () => {
  const found = await examine({ settings: { AUTH_PROVIDER: 'auth0', AUTH_METADATA_URL: undefined, PORT: 'many' } })
  expect(found.map(({ code }) => code)).toEqual(found.map(() => 'config.invalid'))
  expect(found.map(({ seen }) => seen.split(':')[0])).toContain('PORT')
})

test('finds config.fake_sign_in where others can reach the demo, and that is allowed', async () => {
  const AUTH_METADATA_URL = undefined
  const open = { AUTH_PROVIDER: 'demo', AUTH_METADATA_URL, AUTH_MODE: 'embedded', DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on' }
  const [first] = await examine({ settings: open, fetch: broken('ENOTFOUND') })
  expect(first).toMatchObject({
    code: 'config.fake_sign_in' satisfies FindingCode,
    severity: 'warning',
    seen: expect.stringContaining("the server's URL is https://mcp.example.com/mcp"),
  })
})

test("cures in the words of the provider's console", async () => {
  const found = await examine(mistakes['tenant.resource_ignored'])
  expect(found[0]?.cure).toContain('Resource Parameter Compatibility Profile')
})

test('says of a provider on this machine to start it, where the console has other advice', async () => {
  const settings = { ...AUTH0, AUTH0_DOMAIN: undefined, AUTH_METADATA_URL: `http://localhost:4000${METADATA}` }
  const cureOf = async (changed: Record<string, string | undefined>) => {
    const found = await examine({ settings: { ...settings, ...changed }, fetch: broken('ECONNREFUSED') })
    return found.find(({ code }) => code === 'tenant.unreachable')?.cure
  }
  expect(await cureOf({})).toMatch(/^Start the provider or emulator/)
  expect(await cureOf(AUTH0)).toMatch(/^Check AUTH0_DOMAIN/)
})

test('looks at the keys of Google only where ID tokens of service accounts are accepted', async () => {
  const keyless = tampered(createGoogleEmulator({ origin: 'https://accounts.google.com' }).fetch, METADATA, () => ({
    jwks_uri: undefined,
  }))
  const codes = async (settings: Case['settings']) =>
    (await examine({ settings, fetch: keyless })).map(({ code }) => code)
  expect(await codes(GOOGLE)).not.toContain('tenant.keys_missing')
  expect(await codes({ ...GOOGLE, GOOGLE_SERVICE_ACCOUNTS: '1' })).toContain('tenant.keys_missing')
})

test('accepts no algorithm that the validator would refuse', async () => {
  const jwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const codes = async (alg: string) => {
    return (await examine({ fetch: jwks(() => [{ ...jwk, use: 'sig', alg }]) })).map(({ code }) => code)
  }
  expect(await codes('EdDSA')).toEqual([])
  expect(await codes('Ed25519')).toEqual(['tenant.algorithm_unsupported'])
})

test('finds nothing at a provider that has everything', async () => {
  expect(await examine({ client: { ...machine, ...native, clientId: 'machine', redirectUri: undefined } })).toEqual([])
  expect(await examine({ client: native })).toEqual([])
})

test.each(Object.entries(mistakes))('finds %s, and nothing else, where that is the mistake', async (code, world) => {
  expect((await examine(world)).map(found => found.code)).toEqual([code])
})

test('names the setting for a machine whose token has no subject', async () => {
  const fetch = replaced(healthy, '/token', async () => {
    return Response.json({ access_token: await emulator.mint({ user: null, claims: { sub: undefined } }) })
  })
  const [found, ...others] = await examine({ client: machine, fetch })
  expect(found).toMatchObject({
    code: 'token.refused',
    cure: expect.stringContaining('tokensWithoutSubject (OIDC_TOKENS_WITHOUT_SUBJECT)'),
  })
  expect(others).toEqual([])
  expect(await examine({ client: machine, fetch, settings: { OIDC_TOKENS_WITHOUT_SUBJECT: 'client' } })).toEqual([])
})

test.each(['javascript:alert(1)', 'file:///etc/passwd', 'http://idp.example.com/token', '-flag'])(
  'finds an endpoint that is %s, and calls it never',
  async endpoint => {
    const asked: string[] = []
    const hostile = metadata({ token_endpoint: endpoint })
    const fetch: typeof globalThis.fetch = (input, init) => {
      asked.push(String(input))
      return hostile(input, init)
    }
    const found = await examine({ fetch, client: machine })
    expect(found.map(({ code }) => code)).toEqual(['tenant.endpoint_insecure'])
    expect(asked).not.toContain(endpoint)
  },
)

test("asks the validator alone where an adapter of one's own has no metadata", async () => {
  const settings = { AUTH_PROVIDER: undefined, AUTH_METADATA_URL: undefined, AUTH_CONFIG: OWN }
  expect(await examine({ settings })).toEqual([])
})

test('an issuer apart from the place of its metadata is no finding, with endpoints inside the network', async () => {
  const inside = 'http://keycloak:8080'
  const findings = await examine({
    settings: { AUTH_METADATA_URL: inside + METADATA, OIDC_ISSUER: ORIGIN, AUTH_INSECURE_HOSTS: 'keycloak:8080' },
    fetch: tampered(
      (input, init) => healthy(String(input).replace(inside, ORIGIN), init),
      METADATA,
      () => ({ jwks_uri: `${inside}/jwks`, token_endpoint: `${inside}/token` }),
    ),
  })
  expect(findings.map(({ code }) => code)).toEqual(['config.insecure_hosts'])
})

test('keys at the place that the settings name are looked at there', async () => {
  const findings = await examine({
    settings: { OIDC_ISSUER: ORIGIN, OIDC_JWKS_URI: `${ORIGIN}/other-keys` },
  })
  expect(findings).toMatchObject([{ code: 'tenant.keys_unreachable', seen: expect.stringContaining('/other-keys') }])
})

test('UserInfo at the place that the settings name is asked there, without metadata', async () => {
  const settings = {
    ...USERINFO,
    USERINFO_ENDPOINT: `${ORIGIN}/gateway/userinfo`,
    AUTH_METADATA_URL: `${ORIGIN}/gateway`,
  }
  const codesAt = async (status: number) => {
    const fetch: typeof globalThis.fetch = (input, init) =>
      String(input) === settings.USERINFO_ENDPOINT
        ? Promise.resolve(new Response('', { status }))
        : healthy(input, init)
    return (await examine({ settings, fetch })).map(({ code }) => code)
  }
  expect(await codesAt(401)).toEqual(['tenant.metadata_unread'])
  expect(await codesAt(404)).toEqual(['tenant.metadata_unread', 'tenant.not_ready'])
})

test('tokens that name another issuer than the metadata are no finding', async () => {
  expect(
    await examine({ settings: { OIDC_ACCESS_TOKEN_ISSUER: 'http://idp.example.com/adfs/services/trust' } }),
  ).toEqual([])
})
