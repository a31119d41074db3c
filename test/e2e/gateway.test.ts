import { createServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { expect, it, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import { listen } from '../support/http.ts'
import { everythingMain, startEverything, startGatewayTo } from './gateway-servers.ts'
import { createMcpUser } from './mcp-user.ts'

it('puts the demo sign-in in front of a server that nobody here wrote', async () => {
  const everything = await startEverything()
  const gateway = await startGatewayTo(everything.url)
  const ada = createMcpUser('1.x', gateway.resource, 'ada')
  await ada.connect()
  expect(ada.memory.authorizationRequests).toBe(1)
  expect(ada.memory.scopes).toEqual(['mcp'])
  expect((await ada.listTools()).map(({ name }) => name)).toContain('echo')
  expect(await ada.call('echo', { message: 'hello' })).toEqual({ isError: false, text: 'Echo: hello' })
  const called = () => gateway.events().find(({ event }) => event === 'tool_called')
  await vi.waitUntil(called)
  expect(called()).toMatchObject({
    tool: 'echo',
    target: 'mcp',
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
  const ada = createMcpUser('1.x', gateway.resource, 'ada')
  await ada.connect()
  await expect(ada.call('get-sum', { a: 1, b: 2 })).rejects.toThrow()
  expect(gateway.events().filter(({ event }) => event === 'tool_called')).toEqual([])
  await ada.finishSignIn()
  expect((await ada.call('get-sum', { a: 1, b: 2 })).text).toContain('3')
})

it('serves a client of 2026-07-28 in front of a server of 2026-07-28', async () => {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'modern', version: '1.0.0' })
    server.registerTool('echo', { inputSchema: z.object({ message: z.string() }) }, ({ message }) => ({
      content: [{ type: 'text', text: `Echo: ${message}` }],
    }))
    server.registerTool('delete', { inputSchema: z.object({}) }, () => ({ content: [] }))
    return server
  })
  const target = await listen(toNodeHandler(handler))
  onTestFinished(target.close)
  const gateway = await startGatewayTo(`${target.origin}/mcp`, {
    declaration: {
      name: 'Modern',
      scopes: { read: 'Read', act: 'Act' },
      initialScopes: ['read'],
      listing: 'hide',
      access: { tools: { delete: ['act'] } },
    },
  })
  const ada = createMcpUser('2.x', gateway.resource, 'ada')
  await ada.connect()
  expect(await ada.call('echo', { message: 'hello' })).toEqual({ isError: false, text: 'Echo: hello' })
  expect((await ada.listTools()).map(({ name }) => name)).toEqual(['echo'])
})

it('puts the demo sign-in in front of a command', async () => {
  const gateway = await startGatewayTo([process.execPath, everythingMain, 'stdio'])
  const ada = createMcpUser('1.x', gateway.resource, 'ada')
  await ada.connect()
  expect(await ada.call('echo', { message: 'hello' })).toEqual({ isError: false, text: 'Echo: hello' })
  expect(gateway.events().find(({ event }) => event === 'command_started')).toMatchObject({
    target: 'mcp',
    client_id: ada.memory.clientId,
  })
})

it('tells the target who is calling by an assertion that the target can check', async () => {
  const assertions: string[] = []
  const everything = await startEverything()
  const target = await listen(
    createServer(async (request, response) => {
      assertions.push(String(request.headers['x-mcp-assertion']))
      const {
        'content-length': _length,
        'transfer-encoding': _encoding,
        connection: _,
        host: _host,
        ...headers
      } = request.headers
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const answer = await fetch(everything.url, {
        method: request.method,
        headers: headers as Record<string, string>,
        ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
      })
      const id = answer.headers.get('mcp-session-id')
      response.writeHead(answer.status, {
        'Content-Type': answer.headers.get('content-type') ?? 'text/plain',
        ...(id && { 'Mcp-Session-Id': id }),
      })
      if (request.method === 'GET') return void response.flushHeaders()
      response.end(await answer.text())
    }),
  )
  onTestFinished(target.close)
  const url = `${target.origin}/mcp`
  const gateway = await startGatewayTo(url, { identity: { kind: 'assertion' } })
  const ada = createMcpUser('1.x', gateway.resource, 'ada')
  await ada.connect()
  expect((await ada.call('echo', { message: 'hello' })).text).toBe('Echo: hello')
  const { origin } = new URL(gateway.resource)
  const keys = createRemoteJWKSet(new URL('/.well-known/mcp-assertion-keys', origin))
  const { payload } = await jwtVerify(assertions.at(-1) ?? '', keys, {
    issuer: origin,
    audience: url,
    typ: 'mcp-assertion+jwt',
  })
  expect(payload).toMatchObject({ client_id: ada.memory.clientId, sub: expect.any(String) })
})
