import { CONNECTIONS, type MeasuredServer, refusedRequest, startIssuer, startServers } from './http-load.ts'
import { measurePaired, type PairedCandidate } from './paired.ts'
import { type BenchSection, ratio } from './report.ts'

const ROUNDS = 60
const REQUESTS_PER_ROUND = 600

/** What a refusal costs, against the same answer of a server that knows nothing else. */
export async function run(): Promise<BenchSection> {
  const issuer = await startIssuer()
  const names = ['node-protected', 'constant-no-token', 'constant-expired-token']
  const servers = await startServers(names, { ...issuer.settings, expiredToken: issuer.expiredToken })
  const [ours, constant, constantExpired] = servers as [MeasuredServer, MeasuredServer, MeasuredServer]
  const candidate = (name: string, server: MeasuredServer, text: string, authorization?: string): PairedCandidate => ({
    name,
    server,
    requests: Array.from({ length: CONNECTIONS }, () => refusedRequest(authorization)),
    expected: { status: 401, text },
  })
  const none = 'needs an access token'
  const expired = 'invalid_token'
  const token = `Bearer ${issuer.expiredToken}`
  const measured = await measurePaired(
    [
      candidate('no token', ours, none),
      candidate('no token: bare node:http, same answer', constant, none),
      candidate('expired token', ours, expired, token),
      candidate('expired token: bare node:http, same answer', constantExpired, expired, token),
    ],
    { rounds: ROUNDS, requests: REQUESTS_PER_ROUND },
  )
  for (const server of servers) await server.stop()
  issuer.close()
  const compare = (index: number) => {
    const [measurement, base] = measured.slice(index)
    return measurement && base ? ratio(measurement, base) : Number.NaN
  }
  return {
    title: 'refusals: against bare node:http with the same status, headers and body',
    method: `CPU of the server process per request, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${REQUESTS_PER_ROUND}.`,
    measurements: measured,
    targets: [
      { name: 'no token / bare node:http', actual: compare(0), limit: 1.25 },
      { name: 'expired token / bare node:http', actual: compare(2), limit: 1.4 },
    ],
  }
}
