import { writeFile } from 'node:fs/promises'
import {
  Client,
  SdkHttpError,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import type { ResourceDeclaration } from 'idplug'
import { clip } from 'idplug/internal'
import { z } from 'zod'
import { version } from '../version.ts'
import { nameOfUrl } from './default-declaration.ts'
import { boundedFetch, comparesHeaders, MODERN } from './scan-http.ts'
import { targetProblem } from './target-check.ts'

/** What is scanned: a server at a URL, or the command of one that speaks stdio. */
export type ScanPlace =
  | {
      readonly url: string
      /** For the target, such as its credential. Default: none. */
      readonly headers?: Readonly<Record<string, string>>
    }
  | {
      readonly command: readonly [string, ...string[]]
      /** Variables for the process beside those that every process needs. Default: none. */
      readonly env?: Readonly<Record<string, string>>
    }

/** What a server says it has, as far as it could be read. */
export interface Scan {
  /** Its name, fit for a page. */
  readonly name: string
  /** Revision of the protocol. */
  readonly protocol: string | undefined
  /** Whether each tool says that it only reads. */
  readonly tools: ReadonlyMap<string, { readonly isReadOnly: boolean }>
  /** URIs and URI templates. */
  readonly resources: readonly string[]
  readonly prompts: readonly string[]
  /**
   * Whether the server refuses a request whose `Mcp-Method` or `Mcp-Name` header differs from its body. Only for HTTP and
   * 2026-07-28, else `undefined`.
   */
  readonly comparesHeaders: boolean | undefined
  /** What a person should know before they use it. */
  readonly notes: readonly string[]
}

/** The server could not be scanned. The message says why. */
export class ScanError extends Error {
  override name = 'ScanError'
}

/** A server decides what it answers; what is read of it is bounded. After `quiet` milliseconds a person is told what is waited for. */
export const SCAN_LIMITS = {
  milliseconds: 60_000,
  quiet: 4_000,
  bytes: 20_000_000,
  pages: 100,
  entries: 1_000,
  name: 256,
} as const

/**
 * Asks a server for its tools, resources and prompts. Calls no tool.
 *
 * @param limits - Of time, bytes, pages and entries of each kind. Default {@link SCAN_LIMITS}.
 * @param onWait - Told once, in a sentence, what is waited for if that takes a while. Default: nobody.
 * @throws {ScanError} It cannot be reached, or does not speak MCP.
 */
export async function scanTarget(
  place: ScanPlace,
  limits: { readonly [Limit in keyof typeof SCAN_LIMITS]: number } = SCAN_LIMITS,
  onWait: (sentence: string) => void = () => {},
): Promise<Scan> {
  const waiting = setTimeout(() => onWait(waitingFor(place, limits.milliseconds)), limits.quiet)
  try {
    return await scanned(place, limits)
  } finally {
    clearTimeout(waiting)
  }
}

function waitingFor(place: ScanPlace, milliseconds: number): string {
  const most = `for ${milliseconds / 1000} seconds at most`
  return 'url' in place
    ? `Waiting for the server at ${new URL(place.url).origin}, ${most}.`
    : `Waiting for the command ${clip(place.command[0])}, ${most}. The first time, npx and its like download what they start.`
}

async function scanned(
  place: ScanPlace,
  limits: { readonly [Limit in keyof typeof SCAN_LIMITS]: number },
): Promise<Scan> {
  const deadline = AbortSignal.timeout(limits.milliseconds)
  const fetch = boundedFetch(deadline, limits.bytes)
  const notes: string[] = []
  const client = await connect(place, fetch, deadline, limits)
  try {
    const list = <Entry>(kind: Kind<Entry>) => listAll(client, kind, deadline, limits, notes)
    const tools = new Map<string, { isReadOnly: boolean }>()
    for (const { name, annotations } of await list(TOOLS)) {
      // Of two with the same name nobody knows which is called.
      const isReadOnly = annotations?.readOnlyHint === true && (tools.get(name)?.isReadOnly ?? true)
      tools.set(name, { isReadOnly })
    }
    const resources = [
      ...(await list(RESOURCES)).map(({ uri }) => uri),
      ...(await list(TEMPLATES)).map(each => each.uriTemplate),
    ]
    const prompts = (await list(PROMPTS)).map(({ name }) => name)
    const protocol = client.getNegotiatedProtocolVersion()
    const compares =
      'url' in place && protocol === MODERN
        ? await comparesHeaders(place.url, place.headers ?? {}, fetch, notes)
        : undefined
    return {
      name: nameOf(client, place),
      protocol,
      tools,
      resources: [...new Set(resources)],
      prompts: [...new Set(prompts)],
      comparesHeaders: compares,
      notes,
    }
  } finally {
    await client.close().catch(() => {})
  }
}

async function connect(
  place: ScanPlace,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
  { milliseconds: timeout, bytes }: { milliseconds: number; bytes: number },
): Promise<Client> {
  const attempt = async (transport: Transport) => {
    const client = new Client({ name: 'idplug-scan', version }, { versionNegotiation: { mode: 'auto' } })
    try {
      await client.connect(transport, { signal, timeout })
      return client
    } catch (error) {
      await client.close().catch(() => {})
      throw error
    }
  }
  try {
    if ('command' in place) {
      const [command, ...args] = place.command
      return await attempt(
        new StdioClientTransport({ command, args, env: { ...place.env }, stderr: 'inherit', maxBufferSize: bytes }),
      )
    }
    const url = new URL(place.url)
    const options = { fetch, requestInit: { headers: { ...place.headers } } }
    try {
      return await attempt(new StreamableHTTPClientTransport(url, options))
    } catch (error) {
      // So answers a server of 2024-11-05, which knows only HTTP with SSE.
      if (!(error instanceof SdkHttpError && [400, 404, 405].includes(error.status ?? 0))) throw error
      return await attempt(new SSEClientTransport(url, options))
    }
  } catch (error) {
    const what = 'url' in place ? `The server at ${new URL(place.url).origin}` : `The command ${place.command[0]}`
    // Asked again in plain words: those of the SDK are about its own attempts.
    const problem = 'url' in place && !signal.aborted ? await targetProblem(place.url, place.headers) : undefined
    const why = signal.aborted
      ? `did not answer within ${timeout / 1000} seconds`
      : `cannot be scanned: ${problem ? `${problem.seen}. ${problem.cure}` : reasonOf(error)}`
    throw new ScanError(`${what} ${why}`, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return clip(cause instanceof Error ? `${message} (${cause.message})` : message)
}

/** A listing of the protocol. */
interface Kind<Entry> {
  readonly capability: 'tools' | 'resources' | 'prompts'
  readonly method: string
  readonly member: string
  readonly entry: z.ZodType<Entry>
  /** The member of an entry that rules know it by. */
  readonly key: keyof Entry
}

const TOOLS = kind('tools', 'tools/list', 'tools', 'name', {
  name: z.string(),
  annotations: z.object({ readOnlyHint: z.unknown() }).optional().catch(undefined),
})
const RESOURCES = kind('resources', 'resources/list', 'resources', 'uri', { uri: z.string() })
const TEMPLATES = kind('resources', 'resources/templates/list', 'resourceTemplates', 'uriTemplate', {
  uriTemplate: z.string(),
})
const PROMPTS = kind('prompts', 'prompts/list', 'prompts', 'name', { name: z.string() })

function kind<Shape extends z.ZodRawShape>(
  capability: Kind<unknown>['capability'],
  method: string,
  member: string,
  key: keyof Shape & string,
  shape: Shape,
) {
  return { capability, method, member, key, entry: z.object(shape) } as const
}

async function listAll<Entry>(
  client: Client,
  { capability, method, member, entry, key }: Kind<Entry>,
  signal: AbortSignal,
  limits: { milliseconds: number; pages: number; entries: number; name: number },
  notes: string[],
): Promise<Entry[]> {
  if (!client.getServerCapabilities()?.[capability]) return []
  const found: Entry[] = []
  const page = z.object({
    [member]: z.array(z.unknown()).catch([]),
    nextCursor: z.string().optional().catch(undefined),
  })
  const cursors = new Set<string>()
  let skipped = 0
  let cursor: string | undefined
  try {
    for (let pages = 0; ; ) {
      const params = cursor === undefined ? {} : { cursor }
      const answer = await client.request({ method, params }, page, { signal, timeout: limits.milliseconds })
      for (const raw of answer[member] as unknown[]) {
        if (found.length >= limits.entries) {
          notes.push(
            `${method} lists more than ${limits.entries}: the rest has no rule, and needs what otherwise says.`,
          )
          return found
        }
        const parsed = entry.safeParse(raw)
        const name = parsed.success ? String(parsed.data[key]) : ''
        if (!parsed.success || !isPrintable(name) || name.length > limits.name) skipped++
        else found.push(parsed.data)
      }
      cursor = answer.nextCursor as string | undefined
      if (cursor === undefined) return found
      if (cursors.has(cursor) || ++pages >= limits.pages) {
        notes.push(
          `${method} does not come to an end; ${pages} pages were read. What has no rule needs what otherwise says.`,
        )
        return found
      }
      cursors.add(cursor)
    }
  } catch (error) {
    const why = signal.aborted
      ? `did not end within ${limits.milliseconds / 1000} seconds`
      : `failed: ${reasonOf(error)}`
    notes.push(`${method} ${why}. What has no rule needs what otherwise says.`)
    return found
  } finally {
    if (skipped > 0) {
      notes.push(
        `${method} has ${skipped} that ${skipped === 1 ? 'is' : 'are'} left out: without a name, longer than ${limits.name} characters, or with characters that nobody sees.`,
      )
    }
  }
}

/** Whether a person who edits the declaration sees the whole of it. */
const isPrintable = (text: string) => text !== '' && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(text)

function nameOf(client: Client, place: ScanPlace): string {
  const { title, name } = client.getServerVersion() ?? {}
  const given = [title, name].find(each => typeof each === 'string' && /[\p{L}\p{N}]/u.test(each))
  const fallback = 'url' in place ? nameOfUrl(place.url) : place.command[0]
  return [...(given ?? fallback).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '').trim()].slice(0, 60).join('')
}

/**
 * A declaration to edit: tools that say that they only read need `NAME:read`, all others `NAME:write`. What is not listed needs
 * `NAME:write`, so that a new tool is not open to everybody.
 */
export function declarationOf({
  name,
  tools,
  resources,
  prompts,
  comparesHeaders: compares,
}: Scan): ResourceDeclaration {
  const slug =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 30) || 'mcp'
  const [read, write] = [`${slug}:read`, `${slug}:write`]
  const needingRead = (names: readonly string[]) => Object.fromEntries(names.map(each => [each, [read]]))
  return {
    name,
    scopes: { [read]: `Look things up with ${name}`, [write]: `Change things with ${name}` },
    initialScopes: [read],
    includes: { [write]: [read] },
    access: {
      tools: Object.fromEntries([...tools].map(([tool, { isReadOnly }]) => [tool, [isReadOnly ? read : write]])),
      ...(resources.length > 0 && { resources: needingRead(resources) }),
      ...(prompts.length > 0 && { prompts: needingRead(prompts) }),
      otherwise: [write],
    },
    ...(compares && { mcpHeaders: 'compared' }),
  }
}

/** What to tell the person who asked for the scan, line by line. */
export function describeScan(scan: Scan): string[] {
  const { name, protocol, tools, resources, prompts, comparesHeaders: compares, notes } = scan
  const readOnly = [...tools.values()].filter(({ isReadOnly }) => isReadOnly).length
  return [
    `${name} (protocol ${clip(protocol)}). Tools: ${tools.size}, resources: ${resources.length}, prompts: ${prompts.length}.`,
    `Tools that say that they only read (readOnlyHint): ${readOnly}. All others need the scope for writing: ${tools.size - readOnly}.`,
    'These are guesses: a hint is what the server says of itself, and nothing checks it. Read the declaration, and correct the scopes and their descriptions.',
    ...(compares === undefined ? [] : [compares ? COMPARES : DOES_NOT_COMPARE]),
    ...notes,
  ]
}

const COMPARES =
  'It compares the headers Mcp-Method and Mcp-Name with the body: forward auth may decide by these headers.'
const DOES_NOT_COMPARE =
  'It does not compare the headers Mcp-Method and Mcp-Name with the body: forward auth must not decide by these headers, because a client could name one tool in them and call another.'

/**
 * Writes a declaration, to be named by `AUTH_RESOURCE`.
 *
 * @throws {ScanError} The file is there, and `overwrite` does not say that it may be replaced; or it cannot be written.
 */
export async function writeDeclaration(
  path: string,
  declaration: ResourceDeclaration,
  overwrite = false,
): Promise<void> {
  const text = `${JSON.stringify(declaration, null, 2)}\n`
  try {
    await writeFile(path, text, { flag: overwrite ? 'w' : 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const problem =
      code === 'EEXIST'
        ? 'is there already: name another file, or add --force to replace it'
        : `cannot be written (${code})`
    throw new ScanError(`${path} ${problem}`)
  }
}
