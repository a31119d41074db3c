import type { BodyProblem } from '../auth.ts'
import { type ReadBody, readBody } from './fetch-body.ts'
import { isJsonType } from './json-type.ts'

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
    if (typeof body !== 'string') req.raw = new Request(raw, { body: body.bytes })
    return body
  }
  const text = await req.text().catch(error => {
    if (hasBeenRead) throw error
    return undefined // the client hung up
  })
  if (text === undefined) return 'incomplete'
  let again: Request | undefined
  Object.defineProperty(req, 'raw', {
    get: () => (again ??= new Request(raw, { body: text })),
    set: request => (again = request),
    enumerable: true,
    configurable: true,
  })
  try {
    return { parsed: JSON.parse(text) }
  } catch {
    return 'not_json'
  }
}
