import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { authFrom } from '../../auth/auth-from.ts'
import { createAuth } from '../../auth/create-auth.ts'
import type { AuthObserver, Decision } from '../../src/auth.ts'
import { authRoutes, protect } from '../../src/edges/node.ts'
import { createTestIssuer } from '../../src/testing/index.ts'
import { exchange, listen } from '../support/http.ts'
import { beginPost } from './behaviors/bodies.ts'
import { revocable } from './behaviors/streams.ts'
import { describeEdge } from './describe-edge.ts'
import type { EdgeFixture } from './edge-fixture.ts'
import { nodeListeners } from './node-listeners.ts'
import { callTool, files } from './world.ts'

const edge: EdgeFixture = {
  name: 'idplug/node',
  parsers: [],
  start(fixture) {
    const routes = authRoutes(...fixture.mounted.map(({ auth }) => auth))
    const listeners = nodeListeners(fixture)
    const server = createServer((request, response) => {
      const listener = listeners.get(request.url?.split('?')[0] ?? '')
      // `authRoutes` answers 404 where there is no other listener.
      routes(request, response, listener && (() => listener(request, response)))
    })
    return listen(server, fixture.port)
  },
}

describeEdge(edge)

/** `protect` with `authRoutes` in front, until the test ends. */
async function start(
  listener: Parameters<typeof protect>[1],
  meanwhile = (_response: ServerResponse) => {},
  observer: AuthObserver = {},
) {
  const issuer = createTestIssuer()
  const auth = createAuth(files, { env: {}, providers: [issuer.provider], observer })
  const routes = authRoutes(auth)
  const endpoint = protect(auth, listener)
  const server = await listen((request, response) => {
    routes(request, response, () => endpoint(request, response))
    meanwhile(response)
  })
  onTestFinished(async () => {
    await server.close()
    await auth.close()
  })
  return { ...server, issuer }
}

it.each([
  ['OPTIONS *', '204'],
  ['GET *', '401'],
  ['GET http://', '401'],
  ['GET http://[::bad/mcp', '401'],
  ['GET http://127.0.0.1/.well-known/oauth-protected-resource?x', '200'],
])('idplug/node answers the request target %s with %s', async (target, status) => {
  const { port } = await start((_request, response) => void response.end())
  const answer = await exchange(port, `${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
  expect(answer.split(' ')[1]).toBe(status)
})

it.each([
  ['another', 'mcp.example.com\r\nHost: evil.example'],
  ['the same, in other letters', 'mcp.example.com\r\nhOsT: mcp.example.com'],
])('idplug/node refuses a second Host header with 400, which is %s', async (_which, host) => {
  const told = Promise.withResolvers<Decision>()
  const end = (_request: unknown, response: ServerResponse) => void response.end('served')
  const { port, issuer } = await start(end, undefined, { decision: told.resolve })
  const authorization = `Bearer ${await issuer.token({ scopes: ['files:read'] })}`
  for (const path of ['/mcp', '/.well-known/oauth-protected-resource/mcp']) {
    const answer = await exchange(
      port,
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(
      /^HTTP\/1.1 400 .*"error":"invalid_request","error_description":"The request has more than one Host/s,
    )
  }
  expect(await told.promise).toMatchObject({ status: 400, reason: { kind: 'host_not_served' } })
})

it('idplug/node ends a stream with its token although the client has sent its next request already', async () => {
  const { validator, revoke } = revocable()
  const auth = authFrom(files, validator, { observer: {}, recheckSeconds: 1 })
  const ended = Promise.withResolvers<string>()
  const bothCame = Promise.withResolvers<void>()
  const listener = protect(auth, (request, response) => {
    if (request.url === '/next') return bothCame.resolve()
    response.on('close', () => ended.resolve('ended'))
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
  })
  const { port, close } = await listen(listener)
  onTestFinished(close)
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  for (const path of ['/mcp', '/next']) {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer abc\r\n\r\n`)
  }
  await bothCame.promise
  revoke()
  expect(await ended.promise).toBe('ended')
})

it('idplug/node tells observers of a client that hangs up in the middle of its body', async () => {
  const told = Promise.withResolvers<Decision>()
  const end = (_request: unknown, response: ServerResponse) => void response.end()
  const server = await start(end, undefined, { decision: told.resolve })
  const socket = await beginPost(server, 'Content-Length: 1000\r\nExpect: 100-continue')
  await once(socket, 'data')
  socket.destroy()
  expect(await told.promise).toMatchObject({ status: 400, reason: { kind: 'body_refused', detail: 'incomplete' } })
})

it('idplug/node leaves alone an answer that something else has begun meanwhile', async () => {
  const { origin, issuer } = await start(
    (_request, response) => void response.end(' after all'),
    response => void response.writeHead(503).write('too slow'),
  )
  const headers = { 'content-type': 'application/json', origin: 'https://mcp.example.com' }
  const authorization = `Bearer ${await issuer.token({ scopes: ['files:read'] })}`
  const post = (extra: Record<string, string>) =>
    fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: { ...headers, ...extra },
      body: JSON.stringify(callTool('whoami')),
    })
  const accepted = await post({ authorization })
  expect([accepted.status, await accepted.text()]).toEqual([503, 'too slow after all'])
  const refused = await post({})
  expect(refused.status).toBe(503)
  await expect(refused.text()).rejects.toThrow()
})
