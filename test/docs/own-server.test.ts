import type { RequestListener } from 'node:http'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { type Auth, createAuth } from 'idplug'
import { createTestIssuer } from 'idplug/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createFilesServer as createExpressServer } from '../../docs/examples/express-sdk1.ts'
import { createFilesServer as createExpressServer2 } from '../../docs/examples/express-sdk2.ts'
import { createFilesServer as createFetchServer } from '../../docs/examples/fetch-server.ts'
import { files } from '../../docs/examples/files.ts'
import { listen } from '../support/http.ts'

const answer = { content: [{ type: 'text', text: 'test-client' }] }
const pinned = { versionNegotiation: { mode: { pin: '2026-07-28' } } } as const

type FilesAuth = Auth<'files:read' | 'files:write'>

function setUp(resource: string) {
  const issuer = createTestIssuer()
  const auth = createAuth({ ...files, resource }, { env: {}, providers: [issuer.provider] })
  onTestFinished(() => auth.close())
  const tokens = {
    reader: () => issuer.token({ scopes: ['files:read'] }),
    writer: () => issuer.token({ scopes: ['files:read', 'files:write'] }),
    expired: () => issuer.token({ scopes: ['files:read'], expiresInSeconds: -60 }),
  }
  return { auth, issuer, tokens }
}

type Tokens = ReturnType<typeof setUp>['tokens']

async function startExpress(create: (auth: FilesAuth) => RequestListener) {
  let listener: RequestListener = () => {}
  const { origin, close } = await listen((req, res) => listener(req, res))
  onTestFinished(close)
  const url = new URL('/mcp', origin)
  const { auth, issuer, tokens } = setUp(url.href)
  listener = create(auth)
  return { url, issuer, tokens, fetch: globalThis.fetch }
}

async function startFetch() {
  const { auth, issuer, tokens } = setUp(files.resource)
  const server = createFetchServer(auth)
  const fetch = async (url: string | URL, init?: RequestInit) => server.fetch(new Request(url, init))
  return { url: new URL(files.resource), issuer, tokens, fetch }
}

describe.each([
  { file: 'docs/examples/express-sdk1.ts', sdk: 1, start: () => startExpress(createExpressServer) },
  { file: 'docs/examples/express-sdk2.ts', sdk: 2, start: () => startExpress(createExpressServer2) },
  { file: 'docs/examples/fetch-server.ts', sdk: 2, start: startFetch },
])('$file', ({ sdk, start }) => {
  async function connect(as: keyof Tokens) {
    const { url, tokens, fetch } = await start()
    const options = { fetch, requestInit: { headers: { Authorization: `Bearer ${await tokens[as]()}` } } }
    if (sdk === 1) {
      const client = new ClientV1({ name: 'test', version: '1.0.0' })
      onTestFinished(() => client.close())
      await client.connect(new TransportV1(url, options) as never)
      return client
    }
    const client = new ClientV2({ name: 'test', version: '1.0.0' }, pinned)
    onTestFinished(() => client.close())
    await client.connect(new TransportV2(url, options))
    return client
  }

  it('tells an official client who it is', async () => {
    expect(await (await connect('reader')).callTool({ name: 'whoami', arguments: {} })).toMatchObject(answer)
  })

  it('lets the tool run for a token with its scope only', async () => {
    const call = { name: 'write_file', arguments: {} }
    expect(await (await connect('writer')).callTool(call)).toMatchObject({ content: [{ text: 'written' }] })
    await expect((await connect('reader')).callTool(call)).rejects.toThrow(/insufficient.scope|403/i)
  })

  it('refuses a client whose token has expired', async () => {
    await expect(connect('expired')).rejects.toThrow(/invalid_token|401/)
  })

  it('says where to get a token', async () => {
    const { url, fetch, issuer } = await start()
    const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', url))
    expect(await metadata.json()).toMatchObject({
      resource: url.href,
      authorization_servers: [issuer.issuer],
      scopes_supported: ['files:read', 'files:write'],
    })
  })
})
