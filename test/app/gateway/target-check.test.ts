import { expect, it, onTestFinished } from 'vitest'
import { GATEWAY_FILE, targetProblem } from '../../../app/gateway/target-check.ts'
import { listen } from '../../support/http.ts'

it.each([
  ['/mcp/?key=secret', 'http://127.0.0.1:8000/mcp/'],
  ['https://mcp.example.com/mcp?key=secret', 'https://mcp.example.com/mcp'],
  ['http://', 'nowhere'],
])('names where a redirect to %s leads, without the query, which may hold a secret', async (location, named) => {
  const redirect = async () => new Response(null, { status: 307, headers: { location } })
  const problem = await targetProblem('http://127.0.0.1:8000/mcp?key=secret', {}, redirect)
  expect(problem).toMatchObject({
    kind: 'not MCP',
    seen: `http://127.0.0.1:8000/mcp redirects to ${named} (status 307)`,
  })
})

it('says of a target that sends 100 Continue unasked that it cannot be used', async () => {
  const { origin, close } = await listen((_request, response) => {
    response.writeContinue()
    response.end('{}')
  })
  onTestFinished(close)
  expect(await targetProblem(`${origin}/mcp`)).toEqual({
    kind: 'not MCP',
    seen: `${origin}/mcp cannot be used: the target sent 100 Continue, for which nobody asked`,
    cure: 'Have it send that only to requests with Expect or Upgrade.',
  })
})

it('says of a target whose answer is not HTTP that it cannot be used, not that it is away', async () => {
  const { origin, close } = await listen(({ socket }) => void socket.end('{"jsonrpc":"2.0"}'))
  onTestFinished(close)
  expect(await targetProblem(`${origin}/mcp`)).toMatchObject({
    kind: 'not MCP',
    seen: expect.stringMatching(/ cannot be used: the target does not keep to HTTP\/1\.1 \(/),
    cure: 'Correct its URL (--to), or the server.',
  })
})

it.each([
  [404, 'Correct the path of its URL (--to).', 'Correct the path of its URL (to).'],
  [
    401,
    'Give it one with --credential-env, or turn its sign-in off.',
    'Give it one with "identity": {"credentialEnv": "NAME"}, or turn its sign-in off.',
  ],
  [405, 'Correct the path of its URL (--to).', 'Correct the path of its URL (to).'],
])('says of status %i what to change where the target was named: option or file', async (status, option, member) => {
  const answer = async () => new Response(null, { status })
  const url = 'http://127.0.0.1:8000/mcp'
  expect((await targetProblem(url, {}, answer))?.cure).toBe(option)
  expect((await targetProblem(url, {}, answer, GATEWAY_FILE))?.cure).toBe(member)
})

it.each(['http://127.0.0.1:6000/mcp', 'http://localhost:5060/mcp'])(
  'says that fetch blocks the port of %s',
  async url => {
    expect(await targetProblem(url)).toEqual({
      kind: 'unreachable',
      seen: `${url} cannot be reached (fetch blocks this port)`,
      cure: 'Use another port: fetch never connects to this one.',
    })
  },
)

it.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /NODE_EXTRA_CA_CERTS/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /NODE_EXTRA_CA_CERTS/],
  ['CERT_HAS_EXPIRED', /^Start it, or correct its URL/],
])('says of %s what to change', async (code, cure) => {
  const failed = () => Promise.reject(new TypeError('fetch failed', { cause: { code } }))
  const problem = await targetProblem('https://127.0.0.1:8000/mcp', {}, failed)
  expect(problem).toMatchObject({ kind: 'unreachable', cure: expect.stringMatching(cure) })
})

const ENDPOINT = 'event: endpoint\r\ndata: /message?sessionId=1\r\n\r\n'

/** Answers messages with `status`, and a GET with a stream that goes on after `text`. */
function oldServer(status: number, text: string) {
  let isOpen = false
  const fetch: typeof globalThis.fetch = async (_url, init) => {
    if (init?.method === 'POST') return new Response('Missing sessionId', { status })
    isOpen = true
    const body = new ReadableStream<Uint8Array>({
      start: stream => stream.enqueue(new TextEncoder().encode(text)),
      cancel() {
        isOpen = false
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
  return { fetch, isOpen: () => isOpen }
}

it.each([400, 404, 405])('knows a server of HTTP+SSE that answers %i to messages by its stream', async status => {
  const { fetch, isOpen } = oldServer(status, ENDPOINT)
  expect(await targetProblem('http://127.0.0.1:8000/sse', {}, fetch)).toEqual({
    kind: 'not MCP',
    seen: 'http://127.0.0.1:8000/sse speaks HTTP+SSE (2024-11-05), which is another protocol',
    cure: 'Add --transport sse.',
  })
  expect(isOpen()).toBe(false)
})

it('does not take a stream of other events for one', async () => {
  const { fetch } = oldServer(404, `: ${'x'.repeat(5_000)}\n\n`)
  expect(await targetProblem('http://127.0.0.1:8000/sse', {}, fetch)).toMatchObject({
    seen: 'there is nothing at http://127.0.0.1:8000/sse (status 404)',
  })
})

it('finds nothing wrong with a server that wants a session first', async () => {
  const answer = async () => Response.json({ jsonrpc: '2.0', id: null, error: { code: -32000 } }, { status: 400 })
  expect(await targetProblem('http://127.0.0.1:8000/mcp', {}, answer)).toBeUndefined()
})
