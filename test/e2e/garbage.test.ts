import { expect, it } from 'vitest'
import { heapUsed } from '../support/heap-used.ts'
import { createMcpUser } from './mcp-user.ts'
import { startServers } from './servers.ts'

it('survives 10,000 distinct garbage tokens: each asked about once at most, memory bounded, the good user served', async () => {
  const servers = await startServers()
  const ada = createMcpUser('2.x', servers.resource, 'ada')
  await ada.connect()
  const asked = () => servers.metric('idplug_upstream_calls_total{operation="introspection",outcome="answered"}')
  const askedBefore = await asked()

  const statuses = new Map<number, number>()
  const send = async (token: string) => {
    const response = await fetch(servers.resource, { method: 'POST', headers: { Authorization: `Bearer ${token}` } })
    await response.arrayBuffer()
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
  }
  const flood = async (from: number, to: number) => {
    for (let round = from; round < to; round++) {
      // Half of them cannot be tokens at all; nobody is asked about those.
      const tokens = Array.from({ length: 100 }, (_, i) => `${i % 2 ? '' : '!'}garbage-${round}-${i}`)
      await Promise.all(tokens.map(send))
    }
  }
  await flood(0, 50)
  const heap = heapUsed()
  await flood(50, 100)

  expect(statuses).toEqual(new Map([[401, 10_000]]))
  expect((await asked()) - askedBefore).toBe(5_000)
  // What is left to grow by are the log lines that this test keeps.
  expect(heapUsed() - heap).toBeLessThan(10 * 1024 * 1024)
  expect((await ada.call('whoami')).isError).toBe(false)
}, 600_000)
