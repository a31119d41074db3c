import { createHash } from 'node:crypto'
import { createServer, request } from 'node:http'
import { type AuthObserver, createAuth } from 'idplug'
import { createAuth0Emulator, createAzureEmulator, createOidcEmulator, type Emulator } from '../../emulators/index.ts'
import { freePort, listen } from '../support/http.ts'
import { createFilesApp, files } from './files-server.ts'
import type { Kind } from './kinds.ts'

/** What one request of a client was, and what it got. */
export interface Seen {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly status: number
  /** Header `MCP-Protocol-Version`. */
  readonly revision?: string
}

export interface FilesServer {
  /** URL of the MCP endpoint. */
  readonly url: string
  /** Of the authorization server. */
  readonly issuer: string
  /** Whom the person picks on the sign-in page. */
  readonly login: string
  /** Origin of the provider at which a bridge signs people in. */
  readonly provider?: string
  /** What a client has to be given that cannot register itself here. */
  readonly clientId?: string
  /** Requests that reached the server's origin, in the order of their answers. */
  readonly seen: readonly Seen[]
  /** Names of the tools whose call was refused with 403. */
  readonly refusedTools: readonly string[]
  close(): Promise<void>
}

/** What a server needs to have people sign in somewhere, and who they are there. */
export interface Surroundings {
  env: Record<string, string>
  login: string
  provider?: string
  clientId?: string
  emulator?: Emulator
}

const TENANT = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const SCOPES = Object.keys(files.scopes)
const NATIVE_ID = 'native'

/** A client that was registered by hand for a server. The port of a loopback address does not count (RFC 8252 §7.3). */
function nativeFor(server: string) {
  const ofCodex = createHash('sha256').update(server).digest('base64url').slice(0, 12)
  const paths = ['callback', 'oauth/callback', 'mcp/oauth/callback', `callback/${ofCodex}`]
  const hosts = ['http://localhost:1', 'http://127.0.0.1:1']
  return { clientId: NATIVE_ID, redirectUris: hosts.flatMap(host => paths.map(path => `${host}/${path}`)) }
}

/** @param now - The clock of an emulated provider. */
export const surroundings: Record<Kind, (origin: string, now?: () => number) => Promise<Surroundings>> = {
  demo: async () => ({ env: {}, login: 'ada' }),
  beside: async () => ({ env: { AUTH_MODE: 'beside', AUTH_SERVER_PORT: String(await freePort()) }, login: 'ada' }),
  async bridge(origin, now) {
    const client = { clientId: 'the-bridge', clientSecret: 'the-secret-of-the-bridge' }
    const emulator = createAzureEmulator({
      clients: [{ ...client, redirectUris: [`${origin}/oauth/callback`] }],
      now,
    })
    const provider = await emulator.start()
    const env = {
      AUTH_BRIDGE: 'on',
      AUTH_PROVIDER: 'azure',
      AUTH_METADATA_URL: `${provider}/${TENANT}/v2.0/.well-known/openid-configuration`,
      BRIDGE_CLIENT_ID: client.clientId,
      BRIDGE_CLIENT_SECRET: client.clientSecret,
      BRIDGE_ALLOW: 'everyone',
      BRIDGE_GRANT_SCOPES: SCOPES.join(' '),
    }
    return { env, login: 'ada@contoso.example', provider, emulator }
  },
  async auth0(origin, now) {
    const emulator = createAuth0Emulator({
      apis: [{ identifier: `${origin}/mcp`, scopes: SCOPES, allowOfflineAccess: true }],
      clients: [nativeFor(`${origin}/mcp`)],
      resourceParameterProfile: 'compatibility',
      now,
    })
    return directly('auth0', emulator)
  },
  async oidc(origin, now) {
    const audience = `${origin}/mcp`
    const emulator = createOidcEmulator({ audience, scopes: SCOPES, clients: [nativeFor(audience)], now })
    return directly('oidc', emulator)
  },
}

async function directly(name: string, emulator: Emulator): Promise<Surroundings> {
  const provider = await emulator.start()
  const env = { AUTH_PROVIDER: name, AUTH_METADATA_URL: `${provider}/.well-known/openid-configuration` }
  return { env, login: 'ada', clientId: NATIVE_ID, provider, emulator }
}

/**
 * @param settings - Further settings of an operator, such as `AUTH_SIGN_IN_SCOPES`.
 * @param resource - Path of the resource that the server declares. Default: that of the endpoint, as is right.
 */
export async function startFilesServer(
  kind: Kind,
  settings: Record<string, string> = {},
  resource = '/mcp',
): Promise<FilesServer> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const { env, emulator, ...person } = await surroundings[kind](origin)
  const refusedTools: string[] = []
  const observer: AuthObserver = {
    decision({ outcome, operation, ...decision }) {
      const isRefused = outcome === 'refused' && 'status' in decision && decision.status === 403
      if (isRefused && operation?.method === 'tools/call') refusedTools.push(operation.name ?? '')
    },
  }
  const auth = createAuth({ ...files, resource }, { env: { PUBLIC_URL: origin, ...env, ...settings }, observer })
  await auth.ready()
  const app = createFilesApp(auth)
  const seen: Seen[] = []
  const server = await listen(
    createServer((request, response) => {
      const { method = '', url = '', headers } = request
      const revision = headers['mcp-protocol-version']
      response.on('close', () => {
        const path = url.replace(/\?.*/s, '')
        seen.push({ method, path, status: response.statusCode, ...(revision && { revision: String(revision) }) })
      })
      app(request, response)
    }),
    port,
  )
  return {
    url: `${origin}/mcp`,
    issuer: auth.validator.issuers[0] ?? '',
    ...person,
    seen,
    refusedTools,
    async close() {
      await server.close()
      await auth.close()
      await emulator?.close()
    },
  }
}

/**
 * An origin of its own for a server that takes `url` for its own: requests arrive there with its `Host`.
 *
 * @returns `url`: the endpoint at the proxy.
 */
export async function startProxy(url: string): Promise<{ url: string; close(): Promise<void> }> {
  const { host, port, pathname } = new URL(url)
  const { origin, close } = await listen((incoming, response) => {
    const { method, headers, url: path } = incoming
    const sent = { host: 'localhost', port, path, method, headers: { ...headers, host }, agent: false }
    const onward = request(sent, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  return { url: origin + pathname, close }
}
