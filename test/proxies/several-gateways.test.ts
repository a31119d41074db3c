import { randomUUID } from 'node:crypto'
import { expect, it, onTestFinished, vi } from 'vitest'
import { freePort, listen } from '../support/http.ts'
import { startProxy } from './proxies.ts'

/** Gives out sessions, and knows its own only. */
async function startGateway() {
  const sessions = new Set<string>()
  const gateway = await listen((request, response) => {
    if (request.url === '/ready') return void response.end('{}')
    const { 'mcp-session-id': known } = request.headers
    if (known !== undefined) return void response.writeHead(sessions.has(String(known)) ? 200 : 404).end()
    const id = randomUUID()
    sessions.add(id)
    response.writeHead(200, { 'Mcp-Session-Id': id }).end()
  })
  onTestFinished(gateway.close)
  return { port: gateway.port, sessions }
}

it('a session goes on at the gateway that began it, and others begin at all of them', async () => {
  const [first, second] = await Promise.all([startGateway(), startGateway()])
  const port = await freePort()
  await startProxy('haproxy-several', { listen: port, idplug: first.port, second: second.port })
  const post = (headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', headers, body: '{}' })
  await vi.waitUntil(async () => (await post()).ok && first.sessions.size > 0 && second.sessions.size > 0)
  const begun = await Promise.all(Array.from({ length: 10 }, async () => (await post()).headers.get('mcp-session-id')))
  for (const id of begun) {
    for (let round = 0; round < 3; round++) {
      expect((await post({ 'Mcp-Session-Id': id ?? '' })).status).toBe(200)
    }
  }
})
