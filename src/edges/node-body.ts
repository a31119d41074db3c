import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { BodyProblem } from '../auth.ts'
import { isJsonType } from './json-type.ts'

/** A request whose framework may have parsed the body already. */
export type RequestWithBody = IncomingMessage & { body?: unknown; _body?: boolean }

/** `text` as it came in, where it was read here. */
export type ParsedBody = { readonly value: unknown; readonly text?: string } | { readonly problem: BodyProblem }

/**
 * The JSON body of a request. One that a framework has read already is taken as it is; else it is read once, parsed, and left in
 * `request.body`, where frameworks and the MCP SDKs look for it.
 *
 * @param limit - In bytes.
 * @param isReadAgain - Whether the request can be read once more, by a handler that looks nowhere but there; not over HTTP/2. Default: no.
 * @throws {TypeError} Something has read the body before and left nothing in `request.body`.
 */
export function parseNodeBody(
  request: RequestWithBody,
  limit: number,
  isReadAgain = false,
): ParsedBody | Promise<ParsedBody> {
  const { headers } = request
  // Some parsers leave an empty object where they did not read: that says nothing about what will be read later.
  if (request.body !== undefined && (request._body || request.readableDidRead)) return alreadyRead(request.body)
  if (!isJsonType(headers['content-type'])) return { problem: 'not_json_type' }
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity')
    return { problem: 'unreadable' }
  if (Number(headers['content-length'] ?? 0) > limit) return { problem: 'too_large' }
  if (request.readableDidRead) {
    throw new TypeError('something in front of protect(auth) has read the body and left nothing in request.body')
  }
  // The client hung up meanwhile, and no event says so any more.
  return request.destroyed ? INCOMPLETE : readJson(request, limit, isReadAgain)
}

const INCOMPLETE: ParsedBody = { problem: 'incomplete' }

/** Whether a request announces a body. */
export function hasBody(request: IncomingMessage): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length } = request.headers
  if (encoding !== undefined) return true
  // A number where a platform such as Lambda made the request.
  if (length !== undefined) return Number(length) !== 0
  // HTTP/2 needs neither header.
  return request.httpVersionMajor > 1 && !(request as unknown as Http2ServerRequest).stream.endAfterHeaders
}

/** As `express.json()`, `express.text()` and `express.raw()` leave it. */
function alreadyRead(body: unknown): ParsedBody {
  if (typeof body === 'string') return parse(body)
  return body instanceof Uint8Array ? parse(new TextDecoder().decode(body)) : { value: body }
}

function parse(text: string): ParsedBody {
  try {
    return { value: JSON.parse(text), text }
  } catch {
    return { problem: 'not_json' }
  }
}

function readJson(request: RequestWithBody, limit: number, isReadAgain: boolean): Promise<ParsedBody> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    let size = 0
    const read = () => {
      for (let chunk = request.read(); chunk !== null; chunk = request.read()) {
        size += chunk.length
        chunks.push(chunk)
        if (size <= limit) continue
        request.off('readable', read)
        return resolve({ problem: 'too_large' })
      }
      // Before `end` is emitted. HTTP/2 says so no sooner than that.
      if (isReadAgain && request.complete) finish()
    }
    const finish = () => {
      request.off('readable', read).off('end', finish)
      const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      const parsed = parse(bytes.toString())
      if ('value' in parsed) {
        request.body = parsed.value
        request._body = true // the mark of body-parser 1.x
      }
      if (isReadAgain && !request.readableEnded) request.unshift(bytes)
      resolve(parsed)
    }
    request.on('readable', read).on('end', finish)
    // The client hung up. After the end these say nothing new.
    const fail = () => resolve(INCOMPLETE)
    request.on('error', fail).on('close', fail)
  })
}
