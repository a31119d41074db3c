import type { Measured } from '../../app/commands/doctor/client-facts.ts'
import { READ, shortened, WRITE } from './calls.ts'
import type { RealClient, Session } from './client.ts'
import type { Kind } from './kinds.ts'
import { type FilesServer, startFilesServer, startProxy } from './servers.ts'

/**
 * @param settings - Of the server, in each of its lives.
 * @returns `problems`: what went wrong, shortened, in the words of the client; for people.
 */
export async function measure(
  client: RealClient,
  kind: Kind,
  settings: Record<string, string> = {},
): Promise<{ measured: Measured; problems: string[] }> {
  const problems: string[] = []
  /** Whether it did not throw and was right. */
  async function succeeds(what: string, attempt: () => Promise<boolean>): Promise<boolean> {
    try {
      if (await attempt()) return true
      problems.push(`${what}: wrong answer`)
    } catch (error) {
      problems.push(`${what}: ${shortened(String((error as Error).message))}`)
    }
    return false
  }
  const connects = (session: Session) => succeeds('connect', async () => session.connect().then(() => true))
  const answers = async (session: Session, [tool, args, answer]: typeof READ) =>
    (await session.call(tool, args)).includes(answer)
  const writes = (session: Session) => succeeds('write', () => answers(session, WRITE))

  const first = await visit(client, { kind }, settings, async (session, server) => {
    const isConnected = await connects(session)
    const lists =
      isConnected &&
      (await succeeds('list', async () => (await session.list()).sort().join() === 'read_file,write_file'))
    const calls = lists && (await succeeds('call', () => answers(session, READ)))
    const hasWritten = calls && (await writes(session))
    const isRefused = server.refusedTools.includes('write_file')
    return {
      connects: isConnected,
      lists,
      calls,
      isRefused,
      stepsUp: isRefused && hasWritten,
      ...wireFacts(session.opened(), server),
    }
  })
  const writesWithAllScopes = await visit(
    client,
    { kind },
    { ...settings, AUTH_SIGN_IN_SCOPES: 'all' },
    async session => first.connects && (await connects(session)) && (await writes(session)),
  )
  const { registers, sendsResource, asksFor, revisions, discovers, ...deeds } = first
  const measured = { ...deeds, writesWithAllScopes, registers, sendsResource, asksFor, revisions, discovers }
  return { measured, problems }
}

/**
 * Sends somebody who may not write to the tool that writes.
 *
 * @returns How the client ends, and how often it was refused on the way.
 */
export async function insist(client: RealClient): Promise<{ isRefused: boolean; refusals: number }> {
  return visit(client, { kind: 'demo', login: 'cleo' }, {}, async (session, server) => {
    await session.connect()
    const [tool, args] = WRITE
    const isRefused = await session.call(tool, args).then(
      () => false,
      () => true,
    )
    return { isRefused, refusals: server.refusedTools.length }
  })
}

/** `problem`: why not, in the words of the client; for people. */
export interface Taking {
  readonly takes: boolean
  readonly problem: string
}

/**
 * Whether a client gets in where the server declares its origin as the resource, in place of the URL that the client is given (RFC 9728
 * §3.3).
 */
export async function takesParent(client: RealClient, settings: Record<string, string> = {}): Promise<Taking> {
  return visit(client, { kind: 'demo', resource: '/' }, settings, getsIn)
}

/**
 * The same where the server's `PUBLIC_URL` is another origin than that of the proxy at which clients connect. The metadata names the server by
 * that URL, and a client that does not mind gets a token that the server accepts.
 */
export async function takesForeign(client: RealClient, settings: Record<string, string> = {}): Promise<Taking> {
  return visit(client, { kind: 'demo', isBehindProxy: true }, settings, getsIn)
}

async function getsIn(session: Session): Promise<Taking> {
  try {
    await session.connect()
    const text = await session.call('read_file', { path: 'a.txt' })
    return { takes: text.includes('Hello'), problem: '' }
  } catch (error) {
    return { takes: false, problem: shortened(String((error as Error).message)) }
  }
}

interface Visit {
  readonly kind: Kind
  readonly login?: string
  readonly resource?: string
  /** The client is given the URL of a proxy, of which the server does not know. */
  readonly isBehindProxy?: boolean
}

export async function visit<T>(
  client: RealClient,
  { kind, login, resource, isBehindProxy = false }: Visit,
  settings: Record<string, string>,
  act: (session: Session, server: FilesServer) => Promise<T>,
): Promise<T> {
  const server = await startFilesServer(kind, settings, resource)
  const proxy = isBehindProxy ? await startProxy(server.url) : undefined
  const session = client.start({ ...server, ...(login !== undefined && { login }), ...(proxy && { url: proxy.url }) })
  try {
    return await act(session, server)
  } finally {
    await session.close()
    await proxy?.close()
    await server.close()
  }
}

function wireFacts(opened: readonly URL[], { url, clientId, seen }: FilesServer) {
  const [first] = opened
  const isFound = ({ path, status }: FilesServer['seen'][number]) => path.startsWith('/.well-known/') && status === 200
  return {
    registers: registration(first?.searchParams.get('client_id') ?? undefined, clientId),
    sendsResource: first?.searchParams.get('resource') === url,
    asksFor: first?.searchParams.get('scope') ?? '',
    revisions: [
      ...new Set(seen.flatMap(({ path, revision }) => (path === '/mcp' && revision ? [revision] : []))),
    ].sort(),
    discovers: [...new Set(seen.filter(isFound).map(({ path }) => path))],
  }
}

function registration(used: string | undefined, given: string | undefined): Measured['registers'] {
  if (used === undefined) return 'never got that far'
  if (used === given) return 'is given a client id'
  return used.startsWith('https:') ? 'by a document' : 'by itself'
}
