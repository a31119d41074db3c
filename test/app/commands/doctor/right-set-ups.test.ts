import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { describe, expect, it, onTestFinished } from 'vitest'
import { examineGateway, examineServer, examineTenants } from '../../../../app/commands/doctor/doctor.ts'
import type { Finding } from '../../../../app/commands/doctor/finding.ts'
import { type ResourceGroup, readGatewayFile } from '../../../../app/gateway/configuration.ts'
import { startGateway } from '../../../../app/gateway/start.ts'
import { createLogger } from '../../../../app/observe/log.ts'
import { loadConfiguration } from '../../../../config/load.ts'
import { migrateStore } from '../../../../demo-as/stores/open.ts'
import { createOidcEmulator } from '../../../../emulators/oidc.ts'
import { type EmulatorName, emulatorNames, runEmulator } from '../../../../emulators/run.ts'
import { startGatewayTo } from '../../../e2e/gateway-servers.ts'
import { startServers } from '../../../e2e/servers.ts'
import { startTarget } from '../../../proxies/target.ts'
import { startWithDemo } from '../../../proxies/with-demo.ts'
import { freePort, listen } from '../../../support/http.ts'
import { postgresForTest } from '../../../support/postgres.ts'
import { redisForTest } from '../../../support/redis.ts'
import { METADATA } from './world.ts'

/** Set-ups that are right: whatever the doctor has to say about them, nothing of it is an error. */
const errorsIn = (findings: readonly Finding[]) => findings.filter(({ severity }) => severity === 'error')

const RESOURCE = 'http://localhost:3232/mcp'

async function emulated(name: EmulatorName): Promise<Record<string, string>> {
  const { emulator, settings } = await runEmulator(name, { resource: RESOURCE })
  onTestFinished(() => emulator.close())
  return { AUTH_PROVIDER: name, ...settings }
}

const examine = (env: Record<string, string>, fetch = globalThis.fetch) => examineTenants(env, { fetch, now: Date.now })

/** Of a provider's settings, by what they are changed to. */
const variants: Record<string, (env: Record<string, string>) => Record<string, string>> = {
  'as the emulator prints them': env => env,
  'beside the demo': env => ({ ...env, AUTH_PROVIDER: `demo,${env.AUTH_PROVIDER}` }),
  'in the shadow of the demo': ({ AUTH_PROVIDER = '', ...env }) => ({
    ...env,
    AUTH_PROVIDER: 'demo',
    AUTH_SHADOW: AUTH_PROVIDER,
  }),
}

describe('finds no error in the settings', () => {
  it.each(emulatorNames.flatMap(name => Object.keys(variants).map(variant => [name, variant] as const)))(
    'of %s, %s',
    async (name, variant) => {
      const env = await emulated(name)
      expect(errorsIn(await examine(variants[variant]?.(env) ?? {}))).toEqual([])
    },
  )

  const products: Record<string, { origin: string; env: Record<string, string> }> = {
    keycloak: {
      origin: 'https://id.example.com',
      env: { KEYCLOAK_URL: 'https://id.example.com', KEYCLOAK_REALM: 'acme' },
    },
    cognito: {
      origin: 'https://cognito-idp.eu-central-1.amazonaws.com',
      env: {
        COGNITO_REGION: 'eu-central-1',
        COGNITO_USER_POOL_ID: 'eu-central-1_AbCdEfGhI',
        COGNITO_CLIENT_IDS: 'native, machine',
      },
    },
    workos: { origin: 'https://acme.authkit.app', env: { WORKOS_AUTHKIT_DOMAIN: 'acme.authkit.app' } },
    zitadel: {
      origin: 'https://acme.zitadel.cloud',
      env: { ZITADEL_DOMAIN: 'acme.zitadel.cloud', ZITADEL_PROJECT_ID: '268932' },
    },
    logto: { origin: 'https://acme.logto.app', env: { LOGTO_DOMAIN: 'acme.logto.app' } },
    ping: {
      origin: 'https://auth.pingone.com',
      env: { PINGONE_ENVIRONMENT_ID: '5b1f0c2e-0000-4000-8000-000000000001' },
    },
    adfs: { origin: 'https://adfs.example.com', env: { ADFS_DOMAIN: 'adfs.example.com' } },
    supabase: {
      origin: 'https://abcdefghijklmnopqrst.supabase.co',
      env: { SUPABASE_PROJECT_REF: 'abcdefghijklmnopqrst', SUPABASE_CLIENT_IDS: 'native' },
    },
    clerk: {
      origin: 'https://acme.clerk.accounts.dev',
      env: { CLERK_DOMAIN: 'acme.clerk.accounts.dev', CLERK_CLIENT_IDS: 'native' },
    },
  }
  it.each(Object.entries(products))('of %s, by its name', async (name, { origin, env }) => {
    const { fetch } = createOidcEmulator({ origin, product: name as 'keycloak', audience: RESOURCE })
    expect(errorsIn(await examine({ ...env, AUTH_PROVIDER: name }, fetch))).toEqual([])
  })

  it('of a bridge', async () => {
    const client = { clientId: 'the-bridge', clientSecret: 'the-secret-of-the-bridge' }
    const emulator = createOidcEmulator({
      clients: [{ ...client, redirectUris: ['http://localhost:3001/oauth/callback'] }],
    })
    const origin = await emulator.start()
    onTestFinished(() => emulator.close())
    const env = {
      AUTH_BRIDGE: 'on',
      AUTH_PROVIDER: 'oidc',
      AUTH_METADATA_URL: origin + METADATA,
      BRIDGE_CLIENT_ID: client.clientId,
      BRIDGE_CLIENT_SECRET: client.clientSecret,
      BRIDGE_ALLOW: 'everyone',
      BRIDGE_GRANT_SCOPES: 'notes:read',
    }
    expect(errorsIn(await examine(env))).toEqual([])
  })
})

const running: Record<string, Record<string, string>> = {
  'as they are': {},
  'with JWTs': { ACCESS_TOKEN_FORMAT: 'jwt' },
  'with the authorization server on the same origin': { AUTH_MODE: 'embedded' },
  'without documents of clients': { CIMD: 'off' },
  'without registration': { REGISTRATION: 'off' },
  'with proofs of possession required': { DPOP: 'required' },
  'without sessions': { MCP_SESSIONS: 'off' },
  'with all scopes at first': { AUTH_SIGN_IN_SCOPES: 'all' },
  'with pages of every origin': { ALLOWED_ORIGINS: '*' },
  'without a cache of tokens': { TOKEN_CACHE_SECONDS: '0' },
  'in memory': { AUTH_STORE: 'memory' },
  'with a longer tolerance for clocks': { CLOCK_TOLERANCE_SECONDS: '60' },
}

const stores: Record<string, () => Promise<Record<string, string>>> = {
  Redis: async () => ({ REDIS_URL: (await redisForTest()).url }),
  async PostgreSQL() {
    const { url } = await postgresForTest()
    await migrateStore({ kind: 'postgres', url })
    return { DATABASE_URL: url }
  },
}

describe('finds no error at a running server', () => {
  it.each(Object.entries(stores))('with a store on %s, nor in these settings beside it', async (_name, open) => {
    const settings = await open()
    const { resource, issuer } = await startServers(settings)
    expect((await examineServer(resource, fetch)).findings).toEqual([])
    const ports = { PORT: new URL(resource).port, AUTH_SERVER_PORT: new URL(issuer).port }
    expect(errorsIn(await examine({ ...ports, ...settings }))).toEqual([])
  })

  it.each(['nginx', 'caddy'] as const)('behind %s with forward auth, nor a warning', async proxy => {
    const target = await startTarget()
    const { resource } = await startWithDemo(proxy, target.port)
    expect((await examineServer(resource, fetch)).findings).toEqual([])
  })

  it.each(Object.entries(running))('with the settings %s, nor in these beside it', async (_name, settings) => {
    const { resource, issuer } = await startServers(settings)
    const { findings } = await examineServer(resource, fetch)
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([])
    const ports = { PORT: new URL(resource).port, AUTH_SERVER_PORT: new URL(issuer).port }
    const beside = settings.AUTH_MODE === 'embedded' ? { PORT: ports.PORT } : ports
    expect(errorsIn(await examine({ ...beside, ...settings }))).toEqual([])
  })

  it('below a path', async () => {
    const PORT = String(await freePort())
    const { resource } = await startServers({ PORT, PUBLIC_URL: `http://localhost:${PORT}/team-a` })
    expect(resource).toContain('/team-a/mcp')
    expect(errorsIn((await examineServer(resource, fetch)).findings)).toEqual([])
  })

  it.each(emulatorNames)('with tokens of %s', async name => {
    const { resource } = await startServers(await emulated(name))
    expect(errorsIn((await examineServer(resource, fetch)).findings)).toEqual([])
  })

  it('of somebody else behind the gateway', async () => {
    const target = await listen((_request, response) => void response.writeHead(200).end())
    onTestFinished(target.close)
    const { resource } = await startGatewayTo(`${target.origin}/mcp`)
    expect(errorsIn((await examineServer(resource, fetch)).findings)).toEqual([])
  })

  it.each(['embedded', 'beside'] as const)('of the user’s own, with the demo %s', async AUTH_MODE => {
    const port = await freePort()
    const auth = createAuth(
      {
        name: 'Files',
        resource: `http://localhost:${port}/mcp`,
        scopes: { 'files:read': 'Read' },
        initialScopes: ['files:read'],
      },
      { env: { AUTH_MODE, AUTH_SERVER_PORT: String(await freePort()) } },
    )
    const app = express().use(authRoutes(auth))
    app.all('/mcp', protect(auth), (_request, response) => void response.json({}))
    const server = await listen(app, port)
    onTestFinished(async () => {
      await auth.close()
      await server.close()
    })
    await auth.ready()
    expect(errorsIn((await examineServer(auth.resource, fetch)).findings)).toEqual([])
  })
})

async function startModern(): Promise<string> {
  const { origin, close } = await listen(
    toNodeHandler(createMcpHandler(() => new McpServer({ name: 'files', version: '1' }))),
  )
  onTestFinished(close)
  return `${origin}/mcp`
}

const mcp = { name: 'Files', scopes: { mcp: 'Use it' }, initialScopes: ['mcp'] } as const

/** What a gateway is started with, by how it is told; each group as the command reads it. */
const forms: Record<string, (env: Record<string, string>) => Promise<ResourceGroup>> = {
  async '--to'(env) {
    const place = { kind: 'url', url: await startModern() } as const
    return { id: '1', env, declarations: { mcp }, targets: { mcp: { place, identity: { kind: 'assertion' } } } }
  },
  async 'a command'(env) {
    const script = join(import.meta.dirname, '../../gateway/stdio-server.ts')
    const place = { kind: 'command', command: [process.execPath, script], env: {}, processPer: 'session' } as const
    return { id: '1', env, declarations: { mcp }, targets: { mcp: { place, identity: { kind: 'none' } } } }
  },
  async 'a file'(env) {
    const folder = mkdtempSync(join(tmpdir(), 'idplug-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'gateway.json')
    writeFileSync(path, JSON.stringify({ resources: { files: { ...mcp, to: await startModern(), resource: '/mcp' } } }))
    return readGatewayFile(path, env).groups[0] ?? expect.fail()
  },
}

describe.each(Object.entries(forms))('finds no error at a gateway that was started with %s', (_name, form) => {
  it('from outside, behind it, and in its settings', async () => {
    const [PORT, AUTH_SERVER_PORT] = [String(await freePort()), String(await freePort())]
    const env = { PORT, AUTH_SERVER_PORT, PUBLIC_URL: `http://localhost:${PORT}` }
    const group = await form(env)
    const configuration = loadConfiguration(env, { resources: group.declarations })
    const running = await startGateway({ configuration, logger: createLogger('silent') }, [group])
    onTestFinished(running.close)
    const { findings } = await examineServer(running.resource, fetch)
    expect(findings.map(({ code }) => code)).toEqual(['gateway.target_unchecked'])
    expect(errorsIn(await examineGateway(() => [group], { fetch, now: Date.now }))).toEqual([])
  })
})
