import { expect, test } from 'vitest'
import { clientAddress } from '../../src/edges/client-address.ts'
import { requestHead } from '../../src/edges/fetch.ts'

const request = () => new Request('https://mcp.example.com/mcp', { headers: { 'cf-connecting-ip': '192.0.2.9' } })

test.each([
  ['Deno', { remoteAddr: { transport: 'tcp', hostname: '192.0.2.1', port: 1 } }],
  ['Bun', { requestIP: () => ({ address: '192.0.2.1' }) }],
  ['@hono/node-server', { incoming: { socket: { remoteAddress: '192.0.2.1' } }, outgoing: {} }],
])('%s tells the address beside the request', (_platform, beside) => {
  expect(requestHead(request(), beside).address).toBe('192.0.2.1')
})

test('srvx tells it with the request', () => {
  expect(requestHead(Object.assign(request(), { ip: '192.0.2.1' })).address).toBe('192.0.2.1')
})

test('Workers tell it in a header, which is believed there only', () => {
  const onWorkers = Object.assign(request(), { cf: {} })
  expect(clientAddress(onWorkers, [{ SECRET: 'text' }])).toBe('192.0.2.9')
  expect(requestHead(onWorkers).address).toBe('192.0.2.9')
  expect(clientAddress(request(), [{ SECRET: 'text' }])).toBeUndefined()
  expect(requestHead(request()).address).toBeUndefined()
})
