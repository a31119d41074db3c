import { onTestFinished } from 'vitest'
import { createAuth } from '../../auth/create-auth.ts'
import type { ResourceDeclaration } from '../../auth/declaration.ts'
import type { Auth } from '../../src/auth.ts'
import { createTestIssuer, type TestIssuer, type TestTokenChanges } from '../../src/testing/index.ts'
import type { EdgeFixture, Handler, MakeWorld, Seen } from './edge-fixture.ts'
import { type Opened, open, type Received, type SendOptions, send } from './send.ts'

/** Public name of the server; requests go to its loopback address. */
const PUBLIC = 'https://mcp.example.com'
/** Origin whose pages may call. */
export const APP = 'https://app.example'

export const files = {
  resource: `${PUBLIC}/mcp`,
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files', 'files:share': 'Share your files' },
  initialScopes: ['files:read'],
  access: {
    tools: { whoami: [], write_file: ['files:read', 'files:write'], share_file: ['files:share'] },
  },
} as const satisfies ResourceDeclaration

/** A server under test, with the issuer whose tokens it accepts. */
export interface World {
  readonly auth: Auth
  readonly issuer: TestIssuer
  readonly origin: string
  /** What the handler was called with, in order. */
  readonly seen: readonly Seen[]
  send(options?: SendOptions): Promise<Received>
  /** A POST of JSON, with the headers of an MCP client. */
  post(body: unknown, options?: TokenOptions): Promise<Received>
  /** Any request with a token. */
  sendWithToken(options?: TokenOptions): Promise<Received>
  /** A GET whose answer is an event stream. */
  openStream(options?: TokenOptions): Promise<Opened>
}

export interface TokenOptions extends SendOptions {
  /** Default: one that is good for `files:read`. Empty: none. */
  readonly token?: string
  /** What is different about the default token. */
  readonly changes?: TestTokenChanges
}

/** A request for a tool (MCP, tools/call). */
export const callTool = (name: string, id = 1) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })

/** For tests of one edge: starts its servers. */
export function worldOf(edge: EdgeFixture): MakeWorld {
  return async (options = {}) => {
    const { env = { ALLOWED_ORIGINS: APP }, now = Date.now, handler = answerWithSeen, parser = 'none' } = options
    const issuer = createTestIssuer({ now })
    const { declaration = files } = options
    const surroundings = { env, now, providers: [issuer.provider], observer: {} }
    const mounted = options.mounted ?? [{ path: '/mcp', auth: createAuth(declaration, surroundings) }]
    const seen: Seen[] = []
    const recorded: Handler = call => {
      seen.push(call)
      return handler(call)
    }
    const server = await edge.start({ mounted, handler: recorded, parser, port: options.port ?? 0 })
    onTestFinished(async () => {
      await server.close()
      for (const { auth } of mounted) await auth.close()
    })

    async function withToken({ token, changes, headers, ...rest }: TokenOptions): Promise<SendOptions> {
      const bearer = token ?? (await issuer.token({ scopes: ['files:read'], ...changes }))
      return { ...rest, headers: { ...(bearer && { authorization: `Bearer ${bearer}` }), ...headers } }
    }
    const { origin } = server
    const sendWithToken = async (options: TokenOptions = {}) => send(origin, await withToken(options))
    return {
      auth: (mounted[0] as { auth: Auth }).auth,
      issuer,
      origin,
      seen,
      send: options => send(origin, options),
      sendWithToken,
      post: (body, { headers, ...options } = {}) =>
        sendWithToken({
          method: 'POST',
          body: typeof body === 'string' ? body : JSON.stringify(body),
          ...options,
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            ...headers,
          },
        }),
      openStream: async (options = {}) => open(origin, await withToken(options)),
    }
  }
}

/** The default handler. Streams stay open until somebody else ends them. */
const answerWithSeen: Handler = ({ method, body, authInfo, token }) => {
  if (method === 'POST') return Response.json({ body, authInfo, token })
  return method === 'GET' ? eventStream() : new Response(null, { status: 204 })
}

/** @param onCancel - Called when nobody reads it any more. */
export function eventStream(onCancel?: () => void): Response {
  const first = new TextEncoder().encode(': open\n\n')
  const body = new ReadableStream<Uint8Array>({ start: controller => controller.enqueue(first), cancel: onCancel })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}
