import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import type { Kind, Seeded } from './authorization-server-process.ts'
import { type BenchSection, type Measurement, ratio } from './report.ts'

const ROUNDS = 11
const REQUESTS_PER_ROUND = 2000
const WARM_UP_REQUESTS = 8000
const FEW = 50
const MANY = 100_000
const RESOURCE_SERVER = `Basic ${Buffer.from('notes-server:notes-server-secret').toString('base64')}`

interface Candidate {
  name: string
  pool: Pool
  child: ChildProcess
  grants: Seeded['grants']
}

interface Figures {
  times: Measurement & { samples: number[] }
  p99: Measurement & { samples: number[] }
}

/** The token endpoint (refresh) and introspection, beside oidc-provider as it comes with its own adapter in memory. */
export async function run(): Promise<BenchSection> {
  const redis = await startRedis()
  const bare = await start('bare', FEW)
  const memory = await start('memory', FEW)
  const shared = await start('redis', FEW, redis.url)
  const crowded = await start('memory', MANY)
  const candidates = [bare, memory, shared, { ...crowded, name: `memory, ${MANY} clients and grants` }]

  const figures = new Map<string, Figures>()
  for (const [operation, request] of Object.entries(operations)) {
    for (const candidate of candidates) await drive(candidate, request, WARM_UP_REQUESTS)
    for (let round = 0; round < ROUNDS; round++) {
      for (const candidate of round % 2 ? candidates.toReversed() : candidates) {
        const found = figuresOf(figures, `${operation}: ${candidate.name}`)
        const took = await drive(candidate, request, REQUESTS_PER_ROUND)
        found.times.samples.push(took.total / REQUESTS_PER_ROUND)
        found.p99.samples.push(took.p99)
      }
    }
  }
  crowded.child.send('memory')
  const [{ resident }] = (await once(crowded.child, 'message')) as [{ resident: number }]
  for (const { pool, child } of candidates) {
    await pool.close()
    child.disconnect()
  }
  redis.stop()

  const compare = (operation: string, name: string, base: string) => {
    const [one, other] = [figures.get(`${operation}: ${name}`), figures.get(`${operation}: ${base}`)]
    return one && other ? ratio(one.times, other.times) : Number.NaN
  }
  return {
    title: 'authorization-server: refresh and introspection',
    method: `Time of ${REQUESTS_PER_ROUND} requests over ${FEW} connections, ${ROUNDS} rounds; ${MANY} clients and grants take ${Math.round(resident / 1e6)} MB resident.`,
    measurements: [...figures.values()].flatMap(({ times, p99 }) => [times, p99]),
    targets: Object.keys(operations).flatMap(operation => [
      { name: `${operation}: memory / bare, time`, actual: compare(operation, 'memory', 'bare'), limit: 1 / 0.9 },
      { name: `${operation}: redis / bare, time`, actual: compare(operation, 'redis', 'bare'), limit: 1 / 0.6 },
      {
        name: `${operation}: ${MANY} / ${FEW} grants, time`,
        actual: compare(operation, `memory, ${MANY} clients and grants`, 'memory'),
        limit: 1.15,
      },
    ]),
  }
}

function figuresOf(figures: Map<string, Figures>, name: string): Figures {
  const found = figures.get(name) ?? {
    times: { name, unit: 'ms per request', samples: [] },
    p99: { name: `${name}, p99`, unit: 'ms until the answer', samples: [] },
  }
  figures.set(name, found)
  return found
}

type Grant = Seeded['grants'][number]

interface Operation {
  path: string
  headers?: Record<string, string>
  fields(grant: Grant): Record<string, string>
  /** @throws {Error} The answer is not what was expected. */
  take(grant: Grant, answer: Record<string, unknown>): void
}

const operations: Record<string, Operation> = {
  refresh: {
    path: '/oauth/token',
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
    headers: { authorization: RESOURCE_SERVER },
    fields: grant => ({ token: grant.accessToken }),
    take(_grant, { active }) {
      if (active !== true) throw new Error('the token is not active')
    },
  },
}

/** Times in milliseconds. */
async function drive(
  { name, pool, grants }: Candidate,
  operation: Operation,
  count: number,
): Promise<{ total: number; p99: number }> {
  // Bare oidc-provider has its own paths.
  const path =
    name === 'bare' ? (operation.path === '/oauth/token' ? '/token' : '/token/introspection') : operation.path
  const durations: number[] = []
  let left = count
  const startedAt = performance.now()
  await Promise.all(
    grants.map(async grant => {
      while (left-- > 0) {
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
  durations.sort((a, b) => a - b)
  return { total, p99: durations[Math.floor(durations.length * 0.99)] ?? Number.NaN }
}

async function start(kind: Kind, count: number, redisUrl = ''): Promise<Candidate> {
  const file = new URL('./authorization-server-process.ts', import.meta.url)
  const child = fork(file, [kind, String(count), redisUrl], { execArgv: ['--expose-gc'] })
  const [{ port, grants }] = (await once(child, 'message')) as [Seeded]
  const pool = new Pool(`http://localhost:${port}`, { connections: FEW, pipelining: 1 })
  return { name: kind, pool, child, grants }
}

async function startRedis(): Promise<{ url: string; stop(): void }> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  const always = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', always, { stdio: 'ignore' })
  // It says nothing when it is ready, so it is given the time that it takes.
  await delay(500)
  return { url: `redis://127.0.0.1:${port}`, stop: () => void child.kill() }
}
