import type { RequestListener } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import { createHttpServer } from '../../src/edges/http-server.ts'
import { freePort, listen } from '../support/http.ts'
import { startProxy } from './proxies.ts'

async function listenInTest(listener: RequestListener): Promise<number> {
  const { port, close } = await listen(createHttpServer(listener))
  onTestFinished(close)
  return port
}

it.each([
  'nginx',
  'caddy',
  'nginx-in-front',
  'caddy-in-front',
  'haproxy-in-front',
  'haproxy-several',
  'apache-in-front',
] as const)(
  '%s lets a token pass that is as long as idplug takes one, and an answer with a long challenge',
  async name => {
    const lengths: number[] = []
    const answering: RequestListener = ({ headers: { authorization = '' } }, response) => {
      lengths.push(authorization.length)
      response.writeHead(200, { 'x-challenge': 'c'.repeat(12_000) }).end()
    }
    const allowing: RequestListener = (request, response) =>
      request.url === '/forward-auth' ? response.writeHead(200).end() : answering(request, response)
    const listenPort = await freePort()
    await startProxy(name, {
      listen: listenPort,
      idplug: await listenInTest(allowing),
      ...(name === 'haproxy-several' && { second: await listenInTest(allowing) }),
      ...((name === 'nginx' || name === 'caddy') && { target: await listenInTest(answering) }),
    })
    lengths.length = 0
    const authorization = `Bearer ${'t'.repeat(30_000)}`
    const response = await fetch(`http://127.0.0.1:${listenPort}/mcp`, { headers: { authorization } })
    expect([response.status, response.headers.get('x-challenge')?.length]).toEqual([200, 12_000])
    // Those that ask first keep the token from the server.
    expect(lengths).toEqual([name === 'nginx' || name === 'caddy' ? 0 : authorization.length])
  },
)
