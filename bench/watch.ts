import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listenForServers } from '../app/watch/listen.ts'
import { CONNECTIONS, legacyRequest, modernRequest, refusedRequest, startIssuer, startServers } from './http-load.ts'
import { measurePaired } from './paired.ts'
import { type BenchSection, type Measurement, ratio } from './report.ts'

const ROUNDS = 150
const REQUESTS_PER_ROUND = 250
const MOST = 1.02

/** What it costs a server that `idplug watch` looks at each of its calls. */
export async function run(): Promise<BenchSection> {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-bench-'))
  const path = join(folder, 'watch')
  let records = 0
  const listening = await listenForServers(path, {
    record: () => void records++,
    foreign: () => {},
    gone: () => {},
  })
  const issuer = await startIssuer()
  // In one process: two of them differ by more than what is measured.
  const servers = await startServers(['unwatched', 'watched'], { ...issuer.settings, watch: path })
  const [off, on] = servers
  if (!off || !on) throw new Error('servers did not start')
  const served = { status: 200, text: '"notes":[]' }
  const named = [
    { name: 'off', server: off },
    { name: 'on', server: on },
  ]
  const legacy = await Promise.all(
    named.map(async ({ name, server }) => ({
      name: `2025-11-25: ${name}`,
      server,
      requests: await Promise.all(issuer.tokens.map(token => legacyRequest(server, token, { session: true }))),
      expected: served,
    })),
  )
  const modern = named.map(({ name, server }) => ({
    name: `2026-07-28: ${name}`,
    server,
    requests: issuer.tokens.map(modernRequest),
    expected: served,
  }))
  const refused = named.map(({ name, server }) => ({
    name: `refused: ${name}`,
    server,
    requests: Array.from({ length: CONNECTIONS }, () => refusedRequest()),
    expected: { status: 401, text: '' },
  }))
  const measurements: Measurement[] = []
  // One pair after the other, so that nothing comes between the two of a pair.
  for (const pair of [legacy, modern, refused]) {
    measurements.push(...(await measurePaired(pair, { rounds: ROUNDS, requests: REQUESTS_PER_ROUND })))
  }
  for (const server of servers) await server.stop()
  issuer.close()
  await listening.close()
  rmSync(folder, { recursive: true })
  if (records === 0) throw new Error('nothing was written to the watcher')
  const [legacyOff, legacyOn, modernOff, modernOn] = measurements
  if (!legacyOff || !legacyOn || !modernOff || !modernOn) throw new Error('nothing was measured')
  return {
    title: 'watch: authenticated tools/call, with AUTH_WATCH and somebody who watches',
    method: `CPU of the server process per request, ${CONNECTIONS} connections, ${ROUNDS} rounds of ${REQUESTS_PER_ROUND}. ${records} records were read.`,
    measurements,
    targets: [
      { name: '2025-11-25: on / off', actual: ratio(legacyOn, legacyOff), limit: MOST },
      { name: '2026-07-28: on / off', actual: ratio(modernOn, modernOff), limit: MOST },
    ],
  }
}
