import type { IncomingMessage } from 'node:http'
import type { BodyProblem } from '../auth.ts'
import { type ReadBody, readBody, withBody } from './fetch-body.ts'
import { isJsonType } from './json-type.ts'
import { parseNodeBody } from './node-body.ts'

/** Fits `HonoRequest` of Hono 4. */
export interface HonoRequest {
  raw: Request
  text(): Promise<string>
}

/** Leaves the body readable: for `c.req.json()` and its like, and in `c.req.raw`, which costs more and is made when it is asked for. */
export async function readOnce(req: HonoRequest, limit: number): Promise<ReadBody | BodyProblem> {
  const { raw } = req
  const { headers } = raw
  const hasBeenRead = raw.bodyUsed
  const length = Number(headers.get('content-length') ?? Number.NaN)
  // Hono's own reader keeps what it reads, and has no limit: servers cut a body at the length that was announced.
  if (
    !hasBeenRead &&
    (!isJsonType(headers.get('content-type')) || headers.has('content-encoding') || !(length <= limit))
  ) {
    const body = await readBody(raw, limit)
    if (typeof body !== 'string') req.raw = withBody(raw, body.bytes)
    return body
  }
  const text = await req.text().catch(error => {
    if (hasBeenRead) throw error
    return undefined // the client hung up
  })
  if (text === undefined) return 'incomplete'
  keepReadable(req, raw, text)
  try {
    return { parsed: JSON.parse(text) }
  } catch {
    return 'not_json'
  }
}

/** Node's request, and the body of it where somebody reads that before a `Request` of the web is made. */
type Incoming = IncomingMessage & { rawBody?: Buffer }
type WithSymbols = Request & { readonly [member: symbol]: unknown }

/** Where the requests of a server keep Node's request, and the `Request` that is made of it when somebody needs one. */
interface Members {
  readonly incoming: symbol
  readonly made: symbol
}

/** By the prototype of requests; `undefined` where a body cannot be handed on as `rawBody`: `@hono/node-server` takes it from 1.13.8 on. */
const membersOf = new WeakMap<object, Members | undefined>()

/**
 * The same on Node, where it is read from Node's request: neither a `Request` nor a stream of the web is made for it, which would cost
 * more than everything else together.
 *
 * @returns `undefined` where this is not possible, or somebody has begun to read.
 */
export async function readNodeOnce(
  req: HonoRequest,
  incoming: Incoming,
  limit: number,
): Promise<ReadBody | BodyProblem | undefined> {
  const raw = req.raw as WithSymbols
  const kind = Object.getPrototypeOf(raw)
  const isKnown = membersOf.has(kind)
  const members = isKnown ? membersOf.get(kind) : findMembers(raw, incoming)
  if (!members || raw[members.incoming] !== incoming || raw[members.made] !== undefined) return undefined
  if (incoming.readableDidRead || incoming.rawBody !== undefined) return undefined
  const body = await parseNodeBody(incoming, limit)
  if ('problem' in body) return body.problem
  const { text = '', value: parsed } = body
  incoming.rawBody = Buffer.from(text)
  if (!isKnown) {
    membersOf.set(kind, await tryOut(raw, incoming, text))
    keepReadable(req, raw, text)
  }
  return { parsed }
}

const UNKNOWN = Symbol('unknown')

function findMembers(raw: WithSymbols, incoming: IncomingMessage): Members | undefined {
  const symbols = Object.getOwnPropertySymbols(raw)
  const kept = symbols.find(symbol => raw[symbol] === incoming)
  const made = symbols.find(symbol => raw[symbol] instanceof Request)
  return kept && { incoming: kept, made: made ?? UNKNOWN }
}

/** Reads a body that was handed on, and has the `Request` made: one request of each kind is enough to know them all. */
async function tryOut(raw: WithSymbols, incoming: IncomingMessage, text: string): Promise<Members | undefined> {
  const isTaken = (await raw.text().catch(() => undefined)) === text
  void raw.mode
  const members = findMembers(raw, incoming)
  return isTaken && members?.made !== UNKNOWN ? members : undefined
}

function keepReadable(req: HonoRequest, raw: Request, text: string): void {
  let again: Request | undefined
  Object.defineProperty(req, 'raw', {
    get: () => (again ??= withBody(raw, text)),
    set: request => (again = request),
    enumerable: true,
    configurable: true,
  })
}
