import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { migrateStore, type StorePlace } from '../demo-as/stores/open.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { startRedis } from '../test/support/redis.ts'
import type { Measured, Seeded, Usage } from './authorization-server-process.ts'
import { crowdPostgres, crowdSqlite } from './crowd.ts'
import { type BenchSection, type Measurement, ratio } from './report.ts'

const ROUNDS = 9
const REQUESTS_PER_ROUND = 1500
const WARM_UP_REQUESTS = 5000
const CONNECTIONS = 50
const SOME = 1000
const MANY = 100_000
const CROWD = 1_000_000
const RESOURCE_SERVER = `Basic ${Buffer.from('notes-server:notes-server-secret').toString('base64')}`

/** Requests a second of ours, as a share of those of oidc-provider with the least adapter for the same store: at least so much. */
const SHARES = { memory: 0.9, sqlite: 0.85, redis: 0.85, postgres: 0.8 }
type StoreKind = keyof typeof SHARES

interface Candidate {
  name: string
  isBare: boolean
  pool: Pool
  child: ChildProcess
  grants: Seeded['grants']
  /** How far each connection has come with its share of the grants. */
  turns: number[]
}

interface Figures {
  times: Measurement & { samples: number[] }
  cpu: Measurement & { samples: number[] }
  p99: Measurement & { samples: number[] }
}

/** The token endpoint (refresh) and introspection, beside oidc-provider with the least adapter for the same store. */
export async function run(): Promise<BenchSection> {
  const servers = await startStores()
  try {
    return await measure(servers)
  } finally {
    await servers.stop()
  }
}

async function measure(places: Stores): Promise<BenchSection> {
  const figures = new Map<string, Figures>()
  for (const kind of Object.keys(SHARES) as StoreKind[]) {
    const bare = await start(`${kind}, bare`, { kind: 'bare', store: await places.make(kind), clients: SOME })
    const ours = await start(kind, { kind: 'ours', store: await places.make(kind), clients: SOME })
    const crowded = kind === 'redis' ? [] : [await startCrowded(kind, places)]
    await compare(figures, [bare, ours, ...crowded])
    for (const { pool, child } of [bare, ours, ...crowded]) {
      await pool.close()
      child.disconnect()
      await once(child, 'exit')
    }
  }

  const times = (operation: string, name: string) => figures.get(`${operation}: ${name}`)?.times as Measurement
  return {
    title: 'authorization-server: refresh and introspection',
    method: `Time of ${REQUESTS_PER_ROUND} requests over ${CONNECTIONS} connections, ${ROUNDS} rounds in turns, one server process each. \`bare\` is oidc-provider with the same clients, tokens and rotation and the least adapter for the same store. \`crowded\` has the records of ${CROWD} clients with their grants beside the ${SOME} that are used (in memory: ${MANY}).`,
    measurements: [...figures.values()].flatMap(({ times, cpu, p99 }) => [times, cpu, p99]),
    targets: Object.keys(operations).flatMap(operation =>
      Object.entries(SHARES).flatMap(([kind, share]) => [
        {
          name: `${operation}: ${kind} / bare, time`,
          actual: ratio(times(operation, kind), times(operation, `${kind}, bare`)),
          limit: 1 / share,
        },
        ...(kind === 'redis'
          ? []
          : [
              {
                name: `${operation}: ${kind}, crowded / not, time`,
                actual: ratio(times(operation, `${kind}, crowded`), times(operation, kind)),
                limit: 1.2,
              },
            ]),
      ]),
    ),
  }
}

/** Of many clients, as many are asked about as elsewhere: clients that come back are kept made up. */
async function startCrowded(kind: StoreKind, places: Stores): Promise<Candidate> {
  const store = await places.make(kind)
  const name = `${kind}, crowded`
  if (store.kind === 'memory') {
    const crowded = await start(name, { kind: 'ours', store, clients: MANY })
    return { ...crowded, grants: crowded.grants.filter((_, i) => i % (MANY / SOME) === 0) }
  }
  const candidate = await start(name, { kind: 'ours', store, clients: SOME })
  if (store.kind === 'postgres') await crowdPostgres(store.url, CROWD)
  if (store.kind === 'sqlite') crowdSqlite(join(store.folder, store.file), CROWD)
  return candidate
}

async function compare(figures: Map<string, Figures>, candidates: readonly Candidate[]): Promise<void> {
  for (const [operation, request] of Object.entries(operations)) {
    for (const candidate of candidates) await drive(candidate, request, WARM_UP_REQUESTS)
    for (let round = 0; round < ROUNDS; round++) {
      for (const candidate of round % 2 ? candidates.toReversed() : candidates) {
        const found = figuresOf(figures, `${operation}: ${candidate.name}`)
        const took = await drive(candidate, request, REQUESTS_PER_ROUND)
        found.times.samples.push(took.total / REQUESTS_PER_ROUND)
        found.cpu.samples.push(took.cpu / REQUESTS_PER_ROUND)
        found.p99.samples.push(took.p99)
      }
    }
  }
}

interface Stores {
  /** A new, empty one. */
  make(kind: StoreKind): Promise<Measured['store']>
  stop(): Promise<void>
}

async function startStores(): Promise<Stores> {
  const redis = await startRedis()
  const postgres = await startPostgres()
  const folder = mkdtempSync(join(tmpdir(), 'idplug-bench-'))
  let made = 0
  async function make(kind: StoreKind): Promise<Measured['store']> {
    made += 1
    if (kind === 'memory') return { kind }
    const place: StorePlace =
      kind === 'sqlite'
        ? { kind, folder, file: `${made}.db` }
        : kind === 'redis'
          ? { kind, url: `${redis.url}/${made}`, prefix: 'bench' }
          : { kind, url: await postgres.createDatabase() }
    await migrateStore(place)
    return place
  }
  return {
    make,
    async stop() {
      await Promise.all([redis.stop(), postgres.stop()])
      rmSync(folder, { recursive: true })
    },
  }
}

function figuresOf(figures: Map<string, Figures>, name: string): Figures {
  const found = figures.get(name) ?? {
    times: { name, unit: 'ms per request', samples: [] },
    cpu: { name: `${name}, CPU`, unit: 'ms CPU of the server per request', samples: [] },
    p99: { name: `${name}, p99`, unit: 'ms until the answer', samples: [] },
  }
  figures.set(name, found)
  return found
}

type Grant = Seeded['grants'][number]

interface Operation {
  path: string
  /** Where oidc-provider has it. */
  barePath: string
  headers?: Record<string, string>
  fields(grant: Grant): Record<string, string>
  /** @throws {Error} The answer is not what was expected. */
  take(grant: Grant, answer: Record<string, unknown>): void
}

const operations: Record<string, Operation> = {
  refresh: {
    path: '/oauth/token',
    barePath: '/token',
    fields: grant => ({
      grant_type: 'refresh_token',
      client_id: grant.clientId,
      refresh_token: grant.refreshToken,
    }),
    take(grant, { refresh_token, access_token }) {
      if (typeof refresh_token !== 'string' || refresh_token === grant.refreshToken) throw new Error('no new token')
      grant.refreshToken = refresh_token
      grant.accessToken = String(access_token)
    },
  },
  introspection: {
    path: '/oauth/introspect',
    barePath: '/token/introspection',
    headers: { authorization: RESOURCE_SERVER },
    fields: grant => ({ token: grant.accessToken }),
    take(_grant, { active }) {
      if (active !== true) throw new Error('the token is not active')
    },
  },
}

/** Times in milliseconds. */
async function drive(
  candidate: Candidate,
  operation: Operation,
  count: number,
): Promise<{ total: number; cpu: number; p99: number }> {
  const { name, pool, turns } = candidate
  const path = candidate.isBare ? operation.barePath : operation.path
  const durations: number[] = []
  let left = count
  const before = await usageOf(candidate)
  const startedAt = performance.now()
  await Promise.all(
    turns.map(async (_, connection) => {
      while (left-- > 0) {
        const grant = nextOf(candidate, connection)
        const sentAt = performance.now()
        const answer = await pool.request({
          path,
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...operation.headers },
          body: new URLSearchParams(operation.fields(grant)).toString(),
        })
        const text = await answer.body.text()
        if (answer.statusCode !== 200) throw new Error(`${name}: ${answer.statusCode} ${text}`)
        durations.push(performance.now() - sentAt)
        operation.take(grant, JSON.parse(text))
      }
    }),
  )
  const total = performance.now() - startedAt
  const cpu = ((await usageOf(candidate)).cpu - before.cpu) / 1000
  durations.sort((a, b) => a - b)
  return { total, cpu, p99: durations[Math.floor(durations.length * 0.99)] ?? Number.NaN }
}

async function start(name: string, measured: Measured): Promise<Candidate> {
  const file = new URL('./authorization-server-process.ts', import.meta.url)
  const child = fork(file, [JSON.stringify(measured)], { execArgv: ['--expose-gc'] })
  const [{ port, grants }] = (await once(child, 'message')) as [Seeded]
  const pool = new Pool(`http://localhost:${port}`, { connections: CONNECTIONS, pipelining: 1 })
  const turns = Array.from({ length: CONNECTIONS }, () => 0)
  return { name, isBare: measured.kind === 'bare', pool, child, grants, turns }
}

/** No two connections use the same grant. */
function nextOf({ grants, turns }: Candidate, connection: number): Grant {
  const turn = turns[connection] ?? 0
  turns[connection] = turn + 1
  const grant = grants[(turn * CONNECTIONS + connection) % grants.length]
  if (!grant) throw new Error('there are no grants')
  return grant
}

async function usageOf({ child }: Candidate, { collect = false } = {}): Promise<Usage> {
  child.send(collect)
  const [usage] = (await once(child, 'message')) as [Usage]
  return usage
}
