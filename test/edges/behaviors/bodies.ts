import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import type { Behavior } from '../edge-fixture.ts'
import { challenge, expectReadable, expectRefusal } from '../expect-refusal.ts'
import type { Received } from '../send.ts'
import { APP, callTool, type TokenOptions, type World } from '../world.ts'

const megabytes = (count: number) => Buffer.alloc(count * 1_000_000, ' ')
const batchOf = (count: number) => Array.from({ length: count }, (_, id) => callTool('whoami', id))

interface RefusedBody {
  readonly name: string
  readonly options: TokenOptions
  readonly status: number
  /** JSON-RPC error code. */
  readonly code: number
}

const good = JSON.stringify(callTool('whoami'))
const refused: readonly RefusedBody[] = [
  { name: 'a body that is not JSON', options: { body: '{"jsonrpc":' }, status: 400, code: -32700 },
  { name: 'a POST without a body', options: { body: undefined }, status: 400, code: -32700 },
  { name: 'a body of another type', options: { headers: { 'content-type': 'text/plain' } }, status: 415, code: -32700 },
  {
    name: 'a body of a type that begins like JSON',
    options: { headers: { 'content-type': 'application/jsonp' } },
    status: 415,
    code: -32700,
  },
  {
    name: 'a body of a charset that JSON does not have',
    options: { headers: { 'content-type': 'application/json; charset=utf-16' } },
    status: 415,
    code: -32700,
  },
  {
    name: 'a body in an encoding',
    options: { headers: { 'content-encoding': 'compress' } },
    status: 415,
    code: -32600,
  },
  { name: 'a body of ten megabytes', options: { body: megabytes(10) }, status: 413, code: -32600 },
  {
    name: 'a body of ten megabytes whose length nobody announced',
    options: { body: Array.from({ length: 10 }, () => megabytes(1)) },
    status: 413,
    code: -32600,
  },
]

function expectJsonRpcError({ status, headers, json }: Received, expected: { status: number; code: number }): void {
  expect(status).toBe(expected.status)
  expect(json()).toEqual({
    jsonrpc: '2.0',
    id: null,
    error: { code: expected.code, message: expect.stringMatching(/\.$/) },
  })
  expect(headers['x-request-id']).toEqual(expect.any(String))
  expectReadable(headers)
}

/**
 * Sends the head of a call, and the beginning of its body.
 *
 * @param credentials - Default: a good token.
 */
export async function beginPost(
  { issuer, origin }: Pick<World, 'issuer' | 'origin'>,
  headers: string,
  credentials?: string,
): Promise<Socket> {
  const { port, host } = new URL(origin)
  const socket = connect(Number(port), '127.0.0.1')
  // Servers reset connections that they have no more use for.
  socket.on('error', () => {})
  const lines = [
    'POST /mcp HTTP/1.1',
    `Host: ${host}`,
    `Authorization: ${credentials ?? `Bearer ${await issuer.token({ scopes: ['files:read'] })}`}`,
    'Content-Type: application/json',
    headers,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n{"jsonrpc"`)
  return socket
}

export const bodies: readonly Behavior[] = [
  ...refused.map(
    ({ name, options, ...expected }): Behavior => ({
      name: `answers ${expected.status} with a JSON-RPC error to ${name}, and goes on serving`,
      async run(makeWorld) {
        const { post, seen } = await makeWorld()
        const { headers, ...others } = options
        expectJsonRpcError(await post(good, { ...others, headers: { origin: APP, ...headers } }), expected)
        expect(seen).toEqual([])
        expect((await post(good)).status).toBe(200)
      },
    }),
  ),
  ...['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'].map(
    (type): Behavior => ({
      name: `takes a body of the type ${type}`,
      async run(makeWorld) {
        const { post, seen } = await makeWorld()
        const body = callTool('größe')
        expect((await post(body, { headers: { 'content-type': type } })).status).toBe(200)
        expect(seen[0]?.body).toEqual(body)
      },
    }),
  ),
  {
    name: 'takes a batch of 8,000 messages',
    async run(makeWorld) {
      const { post, seen } = await makeWorld()
      expect((await post(batchOf(8_000))).status).toBe(200)
      expect(seen[0]?.body).toHaveLength(8_000)
    },
  },
  {
    name: 'refuses a batch as a whole that holds one operation which the token may not do, with the scopes of all',
    async run(makeWorld) {
      const { post, seen } = await makeWorld()
      const received = await post([...batchOf(100), callTool('share_file'), callTool('write_file')])
      const scope = 'files:read files:share files:write'
      expectRefusal(received, {
        status: 403,
        error: 'insufficient_scope',
        challenge: challenge({ error: 'insufficient_scope', scope }),
      })
      expect(seen).toEqual([])
    },
  },
  ...(['none', 'before', 'after'] as const).map(
    (parser): Behavior => ({
      name: {
        none: 'parses the body once and hands it on',
        before: 'takes the body that the JSON parser of the framework has read',
        after: 'leaves a body to the JSON parser of the framework that it passes over',
      }[parser],
      appliesTo: ({ parsers }) => parser === 'none' || parsers.includes(parser),
      async run(makeWorld) {
        const { post, seen } = await makeWorld({ parser })
        const body = callTool('whoami')
        expect((await post(body)).status).toBe(200)
        expect(seen[0]?.body).toEqual(body)
        expect((await post(callTool('write_file'))).status).toBe(403)
        expect(seen).toHaveLength(1)
      },
    }),
  ),
  ...Object.entries({
    'a body': good,
    'a body that comes in many parts': JSON.stringify({ ...callTool('whoami'), padding: 'é'.repeat(500_000) }),
  }).map(
    ([name, body]): Behavior => ({
      name: `leaves ${name} for a handler that reads it again`,
      async run(makeWorld) {
        const { post } = await makeWorld({ handler: async ({ text }) => new Response(await text()) })
        expect((await post(body)).text).toBe(body)
        expect((await post(good)).text).toBe(good)
      },
    }),
  ),
  ...['PUT', 'DELETE'].map(
    (method): Behavior => ({
      name: `asks for the scopes of a tool that is called by ${method}`,
      async run(makeWorld) {
        const { post, seen } = await makeWorld()
        expect((await post(callTool('write_file'), { method })).status).toBe(403)
        expect(seen).toEqual([])
      },
    }),
  ),
  {
    name: 'hands on a DELETE, which has no body',
    async run(makeWorld) {
      const { sendWithToken, seen } = await makeWorld()
      expect((await sendWithToken({ method: 'DELETE' })).status).toBe(204)
      expect(seen).toMatchObject([{ method: 'DELETE', body: undefined, token: { subject: 'ada' } }])
    },
  },
  ...['Basic abc', 'Bearer abc'].map(
    (credentials): Behavior => ({
      name: `answers 401 to the credentials ${credentials} without waiting for the body`,
      async run(makeWorld) {
        const socket = await beginPost(await makeWorld(), 'Content-Length: 1000', credentials)
        const [answer] = await once(socket, 'data')
        expect(String(answer)).toMatch(/^HTTP\/1.1 401 /)
        socket.destroy()
      },
    }),
  ),
  {
    name: 'answers 413 to an announced length of ten megabytes without waiting for the body',
    async run(makeWorld) {
      const world = await makeWorld()
      const socket = await beginPost(world, 'Content-Length: 10000000')
      const [answer] = await once(socket, 'data')
      expect(String(answer)).toMatch(/^HTTP\/1.1 413 /)
      socket.destroy()
    },
  },
  {
    name: 'does not mind a client that hangs up in the middle of its body',
    async run(makeWorld) {
      const world = await makeWorld()
      const { post, seen } = world
      const socket = await beginPost(world, 'Content-Length: 1000\r\nExpect: 100-continue')
      // The server has read the head, and is waiting for the rest.
      await once(socket, 'data')
      socket.destroy()
      expect((await post(callTool('whoami'))).status).toBe(200)
      expect(seen).toHaveLength(1)
    },
  },
]
