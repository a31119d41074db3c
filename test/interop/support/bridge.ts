import { Client as McpClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { onTestFinished } from 'vitest'
import { createAuth } from '../../../auth/create-auth.ts'
import { authRoutes, protect } from '../../../src/edges/node.ts'
import { OAuthMemory } from '../../e2e/oauth-memory.ts'
import { createBrowser } from '../../support/browser.ts'
import { listen } from '../../support/http.ts'
import { type InteropServer, type PersonName, SCOPES } from '../servers/server.ts'

/** A server of MCP with our bridge in front of it, whose people sign in at an authorization server. */
export interface Bridge {
  readonly resource: string
  /** What was reported last, one JSON text a line. */
  log(): string
  /** Why the last refusal was one. */
  lastReason(): string | undefined
  /** Their client is closed when the test ends. */
  person(name: PersonName): Person
  close(): Promise<void>
}

/** Somebody with an official MCP client. */
export interface Person {
  readonly memory: OAuthMemory
  /** Signs in, in the browser. */
  signIn(): Promise<void>
  /** @returns Subject of the token, as a tool sees it. @throws {Error} Of the client. */
  whoami(): Promise<string>
}

/** @param origin - Of the server of MCP; its callback is known to the authorization server. */
export async function startBridge(
  server: InteropServer,
  origin: string,
  settings: Readonly<Record<string, string>>,
): Promise<Bridge> {
  const log: string[] = []
  let lastReason: string | undefined
  function note(name: string, facts: Readonly<Record<string, unknown>>): void {
    log.push(JSON.stringify([name, facts]))
    if (facts.reason !== undefined) lastReason = String(facts.reason)
  }
  const resource = `${origin}/mcp`
  const auth = createAuth(
    {
      name: 'Interop',
      resource,
      scopes: Object.fromEntries(SCOPES.map(scope => [scope, scope])),
      initialScopes: SCOPES.slice(0, 1),
    },
    {
      env: {
        AUTH_BRIDGE: 'on',
        BRIDGE_CLIENT_ID: server.clients.bridge.id,
        BRIDGE_CLIENT_SECRET: server.clients.bridge.secret,
        BRIDGE_ALLOW: 'everyone',
        BRIDGE_GRANT_SCOPES: SCOPES.join(' '),
        TOKEN_CACHE_SECONDS: '0',
        ...settings,
      },
      observer: { warning: note, authorizationServer: note },
    },
  )
  const handle = toNodeHandler(createMcpHandler(createMcp))
  const routes = authRoutes(auth)
  const endpoint = protect(auth, (req, res) => handle(req as never, res as never, req.body))
  const listening = await listen(
    (req, res) => (req.url === '/mcp' ? endpoint : routes)(req, res),
    Number(new URL(origin).port),
  )
  return {
    resource,
    log: () => log.slice(-8).join('\n'),
    lastReason: () => lastReason,
    person: name => personAt(server, resource, name, () => log.slice(-8).join('\n')),
    async close() {
      await listening.close()
      await auth.close()
    },
  }
}

function createMcp(): McpServer {
  const mcp = new McpServer({ name: 'interop', version: '1.0.0' })
  mcp.registerTool('whoami', { description: 'Who is signed in' }, ctx => ({
    content: [{ type: 'text' as const, text: JSON.stringify(ctx.http?.authInfo) }],
  }))
  return mcp
}

function personAt(server: InteropServer, resource: string, name: PersonName, log: () => string): Person {
  const memory = new OAuthMemory(true)
  let client: McpClient | undefined
  onTestFinished(async () => client?.close())

  async function connect() {
    await client?.close()
    client = new McpClient(
      { name: 'interop', version: '1.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    )
    const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider: memory })
    await client.connect(transport).catch(async error => {
      if (!memory.authorizationUrl) throw error
      const callback = await throughTheBridge(server, memory.authorizationUrl, name).catch(error => {
        throw new Error(`${error.message}\n${log()}`)
      })
      memory.authorizationUrl = undefined
      await transport.finishAuth(callback.searchParams)
      await connect()
    })
  }

  return {
    memory,
    signIn: connect,
    async whoami() {
      if (!client) throw new Error('nobody has signed in')
      const { content } = await client.callTool({ name: 'whoami', arguments: {} })
      const [first] = content
      if (first?.type !== 'text') throw new Error('the tool did not say who it is')
      return JSON.parse(first.text).extra.token.subject
    },
  }
}

/** The pages of the bridge, those of the server in the midst of them. */
async function throughTheBridge(server: InteropServer, url: URL, name: PersonName): Promise<URL> {
  const browser = createBrowser()
  let page = await browser.open(url)
  for (let steps = 0; steps < 6; steps++) {
    if (page.url.origin === new URL(server.issuer).origin) {
      if (!server.signIn) throw new Error('nobody can sign in at the server')
      page = await browser.open(await server.signIn(page.url, name))
    } else if (page.text.includes('name="decision"')) {
      page = await browser.submit(page, 'decision', { decision: 'allow' })
    } else if (page.url.origin !== url.origin) {
      return page.url
    } else break
  }
  throw new Error(`ended on ${page.url}, status ${page.status}:\n${page.text}`)
}
