import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer as LegacyServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test } from 'vitest'
import type { FindingCode } from '../../../../app/commands/doctor/catalogue/index.ts'
import { examineGateway, examineServer } from '../../../../app/commands/doctor/doctor.ts'
import { readGatewayFile } from '../../../../app/gateway/configuration.ts'
import { createClient } from '../../../demo-as/support.ts'
import { startGatewayTo } from '../../../e2e/gateway-servers.ts'
import { freePort, listen } from '../../../support/http.ts'
import { healthy, METADATA, NOW, ORIGIN, SETTINGS } from './world.ts'

const modern: RequestListener = toNodeHandler(createMcpHandler(() => new McpServer({ name: 'files', version: '1' })))
const STDIO = join(import.meta.dirname, '../../gateway/stdio-server.ts')

async function serve(listener: RequestListener): Promise<string> {
  const { origin, close } = await listen(listener)
  onTestFinished(close)
  return `${origin}/mcp`
}

const withStatus = (status: number) => () =>
  serve((request, response) => void request.resume().on('end', () => response.writeHead(status).end()))

/** Of 2024-11-05, over HTTP with SSE. */
function serveOld(): Promise<string> {
  let transport: SSEServerTransport | undefined
  return serve(async (request, response) => {
    if (request.method === 'GET') {
      transport = new SSEServerTransport('/messages', response)
      await new LegacyServer({ name: 'old', version: '1' }).connect(transport)
    } else if (request.url?.startsWith('/messages')) await transport?.handlePostMessage(request, response)
    else response.writeHead(405).end()
  })
}

/** Of 2025-11-25: it knows no headers that could differ. */
const serveOlder = () =>
  serve(async (request, response) => {
    const { id, method } = JSON.parse((await request.toArray()).join('') || '{}')
    if (id === undefined) return void response.writeHead(request.method === 'POST' ? 202 : 405).end()
    const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'older', version: '1' } }
    const error = { code: -32601, message: 'Method not found' }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(method === 'initialize' ? { result } : { error }) }))
  })

/** Takes calls of an older revision whatever their headers say. */
const serveCareless = () =>
  serve(async (request, response) => {
    const body = JSON.parse((await request.toArray()).join('') || '{}')
    if (body.method === 'tools/call' && !JSON.stringify(body).includes('_meta')) {
      return void response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} }))
    }
    await (modern as (...all: unknown[]) => unknown)(request, response, body)
  })

function examine(resources: Record<string, object>, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'gateway.json')
  writeFileSync(path, JSON.stringify({ resources }))
  const settings = { ...SETTINGS, PATH: process.env.PATH, ...env }
  return examineGateway(() => readGatewayFile(path, settings).groups, { fetch: healthy, now: () => NOW })
}

const declared = { name: 'Files', scopes: {} }
const run = (...words: string[]) => ({ run: words })
const script = (text: string) => run(process.execPath, '-e', text)

/** One mistake each, and the only thing that may be found then. */
const mistakes: [code: FindingCode, what: string, resource: () => Promise<object> | object, seen: RegExp][] = [
  [
    'gateway.target_unreachable',
    'nothing listens',
    async () => ({ to: `http://127.0.0.1:${await freePort()}/mcp?tenant=hidden` }),
    /^files: http:\/\/127\.0\.0\.1:\d+\/mcp cannot be reached \(ECONNREFUSED\)$/,
  ],
  [
    'gateway.target_refuses',
    'its own sign-in',
    async () => ({ to: await withStatus(401)(), identity: 'none' }),
    /status 401/,
  ],
  [
    'gateway.target_refuses',
    'a credential that it does not take',
    async () => ({ to: await withStatus(403)(), identity: { credentialEnv: 'KEY' } }),
    /status 403/,
  ],
  [
    'gateway.target_refuses',
    'its own sign-in, over HTTP+SSE',
    async () => ({ to: await withStatus(401)(), transport: 'sse', identity: 'none' }),
    /status 401/,
  ],
  [
    'gateway.target_refuses_strangers',
    'a server that asks who is calling',
    async () => ({ to: await withStatus(401)() }),
    /status 401/,
  ],
  [
    'gateway.target_not_mcp',
    'a wrong path',
    async () => ({ to: await withStatus(404)() }),
    /nothing at .* \(status 404/,
  ],
  [
    'gateway.target_not_mcp',
    'HTTP+SSE where there is none',
    async () => ({ to: await withStatus(404)(), transport: 'sse' }),
    /cannot be scanned/,
  ],
  [
    'gateway.headers_not_compared',
    'a server that does not compare all of them',
    async () => ({ to: await serveCareless(), mcpHeaders: 'compared' }),
    /^files: it does not refuse every message/,
  ],
  [
    'gateway.headers_not_compared',
    'a server of before',
    async () => ({ to: await serveOlder(), mcpHeaders: 'compared' }),
    /2025-11-25/,
  ],
  ['gateway.command_missing', 'a program that is not there', () => run('idplug-no-such-program'), /ENOENT/],
  ['gateway.command_missing', 'a file that is no program', () => run(STDIO), /EACCES/],
  ['gateway.command_fails', 'a program that ends at once', () => script('process.exit(1)'), /cannot be scanned/],
]

test.each(mistakes)('finds %s: %s', async (code, _what, resource, seen) => {
  const found = await examine({ files: { ...declared, ...(await resource()) } }, { KEY: 'Bearer of-the-gateway' })
  expect(found.map(each => each.code)).toEqual([code])
  expect(found[0]?.seen).toMatch(seen)
  expect(JSON.stringify(found)).not.toMatch(/hidden|of-the-gateway/)
})

test('finds nothing wrong with targets of every kind, and gives each its credential', async () => {
  const asked = new Set<string | undefined>()
  const keyed = await serve((request, response) => {
    asked.add(request.headers.authorization)
    return modern(request, response)
  })
  const found = await examine(
    {
      modern: { ...declared, to: keyed, mcpHeaders: 'compared', identity: { credentialEnv: 'KEY' } },
      old: { ...declared, to: await serveOld(), transport: 'sse' },
      older: { ...declared, to: await serveOlder() },
      careless: { ...declared, to: await serveCareless() },
      command: { ...declared, ...run(process.execPath, STDIO) },
      // It would be told who is calling.
      told: { ...declared, ...script('process.exit(1)'), identity: 'environment' },
    },
    { KEY: 'Bearer of-the-gateway' },
  )
  expect(found).toEqual([])
  expect([...asked]).toEqual(['Bearer of-the-gateway'])
})

test('says what is wrong in the file as the gateway would', async () => {
  const found = await examine({ files: { ...declared } })
  expect(found).toMatchObject([{ code: 'config.invalid', seen: expect.stringContaining('resources.files.to') }])
})

test('looks at the provider of each resource, and tells once what they share', async () => {
  const to = await serve(modern)
  const settings = { AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: `${ORIGIN}/elsewhere` }
  const found = await examine(
    { files: { ...declared, to }, other: { ...declared, to, settings } },
    { AUTH_METADATA_URL: ORIGIN + METADATA, OKTA_DOMAIN: 'acme.okta.com' },
  )
  expect(found.map(({ code }) => code).toSorted()).toEqual(['config.no_effect', expect.stringMatching(/^tenant\./)])
})

test('sees from outside that a gateway answers, and says how to have looked behind it', async () => {
  const { resource } = await startGatewayTo(await serve(modern))
  const { findings } = await examineServer(resource, fetch)
  expect(findings).toMatchObject([{ code: 'gateway.target_unchecked', cure: expect.stringContaining('--to URL') }])
  expect((await examineServer(resource, fetch, { isTargetKnown: true })).findings).toEqual([])
})

test('does not blame the token where the server behind the gateway is away', async () => {
  const issuer = `http://localhost:${await freePort()}`
  const target = `http://127.0.0.1:${await freePort()}/mcp`
  const { resource } = await startGatewayTo(target, { settings: { AUTH_SERVER_PORT: new URL(issuer).port } })
  const { tokens } = await createClient(issuer).obtainTokens({ resource, scope: 'mcp' })
  const { findings } = await examineServer(resource, fetch, { token: tokens.access_token, isTargetKnown: true })
  expect(findings).toMatchObject([
    { code: 'gateway.target_unreachable', seen: expect.stringMatching(/^status 502, id .* to the given token$/) },
  ])
})
