import { expect, it, onTestFinished, vi } from 'vitest'
import { startEverything, startGatewayTo } from './gateway-servers.ts'
import { createMcpUser } from './mcp-user.ts'

function person(resource: string, name: string) {
  const user = createMcpUser('1.x', resource, name)
  onTestFinished(() => user.close())
  return user
}

it('puts the demo sign-in in front of a server that nobody here wrote', async () => {
  const everything = await startEverything()
  const gateway = await startGatewayTo(everything.url)
  const ada = person(gateway.resource, 'ada')
  await ada.connect()
  expect(ada.memory.authorizationRequests).toBe(1)
  expect(ada.memory.scopes).toEqual(['mcp'])
  expect((await ada.listTools()).map(({ name }) => name)).toContain('echo')
  expect(await ada.call('echo', { message: 'hello' })).toEqual({ isError: false, text: 'Echo: hello' })
  const called = () => gateway.events().find(({ event }) => event === 'tool_called')
  await vi.waitUntil(called)
  expect(called()).toMatchObject({
    tool: 'echo',
    target: 'everything',
    client_id: ada.memory.clientId,
    subject: expect.any(String),
    outcome: 'answered',
    status: 200,
    milliseconds: expect.any(Number),
  })
  expect(JSON.stringify(gateway.events())).not.toContain('hello')
})

it('refuses a call that the token does not allow, before the target sees it', async () => {
  const everything = await startEverything()
  const gateway = await startGatewayTo(everything.url, {
    declaration: {
      name: 'Everything',
      scopes: { read: 'Read', act: 'Act' },
      initialScopes: ['read'],
      access: { tools: { 'get-sum': ['act'] } },
    },
  })
  const ada = person(gateway.resource, 'ada')
  await ada.connect()
  await expect(ada.call('get-sum', { a: 1, b: 2 })).rejects.toThrow()
  expect(gateway.events().filter(({ event }) => event === 'tool_called')).toEqual([])
  await ada.finishSignIn()
  expect((await ada.call('get-sum', { a: 1, b: 2 })).text).toContain('3')
})
