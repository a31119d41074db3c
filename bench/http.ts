import {
  CONNECTIONS,
  drive,
  legacyRequest,
  type MeasuredServer,
  modernRequest,
  type PreparedRequest,
  refusedRequest,
  startIssuer,
  startServer,
  startServers,
} from './http-load.ts'
import { soak } from './http-soak.ts'
import { type BenchSection, type Measurement, ratio } from './report.ts'

const WARM_UP_REQUESTS = 8000
const ROUNDS = 15
const REQUESTS_PER_ROUND = 4000

interface Candidate {
  server: MeasuredServer
  requests: readonly PreparedRequest[]
  expected: { status: number; text: string }
  measurement: Measurement & { samples: number[] }
}

/** Server CPU per `tools/call` over HTTP: ours with and without the check, and what one usually builds from the SDK. */
export async function run(): Promise<BenchSection> {
  const issuer = await startIssuer()
  const { settings, tokens } = issuer
  // In one process: two of them, running the very same server, differ by more than the check costs.
  const [checked, unchecked] = await startServers(['checked', 'unchecked'], settings)
  if (!checked || !unchecked) throw new Error('servers did not start')
  const usual = await startServer('usual', settings)
  const bare = await startServer('bare', settings)
  const legacy = (server: MeasuredServer, session: boolean) =>
    Promise.all(tokens.map(token => legacyRequest(server, token, { session })))
  const modern = tokens.map(modernRequest)
  const crowd = (request: PreparedRequest) => Array.from({ length: CONNECTIONS }, () => request)

  const ours = served('2025-11-25: ours', checked, await legacy(checked, true))
  const oursUnchecked = served('2025-11-25: ours without the check', unchecked, await legacy(unchecked, true))
  const oursModern = served('2026-07-28: ours', checked, modern)
  const oursModernUnchecked = served('2026-07-28: ours without the check', unchecked, modern)
  const composition = served('2025-11-25: usual composition', usual, await legacy(usual, false))
  const anonymous = refused('refused: no token', checked, crowd(refusedRequest()))
  const expiredRequest = refusedRequest(`Bearer ${issuer.expiredToken}`)
  const expired = refused('refused: expired token', checked, crowd(expiredRequest))
  const least = refused('refused: node:http with nothing behind it', bare, crowd(refusedRequest()))
  const leastExpired = refused('the same, with the expired token', bare, crowd(expiredRequest))
  const servedOnes = [ours, oursUnchecked, oursModern, oursModernUnchecked, composition]
  const candidates = [...servedOnes, anonymous, expired, least, leastExpired]

  for (const { server, requests, expected } of candidates) await drive(server, requests, WARM_UP_REQUESTS, expected)
  for (let round = 0; round < ROUNDS; round++) {
    for (const candidate of round % 2 ? candidates.toReversed() : candidates) await measure(candidate)
  }
  for (const server of [checked, unchecked, usual, bare]) await server.stop()
  const soaked = await soak(issuer)
  issuer.close()

  const compare = (candidate: Candidate, base: Candidate) => ratio(candidate.measurement, base.measurement)
  return {
    title: 'http: authenticated tools/call',
    method: `CPU of the server process per request, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${REQUESTS_PER_ROUND}.`,
    measurements: candidates.map(({ measurement }) => measurement),
    targets: [
      { name: '2025-11-25: with / without the check', actual: compare(ours, oursUnchecked), limit: 1.05 },
      { name: '2026-07-28: with / without the check', actual: compare(oursModern, oursModernUnchecked), limit: 1.05 },
      { name: '2025-11-25: ours / usual composition', actual: compare(ours, composition), limit: 0.35 },
      { name: '2026-07-28: ours / usual composition', actual: compare(oursModern, composition), limit: 0.35 },
      { name: 'no token / served', actual: compare(anonymous, ours), limit: 0.25 },
      { name: 'expired token / served', actual: compare(expired, ours), limit: 0.25 },
      ...soaked,
    ],
  }
}

function served(name: string, server: MeasuredServer, requests: readonly PreparedRequest[]): Candidate {
  return candidate(name, server, requests, { status: 200, text: '"notes":[]' })
}

function refused(name: string, server: MeasuredServer, requests: readonly PreparedRequest[]): Candidate {
  return candidate(name, server, requests, { status: 401, text: '' })
}

function candidate(
  name: string,
  server: MeasuredServer,
  requests: readonly PreparedRequest[],
  expected: Candidate['expected'],
): Candidate {
  return { server, requests, expected, measurement: { name, unit: 'µs CPU per request', samples: [] } }
}

async function measure({ server, requests, expected, measurement }: Candidate): Promise<void> {
  const before = await server.report({ collect: false })
  await drive(server, requests, REQUESTS_PER_ROUND, expected)
  const after = await server.report({ collect: false })
  measurement.samples.push((after.cpu - before.cpu) / REQUESTS_PER_ROUND)
}
