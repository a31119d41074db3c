import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { adapters } from '../../adapters/index.ts'
import { catalogue } from '../../app/commands/doctor/catalogue/index.ts'
import { examineServer, examineTenants } from '../../app/commands/doctor/doctor.ts'
import { authorizationRequest, type TrialClient } from '../../app/commands/doctor/trial.ts'
import { explainToken } from '../../app/commands/explain/explain.ts'
import { createProviders } from '../../auth/providers.ts'
import { secretVariables } from '../../config/known-names.ts'
import { loadConfiguration } from '../../config/load.ts'
import { secretSettings, settingsSchema } from '../../config/settings.ts'
import { createAuth0Emulator } from '../../emulators/auth0.ts'
import { createAzureEmulator } from '../../emulators/azure.ts'
import { createGithubEmulator, githubDefaults } from '../../emulators/github.ts'
import { createGoogleEmulator, googleDefaults } from '../../emulators/google.ts'
import { createOidcEmulator, type OidcEmulatorOptions } from '../../emulators/oidc.ts'
import { createOktaEmulator, type OktaEmulatorOptions } from '../../emulators/okta.ts'
import { emulatorNames, runEmulator } from '../../emulators/run.ts'
import { ConfigError, type ConfigProblem } from '../../src/config-error.ts'
import { addressIn, openTerminal } from '../app/commands/client/support.ts'
import { replaced, tampered } from '../app/commands/doctor/world.ts'
import { startServers } from '../e2e/servers.ts'
import { signIn } from '../support/browser.ts'
import { freePort } from '../support/http.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string) => readFileSync(join(root, file), 'utf8')

type Fetch = typeof globalThis.fetch
type Settings = Readonly<Record<string, string>>

const RESOURCE = 'https://mcp.example.com/mcp'
const PUBLIC = { PUBLIC_URL: 'https://mcp.example.com' }
const NOW = 1_790_000_000_000
const now = () => NOW
const offline: Fetch = () => expect.fail('nobody is to be asked')

const PRODUCTS = 'presets'
const guides = globSync('docs/providers/*.md', { cwd: root })
  .map(path => path.replace(/^.*\/|\.md$/g, ''))
  .filter(name => name !== PRODUCTS)

// What a person sees, as the guides write it.

/** The start is refused because of a setting. */
function start(setting: string, settings: Settings): string {
  const found = problemsOf(settings).find(problem => problem.setting === setting)
  return `Start refused: \`${setting}: ${found?.problem}\``
}

function problemsOf(settings: Settings): readonly ConfigProblem[] {
  try {
    const { providers, resource } = loadConfiguration({ ...PUBLIC, ...settings })
    createProviders(providers, { resource, fetch: offline, now })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** The doctor finds it, beside what the provider lacks anyway. */
async function doctor(code: string, settings: Settings, fetch: Fetch, client?: TrialClient): Promise<string> {
  const findings = await examineTenants({ ...PUBLIC, ...settings }, { fetch, now }, client)
  const found = findings.find(finding => finding.code === code)
  return `Doctor: \`${code}\`, "${found?.title}", seen \`${found?.seen}\``
}

/** The provider's token is refused. */
async function refusal(settings: Settings, fetch: Fetch, token: string | Promise<string>): Promise<string> {
  const { providers, resource } = loadConfiguration({ ...PUBLIC, ...settings })
  const { validator } = createProviders(providers, { resource, fetch, now })
  const { reason, meaning } = await explainToken(await token, { validator, resource, now: NOW })
  return `Token refused: \`${reason}\`, "${meaning?.means}"`
}

// Providers, and settings that are right for them.

const AUTH0 = { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'tenant.eu.auth0.com' }
const auth0 = createAuth0Emulator({ origin: 'https://tenant.eu.auth0.com', now })
const otherAuth0Api = createAuth0Emulator({
  origin: 'https://tenant.eu.auth0.com',
  now,
  apis: [{ identifier: 'https://mcp.example.com', scopes: [] }],
  resourceParameterProfile: 'compatibility',
})

const AZURE = {
  AUTH_PROVIDER: 'azure',
  AZURE_TENANT_ID: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  AZURE_CLIENT_ID: '6731de76-14a6-49ae-97bc-6eba6914391e',
}
const azure = (appIdUri = RESOURCE) =>
  createAzureEmulator({ origin: 'https://login.microsoftonline.com', now, api: { appIdUri } })
const entra = azure()
const daemon = { clientId: '2d4d11a2-f814-46a7-890a-274a72a7309e', clientSecret: 'daemon-secret' }

const [githubApp, otherGithubApp] = githubDefaults.clients
const GITHUB = {
  AUTH_PROVIDER: 'github',
  GITHUB_CLIENT_ID: githubApp.clientId,
  GITHUB_CLIENT_SECRET: githubApp.clientSecret,
  GITHUB_GRANT_SCOPES: 'notes:read',
  GITHUB_GRANT_TO: 'everyone',
}
const github = createGithubEmulator({ origin: 'https://github.com', now })

const GOOGLE = {
  AUTH_PROVIDER: 'google',
  GOOGLE_CLIENT_IDS: googleDefaults.client.clientId,
  GOOGLE_GRANT_SCOPES: 'notes:read',
  GOOGLE_GRANT_TO: 'everyone',
}
const google = createGoogleEmulator({ origin: 'https://accounts.google.com', now })

const OKTA = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' }
const okta = (options: OktaEmulatorOptions = {}) =>
  createOktaEmulator({ origin: 'https://acme.okta.com', now, ...options })

const oidc = (options: OidcEmulatorOptions = {}) =>
  createOidcEmulator({ origin: 'https://id.example.com', now, ...options })
const KEYCLOAK = { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: 'https://id.example.com/realms/acme' }
const keycloak = oidc({ product: 'keycloak' })
const GENERIC = { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: 'https://id.example.com' }

const INTROSPECTION = {
  AUTH_PROVIDER: 'introspection',
  INTROSPECTION_METADATA_URL: 'https://id.example.com',
  INTROSPECTION_CLIENT_ID: 'introspector',
  INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
}
const opaque = oidc({ tokens: 'opaque' })

const USERINFO = {
  AUTH_PROVIDER: 'userinfo',
  USERINFO_METADATA_URL: 'https://id.example.com',
  USERINFO_CLIENT_IDS: 'native',
  USERINFO_GRANT_SCOPES: 'notes:read',
  USERINFO_GRANT_TO: 'everyone',
}
const naming = oidc({ tokens: 'opaque', userInfoClaims: ['client_id'] })

/** The five most frequent mistakes of each guide, made one after the other, in its order. */
const mistakes: Readonly<Record<string, readonly (() => string | Promise<string>)[]>> = {
  auth0: [
    () => refusal(AUTH0, auth0.fetch, auth0.mintOpaque()),
    () =>
      doctor('tenant.audience_unknown', AUTH0, otherAuth0Api.fetch, {
        clientId: 'machine',
        clientSecret: 'machine-secret',
      }),
    () => doctor('tenant.registration_closed', AUTH0, auth0.fetch),
    () => refusal({ ...AUTH0, AUTH0_DOMAIN: 'login.example.com' }, offline, auth0.mint()),
    () => start('AUTH0_DOMAIN', { ...AUTH0, AUTH0_DOMAIN: 'https://tenant.eu.auth0.com/' }),
  ],
  azure: [
    () => doctor('tenant.registration_missing', AZURE, entra.fetch),
    () =>
      doctor(
        'tenant.resource_refused',
        { ...AZURE, AZURE_APP_ID_URI: 'api://notes' },
        azure('api://notes').fetch,
        daemon,
      ),
    () => refusal(AZURE, entra.fetch, entra.mintGraphToken()),
    () => refusal({ ...AZURE, AZURE_CLIENT_ID: '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11' }, entra.fetch, entra.mint({})),
    () => start('AZURE_TENANT_ID', { ...AZURE, AZURE_TENANT_ID: 'contoso.onmicrosoft.com' }),
  ],
  github: [
    () => doctor('tenant.registration_missing', GITHUB, github.fetch),
    () => refusal(GITHUB, offline, `ghp_${'0'.repeat(36)}`),
    () => refusal(GITHUB, github.fetch, github.mint({}, otherGithubApp.clientId)),
    () => start('GITHUB_CLIENT_ID', { ...GITHUB, GITHUB_CLIENT_ID: '123456' }),
    () => start('GITHUB_GRANT_TO', { ...GITHUB, GITHUB_GRANT_TO: 'ada' }),
  ],
  google: [
    () => doctor('tenant.registration_missing', GOOGLE, google.fetch),
    () => doctor('tenant.refresh_not_offered', GOOGLE, google.fetch),
    () => refusal({ ...GOOGLE, GOOGLE_CLIENT_IDS: 'another.apps.googleusercontent.com' }, google.fetch, google.mint()),
    () => refusal(GOOGLE, offline, google.mintUserIdToken()),
    () => start('GOOGLE_CLIENT_IDS', { ...GOOGLE, GOOGLE_CLIENT_IDS: '123456789012' }),
  ],
  okta: [
    () => start('OKTA_METADATA_URL', { AUTH_PROVIDER: 'okta', OKTA_METADATA_URL: 'https://acme.okta.com' }),
    () => {
      const { fetch, mint } = okta({ audience: 'api://default' })
      return refusal(OKTA, fetch, mint())
    },
    () => start('OKTA_DOMAIN', { ...OKTA, OKTA_DOMAIN: 'acme-admin.okta.com' }),
    () =>
      doctor(
        'tenant.client_not_authorized',
        OKTA,
        replaced(okta().fetch, '/oauth2/default/v1/token', () =>
          Response.json({ error: 'access_denied', error_description: 'no_matching_policy' }, { status: 400 }),
        ),
        { clientId: 'machine', clientSecret: 'machine-secret' },
      ),
    () =>
      doctor('tenant.redirect_port_fixed', OKTA, okta({ scopes: ['notes:read', 'notes:write', 'notes:admin'] }).fetch, {
        clientId: 'native',
        redirectUri: 'http://localhost:8766/callback',
      }),
  ],
  oidc: [
    () => {
      const { fetch, mint } = oidc({ product: 'keycloak', audience: null })
      return refusal(KEYCLOAK, fetch, mint())
    },
    () => refusal(GENERIC, offline, opaque.mint()),
    () => {
      const inside = { issuer: 'http://keycloak:8080/realms/acme' }
      const path = '/realms/acme/.well-known/openid-configuration'
      const settings = { AUTH_PROVIDER: 'oidc', OIDC_METADATA_URL: `https://id.example.com${path}` }
      return doctor(
        'tenant.issuer_mismatch',
        settings,
        tampered(keycloak.fetch, path, () => inside),
      )
    },
    () =>
      doctor('tenant.metadata_missing', { ...KEYCLOAK, OIDC_METADATA_URL: 'https://id.example.com' }, keycloak.fetch),
    () => refusal(KEYCLOAK, keycloak.fetch, keycloak.mintIdToken()),
  ],
  introspection: [
    () =>
      doctor(
        'tenant.credentials_refused',
        { ...INTROSPECTION, INTROSPECTION_CLIENT_SECRET: 'another one' },
        opaque.fetch,
      ),
    () => refusal(INTROSPECTION, opaque.fetch, opaque.mint({ claims: { aud: undefined } })),
    () => refusal(INTROSPECTION, opaque.fetch, 'never-issued'),
    () =>
      doctor(
        'tenant.introspection_missing',
        INTROSPECTION,
        tampered(opaque.fetch, '/.well-known/oauth-authorization-server', () => ({
          introspection_endpoint: undefined,
        })),
      ),
    () =>
      start('AUTH_PROVIDER', {
        ...INTROSPECTION,
        AUTH_PROVIDER: 'demo,introspection',
        DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on',
      }),
  ],
  userinfo: [
    () => {
      const { USERINFO_CLIENT_IDS: _, ...unbound } = USERINFO
      return start('USERINFO_CLIENT_IDS', unbound)
    },
    () => refusal(USERINFO, opaque.fetch, opaque.mint()),
    () => refusal(USERINFO, naming.fetch, naming.mint({ clientId: 'other-app' })),
    () =>
      refusal(
        USERINFO,
        replaced(naming.fetch, '/userinfo', () => {
          const headers = { 'www-authenticate': 'Bearer error="insufficient_scope", scope="openid"' }
          return new Response('', { status: 403, headers })
        }),
        naming.mint(),
      ),
    () => start('USERINFO_WIRE_SCOPES', { ...USERINFO, USERINFO_ALLOW: '@example.com' }),
  ],
}

/** Providers as MCP clients find them, by the column of the guide that says what clients do there. */
const situations: Readonly<Record<string, Readonly<Record<string, readonly [issuer: string, fetch: Fetch]>>>> = {
  auth0: {
    direct: ['https://tenant.eu.auth0.com/', auth0.fetch],
    'direct, with registration open': [
      'https://tenant.eu.auth0.com/',
      createAuth0Emulator({ origin: 'https://tenant.eu.auth0.com', dynamicRegistration: true }).fetch,
    ],
  },
  azure: { direct: [`https://login.microsoftonline.com/${AZURE.AZURE_TENANT_ID}/v2.0`, entra.fetch] },
  github: { direct: ['https://github.com/login/oauth', github.fetch] },
  google: { direct: ['https://accounts.google.com', google.fetch] },
  okta: { direct: ['https://acme.okta.com/oauth2/default', okta().fetch] },
  oidc: {
    direct: [keycloak.issuer(), keycloak.fetch],
    'direct, with metadata documents (AuthKit)': ['https://id.example.com', oidc({ product: 'workos' }).fetch],
    'direct, without PKCE in the metadata (Cognito)': [
      oidc({ product: 'cognito' }).issuer(),
      oidc({ product: 'cognito' }).fetch,
    ],
  },
  introspection: { direct: ['https://id.example.com', opaque.fetch] },
  userinfo: { direct: ['https://id.example.com', opaque.fetch] },
}

/** What the doctor says that clients do at an MCP server whose clients sign in there, as the guides write it. */
async function outlooks(issuer: string, fetch: Fetch): Promise<Readonly<Record<string, string>>> {
  const metadataUrl = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp'
  const forPages = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'WWW-Authenticate' }
  const challenge = `resource_metadata="${metadataUrl}", scope="notes:read"`
  const metadata = { resource: RESOURCE, authorization_servers: [issuer], scopes_supported: ['notes:read'] }
  const { findings, clients } = await examineServer(RESOURCE, async (input, init) => {
    const { origin, pathname } = new URL(String(input))
    if (origin !== PUBLIC.PUBLIC_URL) return fetch(input, init)
    const { method, headers } = new Request(input, init)
    if (method === 'OPTIONS') {
      const allowed = {
        'access-control-allow-methods': 'GET, POST, DELETE',
        'access-control-allow-headers': headers.get('access-control-request-headers') ?? '',
      }
      return new Response(null, { status: 204, headers: { ...forPages, ...allowed } })
    }
    if (pathname !== '/mcp') return Response.json(metadata, { headers: forPages })
    const error = headers.has('authorization') ? 'error="invalid_token", ' : ''
    return new Response('', {
      status: 401,
      headers: { ...forPages, 'www-authenticate': `Bearer ${error}${challenge}` },
    })
  })
  // That web pages cannot use a provider is a note, and of the provider.
  expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([])
  // Whether web pages may is a setting of the server (ALLOWED_ORIGINS), and mostly one of the provider.
  const products = clients.filter(({ client }) => client !== 'a web page')
  const said = products.map(({ client, verdict, because }) => {
    const place = because.split(/where it has one: |the provider demands: /)[1]
    return [client, verdict === 'connects' ? verdict : verdict === 'set up' ? `: ${place}` : `${verdict}: ${because}`]
  })
  return Object.fromEntries(said)
}

// How a guide is read.

/** Text under each heading of the second level, in order. */
function sectionsOf(page: string): Map<string, string> {
  const [, ...parts] = page.split(/^## (.+)\n/m)
  return new Map(parts.flatMap((part, index) => (index % 2 === 0 ? [[part, parts[index + 1] ?? ''] as const] : [])))
}

/** Cells of the first table, its head first. */
function tableIn(text: string): string[][] {
  const [table = ''] = /^\|.*\|$(?:\n^\|.*\|$)*/m.exec(text) ?? []
  const rows = table.split('\n').map(line => line.slice(2, -2).split(' | '))
  return rows.filter(cells => cells[0] !== '---')
}

const plain = (cell: string | undefined) => cell?.replaceAll('`', '')

/** Code outside of blocks. */
const spansIn = (text: string) =>
  [...text.replace(/^ *```[\s\S]*?^ *```/gm, '').matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)

/** Variables that a command sets. */
function settingsIn(command: string): Settings {
  const assignments = command.matchAll(/\b([A-Z][A-Z0-9_]*)=(?:"([^"]*)"|(\S+))/g)
  return Object.fromEntries([...assignments].map(([, name = '', quoted, bare = '']) => [name, quoted ?? bare]))
}

const adapterSource = (name: string) => globSync(`adapters/${name}/*.ts`, { cwd: root }).map(read).join('\n')
const generalReasons = new Set([...read('src/reasons.ts').matchAll(/kind: '(\w+)'/g)].map(([, kind = '']) => kind))

/** Adapters write their reasons in full, or without their own name where one function puts it before. */
function isReason(reason: string): boolean {
  const [adapter = '', what] = reason.split('.')
  if (what === undefined) return generalReasons.has(reason)
  const source = adapterSource(adapter)
  return source.includes(`'${reason}'`) || source.includes(`'${what}'`)
}

/** The client and the callback that a page names for the emulator. */
function clientOf(text: string, settings: Readonly<Record<string, string>>): { clientId: string; callback: string } {
  const [, publicClient] = /public\s+client\s+is\s+`([^`]+)`/.exec(text) ?? []
  const [, callback = ''] = /callback\s+(?:is\s+|on\s+)?`(http:[^`]+)`/.exec(text) ?? []
  return { callback, clientId: publicClient ?? settings.GITHUB_CLIENT_ID ?? settings.GOOGLE_CLIENT_IDS ?? '' }
}

const commandSource = globSync('app/commands/**/command.ts', { cwd: root }).map(read).join('\n')

const configurations = globSync('{config,docs/examples/providers}/*.json', { cwd: root }).map(read).join('\n')
const secrets = [...secretSettings, ...emulatorNames.flatMap(secretVariables)]
const knownSettings = new Set([
  ...Object.keys(settingsSchema.shape),
  ...[...configurations.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name),
  ...secrets.flatMap(name => [name, `${name}_FILE`]),
])

it('there is a guide for every provider but our own', () => {
  const names = adapters.map(({ name }) => name).filter(name => name !== 'demo')
  expect(guides.sort()).toEqual(names.sort())
  expect(Object.keys(mistakes).sort()).toEqual(names)
})

it('every client connects to our own authorization server, as the column of the bridge says', async () => {
  const { issuer } = await startServers()
  const published = 'https://auth.example.com'
  const seen = await outlooks(published, async (input, init) => {
    const answer = await fetch(String(input).replace(published, issuer), init)
    return new Response((await answer.text()).replaceAll(issuer, published), answer)
  })
  expect(new Set(Object.values(seen))).toEqual(new Set(['connects']))
})

describe.each(guides)('docs/providers/%s.md', name => {
  const page = read(`docs/providers/${name}.md`)
  const sections = sectionsOf(page)
  const section = (heading: string) => sections.get(heading) ?? expect.fail(`no section ${heading}`)

  it('leads from the console to a test, in order', () => {
    const own = name === 'oidc' ? ['Inside a network', 'Products'] : []
    expect([...sections.keys()]).toEqual([
      'In the console',
      'Settings',
      ...own,
      'What is accepted',
      'Direct or bridge',
      'The five most frequent mistakes',
      'Refusals, and what to do',
      'How to test it',
    ])
    const steps = [...section('In the console').matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))
    expect(steps.length).toBeGreaterThan(1)
    expect(steps).toEqual(steps.map((_step, index) => index + 1))
  })

  it('says of each client what the doctor says', async () => {
    const [head = [], ...rows] = tableIn(section('Direct or bridge'))
    const columns = Object.entries(situations[name] ?? {})
    expect(head).toEqual(['client', ...columns.map(([column]) => column), 'through the bridge'])
    const what = name === 'google' || name === 'github' ? 'client id and secret' : 'client id'
    const said = await Promise.all(columns.map(([, [issuer, fetch]]) => outlooks(issuer, fetch)))
    const clients = Object.keys(said[0] ?? {})
    expect(clients.length).toBeGreaterThan(5)
    const expected = clients.map(client => [
      client,
      ...said.map(of => of[client]?.replace(/^:/, `${what}:`)),
      'connects',
    ])
    expect(rows.map(cells => cells.map(plain))).toEqual(expected)
  })

  it('has a command for both ways that starts', () => {
    const commands = [...section('Direct or bridge').matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text = '']) => text)
    const [direct, bridge, ...others] = commands.map(command => loadConfiguration(settingsIn(command)))
    expect(others).toEqual([])
    expect(direct?.providers.map(({ adapter }) => adapter.name)).toEqual([name])
    expect(direct?.bridge).toBeUndefined()
    // Introspection alone does not say who somebody is.
    expect(bridge?.bridge?.provider).toBe(name === 'introspection' ? 'oidc' : name)
  })

  describe('quotes what a person sees', () => {
    const [, ...rows] = tableIn(section('The five most frequent mistakes'))

    it('of five mistakes, with a cure for each', () => {
      expect(rows).toHaveLength(5)
      expect(rows.filter(cells => cells.length !== 3 || cells.some(cell => cell.length < 10))).toEqual([])
      expect(mistakes[name]).toHaveLength(5)
    })

    it.each(rows.map(([mistake = '', quoted = ''], index) => ({ mistake, quoted, index })))(
      '$mistake',
      async ({ quoted, index }) => {
        expect(await mistakes[name]?.[index]?.()).toBe(quoted)
      },
    )
  })

  it('names reasons of refusals that exist', () => {
    const [, ...rows] = tableIn(section('Refusals, and what to do'))
    const inTable = rows.flatMap(([cell = '']) => spansIn(cell))
    const elsewhere = spansIn(page).filter(span => new RegExp(`^${name}\\.[a-z_0-9]+$`).test(span))
    const reasons = [...inTable, ...elsewhere].filter(span => /^[a-z0-9]+[._][a-z0-9_]+$|^inactive$/.test(span))
    expect(reasons.length).toBeGreaterThan(6)
    expect(reasons.filter(reason => !isReason(reason))).toEqual([])
  })

  it('names findings that exist', () => {
    const codes = spansIn(page).filter(span => /^(config|tenant|token|server|attack)\.[a-z_0-9]+$/.test(span))
    expect(codes.length).toBeGreaterThan(2)
    expect(codes.filter(code => !Object.hasOwn(catalogue, code))).toEqual([])
  })

  it('names settings that exist', () => {
    const text = page.replaceAll('auth.CLIENT_ID', '') // of Cursor
    const named = [...text.matchAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g)].map(([setting]) => setting)
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter(setting => !knownSettings.has(setting))).toEqual([])
  })

  describe('How to test it', () => {
    const text = section('How to test it')

    it('names commands and options that exist, in order', () => {
      const commands = [
        `npx idplug emulate ${name}`,
        'npx idplug doctor\n',
        'npx idplug doctor https:',
        'npx idplug login https:',
        'npx idplug explain -',
      ]
      const places = commands.map(command => text.indexOf(command))
      expect(places).not.toContain(-1)
      expect(places).toEqual(places.toSorted((a, b) => a - b))
      const options = [...text.matchAll(/--[a-z][a-z-]*/g)].map(([option]) => option)
      expect(options.filter(option => !commandSource.includes(`'${option} <`))).toEqual([])
    })

    it('signs in from a terminal as it says', async () => {
      const PORT = String(await freePort())
      const url = `http://localhost:${PORT}/mcp`
      const known = emulatorNames.find(candidate => candidate === name) ?? 'oidc'
      const { emulator, origin, settings } = await runEmulator(known, { resource: url })
      onTestFinished(emulator.close)
      const { issuer } = await startServers({ AUTH_PROVIDER: name, ...settings, PORT })
      const { callback, clientId } = clientOf(text, settings)
      const terminal = openTerminal({ SECRET: settings.GITHUB_CLIENT_SECRET ?? 'GOCSPX-emulator' })
      const [, command = ''] = /npx (idplug login .+)/.exec(text) ?? []
      const words = command.replace('https://mcp.example.com/mcp', url).split(' ').slice(1)
      // What is the tenant's own becomes the emulator's; other ports than the registered one may be taken.
      const own: Record<string, string> = { '--client-id': clientId, '--issuer': issuer, '--redirect-uri': '' }
      const args = words.map((word, index) => own[words[index - 1] ?? ''] ?? word)
      const given = args.filter((word, index) => word !== '--redirect-uri' && args[index - 1] !== '--redirect-uri')
      const redirectUri = new URL(callback)
      redirectUri.port ||= '8765'
      if (redirectUri.pathname === '/') redirectUri.pathname = '/callback'
      let isDone = false
      const ended = await terminal.run([...given, '--redirect-uri', redirectUri.href, '--paste'], async said => {
        const address = addressIn(said)
        if (!address || isDone) return undefined
        isDone = true
        const user = { azure: 'ada@contoso.example', okta: 'ada@example.com' }[name]
        return (await signIn(address, { user, provider: origin })).href
      })
      expect(ended.stdout, ended.stderr).toContain(`Signed in to ${url}.`)
      const answer = await terminal.run(['call', url, 'whoami'])
      expect(answer.stdout).toContain(issuer)
    })

    it('says what the doctor finds at the emulator, and which client signs in there', async () => {
      const { emulator, settings } = await runEmulator(emulatorNames.find(known => known === name) ?? 'oidc')
      onTestFinished(emulator.close)
      const found = (await examineTenants(settings, { fetch, now: Date.now })).map(({ code }) => code)
      const named = spansIn(text).filter(span => Object.hasOwn(catalogue, span))
      // It listens on this machine.
      expect(named.sort()).toEqual(found.filter(code => code !== 'config.resource_local').sort())

      const { callback, clientId } = clientOf(text, settings)
      const metadata = await (await fetch(settings.AUTH_METADATA_URL ?? '')).json()
      const { authorization_endpoint: endpoint } = metadata as { authorization_endpoint: string }
      const request = authorizationRequest(endpoint, { client_id: clientId, redirect_uri: callback })
      expect((await fetch(request)).status).toBe(200)
    })
  })
})
