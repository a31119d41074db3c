import {
  type CallToolResult,
  Client,
  type ElicitRequestFormParams,
  type ElicitResult,
  extractWWWAuthenticateParams,
  InsufficientScopeError,
  SdkHttpError,
  StreamableHTTPClientTransport,
  type Tool,
  UnauthorizedError,
  withDpop,
} from '@modelcontextprotocol/client'
import type { Authorizer } from './authorizer.ts'

export type { CallToolResult, Tool }

export interface SessionOptions {
  readonly server: URL
  readonly authorizer: Authorizer
  readonly fetch: typeof globalThis.fetch
  readonly version: string
  /** Revision of the protocol. Default: 2026-07-28 where the server has it, else one of before. */
  readonly protocol?: string
  /** Answers the server's question to the person. Default: the server is told that nobody can be asked. */
  readonly elicit?: (params: ElicitRequestFormParams) => Promise<ElicitResult>
}

/** A connection to an MCP server, signed in. */
export interface Session {
  readonly server: { readonly name: string; readonly version: string } | undefined
  readonly protocol: string | undefined
  tools(): Promise<readonly Tool[]>
  /** Gets the scopes that the tool needs besides, when the server says that they are missing. */
  call(tool: string, args: Record<string, unknown>): Promise<CallToolResult>
  close(): Promise<void>
}

/** The server answers as if no token had come. */
export class TokenLostError extends Error {
  override name = 'TokenLostError'

  constructor() {
    super('the server answers as if no token had come with the request, though one was sent')
  }
}

const MODERN = '2026-07-28'
/** A server that goes on asking for more after this never has enough. */
const MAX_STEP_UPS = 2
const MAX_SIGN_INS = 1
const CALL_MILLISECONDS = 300_000

/** @throws What the {@link Authorizer} throws, and what the SDK does for a server that does not speak MCP. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { authorizer, server } = options
  const fetch = withDpop(
    () => authorizer.proofs(),
    async () => {
      const token = await authorizer.accessToken()
      return token?.type.toLowerCase() === 'dpop' ? token.token : undefined
    },
  )(options.fetch)
  // Kept from the request that was refused, since a person takes longer to sign in than a request may.
  let challenge: Response | undefined
  /** The last refusal, of a renewed token too. */
  let refusal: Response | undefined

  async function signedIn<T>(work: () => Promise<T>): Promise<T> {
    const askedFor = new Set<string | undefined>()
    for (let signIns = 0, stepUps = 0; ; ) {
      challenge = undefined
      try {
        return await work()
      } catch (error) {
        if (challenge !== undefined && signIns++ < MAX_SIGN_INS) await authorizer.obtain(challenge)
        else if (
          error instanceof InsufficientScopeError &&
          stepUps++ < MAX_STEP_UPS &&
          !askedFor.has(error.requiredScope)
        ) {
          // The person was asked for these once; another browser would not change the answer.
          askedFor.add(error.requiredScope)
          await authorizer.stepUp(error.requiredScope, error.resourceMetadataUrl)
        } else if (signIns > 0 && isUnauthorized(error) && refusal && looksUnsent(refusal)) throw new TokenLostError()
        else throw error
      }
    }
  }

  async function connect(): Promise<Client> {
    const client = createClient(options)
    const authProvider = {
      token: async () => (await authorizer.accessToken())?.token,
      async onUnauthorized({ response }: { response: Response }) {
        refusal = response
        if (await authorizer.renew(response)) return
        challenge = response
        throw new UnauthorizedError()
      },
    }
    await client.connect(
      new StreamableHTTPClientTransport(server, { fetch, onInsufficientScope: 'throw', authProvider }),
    )
    return client
  }

  const client = await signedIn(connect)
  return {
    server: client.getServerVersion(),
    protocol: client.getNegotiatedProtocolVersion(),
    tools: async () => (await signedIn(() => client.listTools())).tools,
    call: (name, args) => signedIn(() => client.callTool({ name, arguments: args }, { timeout: CALL_MILLISECONDS })),
    close: () => client.close(),
  }
}

const isUnauthorized = (error: unknown) =>
  error instanceof UnauthorizedError || (error instanceof SdkHttpError && error.status === 401)

/** A challenge without an error is the answer to a request without a token (RFC 6750 §3.1). */
function looksUnsent(challenge: Response): boolean {
  const isChallenge = /^Bearer\b/i.test(challenge.headers.get('www-authenticate') ?? '')
  return isChallenge && extractWWWAuthenticateParams(challenge).error === undefined
}

function createClient({ elicit, protocol, version }: SessionOptions): Client {
  const mode = protocol === MODERN ? { pin: MODERN } : protocol === undefined ? ('auto' as const) : ('legacy' as const)
  const client = new Client(
    { name: 'idplug', version },
    {
      versionNegotiation: { mode },
      ...(protocol !== undefined && mode === 'legacy' && { supportedProtocolVersions: [protocol] }),
      ...(elicit && { capabilities: { elicitation: { form: { applyDefaults: true } } } }),
    },
  )
  if (elicit) {
    client.setRequestHandler('elicitation/create', async ({ params }) =>
      'requestedSchema' in params ? elicit(params) : { action: 'decline' },
    )
  }
  return client
}
