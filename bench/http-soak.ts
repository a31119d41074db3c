import { drive, type Issuer, legacyRequest, type MeasuredServer, modernRequest, startServer } from './http-load.ts'
import type { Target } from './report.ts'

const CALLS = 100_000
const HANG_UPS = 1000
const WARM_UP_REQUESTS = 20_000
const expected = { status: 200, text: '"notes":[]' }

/** What many calls on one session, and clients that hang up mid-call, leave behind in the heap of a server that goes on. */
export async function soak({ settings, tokens: [token = ''] }: Issuer): Promise<Target[]> {
  const server = await startServer('checked', settings)
  const { headers, body } = await legacyRequest(server, token, { session: true })
  const modern = modernRequest(token)
  // One session, used by all clients at once; ids in flight have to differ.
  const requests = Array.from({ length: 50 }, (_, id) => ({
    headers,
    body: body.replace('"id":1,', `"id":${id + 1},`),
  }))
  const [call] = requests
  if (!call) throw new Error('No requests')

  await drive(server, requests, WARM_UP_REQUESTS, expected)
  const growthOf = async (work: () => Promise<void>) => {
    const before = await server.report({ collect: true })
    await work()
    const after = await server.report({ collect: true })
    return (after.heap - before.heap) / 1e6
  }
  const calls = await growthOf(() => drive(server, requests, CALLS, expected))
  const slow = { headers, body: body.replace('list_notes', 'slow') }
  const modernSlow = {
    headers: { ...modern.headers, 'mcp-name': 'slow' },
    body: modern.body.replace('list_notes', 'slow'),
  }
  await hangUp(server, [slow, modernSlow], 100)
  const hangUps = await growthOf(() => hangUp(server, [slow, modernSlow], HANG_UPS))
  await drive(server, [call, modern], 100, expected)
  await server.stop()
  return [
    { name: `heap growth over ${CALLS} calls on one session, MB`, actual: calls, limit: 1 },
    { name: `heap growth over ${HANG_UPS} clients hanging up mid-call, MB`, actual: hangUps, limit: 1 },
  ]
}

/** Sends requests that take a while and closes the connection while they do. */
async function hangUp(
  server: MeasuredServer,
  requests: readonly { headers: Record<string, string>; body: string }[],
  count: number,
): Promise<void> {
  let id = 1000
  for (let done = 0; done < count; done += 50) {
    const batch = Array.from({ length: 50 }, async (_, i) => {
      const { headers, body } = requests[i % requests.length] ?? { headers: {}, body: '' }
      const request = {
        path: '/mcp',
        method: 'POST' as const,
        headers,
        body: body.replace(/"id":\d+,/, `"id":${id++},`),
      }
      const answer = server.connection(i).request({ ...request, signal: AbortSignal.timeout(10) })
      await answer.then(({ body }) => body.dump()).catch(() => {})
    })
    await Promise.all(batch)
  }
  // The tools of the last ones are done by then.
  await new Promise(resolve => setTimeout(resolve, 200))
}
