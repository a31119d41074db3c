import { CONNECTIONS, modernRequest, startIssuer, startServer, startServers } from './http-load.ts'
import { measurePaired } from './paired.ts'
import { type BenchSection, ratio } from './report.ts'

const ROUNDS = 30
const REQUESTS_PER_ROUND = 2_000

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
  for (const server of [...servers, target]) await server.stop()
  issuer.close()
  const against = (index: number, base: number) => ratio(measured[index] as Measured, measured[base] as Measured)
  return {
    title: 'gateway: an authenticated tools/call, against node:http and an undici Pool without any check',
    method: `CPU of the gateway process per request, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${REQUESTS_PER_ROUND}.`,
    measurements: measured,
    targets: [
      { name: 'gateway / pass-through', actual: against(2, 0), limit: 1.2 },
      { name: 'gateway / pass-through, body read first', actual: against(2, 1), limit: 1.2 },
      { name: 'with assertion and log / pass-through', actual: against(3, 0), limit: 1.35 },
    ],
  }
}

type Measured = Awaited<ReturnType<typeof measurePaired>>[number]
