import { Client } from 'undici'
import {
  CONNECTIONS,
  type MeasuredServer,
  modernRequest,
  type PreparedRequest,
  startIssuer,
  startServer,
  startServers,
} from './http-load.ts'
import { documented, freePort, startNginx } from './nginx.ts'
import { measurePaired } from './paired.ts'
import { type BenchSection, type Measurement, median, ratio } from './report.ts'

const ROUNDS = 30
const REQUESTS_PER_ROUND = 2_000
const WARM_UP_CALLS = 2_000
const LATENCY_ROUNDS = 21
const CALLS_PER_ROUND = 200

/** What the gateway costs, against a server that passes everything on. */
export async function run(): Promise<BenchSection> {
  const issuer = await startIssuer()
  const target = await startServer('gateway-target', issuer.settings)
  const names = ['pass-through', 'read-first', 'gateway', 'gateway-telling']
  const servers = await startServers(names, { ...issuer.settings, target: target.url })
  const requests = issuer.tokens.map(modernRequest)
  const expected = { status: 200, text: '"result"' }
  const said = ['pass-through', 'pass-through, body read first', 'gateway', 'gateway with assertion and log']
  const candidates = servers.map((server, index) => ({ name: said[index] ?? '', server, requests, expected }))
  const measured = await measurePaired(candidates, { rounds: ROUNDS, requests: REQUESTS_PER_ROUND })
  const nginx = await startNginxTo(target)
  const [passThrough, , gateway] = servers as [MeasuredServer, MeasuredServer, MeasuredServer]
  const added = await measureAdded(target, [nginx, passThrough, gateway], requests[0] as PreparedRequest)
  for (const server of [nginx, ...servers, target]) await server.stop()
  issuer.close()
  const [nginxAdded, , gatewayAdded] = added
  const against = (index: number, base: number) => ratio(measured[index] as Measurement, measured[base] as Measurement)
  return {
    title: 'gateway: an authenticated tools/call, against node:http and an undici Pool without any check',
    method: `CPU of the gateway process per request, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${REQUESTS_PER_ROUND}. Then the time of a call on one connection, beyond that of the target itself, ${LATENCY_ROUNDS} rounds of ${CALLS_PER_ROUND}.`,
    measurements: [...measured, ...added],
    targets: [
      { name: 'gateway / pass-through', actual: against(2, 0), limit: 1.2 },
      { name: 'gateway / pass-through, body read first', actual: against(2, 1), limit: 1.2 },
      { name: 'with assertion and log / pass-through', actual: against(3, 0), limit: 1.35 },
      {
        name: 'p50 added / added by nginx',
        actual: median(gatewayAdded.samples) / median(nginxAdded.samples),
        limit: 1.35,
      },
    ],
  }
}

/** nginx as a plain proxy, with the documented configuration. */
async function startNginxTo(target: MeasuredServer): Promise<MeasuredServer> {
  const port = await freePort()
  const http = documented('nginx-in-front.conf')
    .replaceAll('127.0.0.1:3232', new URL(target.url).host)
    .replace('listen 8080', `listen ${port}`)
  const nginx = await startNginx(http)
  const url = `http://127.0.0.1:${port}`
  const client = new Client(url)
  return {
    url,
    connection: () => client,
    report: async () => ({ cpu: nginx.cpu(), heap: 0 }),
    async stop() {
      await client.close()
      await nginx.stop()
    },
  }
}

/** What servers add to the median time of a call, round by round. */
async function measureAdded(
  target: MeasuredServer,
  between: readonly [nginx: MeasuredServer, passThrough: MeasuredServer, gateway: MeasuredServer],
  request: PreparedRequest,
): Promise<[nginx: Measurement, passThrough: Measurement, gateway: Measurement]> {
  const samples: [number[], number[], number[]] = [[], [], []]
  const all = [target, ...between]
  for (const server of all) await medianTime(server, request, WARM_UP_CALLS)
  for (let round = 0; round < LATENCY_ROUNDS; round++) {
    const times = new Map<MeasuredServer, number>()
    for (const server of round % 2 ? all : all.toReversed()) {
      times.set(server, await medianTime(server, request, CALLS_PER_ROUND))
    }
    for (const [index, server] of between.entries()) {
      samples[index]?.push((times.get(server) ?? 0) - (times.get(target) ?? 0))
    }
  }
  const unit = 'µs added to p50'
  return [
    { name: 'nginx proxy_pass', unit, samples: samples[0] },
    { name: 'pass-through', unit, samples: samples[1] },
    { name: 'gateway', unit, samples: samples[2] },
  ]
}

/** In microseconds. */
async function medianTime(server: MeasuredServer, { headers, body }: PreparedRequest, count: number): Promise<number> {
  const times: number[] = []
  for (let call = 0; call < count; call++) {
    const start = performance.now()
    const answer = await server.connection(0).request({ path: '/mcp', method: 'POST', headers, body })
    await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${server.url} answered ${answer.statusCode}`)
    times.push((performance.now() - start) * 1000)
  }
  return median(times)
}
