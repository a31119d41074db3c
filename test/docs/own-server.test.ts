import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createNotesServer as createExpressServer } from '../../docs/examples/express-sdk1.ts'
import { createNotesServer as createExpressServer2 } from '../../docs/examples/express-sdk2.ts'
import { createNotesServer as createFetchServer } from '../../docs/examples/fetch-server.ts'
import { toSdkError } from '../../src/edges/sdk-errors.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import type { TokenValidator } from '../../src/token-validator.ts'
import { listen } from '../support/http.ts'
import { acceptedToken } from '../support/tokens.ts'

const resource = 'https://mcp.example.com/mcp'
const validator: TokenValidator = {
  issuers: ['https://issuer.example'],
  warmUp: () => Promise.resolve(),
  async validate(token) {
    if (token !== 'good') throw new InvalidTokenError({ kind: 'inactive' })
    return acceptedToken()
  },
  async verifyAccessToken(token) {
    const accepted = await validator.validate(token).catch(error => Promise.reject(toSdkError(error)))
    const { clientId, scopes, expiresAt } = accepted
    return { token, clientId, scopes: [...scopes], expiresAt, resource: new URL(resource), extra: { token: accepted } }
  },
}
const requestInit = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } })
const whoami = { name: 'whoami', arguments: {} }
const answer = { content: [{ type: 'text', text: 'client-1' }] }

describe('docs/examples/fetch-server.ts', () => {
  const server = createFetchServer(validator, resource)
  const connect = async (token: string) => {
    const client = new ClientV2(
      { name: 'test', version: '1.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    )
    onTestFinished(() => client.close())
    const transport = new TransportV2(new URL(resource), {
      requestInit: requestInit(token),
      fetch: (url, init) => server.fetch(new Request(url, init)),
    })
    await client.connect(transport)
    return client
  }

  it('tells a client of SDK 2.x who it is', async () => {
    expect(await (await connect('good')).callTool(whoami)).toMatchObject(answer)
  })

  it('refuses a client with another token', async () => {
    await expect(connect('bad')).rejects.toThrow('HTTP 401')
  })
})

describe('docs/examples/express-sdk1.ts', () => {
  const connect = async (token: string) => {
    const { origin, close } = await listen(createExpressServer(validator, resource))
    onTestFinished(close)
    const client = new ClientV1({ name: 'test', version: '1.0.0' })
    onTestFinished(() => client.close())
    const transport = new TransportV1(new URL('/mcp', origin), { requestInit: requestInit(token) })
    await client.connect(transport as never)
    return client
  }

  it('tells a client of SDK 1.x who it is', async () => {
    expect(await (await connect('good')).callTool(whoami)).toMatchObject(answer)
  })

  it('refuses a client with another token', async () => {
    await expect(connect('bad')).rejects.toThrow('invalid_token')
  })

  it('says where to get a token', async () => {
    const { origin, close } = await listen(createExpressServer(validator, resource))
    onTestFinished(close)
    const metadata = await fetch(`${origin}/.well-known/oauth-protected-resource/mcp`)
    expect(await metadata.json()).toMatchObject({ resource, authorization_servers: ['https://issuer.example'] })
  })
})

describe('docs/examples/express-sdk2.ts', () => {
  const start = async () => {
    const { origin, close } = await listen(createExpressServer2(validator, resource))
    onTestFinished(close)
    return origin
  }
  const connect = async (token: string) => {
    const client = new ClientV2(
      { name: 'test', version: '1.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    )
    onTestFinished(() => client.close())
    await client.connect(new TransportV2(new URL('/mcp', await start()), { requestInit: requestInit(token) }))
    return client
  }

  it('tells a client of SDK 2.x who it is', async () => {
    expect(await (await connect('good')).callTool(whoami)).toMatchObject(answer)
  })

  it('refuses a client with another token', async () => {
    await expect(connect('bad')).rejects.toThrow('HTTP 401')
  })

  it('says where to get a token', async () => {
    const metadata = await fetch(`${await start()}/.well-known/oauth-protected-resource/mcp`)
    expect(await metadata.json()).toMatchObject({ resource, scopes_supported: ['notes:read'] })
  })
})
