import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Client } from 'undici'
import type { CompositionSettings } from './http-compositions.ts'
import type { ServerReport } from './http-server.ts'

/** Clients, each on a connection of its own. */
export const CONNECTIONS = 50

const ISSUER = 'https://issuer.example'
const RESOURCE = 'http://127.0.0.1/mcp'

/** An issuer that publishes its keys, and a token for each client. */
export interface Issuer {
  readonly settings: CompositionSettings
  readonly tokens: readonly string[]
  /** Expired an hour ago. */
  readonly expiredToken: string
  close(): void
}

export async function startIssuer(): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }] })
  const server = createServer((_req, res) => res.setHeader('Content-Type', 'application/json').end(keys))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sign = (subject: string, expires: string) =>
    new SignJWT({ client_id: 'bench', scope: 'notes:read notes:write', roles: ['a'.repeat(400)] })
      .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'k' })
      .setIssuer(ISSUER)
      .setAudience(RESOURCE)
      .setSubject(subject)
      .setExpirationTime(expires)
      .sign(privateKey)
  return {
    settings: {
      issuer: ISSUER,
      resource: RESOURCE,
      jwksUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    },
    tokens: await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => sign(`user-${i}`, '2 hours'))),
    expiredToken: await sign('user-0', '1 hour ago'),
    close: () => server.close(),
  }
}

export interface MeasuredServer {
  /** Its origin. */
  readonly url: string
  /** Each client has its own. */
  connection(client: number): Client
  report(options: { collect: boolean }): Promise<ServerReport>
  stop(): Promise<void>
}

export async function startServer(name: string, settings: CompositionSettings): Promise<MeasuredServer> {
  const [server] = await startServers([name], settings)
  if (!server) throw new Error(`${name} did not start`)
  return server
}

/** Servers in one process, which differ in what they do and in nothing else: same heap, same compiled code. */
export async function startServers(names: readonly string[], settings: CompositionSettings): Promise<MeasuredServer[]> {
  const child = fork(new URL('./http-server.ts', import.meta.url), [names.join(), JSON.stringify(settings)], {
    execArgv: ['--expose-gc'],
  })
  const { ports } = (await answerOf(child)) as { ports: number[] }
  let running = ports.length
  return ports.map(port => {
    const connections = Array.from({ length: CONNECTIONS }, () => new Client(`http://127.0.0.1:${port}`))
    return {
      url: `http://127.0.0.1:${port}`,
      connection: client => connections[client % CONNECTIONS] as Client,
      async report(options) {
        child.send(options)
        return (await answerOf(child)) as ServerReport
      },
      async stop() {
        await Promise.all(connections.map(connection => connection.close()))
        running--
        if (running === 0) child.disconnect()
      },
    }
  })
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const [answer] = await once(child, 'message')
  return answer
}

/** One request, ready to be sent again and again. */
export interface PreparedRequest {
  headers: Record<string, string>
  body: string
}

const jsonHeaders = {
  host: '127.0.0.1',
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

const call = { name: 'list_notes', arguments: {} }
const legacyCall = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: call })

/** `tools/call` as clients of 2025-11-25 send it. With `session`, one is opened for it. */
export async function legacyRequest(
  server: MeasuredServer,
  token: string,
  { session }: { session: boolean },
): Promise<PreparedRequest> {
  const headers: Record<string, string> = { ...jsonHeaders, authorization: `Bearer ${token}` }
  if (session) {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params })
    const opened = await server.connection(0).request({ path: '/mcp', method: 'POST', headers, body })
    await opened.body.dump()
    headers['mcp-session-id'] = String(opened.headers['mcp-session-id'])
  }
  return { headers: { ...headers, 'mcp-protocol-version': '2025-11-25' }, body: legacyCall }
}

/** `tools/call` as clients of 2026-07-28 send it. */
export function modernRequest(token: string): PreparedRequest {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  return {
    headers: {
      ...jsonHeaders,
      authorization: `Bearer ${token}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': call.name,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...call, _meta } }),
  }
}

/** A 2025-11-25 request that is refused: with this `Authorization` header, or without one. */
export function refusedRequest(authorization?: string): PreparedRequest {
  return { headers: authorization ? { ...jsonHeaders, authorization } : jsonHeaders, body: legacyCall }
}

/**
 * Sends `count` requests, every client one after the other.
 *
 * @throws {Error} An answer is not what was expected.
 */
export async function drive(
  server: MeasuredServer,
  requests: readonly PreparedRequest[],
  count: number,
  expected: { status: number; text: string },
): Promise<void> {
  let left = count
  const client = async ({ headers, body }: PreparedRequest, index: number) => {
    const connection = server.connection(index)
    while (left-- > 0) {
      const answer = await connection.request({ path: '/mcp', method: 'POST', headers, body })
      const text = await answer.body.text()
      if (answer.statusCode !== expected.status || !text.includes(expected.text)) {
        throw new Error(`Unexpected answer ${answer.statusCode}: ${text}`)
      }
    }
  }
  await Promise.all(requests.map(client))
}
