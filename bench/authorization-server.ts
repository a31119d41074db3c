import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import type { Kind, Seeded, Usage } from './authorization-server-process.ts'
import { type BenchSection, type Measurement, ratio } from './report.ts'

const ROUNDS = 11
const REQUESTS_PER_ROUND = 2000
const WARM_UP_REQUESTS = 8000
const CONNECTIONS = 50
const SOME = 1000
const MANY = 100_000
const RESOURCE_SERVER = `Basic ${Buffer.from('notes-server:notes-server-secret').toString('base64')}`

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

/** The token endpoint (refresh) and introspection, beside oidc-provider as it comes. */
export async function run(): Promise<BenchSection> {
  const redis = await startRedis()
  const bare = await start('bare', SOME)
  const memory = await start('memory', SOME)
  const shared = await start('redis', SOME, redis.url)
  const crowded = await start('memory', MANY)
  // Clients that come back are kept made up, so the crowd is asked by as many as the others first, and then by all.
  const step = MANY / SOME
  const some = {
    ...crowded,
    name: `${crowded.name}, ${SOME} active`,
    grants: crowded.grants.filter((_, i) => i % step === 0),
  }
  const all = { ...crowded, name: `${crowded.name}, all active`, turns: [...crowded.turns] }
  const candidates = [bare, memory, shared, some, all]

  const seeded = await usageOf(crowded, { collect: true })

  const figures = new Map<string, Figures>()
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
  const loaded = await usageOf(crowded, { collect: true })
  for (const { pool, child } of [bare, memory, shared, crowded]) {
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
    method: `Time of ${REQUESTS_PER_ROUND} requests over ${CONNECTIONS} connections, ${ROUNDS} rounds, one server process each; \`bare\` is oidc-provider with the same clients, tokens and rotation and its own adapter in memory, which holds more than 1,000 entries here. ${MANY} clients with their grants take ${megabytes(seeded)} MB resident, and ${megabytes(loaded)} MB after ${WARM_UP_REQUESTS + ROUNDS * REQUESTS_PER_ROUND} refreshes.`,
    measurements: [...figures.values()].flatMap(({ times, cpu, p99 }) => [times, cpu, p99]),
    targets: Object.keys(operations).flatMap(operation => [
      { name: `${operation}: memory / bare, time`, actual: compare(operation, memory.name, bare.name), limit: 1 / 0.9 },
      { name: `${operation}: redis / bare, time`, actual: compare(operation, shared.name, bare.name), limit: 1 / 0.6 },
      {
        name: `${operation}: ${MANY} / ${SOME} clients, time`,
        actual: compare(operation, some.name, memory.name),
        limit: 1.15,
      },
    ]),
  }
}

const megabytes = ({ resident }: Usage) => Math.round(resident / 1e6)

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

async function start(kind: Kind, count: number, redisUrl = ''): Promise<Candidate> {
  const file = new URL('./authorization-server-process.ts', import.meta.url)
  const child = fork(file, [kind, String(count), redisUrl], { execArgv: ['--expose-gc'] })
  const [{ port, grants }] = (await once(child, 'message')) as [Seeded]
  const pool = new Pool(`http://localhost:${port}`, { connections: CONNECTIONS, pipelining: 1 })
  const name = `${kind}, ${count} clients`
  return { name, isBare: kind === 'bare', pool, child, grants, turns: Array.from({ length: CONNECTIONS }, () => 0) }
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
