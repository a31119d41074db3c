import { CONNECTIONS, legacyRequest, type MeasuredServer, modernRequest, startServer } from './http-load.ts'
import { measurePaired, type PairedCandidate } from './paired.ts'
import { type BenchSection, median, ratio } from './report.ts'
import { secondsUntilGone } from './stdio-sessions.ts'

const ROUNDS = 21
const REQUESTS_PER_ROUND = 3000

const NO_ISSUER = { issuer: '', resource: '', jwksUri: '' }

/** What a call of a stdio server costs the gateway, against a pipe that passes bodies and lines on as they are. */
export async function run(): Promise<BenchSection> {
  const [pipe, target] = await Promise.all(['stdio-pipe', 'stdio-target'].map(name => startServer(name, NO_ISSUER)))
  if (!pipe || !target) throw new Error('a server did not start')
  const session = await legacyRequest(target, '', { session: true })
  const modern = modernRequest('')
  const candidate = (name: string, server: MeasuredServer, { headers, body }: typeof modern): PairedCandidate => ({
    name,
    server,
    // Of one client, so each in flight has an id of its own.
    requests: Array.from({ length: CONNECTIONS }, (_, index) => ({
      headers,
      body: JSON.stringify({ ...JSON.parse(body), id: index + 1 }),
    })),
    expected: { status: 200, text: 'Echo: hello' },
  })
  const measured = await measurePaired(
    [
      candidate('node:http and a plain pipe', pipe, session),
      candidate('session of 2025-11-25', target, session),
      candidate('2026-07-28', target, modern),
    ],
    { rounds: ROUNDS, requests: REQUESTS_PER_ROUND },
  )
  await Promise.all([pipe.stop(), target.stop()])
  const gone = {
    'until 100 processes are gone': await secondsUntilGone([]),
    'the same, if they ignore SIGTERM': await secondsUntilGone(['--stubborn']),
  }
  const [base, legacy, current] = measured
  if (!base || !legacy || !current) throw new Error('nothing was measured')
  return {
    title: 'stdio-target: a call passed on to a process',
    method: `CPU of the gateway per call, without that of the process behind it and without the check of the token. ${CONNECTIONS} connections to one process, ${ROUNDS} rounds of ${REQUESTS_PER_ROUND}. Then a hundred sessions end at once.`,
    measurements: [
      ...measured,
      ...Object.entries(gone).map(([name, seconds]) => ({ name, unit: 's after their sessions', samples: [seconds] })),
    ],
    targets: [
      { name: 'session, µs', actual: median(legacy.samples), limit: 100 },
      { name: '2026-07-28, µs', actual: median(current.samples), limit: 100 },
      { name: 'session / plain pipe', actual: ratio(legacy, base), limit: 2.5 },
      { name: '2026-07-28 / plain pipe', actual: ratio(current, base), limit: 2.5 },
      ...Object.entries(gone).map(([name, actual]) => ({ name: `${name}, s`, actual, limit: 10 })),
    ],
  }
}
