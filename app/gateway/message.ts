/**
 * The body to send on: the value that was checked, written anew. What two readers would understand differently, such as a key that
 * stands twice, does not get through. Numbers stay as the client wrote them.
 *
 * @param text - As it came in.
 * @param value - What `JSON.parse` made of it.
 * @returns `undefined` for a body that is nested too deeply.
 */
export function canonicalText(text: string, value: unknown): string | undefined {
  try {
    return JSON.stringify(withExactNumbers(text, value))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** The value, such that `JSON.stringify` writes its numbers as they stand in the text. */
export function withExactNumbers(text: string, value: unknown): unknown {
  return MAY_CHANGE.test(text) ? parseExactly(text) : value
}

/**
 * As `JSON.parse`, but `JSON.stringify` writes the numbers as they were.
 *
 * @throws {SyntaxError}
 */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, keepNumber)
}

/** Numbers that JavaScript may write in another way: fractions, exponents, more than 15 digits, minus zero. Most texts have none. */
const MAY_CHANGE = /(?:^|[:,[\s])(?:-?\d+[.eE]|-?\d{16}|-0)/

// Newer than the library of types that this is compiled against.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object }

function keepNumber(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source
  return typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value
}

/** Members that decide what a message does, in the message, in its `params`, and in the `ref` there. */
const MESSAGE = new Set(['jsonrpc', 'id', 'method', 'params'])
const PARAMS = new Set(['name', 'uri', 'ref', 'arguments', 'notifications', '_meta'])
const REFERENCE = new Set(['type', 'name', 'uri'])
const NOTIFICATIONS = new Set(['resourceSubscriptions'])

/**
 * A member that some servers read as another one: parsers of Go and .NET ignore upper and lower case, so that for them `Method`
 * overrides the `method` that was checked.
 *
 * @param body - Parsed JSON-RPC message, or an array of them.
 */
export function ambiguousMember(body: unknown): string | undefined {
  if (!Array.isArray(body)) return ambiguousIn(body)
  for (const message of body) {
    const found = ambiguousIn(message)
    if (found !== undefined) return found
  }
  return undefined
}

function ambiguousIn(message: unknown): string | undefined {
  if (!isObject(message)) return undefined
  const { params } = message
  const found = lookAlike(message, MESSAGE)
  if (found !== undefined || !isObject(params)) return found
  const { ref, notifications } = params
  return (
    lookAlike(params, PARAMS) ??
    (isObject(ref) ? lookAlike(ref, REFERENCE) : undefined) ??
    (isObject(notifications) ? lookAlike(notifications, NOTIFICATIONS) : undefined)
  )
}

function lookAlike(object: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): string | undefined {
  for (const key in object) {
    // Servers in JavaScript that copy the object take its members for those of the copy.
    if (key === '__proto__') return key
    if (known.has(key) || !MAY_LOOK_ALIKE.test(key)) continue
    // Letters such as the long s fold to those of ASCII.
    const folded = key.normalize('NFKC').toLowerCase()
    for (const name of known) if (name.toLowerCase() === folded) return name
  }
  return undefined
}

const MAY_LOOK_ALIKE = /^.{2,40}$/u

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Whether a body is what was checked, to whoever reads it: JSON-RPC messages, with parameters that have names. Anything else would pass
 * the check because it asks for nothing, and some servers read it all the same: for those in PHP, `{"0": …}` is a batch.
 *
 * @param body - Parsed.
 */
export function isJsonRpc(body: unknown): boolean {
  return Array.isArray(body) ? body.every(isMessage) : isMessage(body)
}

function isMessage(value: unknown): boolean {
  if (!isObject(value)) return false
  const { method, params } = value
  if (method === undefined) return 'result' in value || 'error' in value
  return typeof method === 'string' && (params === undefined || params === null || isObject(params))
}

type Message = { readonly id?: unknown; readonly method?: unknown; readonly params?: unknown }

/**
 * What an error answers: the id of a request; `null` for a batch, a notification, or no message at all (JSON-RPC 2.0 §5).
 *
 * @param text - The body as JSON. With it, `JSON.stringify` writes a number as the client did: times in nanoseconds do not fit into
 *   those of JavaScript. Default: it is rounded.
 */
export function idOf(body: unknown, text?: string): string | number | object | null {
  const id = isObject(body) ? body.id : undefined
  if (typeof id === 'number' && !Number.isSafeInteger(id) && text !== undefined) {
    return (withExactNumbers(text, body) as { id: number | object }).id
  }
  return typeof id === 'string' || typeof id === 'number' ? id : null
}

/** Names of the tools that a body calls. */
export function toolsOf(body: unknown): readonly string[] {
  const messages = (Array.isArray(body) ? body : [body]) as readonly (Message | null | undefined)[]
  return messages.flatMap(message => {
    if (message?.method !== 'tools/call') return []
    const { name } = (message.params ?? {}) as { name?: unknown }
    return [typeof name === 'string' ? name : '']
  })
}

/** Whether a request opens a stream that lasts until somebody ends it. */
export function opensStream(method: string | undefined, body: unknown): boolean {
  return method === 'GET' || (isObject(body) && body.method === 'subscriptions/listen')
}
