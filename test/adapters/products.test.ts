import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { providerNamed } from '../../adapters/index.ts'
import { products } from '../../adapters/oidc/products.ts'
import { createProviders } from '../../auth/providers.ts'
import { providerVariables } from '../../config/known-names.ts'
import { loadConfiguration } from '../../config/load.ts'
import { providerFiles } from '../../config/provider-files.ts'
import { createOidcEmulator, type OidcEmulatorOptions, type OidcTokenOptions } from '../../emulators/oidc.ts'
import type { ProductName } from '../../emulators/oidc-products.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import type { TokenReason } from '../../src/reasons.ts'
import { describeTokenValidator, type RefusedChange } from '../../src/testing/contract.ts'
import { signJwt } from '../../src/testing/sign-jwt.ts'
import type { TokenValidator, ValidatedToken } from '../../src/token-validator.ts'
import { createContext, NOW, refusalOf } from '../engines/support.ts'

/** A product with its documented configuration, and what comes of its tokens. */
interface Row {
  origin: string
  env: Record<string, string>
  emulated?: OidcEmulatorOptions
  /** Scopes of good tokens, where they are not `notes:read` and `notes:write`. */
  scopes?: string[]
  idToken: RefusedChange
  otherBinding: RefusedChange
  /** What an accepted token of `ada` says. */
  user: Partial<ValidatedToken>
  /** What a client's own token says. */
  service?: Partial<ValidatedToken>
}

const ADA = '7b9f2c64-0000-4000-8000-000000000001'
const PING = '5b1f0c2e-0000-4000-8000-000000000001'
const OTHER = 'https://other.example.com/mcp'

/** Products whose access tokens are JWTs. */
const rows: Record<Exclude<ProductName, 'generic' | 'django'>, Row> = {
  keycloak: {
    origin: 'https://id.example.com',
    env: { KEYCLOAK_URL: 'https://id.example.com', KEYCLOAK_REALM: 'acme' },
    idToken: { claims: { typ: 'ID', aud: 'native' }, reason: 'id_token' },
    otherBinding: { claims: { aud: ['master-realm', 'account'] }, reason: 'oidc.audience_mismatch' },
    user: {
      issuer: 'https://id.example.com/realms/acme',
      clientId: 'native',
      audience: ['https://mcp.example.com/mcp', 'account'],
    },
  },
  cognito: {
    origin: 'https://cognito-idp.eu-central-1.amazonaws.com',
    env: {
      COGNITO_REGION: 'eu-central-1',
      COGNITO_USER_POOL_ID: 'eu-central-1_AbCdEfGhI',
      COGNITO_CLIENT_IDS: 'native, machine',
    },
    scopes: ['https://mcp.example.com/mcp/notes:read', 'https://mcp.example.com/mcp/notes:write', 'openid'],
    idToken: { claims: { token_use: 'id', aud: 'native', client_id: undefined }, reason: 'id_token' },
    otherBinding: { claims: { client_id: 'other-app' }, reason: 'client_refused' },
    user: {
      issuer: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI',
      scopes: ['notes:read', 'notes:write', 'openid'],
      audience: [],
    },
    service: { subject: 'machine', clientId: 'machine', principalType: 'service' },
  },
  workos: {
    origin: 'https://acme.authkit.app',
    env: { WORKOS_AUTHKIT_DOMAIN: 'acme.authkit.app' },
    idToken: { claims: { aud: 'native' }, reason: 'oidc.maybe_id_token' },
    otherBinding: { claims: { aud: OTHER }, reason: 'oidc.audience_mismatch' },
    user: { issuer: 'https://acme.authkit.app' },
  },
  zitadel: {
    origin: 'https://acme.zitadel.cloud',
    env: { ZITADEL_DOMAIN: 'acme.zitadel.cloud', ZITADEL_PROJECT_ID: '268932' },
    emulated: { audience: '268932' },
    scopes: ['notes:read', 'notes:write', 'urn:zitadel:iam:org:project:id:268932:aud'],
    idToken: { claims: { aud: 'native' }, reason: 'oidc.maybe_id_token' },
    otherBinding: { claims: { aud: ['native', '999999'] }, reason: 'oidc.audience_mismatch' },
    user: {
      issuer: 'https://acme.zitadel.cloud',
      audience: ['native', '268932'],
      scopes: ['notes:read', 'notes:write', 'urn:zitadel:iam:org:project:id:268932:aud'],
    },
  },
  logto: {
    origin: 'https://acme.logto.app',
    env: { LOGTO_DOMAIN: 'acme.logto.app' },
    idToken: { claims: { aud: 'native', at_hash: 'oqkmsHGxBoChkrGu7rMzeA' }, reason: 'id_token' },
    otherBinding: { claims: { aud: OTHER }, reason: 'oidc.audience_mismatch' },
    user: { issuer: 'https://acme.logto.app/oidc' },
  },
  ping: {
    origin: 'https://auth.pingone.com',
    env: { PINGONE_ENVIRONMENT_ID: PING },
    idToken: { claims: { aud: ['native'] }, reason: 'oidc.maybe_id_token' },
    otherBinding: { claims: { aud: ['https://api.pingone.com'] }, reason: 'oidc.audience_mismatch' },
    user: { issuer: `https://auth.pingone.com/${PING}/as`, audience: ['https://mcp.example.com/mcp'] },
  },
  descope: {
    origin: 'https://api.descope.com',
    env: { DESCOPE_PROJECT_ID: 'P2abcdefghij' },
    idToken: { claims: { at_hash: 'oqkmsHGxBoChkrGu7rMzeA' }, reason: 'id_token' },
    otherBinding: { claims: { aud: 'P2other' }, reason: 'oidc.audience_mismatch' },
    user: { issuer: 'https://api.descope.com/v1/apps/P2abcdefghij', audience: ['P2abcdefghij'] },
  },
  adfs: {
    origin: 'https://adfs.example.com',
    env: { ADFS_DOMAIN: 'adfs.example.com' },
    idToken: { claims: { iss: 'https://adfs.example.com/adfs', aud: 'native' }, reason: 'issuer_mismatch' },
    otherBinding: { claims: { aud: 'microsoft:identityserver:other' }, reason: 'oidc.audience_mismatch' },
    // Kept under the issuer that the metadata names, whatever tokens say.
    user: { issuer: 'https://adfs.example.com/adfs', audience: ['https://mcp.example.com/mcp'] },
  },
  b2c: {
    origin: 'https://acme.b2clogin.com',
    env: {
      B2C_DOMAIN: 'acme.b2clogin.com',
      B2C_TENANT_ID: '775527ff-9a37-4307-8b3d-cc311f58d925',
      B2C_POLICY: 'b2c_1_signin',
      B2C_CLIENT_ID: '90c0fe63-bcf2-44d5-8fb7-b8bbc0b29dc6',
      B2C_APP_ID_URI: 'https://acme.onmicrosoft.com/notes',
    },
    emulated: { audience: '90c0fe63-bcf2-44d5-8fb7-b8bbc0b29dc6' },
    idToken: { claims: { azp: undefined, scp: undefined }, reason: 'claim_missing' },
    otherBinding: { claims: { aud: '00000000-0000-4000-8000-000000000001' }, reason: 'oidc.audience_mismatch' },
    user: {
      issuer: 'https://acme.b2clogin.com/775527ff-9a37-4307-8b3d-cc311f58d925/v2.0/',
      audience: ['90c0fe63-bcf2-44d5-8fb7-b8bbc0b29dc6'],
    },
  },
  supabase: {
    origin: 'https://abcdefghijklmnopqrst.supabase.co',
    env: { SUPABASE_PROJECT_REF: 'abcdefghijklmnopqrst', SUPABASE_CLIENT_IDS: 'native' },
    idToken: { claims: { aud: 'native' }, reason: 'oidc.maybe_id_token' },
    // A session of the project's own app: such tokens name no client.
    otherBinding: { claims: { client_id: undefined }, reason: 'claim_missing' },
    user: { issuer: 'https://abcdefghijklmnopqrst.supabase.co/auth/v1', scopes: [], audience: ['authenticated'] },
  },
  authentik: {
    origin: 'https://authentik.example.com',
    env: {
      AUTHENTIK_URL: 'https://authentik.example.com',
      AUTHENTIK_APPLICATION: 'notes',
      AUTHENTIK_CLIENT_ID: 'native',
    },
    idToken: { claims: { azp: undefined, uid: undefined }, reason: 'claim_missing' },
    otherBinding: { claims: { aud: 'other', azp: 'other' }, reason: 'oidc.audience_mismatch' },
    user: { issuer: 'https://authentik.example.com/application/o/notes/', scopes: [], audience: ['native'] },
  },
  clerk: {
    origin: 'https://acme.clerk.accounts.dev',
    env: { CLERK_DOMAIN: 'acme.clerk.accounts.dev', CLERK_CLIENT_IDS: 'native' },
    idToken: { header: { typ: 'JWT' }, claims: { aud: 'native' }, reason: 'type_mismatch' },
    otherBinding: { claims: { client_id: 'other-app' }, reason: 'client_refused' },
    user: { issuer: 'https://acme.clerk.accounts.dev', audience: [] },
  },
}

const names = Object.keys(rows) as (keyof typeof rows)[]

function configured(product: keyof typeof rows, env: Record<string, string> = {}) {
  const { providers, resource } = loadConfiguration({
    ...rows[product].env,
    ...env,
    AUTH_PROVIDER: product,
    PUBLIC_URL: 'https://mcp.example.com',
  })
  const [provider] = providers
  return provider ? { ...provider, resource } : expect.fail('no provider')
}

async function setUp(product: keyof typeof rows, emulated: OidcEmulatorOptions = {}, env: Record<string, string> = {}) {
  const row = rows[product]
  const emulator = createOidcEmulator({
    product,
    origin: row.origin,
    now: () => NOW * 1000,
    ...row.emulated,
    ...emulated,
  })
  const { adapter, options, scopeNames, secret } = configured(product, env)
  const { context } = createContext(emulator.fetch, { mapScopes: scopeNames.fromToken })
  const validator: TokenValidator = adapter.create(options, { ...context, secret })
  const mint = (token: OidcTokenOptions = {}) => emulator.mint({ scopes: row.scopes, ...token })
  const reasonOf = async (token: string): Promise<TokenReason> => {
    const error = await refusalOf(validator.validate(token))
    expect(error).toBeInstanceOf(InvalidTokenError)
    return error.reason as TokenReason
  }
  return { emulator, validator, mint, reasonOf }
}

// The contract suite runs on those that depart most: an encryption key in the set, no audience, another algorithm.
describe.each(['keycloak', 'cognito', 'logto', 'b2c', 'adfs'] as const)('with the settings of %s', product => {
  const { scopes, idToken, otherBinding, origin, emulated } = rows[product]

  describeTokenValidator('oidc', {
    tokens: 'jwt',
    async start() {
      const { adapter, options, resource, secret } = configured(product)
      const emulator = createOidcEmulator({ product, origin, now: () => NOW * 1000, ...emulated })
      return {
        resource,
        now: NOW * 1000,
        fetch: emulator.fetch,
        createValidator: context => adapter.create(options, { ...context, secret }),
        good: [emulator.accessToken({ scopes }), emulator.accessToken({ scopes, user: null })],
        privateKey: () => emulator.keys.current.privateKey,
        rotate: () => emulator.keys.rotate().kid,
        refused: { idToken, otherBinding },
      }
    },
  })
})

describe.each(names)('AUTH_PROVIDER=%s', product => {
  const { idToken, otherBinding, user, service } = rows[product]

  it('reads its tokens', async () => {
    const { validator, mint } = await setUp(product)
    expect(await validator.validate(await mint())).toMatchObject({
      subject: ADA,
      clientId: 'native',
      scopes: ['notes:read', 'notes:write'],
      principalType: 'user',
      ...user,
    })
    if (service) expect(await validator.validate(await mint({ user: null }))).toMatchObject(service)
  })

  it('refuses tokens for others and ID tokens, each with its reason', async () => {
    const { mint, reasonOf } = await setUp(product)
    for (const { header, claims, reason } of [otherBinding, idToken]) {
      expect((await reasonOf(await mint({ header, claims }))).kind).toBe(reason)
    }
  })

  it('refuses ID tokens as the provider makes them', async () => {
    const { emulator, reasonOf } = await setUp(product)
    const { kind } = await reasonOf(await emulator.mintIdToken())
    expect([
      'issuer_mismatch',
      'type_mismatch',
      'id_token',
      'oidc.maybe_id_token',
      'oidc.audience_mismatch',
      'claim_missing',
    ]).toContain(kind)
  })
})

describe('the cure of a missing audience', () => {
  it('in Keycloak is an Audience mapper', async () => {
    const { mint, reasonOf } = await setUp('keycloak', { audience: null })
    expect(await reasonOf(await mint())).toMatchObject({
      kind: 'oidc.audience_missing',
      detail: 'aud is absent; expected https://mcp.example.com/mcp or https://mcp.example.com/mcp/',
      cure: expect.stringContaining('mapper of type Audience'),
    })
  })

  it('in Logto is to request an API resource', async () => {
    const { mint, reasonOf } = await setUp('logto', { audience: null })
    expect(await reasonOf(await mint())).toMatchObject({
      kind: 'oidc.token_opaque',
      cure: expect.stringContaining('API resource'),
    })
  })

  it('in WorkOS is a configured resource', async () => {
    const { mint, reasonOf } = await setUp('workos', { audience: null })
    expect((await reasonOf(await mint())).kind).toBe('oidc.maybe_id_token')
    expect(await reasonOf(await mint({ claims: { aud: OTHER } }))).toMatchObject({
      cure: expect.stringContaining('resource'),
    })
  })

  it('in Zitadel is a scope that names the project', async () => {
    const { mint, reasonOf } = await setUp('zitadel')
    expect(await reasonOf(await mint({ scopes: ['notes:read'], claims: { aud: ['native', 'other'] } }))).toMatchObject({
      cure: expect.stringContaining('urn:zitadel:iam:org:project:id:'),
    })
  })

  it('in PingOne and elsewhere is named in general', async () => {
    const { mint, reasonOf } = await setUp('ping', { audience: null })
    expect(await reasonOf(await mint())).toMatchObject({ cure: expect.stringContaining('URL of this server') })
  })
})

describe('Keycloak', () => {
  it('has an encryption key in its set and nbf 0 in tokens of old versions', async () => {
    const { emulator, validator, mint } = await setUp('keycloak')
    expect(emulator.keys.published()).toContainEqual(expect.objectContaining({ use: 'enc', alg: 'RSA-OAEP' }))
    await validator.validate(await mint({ claims: { nbf: 0 } }))
  })

  it('marks access tokens in the payload, and others are refused', async () => {
    const { mint, reasonOf } = await setUp('keycloak')
    expect(await reasonOf(await mint({ claims: { typ: 'Refresh' } }))).toMatchObject({
      kind: 'claim_invalid',
      claim: 'typ',
    })
    expect(await reasonOf(await mint({ claims: { typ: undefined } }))).toMatchObject({
      kind: 'claim_missing',
      claim: 'typ',
    })
  })

  // https://www.keycloak.org/docs/latest/server_admin/#_service_accounts: a user of its own, whose name follows from the client.
  it('has machines whose subject is a user of their own, and calls them services', async () => {
    const { validator, mint } = await setUp('keycloak')
    const sub = '0b5f1f0e-0000-4000-8000-000000000009'
    const machine = { sub, azp: 'Machine', preferred_username: 'service-account-machine', sid: undefined }
    expect(await validator.validate(await mint({ claims: machine }))).toMatchObject({
      subject: sub,
      principalType: 'service',
    })
    const former = { ...machine, session_state: 'session', clientAddress: '192.0.2.1', clientHost: '192.0.2.1' }
    expect((await validator.validate(await mint({ claims: former }))).principalType).toBe('service')
    for (const change of [{ sid: 'session' }, { azp: 'native' }, { preferred_username: 'ada' }]) {
      expect((await validator.validate(await mint({ claims: { ...machine, ...change } }))).principalType).toBe('user')
    }
  })

  it('has roles counted as scopes where the settings say so', async () => {
    const users = [
      { login: 'ada', id: ADA, roles: ['notes:write'] },
      { login: 'cleo', id: '3' },
    ]
    const env = { KEYCLOAK_SCOPE_CLAIMS: 'scope realm_access.roles' }
    const { validator, mint } = await setUp('keycloak', { users }, env)
    const token = await mint({ scopes: ['notes:read'] })
    expect((await validator.validate(token)).scopes).toContain('notes:write')
    const withoutRole = await mint({ user: 'cleo', scopes: ['notes:read'] })
    expect((await validator.validate(withoutRole)).scopes).not.toContain('notes:write')
  })
})

describe('Cognito', () => {
  it('has key ids with slashes, plus signs and equal signs', async () => {
    const { emulator, validator, mint } = await setUp('cognito')
    expect(emulator.keys.current.kid).toMatch(/^a\/b\+/)
    await validator.validate(await mint())
  })

  it('escapes slashes in the payload', async () => {
    const { emulator, validator } = await setUp('cognito')
    const { header, claims } = emulator.accessToken({ scopes: [] })
    const payload = JSON.stringify(claims).replaceAll('/', '\\/')
    const key = createPrivateKey(emulator.keys.current.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await validator.validate(signJwt(header, payload, key))
  })

  it('accepts no other use of a token', async () => {
    const { mint, reasonOf } = await setUp('cognito')
    expect((await reasonOf(await mint({ claims: { token_use: 'id' } }))).kind).toBe('id_token')
    expect((await reasonOf(await mint({ claims: { token_use: undefined } }))).kind).toBe('claim_missing')
  })
})

describe('Descope', () => {
  it('has an issuer for each MCP server', () => {
    const { options } = configured('descope', { DESCOPE_MCP_SERVER_ID: 'MS35' })
    expect(options.metadataUrl).toBe(
      'https://api.descope.com/v1/apps/agentic/P2abcdefghij/MS35/.well-known/openid-configuration',
    )
  })
})

describe('Azure AD B2C', () => {
  it('has scopes requested below the Application ID URI', () => {
    expect(configured('b2c').scopeNames.toWire(['notes.read'])).toEqual([
      'https://acme.onmicrosoft.com/notes/notes.read',
    ])
  })

  it('may name its issuer by the policy', async () => {
    const issuer = 'https://acme.b2clogin.com/tfp/775527ff-9a37-4307-8b3d-cc311f58d925/b2c_1_signin/v2.0/'
    const { options } = configured('b2c', { B2C_ISSUER: issuer })
    expect(options.issuer).toBe(issuer)
  })
})

describe('Authentik', () => {
  it('may have one issuer for all applications', () => {
    expect(configured('authentik', { AUTHENTIK_ISSUER: 'https://authentik.example.com/' }).options.issuer).toBe(
      'https://authentik.example.com/',
    )
  })
})

it('covers every product, each with a file over the adapter of its name', () => {
  expect(names.toSorted()).toEqual(products.map(({ name }) => name).sort())
  for (const name of names) expect(providerFiles[name]?.adapter).toBe(providerNamed(name)?.adapter.name)
})

it.each(names)('%s has a section of its own, with every variable that it reads', name => {
  const page = readFileSync(new URL('../../docs/providers/presets.md', import.meta.url), 'utf8')
  const section = page.split(/^## /m).find(text => text.startsWith(`\`${name}\``)) ?? ''
  expect(section).toMatch(/Sources?: /)
  for (const variable of providerVariables(name)) expect(section).toContain(`\`${variable}\``)
})

it('cures name the variables of the product, and a file of your own where it has none', async () => {
  const { providers, resource } = loadConfiguration({
    ...rows.descope.env,
    AUTH_PROVIDER: 'descope',
    PUBLIC_URL: 'https://mcp.example.com',
  })
  const emulator = createOidcEmulator({ product: 'descope', origin: rows.descope.origin, now: () => NOW * 1000 })
  const { context } = createContext(emulator.fetch, { resource })
  const { validator } = createProviders(providers, context)
  const cureOf = async (token: OidcTokenOptions) =>
    (await refusalOf(validator.validate(await emulator.mint(token)))).reason as { cure?: string }
  expect((await cureOf({ claims: { client_id: undefined } })).cure).toContain('clientIdClaim (DESCOPE_CLIENT_ID_CLAIM)')
  expect((await cureOf({ claims: { sub: undefined } })).cure).toContain(
    'tokensWithoutSubject (in a file of your own, AUTH_CONFIG)',
  )
  const rs512 = await cureOf({ header: { alg: 'RS512' } })
  expect(rs512.cure).toContain('set algorithms (in a file of your own, AUTH_CONFIG)')
})

it('entra is another name of azure', () => {
  const env = { AZURE_TENANT_ID: PING, AZURE_CLIENT_ID: PING, PUBLIC_URL: 'https://mcp.example.com' }
  const { providers, settings } = loadConfiguration({ ...env, AUTH_PROVIDER: 'entra' })
  expect(providers.map(({ name }) => name)).toEqual(['azure'])
  expect(settings.AUTH_PROVIDER).toEqual(['azure'])
  expect(() => loadConfiguration({ ...env, AUTH_PROVIDER: 'entra,azure' })).not.toThrow()
})

it('problems name the product and its variables', () => {
  expect(() => loadConfiguration({ AUTH_PROVIDER: 'cognito', PUBLIC_URL: 'https://mcp.example.com' })).toThrow(
    /COGNITO_REGION: is not set\. Amazon Cognito needs it/,
  )
})
