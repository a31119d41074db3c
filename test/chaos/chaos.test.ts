import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { createOidcEmulator } from '../../emulators/oidc.ts'
import { freePort } from '../support/http.ts'
import { createPerson, type Person } from './person.ts'
import { startProcesses } from './processes.ts'
import { createRandom } from './random.ts'
import { STORES } from './stores.ts'

const SEED = Number(process.env.CHAOS_SEED)
const SECONDS = Number(process.env.CHAOS_SECONDS)
const OPERATIONS_A_SECOND = 50
const PEOPLE = 60
/** CHAOS_STORES names some of them, separated by commas. */
const NAMES = process.env.CHAOS_STORES?.split(',') ?? Object.keys(STORES)
const RESOURCE = 'http://localhost:3232/mcp'
const INTROSPECTION_SECRET = 'the-same-secret-for-all-processes'
/** Every so many crashes it is the store that crashes. */
const STORE_CRASH_EVERY = 5
/** How long a used refresh token gives the same answer again. */
const GRACE_SECONDS = 30

/** What people do, as often as it stands here. */
const HABITS = [
  'signIn',
  'revoke',
  ...Array(6).fill('introspect'),
  ...Array(16).fill('refresh'),
] as (keyof typeof counts)[]
const counts = { refresh: 0, introspect: 0, signIn: 0, revoke: 0 }

it.each(NAMES)(`signs nobody out and gives nothing twice on %s (CHAOS_SEED=${SEED})`, async name => {
  const random = createRandom(SEED)
  for (const key of Object.keys(counts) as (keyof typeof counts)[]) counts[key] = 0
  const store = await (STORES[name] as (typeof STORES)[string])()
  const port = await freePort()
  const provider = createOidcEmulator({
    rotateRefreshTokens: true,
    // A provider without it takes an answer that was lost with a process for a theft, and is right to sign the person out.
    reuseSeconds: 120,
    clients: [
      { clientId: 'bridge', clientSecret: 'secret', redirectUris: [`http://localhost:${port}/oauth/callback`] },
    ],
  })
  const providerOrigin = await provider.start()
  onTestFinished(provider.close)
  const processes = await startProcesses(2, port, {
    AUTH_BRIDGE: 'on',
    AUTH_PROVIDER: 'oidc',
    OIDC_METADATA_URL: `${providerOrigin}/.well-known/openid-configuration`,
    BRIDGE_CLIENT_ID: 'bridge',
    BRIDGE_CLIENT_SECRET: 'secret',
    BRIDGE_ALLOW: 'everyone',
    BRIDGE_GRANT_SCOPES: 'notes:read',
    BRIDGE_KEYS: randomBytes(32).toString('base64'),
    PUBLIC_URL: new URL(RESOURCE).origin,
    DEMO_RS_CLIENT_SECRET: INTROSPECTION_SECRET,
    TRUSTED_PROXIES: '127.0.0.1,::1',
    CIMD: 'off',
    ...store.settings,
  })
  const people = Array.from({ length: PEOPLE }, (_, index) =>
    createPerson({
      issuer: processes.issuer,
      provider: providerOrigin,
      resource: RESOURCE,
      client: { id: 'mcp-server', secret: INTROSPECTION_SECRET },
      address: `10.0.0.${index + 1}`,
    }),
  )
  const lost: string[] = []
  const ends = Date.now() + SECONDS * 1000

  async function live(person: Person): Promise<void> {
    await person.signIn()
    while (Date.now() < ends) {
      const next = Date.now() + (1000 * PEOPLE) / OPERATIONS_A_SECOND
      const what = random.pick(HABITS)
      if (what === 'refresh') await person.refresh(random.next() < 0.2)
      else await person[what]()
      counts[what]++
      if (what === 'revoke') await person.signIn()
      await delay(Math.max(0, next - Date.now()))
    }
  }

  async function crash(): Promise<number> {
    let crashes = 0
    for (; Date.now() < ends; crashes++) {
      await delay(random.between(500, 5000))
      if (store.server && crashes % STORE_CRASH_EVERY === STORE_CRASH_EVERY - 1) {
        await store.server.kill()
        await store.server.restart()
      } else await processes.crash(Math.floor(random.between(0, processes.count)))
    }
    return crashes
  }

  const [crashes] = await Promise.all([
    crash(),
    ...people.map((person, index) => live(person).catch(error => lost.push(`person ${index}: ${error.message}`))),
  ])
  const operations = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const failures = people.reduce((sum, person) => sum + person.failures, 0)
  console.log(
    `chaos on ${name}, seed ${SEED}: ${operations} operations in ${SECONDS} s (${JSON.stringify(counts)}), ` +
      `${crashes} crashes, ${failures} requests without an answer at first, ${lost.length} people lost something`,
  )
  expect(lost, processes.log().slice(-20_000)).toEqual([])

  // What was used before all of that counts as used.
  await delay((GRACE_SECONDS + 1) * 1000)
  const replayed = await Promise.all(people.slice(0, 20).map(person => person.replay()))
  expect(replayed).not.toContain(true)
})
