import { expect, it, onTestFinished } from 'vitest'
import { ofOneHost } from '../../../app/serve/one-host.ts'
import { createHttpServer } from '../../../src/edges/http-server.ts'
import { exchange, listen } from '../../support/http.ts'

it.each([
  ['/mcp', 200],
  ['/http://evil.example/mcp', 200],
  ['*', 200],
  ['http://localhost:3232/mcp', 200],
  ['HTTP://LocalHost:3232', 200],
  ['http://evil.example/mcp', 400],
  ['http://localhost:3232@evil.example/mcp', 400],
  ['http://localhost/mcp', 400],
  ['http:///mcp', 400],
  ['ftp://evil.example?localhost:3232', 400],
])('a request for %s with the Host localhost:3232 is answered with %i', async (target, status) => {
  const server = createHttpServer(ofOneHost((_request, response) => void response.end()))
  const { port, close } = await listen(server)
  onTestFinished(close)
  const method = target === '*' ? 'OPTIONS' : 'GET'
  const answer = await exchange(
    port,
    `${method} ${target} HTTP/1.1\r\nHost: localhost:3232\r\nConnection: close\r\n\r\n`,
  )
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
})
