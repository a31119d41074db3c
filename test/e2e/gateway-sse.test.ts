import { expect, it, vi } from 'vitest'
import { startEverything, startGatewayTo } from './gateway-servers.ts'
import { createMcpUser } from './mcp-user.ts'

it('puts the sign-in in front of a server that speaks only HTTP+SSE', async () => {
  const everything = await startEverything('sse')
  const gateway = await startGatewayTo(everything.url, { transport: 'sse', identity: { kind: 'assertion' } })
  const ada = createMcpUser('1.x', gateway.resource, 'ada')
  await ada.connect()
  expect((await ada.listTools()).map(({ name }) => name)).toContain('echo')
  expect(await ada.call('echo', { message: 'hello' })).toEqual({ isError: false, text: 'Echo: hello' })
  const called = () => gateway.events().find(({ event }) => event === 'tool_called')
  await vi.waitUntil(called)
  expect(called()).toMatchObject({ tool: 'echo', target: 'mcp', outcome: 'answered', status: 200 })
  await everything.kill()
  await vi.waitUntil(() => gateway.events().some(({ event }) => event === 'target_failed'))
  await expect(ada.call('echo', { message: 'again' })).rejects.toThrow()
  // Nobody is sent to sign in again.
  expect(ada.memory.authorizationRequests).toBe(1)
})
