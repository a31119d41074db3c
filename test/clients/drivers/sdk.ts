import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { OAuthMemory } from '../../e2e/oauth-memory.ts'
import { signIn } from '../../support/browser.ts'
import { installedName, type RealClient } from '../client.ts'
import { packages } from '../desk.ts'

/** What all versions have in common. */
interface SdkClient {
  connect(transport: SdkTransport): Promise<void>
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(call: { name: string; arguments: unknown }): Promise<unknown>
  close(): Promise<void>
}
interface SdkTransport {
  finishAuth(answer: string | URLSearchParams): Promise<void>
}
interface Sdk {
  Client: new (info: { name: string; version: string }, options?: object) => SdkClient
  StreamableHTTPClientTransport: new (url: URL, options: { authProvider: unknown }) => SdkTransport
}

/**
 * An application on version 1 of the official SDK.
 *
 * @param scope - What the application itself asks for. Default: what its SDK finds out.
 */
export const sdk1 = (folder: string, scope?: string) =>
  application(folder, {
    modules: ['dist/esm/client/index.js', 'dist/esm/client/streamableHttp.js'],
    answerOf: callback => callback.searchParams.get('code') ?? '',
    scope,
  })

/** An application on version 2, which chooses the revision of the protocol by what the server has. */
export const sdk2 = (folder: string) =>
  application(folder, {
    modules: ['dist/index.mjs'],
    answerOf: callback => callback.searchParams,
    options: { versionNegotiation: { mode: 'auto' } },
  })

interface Generation {
  /** That export the SDK's client and transport. */
  modules: readonly string[]
  /** What `finishAuth` takes of the redirect back. */
  answerOf(callback: URL): string | URLSearchParams
  options?: object
  scope?: string
}

class ApplicationMemory extends OAuthMemory {
  readonly #scope: string | undefined

  constructor(scope: string | undefined) {
    super()
    this.#scope = scope
  }
  override get clientMetadata() {
    return { ...super.clientMetadata, ...(this.#scope && { scope: this.#scope }) }
  }
}

function application(folder: string, { modules, answerOf, options, scope }: Generation): RealClient {
  return {
    name: installedName(folder),
    start({ url, login, provider, clientId, issuer }) {
      const memory = new ApplicationMemory(scope)
      const opened: URL[] = []
      let client: SdkClient | undefined
      let transport: SdkTransport | undefined
      // The issuer keeps version 2 from warning that it cannot tell whose client this is.
      if (clientId !== undefined) memory.saveClientInformation(Object.assign({ client_id: clientId }, { issuer }))

      async function connectOnce(): Promise<void> {
        const loaded = await Promise.all(modules.map(path => import(pathToFileURL(join(packages, folder, path)).href)))
        const { Client, StreamableHTTPClientTransport }: Sdk = Object.assign({}, ...loaded)
        await client?.close()
        client = new Client({ name: 'application', version: '1.0.0' }, options)
        transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: memory })
        await client.connect(transport)
      }

      /** Does what an application does that was told to open the browser. @throws `error`: it was not told to. */
      async function signInAfter(error: unknown): Promise<void> {
        const authorization = memory.authorizationUrl
        memory.authorizationUrl = undefined
        if (!authorization) throw error
        opened.push(authorization)
        const callback = await signIn(authorization, { user: login, provider })
        await transport?.finishAuth(answerOf(callback))
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
