import { generateKeyPairSync } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished, vi } from 'vitest'
import { parse } from 'yaml'
import { examineServer, examineTenants } from '../../../../app/commands/doctor/doctor.ts'
import type { Finding } from '../../../../app/commands/doctor/finding.ts'
import { migrateStore } from '../../../../demo-as/stores/open.ts'
import { createAuth0Emulator } from '../../../../emulators/auth0.ts'
import { createKeyRing } from '../../../../emulators/core/keys.ts'
import { createOktaEmulator } from '../../../../emulators/okta.ts'
import { runEmulator } from '../../../../emulators/run.ts'
import { alb } from '../../../support/alb.ts'
import { freePort } from '../../../support/http.ts'
import { postgresForTest } from '../../../support/postgres.ts'
import { startProgram } from '../../../support/program.ts'
import { redisForTest } from '../../../support/redis.ts'
import { ALL_VARIANTS } from '../../../support/variants.ts'

// What docs/examples has is right: whatever the doctor has to say about it, nothing of it is an error.

const errorsIn = (findings: readonly Finding[]) => findings.filter(({ severity }) => severity === 'error')
const example = (path: string) => fileURLToPath(new URL(`../../../../docs/examples/${path}`, import.meta.url))

interface Example {
  readonly env: Readonly<Record<string, string>>
  readonly fetch: typeof globalThis.fetch
}

/** Keys alone, as gateways that sign people in themselves publish them. */
function keysAt(url: string, alg: 'RS256' | 'ES256'): typeof globalThis.fetch {
  const keys = createKeyRing({ alg })
  return async input =>
    String(input) === url ? Response.json({ keys: keys.published() }) : new Response('', { status: 404 })
}

/** A provider that is asked about tokens. */
function introspecting(issuer: string, endpoint: string): typeof globalThis.fetch {
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize/`,
    token_endpoint: `${issuer}/token/`,
    introspection_endpoint: endpoint,
    code_challenge_methods_supported: ['S256'],
  }
  return async (input, init) => {
    const { url } = new Request(input, init)
    if (url === endpoint) return Response.json({ active: false })
    return url.includes('/.well-known/') ? Response.json(metadata) : new Response('', { status: 404 })
  }
}

const okta = createOktaEmulator({ origin: 'https://acme.okta.com' })
const CLIENT = { INTROSPECTION_CLIENT_ID: 'mcp-server', INTROSPECTION_CLIENT_SECRET: 'a-secret-of-the-server' }
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** By the name of the file in `docs/examples/providers`. */
const providers: Readonly<Record<string, Example>> = {
  'aws-alb': {
    env: {
      AUTH_TOKEN_HEADER: 'X-Amzn-Oidc-Data',
      ALB_REGION: 'eu-central-1',
      ALB_ARN: alb.arn,
      ALB_ISSUER: alb.issuer,
      ALB_CLIENT_ID: alb.clientId,
      ALB_GRANT_SCOPES: 'notes:read',
    },
    fetch: alb.create().fetch as typeof globalThis.fetch,
  },
  'cloudflare-access': {
    env: {
      AUTH_TOKEN_HEADER: 'Cf-Access-Jwt-Assertion',
      ACCESS_TEAM: 'acme',
      ACCESS_AUD: '32eafc76',
      ACCESS_GRANT_SCOPES: 'notes:read',
    },
    fetch: keysAt('https://acme.cloudflareaccess.com/cdn-cgi/access/certs', 'RS256'),
  },
  'django-oauth-toolkit': {
    env: { DJANGO_ISSUER: 'https://id.example.com/o', DJANGO_CLIENT_IDS: 'native', ...CLIENT },
    fetch: introspecting('https://id.example.com/o', 'https://id.example.com/o/introspect/'),
  },
  'google-iap': {
    env: {
      AUTH_TOKEN_HEADER: 'X-Goog-IAP-JWT-Assertion',
      IAP_AUDIENCE: '/projects/1/global/backendServices/2',
      IAP_GRANT_SCOPES: 'notes:read',
    },
    fetch: keysAt('https://www.gstatic.com/iap/verify/public_key-jwk', 'ES256'),
  },
  'introspection-by-key': {
    env: {
      INTROSPECTION_METADATA_URL: 'https://as.example.com',
      INTROSPECTION_CLIENT_ID: 'mcp-server',
      INTROSPECTION_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    },
    fetch: introspecting('https://as.example.com', 'https://as.example.com/introspect'),
  },
  'okta-org': {
    env: {
      OKTA_DOMAIN: 'acme.okta.com',
      OKTA_CLIENT_IDS: 'native',
      OKTA_INTROSPECTION_CLIENT_ID: 'introspector',
      OKTA_INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
    },
    fetch: okta.fetch,
  },
}

it('knows every example of a provider', () => {
  const files = globSync(example('providers/*.json')).map(path => basename(path, '.json'))
  expect(Object.keys(providers).toSorted()).toEqual(files.toSorted())
})

it.each(Object.entries(providers))('finds no error in providers/%s.json', async (name, { env, fetch }) => {
  const settings = { ...env, AUTH_CONFIG: example(`providers/${name}.json`), PUBLIC_URL: 'https://mcp.example.com' }
  const findings = await examineTenants(settings, { fetch, now: Date.now })
  expect(errorsIn(findings)).toEqual([])
})

it('finds no error with the adapter of adapter/acme.ts', async () => {
  const issuer = 'https://id.acme.example'
  const keys = createKeyRing({ alg: 'ES256' })
  const fetch: typeof globalThis.fetch = async input => {
    const { pathname } = new URL(String(input))
    if (pathname === '/keys') return Response.json({ keys: keys.published() })
    return Response.json({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      code_challenge_methods_supported: ['S256'],
    })
  }
  const settings = { AUTH_CONFIG: example('adapter/acme.json'), ACME_WORKSPACE: 'w-7' }
  expect(errorsIn(await examineTenants(settings, { fetch, now: Date.now }))).toEqual([])
})

interface Service {
  environment?: Record<string, string | number>
}

/** Environment of a service, as several files together have it. */
function environmentOf(service: string, ...files: readonly string[]): Record<string, string> {
  const parts = files.map(file => {
    const { services } = parse(readFileSync(example(`compose/${file}`), 'utf8'), { merge: true }) as {
      services: Record<string, Service>
    }
    return services[service]?.environment ?? {}
  })
  return Object.fromEntries(Object.entries(Object.assign({}, ...parts)).map(([name, value]) => [name, String(value)]))
}

const declared = JSON.parse(readFileSync(example('compose/files.json'), 'utf8'))
const MCP = 'https://mcp.example.com/mcp'

it('finds no error in the settings of compose/library.yaml', async () => {
  const { fetch } = createAuth0Emulator({
    origin: 'https://acme.eu.auth0.com',
    apis: [{ identifier: MCP, scopes: Object.keys(declared.scopes) }],
  })
  const env = environmentOf('mcp', 'library.yaml')
  const findings = await examineTenants(env, { fetch, now: Date.now, declarations: { files: declared } })
  expect(errorsIn(findings)).toEqual([])
})

const stores: Readonly<Record<string, () => Promise<Record<string, string>>>> = {
  redis: async () => ({ REDIS_URL: (await redisForTest()).url }),
  async postgres() {
    const { url } = await postgresForTest()
    await migrateStore({ kind: 'postgres', url })
    return { DATABASE_URL_FILE: url }
  },
}

// Starts a database and a process: every night.
it.runIf(ALL_VARIANTS).each(Object.entries(stores))(
  'finds no error in those of compose/bridge.yaml with %s.yaml',
  async (name, open) => {
    const folder = mkdtempSync(join(tmpdir(), 'idplug-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const port = String(await freePort())
    const composed = (service: string) => environmentOf(service, 'bridge.yaml', `${name}.yaml`)
    const bridge = composed('bridge')
    const emulation = await runEmulator('google', {
      bridge: bridge.AUTH_SERVER_URL,
      resource: MCP,
      scopes: Object.keys(declared.scopes),
    })
    onTestFinished(() => emulation.emulator.close())
    const { BRIDGE_CLIENT_SECRET = '', ...placed } = emulation.settings
    const store = await open()
    /** What is in the network of the containers there is on this machine here; secrets are in files, as there. */
    const here = (environment: Record<string, string>, more: Record<string, string> = {}) => {
      const env: Record<string, string> = {
        ...environment,
        ...placed,
        AUTH_SERVER_INTERNAL_URL: `http://127.0.0.1:${port}`,
        ...store,
        ...more,
      }
      delete env.AUTH_INSECURE_HOSTS
      for (const [setting, value] of Object.entries(env)) {
        if (!setting.endsWith('_FILE')) continue
        const file = join(folder, setting)
        const secret = setting === 'BRIDGE_CLIENT_SECRET_FILE' ? BRIDGE_CLIENT_SECRET : 'b'.repeat(43)
        writeFileSync(file, setting === 'DATABASE_URL_FILE' ? value : `${secret}${secret.length === 43 ? '=' : ''}`)
        env[setting] = file
      }
      return env
    }
    const { output } = startProgram(['authorization-server'], {
      env: here(bridge, {
        HOST: '127.0.0.1',
        AUTH_SERVER_PORT: port,
        METRICS_PORT: String(await freePort()),
        AUTH_RESOURCE: example('compose/files.json'),
      }),
    })
    const isUp = async () => (await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.ok === true
    await vi.waitUntil(isUp).catch(() => expect.fail(output()))
    const surroundings = { fetch, now: Date.now, declarations: { files: declared } }
    expect(errorsIn(await examineTenants(here(composed('mcp')), surroundings))).toEqual([])
  },
)

it('finds nothing at own-server.ts, as a person starts it', async () => {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  startProgram([], { script: example('own-server.ts'), env: { PORT: String(port), PUBLIC_URL: origin } })
  await vi.waitUntil(async () => (await fetch(origin).catch(() => undefined)) !== undefined)
  expect((await examineServer(`${origin}/mcp`, fetch)).findings).toEqual([])
})
