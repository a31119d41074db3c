import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { OAuthMemory } from '../../e2e/oauth-memory.ts'
import { signIn } from '../../support/browser.ts'
import { installedName, type RealClient } from '../client.ts'
import { packages } from '../desk.ts'

/** What all versions have in common, connected. */
interface Connected {
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(call: { name: string; arguments: unknown }): Promise<unknown>
  close(): Promise<void>
}
interface SdkClient extends Connected {
  connect(transport: SdkTransport): Promise<void>
}
interface SdkTransport {
  finishAuth(answer: string | URLSearchParams): Promise<void>
}
interface Sdk {
  Client: new (info: { name: string; version: string }, options?: object) => SdkClient
  StreamableHTTPClientTransport: new (url: URL, options: { authProvider: unknown }) => SdkTransport
}
interface AiSdk {
  createMCPClient(config: object): Promise<Connected>
  auth(memory: OAuthMemory, options: object): Promise<unknown>
}

/** One attempt to connect with a library, and what it is told when the browser is back. */
interface Attempt {
  connect(): Promise<Connected>
  finish(callback: URL): Promise<unknown>
}
type Opener = (url: string, memory: OAuthMemory) => Promise<Attempt>

/**
 * An application on version 1 of the official SDK.
 *
 * @param scope - What the application itself asks for. Default: what its SDK finds out.
 */
export const sdk1 = (folder: string, scope?: string) =>
  application(
    folder,
    officialSdk(folder, {
      modules: ['dist/esm/client/index.js', 'dist/esm/client/streamableHttp.js'],
      answerOf: callback => callback.searchParams.get('code') ?? '',
    }),
    scope,
  )

/** An application on version 2, which chooses the revision of the protocol by what the server has. */
export const sdk2 = (folder: string) =>
  application(
    folder,
    officialSdk(folder, {
      modules: ['dist/index.mjs'],
      answerOf: callback => callback.searchParams,
      options: { versionNegotiation: { mode: 'auto' } },
    }),
  )

/** An application on the AI SDK of Vercel. */
export const aiSdk = application('@ai-sdk/mcp', async (url, memory) => {
  const { createMCPClient, auth }: AiSdk = await load('@ai-sdk/mcp', ['dist/index.js'])
  return {
    connect: () => createMCPClient({ transport: { type: 'http', url, authProvider: memory } }),
    finish: ({ searchParams }) =>
      auth(memory, {
        serverUrl: url,
        authorizationCode: searchParams.get('code'),
        callbackState: searchParams.get('state'),
        callbackIssuer: searchParams.get('iss') ?? undefined,
      }),
  }
})

interface Generation {
  /** That export the SDK's client and transport. */
  modules: readonly string[]
  /** What `finishAuth` takes of the redirect back. */
  answerOf(callback: URL): string | URLSearchParams
  options?: object
}

function officialSdk(folder: string, { modules, answerOf, options }: Generation): Opener {
  return async (url, memory) => {
    const { Client, StreamableHTTPClientTransport }: Sdk = await load(folder, modules)
    const client = new Client({ name: 'application', version: '1.0.0' }, options)
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: memory })
    return {
      connect: async () => {
        await client.connect(transport)
        return client
      },
      finish: callback => transport.finishAuth(answerOf(callback)),
    }
  }
}

async function load<Exports extends object>(folder: string, modules: readonly string[]): Promise<Exports> {
  const loaded = await Promise.all(modules.map(path => import(pathToFileURL(join(packages, folder, path)).href)))
  return Object.assign({}, ...loaded)
}

class ApplicationMemory extends OAuthMemory {
  readonly #scope: string | undefined
  readonly #registersItself: boolean

  constructor(scope: string | undefined, registersItself: boolean) {
    super()
    this.#scope = scope
    this.#registersItself = registersItself
  }
  override get clientMetadata() {
    return { ...super.clientMetadata, ...(this.#scope && { scope: this.#scope }) }
  }
  /** Asked by the AI SDK alone, which otherwise keeps a registration that the server has forgotten. */
  isClientInformationDynamicallyRegistered(): boolean {
    return this.#registersItself
  }
}

function application(folder: string, open: Opener, scope?: string): RealClient {
  return {
    name: installedName(folder),
    start({ url, login, provider, clientId, issuer }) {
      const memory = new ApplicationMemory(scope, clientId === undefined)
      const opened: URL[] = []
      let client: Connected | undefined
      let attempt: Attempt | undefined
      if (clientId !== undefined) memory.useClient({ client_id: clientId, issuer })

      async function connectOnce(): Promise<void> {
        await client?.close()
        attempt = await open(url, memory)
        client = await attempt.connect()
      }

      /** Does what an application does that was told to open the browser. @throws `error`: it was not told to. */
      async function signInAfter(error: unknown): Promise<void> {
        const authorization = memory.authorizationUrl
        memory.authorizationUrl = undefined
        if (!authorization) throw error
        opened.push(authorization)
        const callback = await signIn(authorization, { user: login, provider })
        await attempt?.finish(callback)
      }

      return {
        async connect() {
          try {
            await connectOnce()
          } catch (error) {
            await signInAfter(error)
            await connectOnce()
          }
        },
        // With what the SDK gave it to keep.
        reopen: connectOnce,
        list: async () => (await client?.listTools())?.tools.map(({ name }) => name) ?? [],
        async call(name, args) {
          const callOnce = async () => textOf(await client?.callTool({ name, arguments: args }))
          return callOnce().catch(async error => {
            await signInAfter(error)
            return callOnce()
          })
        },
        opened: () => opened,
        close: async () => client?.close(),
      }
    },
  }
}

/** @throws {Error} The tool, or the server in its place, answered with an error. */
export function textOf(result: unknown): string {
  const { content, isError } = result as { content: { text?: string }[]; isError?: boolean }
  const text = content.map(part => part.text ?? '').join('\n')
  if (isError) throw new Error(text)
  return text
}
