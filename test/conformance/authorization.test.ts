import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrateStore } from '../../demo-as/stores/open.ts'
import { createClient } from '../demo-as/support.ts'
import { providers } from '../e2e/bridge/providers.ts'
import { startBridge } from '../e2e/bridge/support.ts'
import { type Started, startServers } from '../e2e/servers.ts'
import { signIn } from '../support/browser.ts'
import { freePort } from '../support/http.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { ALL_VARIANTS } from '../support/variants.ts'
import { runSuite } from './suite.ts'

type Settings = Record<string, string>

const RUN_MILLISECONDS = 300_000

let redis: RedisServer
let postgres: PostgresServer
let prefixes = 0

beforeAll(async () => {
  ;[redis, postgres] = await Promise.all([startRedis(), startPostgres()])
})
afterAll(async () => {
  await redis.stop()
  await postgres.stop()
})

const stores: Record<string, () => Settings | Promise<Settings>> = {
  memory: () => ({ AUTH_STORE: 'memory' }),
  SQLite: () => ({ AUTH_DATA_DIR: mkdtempSync(join(tmpdir(), 'data-')) }),
  Redis: () => ({ REDIS_URL: redis.url, REDIS_PREFIX: `test-${prefixes++}` }),
  async PostgreSQL() {
    const url = await postgres.createDatabase()
    await migrateStore({ kind: 'postgres', url })
    return { DATABASE_URL: url }
  },
}

interface SignIn {
  servers: Started
  user: string
  /** Where the person signs in, if not at the authorization server. */
  provider?: string
}

const signIns: Record<string, (settings: Settings) => Promise<SignIn>> = {
  'users of its own': async settings => ({ servers: await startServers(settings), user: 'ada' }),
}
for (const [name, { create, settings: settingsOf, login: user }] of Object.entries(providers)) {
  // One that speaks OpenID Connect, and one that does not.
  if (!ALL_VARIANTS && name !== 'oidc' && name !== 'github') continue
  signIns[`a bridge to ${name}`] = async settings => {
    const all = { ...settings, BRIDGE_KEYS: randomBytes(32).toString('base64') }
    const { servers, origin } = await startBridge(create, origin => ({ ...settingsOf(origin), ...all }))
    return { servers, user, provider: origin }
  }
}

const cases = Object.entries(signIns).flatMap(([name, start]) => [
  { name, start, format: 'opaque' },
  { name, start, format: 'jwt' },
])

describe.each(Object.entries(stores))('an authorization server on %s', (_name, open) => {
  it.each(cases)(
    'passes 2 of 2 scenarios of the official conformance suite without a warning, with $format tokens and $name',
    { timeout: RUN_MILLISECONDS },
    async ({ start, format }) => {
      const { servers, user, provider } = await start({ ...(await open()), ACCESS_TOKEN_FORMAT: format })
      const { issuer, resource } = servers
      const { json: client } = await createClient(issuer).register({ redirect_uris: ['http://127.0.0.1/callback'] })
      const port = String(await freePort())

      const run = await runSuite(
        ['authorization', '--url', issuer, '--client-id', client.client_id, '--resource', resource, '--port', port],
        async line => {
          if (line.startsWith(`${issuer}/oauth/authorize?`)) await fetch(await signIn(line, { user, provider }))
        },
      )

      expect(run.shortcomings).toEqual([])
      expect([...run.passed].sort()).toEqual(['authorization-code-grant', 'authorization-server-metadata-endpoint'])
      expect(run.exitCode, run.output).toBe(0)
    },
  )
})
