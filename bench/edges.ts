import { existsSync } from 'node:fs'
import { CONNECTIONS, legacyRequest, startIssuer, startServers } from './http-load.ts'
import { measurePaired } from './paired.ts'
import { type BenchSection, difference, type Measurement, type Target } from './report.ts'

const ROUNDS = 60
const REQUESTS_PER_ROUND = 600
const MOST_MICROSECONDS = 3

/** What `protect` costs in front of a `tools/call` whose scopes are checked, beyond the least that is written by hand. */
export async function run(): Promise<BenchSection> {
  const hasFrameworks = existsSync(new URL('../test/frameworks/node_modules/hono', import.meta.url))
  const issuer = await startIssuer()
  const measurements: Measurement[] = []
  const targets: Target[] = []
  for (const name of ['node', 'express', ...(hasFrameworks ? ['hono', 'fastify'] : [])]) {
    // In one process: two of them differ by more than what is measured.
    const servers = await startServers([`${name}-minimum`, `${name}-protected`], issuer.settings)
    const candidates = await Promise.all(
      servers.map(async (server, index) => ({
        name: `${name}, ${index === 0 ? 'written by hand' : 'with protect'}`,
        server,
        requests: await Promise.all(issuer.tokens.map(token => legacyRequest(server, token, { session: false }))),
        expected: { status: 200, text: 'list_notes for bench' },
      })),
    )
    const [minimum, protectedOne] = await measurePaired(candidates, { rounds: ROUNDS, requests: REQUESTS_PER_ROUND })
    for (const server of servers) await server.stop()
    if (!minimum || !protectedOne) throw new Error(`${name} was not measured`)
    measurements.push(minimum, protectedOne)
    targets.push({
      name: `${name}: µs that protect costs`,
      actual: difference(protectedOne, minimum),
      limit: MOST_MICROSECONDS,
    })
  }
  issuer.close()
  const missing = hasFrameworks ? '' : ' Hono and Fastify are left out: npm run setup:frameworks installs them.'
  return {
    title: 'edges: protect in front of tools/call, with the scopes of the operation',
    method: `CPU of the server process per request, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${REQUESTS_PER_ROUND}.${missing}`,
    measurements,
    targets,
  }
}
