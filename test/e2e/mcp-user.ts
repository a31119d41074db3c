import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { onTestFinished } from 'vitest'
import { type Browser, signIn } from '../support/browser.ts'
import { OAuthMemory, type RegisteredClient } from './oauth-memory.ts'

export type Sdk = '1.x' | '2.x'

export interface ToolAnswer {
  isError: boolean
  text: string
}

/** A person with an MCP client: connects, signs in when the client says so, calls tools. */
export interface McpUser {
  readonly memory: OAuthMemory
  /** Connects; opens the browser as often as the client asks for it. */
  connect(): Promise<void>
  /** Calls a tool; throws what the client throws. */
  call(tool: string, args?: Record<string, unknown>, options?: { onprogress(): void }): Promise<ToolAnswer>
  /** Calls a tool; when the client wants the person again, signs in, and calls once more. */
  callSteppingUp(tool: string, args?: Record<string, unknown>): Promise<ToolAnswer>
  /** Does what the client asked for when it opened the browser, and takes the code back to it. */
  finishSignIn(): Promise<void>
  listTools(): Promise<{ name: string; description?: string }[]>
  readResource(uri: string): Promise<string>
  getPrompt(name: string, args?: Record<string, string>): Promise<string>
  /** `Mcp-Session-Id` that the server gave out, if it did. */
  sessionId(): string | undefined
  close(): Promise<void>
}

export interface McpUserOptions {
  /**
   * Whether the client takes refresh tokens. One of SDK 1.x that has such a token answers a 403 by using it, which adds no scope; it steps
   * up by itself only without one. Default: with SDK 2.x.
   */
  readonly refresh?: boolean
  /** The client as it was registered beforehand. Default: it registers itself. */
  readonly client?: RegisteredClient
  /** Origin of the provider where the person signs in, when the authorization server is a bridge. */
  readonly provider?: string
  /** Default: a new one for each sign-in. */
  readonly browser?: Browser
}

/**
 * A person whose client is closed when the test ends.
 *
 * @param name - Whom the person picks on the sign-in page.
 */
export function createMcpUser(sdk: Sdk, resource: string, name: string, options: McpUserOptions = {}): McpUser {
  const { refresh = sdk === '2.x', client: registered, provider, browser } = options
  const memory = new OAuthMemory(refresh)
  if (registered) memory.useClient(registered)
  const open = () => {
    const url = new URL(resource)
    const info = { name: 'e2e', version: '1.0.0' }
    if (sdk === '1.x') {
      return { client: new ClientV1(info), transport: new TransportV1(url, { authProvider: memory }) }
    }
    return {
      client: new ClientV2(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
      transport: new TransportV2(url, { authProvider: memory }),
    }
  }
  let { client, transport } = open()
  onTestFinished(() => client.close())

  const isUnauthorized = (error: unknown) => error instanceof Error && error.name === 'UnauthorizedError'

  async function connectOnce(): Promise<void> {
    // An abandoned client would go on reconnecting its stream, and sign in at the same time as the new one.
    await client.close()
    ;({ client, transport } = open())
    await client.connect(transport as never)
  }

  async function finishSignIn(): Promise<void> {
    const url = memory.authorizationUrl
    if (!url) throw new Error('the client did not open the browser')
    memory.authorizationUrl = undefined
    const callback = await signIn(url, { user: name, provider, browser })
    if (transport instanceof TransportV2) await transport.finishAuth(callback.searchParams)
    else await transport.finishAuth(callback.searchParams.get('code') ?? '')
  }

  async function call(tool: string, args: Record<string, unknown> = {}, options?: { onprogress(): void }) {
    const params = { name: tool, arguments: args }
    const result =
      client instanceof ClientV2
        ? await client.callTool(params, options)
        : await client.callTool(params, undefined, options)
    const content = result.content as { type: string; text?: string }[]
    return { isError: result.isError === true, text: content.map(part => part.text ?? '').join('\n') }
  }

  return {
    memory,
    async connect() {
      try {
        await connectOnce()
      } catch (error) {
        if (!isUnauthorized(error) && !memory.authorizationUrl) throw error
        await finishSignIn()
        await connectOnce()
      }
    },
    call,
    async callSteppingUp(tool, args) {
      try {
        return await call(tool, args)
      } catch (error) {
        if (!memory.authorizationUrl) throw error
        await finishSignIn()
        return call(tool, args)
      }
    },
    finishSignIn,
    listTools: async () => (await client.listTools()).tools,
    async readResource(uri) {
      const { contents } = await client.readResource({ uri })
      return contents.map(content => ('text' in content ? content.text : '')).join('\n')
    },
    async getPrompt(promptName, args) {
      const { messages } = await client.getPrompt({ name: promptName, arguments: args })
      return JSON.stringify(messages)
    },
    sessionId: () => transport.sessionId,
    close: () => client.close(),
  }
}
