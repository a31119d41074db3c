import type { BodyProblem } from '../auth.ts'
import { isJsonType } from './json-type.ts'

/** The body of a request, as it came in and parsed. */
export interface ReadBody {
  readonly bytes?: Uint8Array
  readonly parsed: unknown
}

export const NO_BODY: ReadBody = { parsed: undefined }

/**
 * The JSON body of a request.
 *
 * @param limit - In bytes.
 * @throws {TypeError} Somebody has read it already.
 */
export async function readBody(request: Request, limit: number): Promise<ReadBody | BodyProblem> {
  const { headers, method } = request
  const type = headers.get('content-type')
  if (!isJsonType(type)) {
    if (method === 'POST' || type) return 'not_json_type'
    // Some servers give every DELETE a body, though an empty one.
    const bytes = await readBytes(request, 0)
    return typeof bytes === 'string' ? 'not_json_type' : { bytes, parsed: undefined }
  }
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') return 'unreadable'
  if (Number(headers.get('content-length')) > limit) return 'too_large'
  if (request.bodyUsed) throw new TypeError('something in front of protect(auth) has read the body')
  const bytes = await readBytes(request, limit)
  if (typeof bytes === 'string') return bytes
  try {
    return { bytes, parsed: JSON.parse(new TextDecoder().decode(bytes)) }
  } catch {
    return 'not_json'
  }
}

async function readBytes({ body }: Request, limit: number): Promise<Uint8Array | BodyProblem> {
  if (!body) return new Uint8Array()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      size += value.length
      if (size > limit) {
        void reader.cancel().catch(() => {})
        return 'too_large'
      }
      chunks.push(value)
    }
  } catch {
    return 'incomplete'
  }
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}

/** Servers that bring a class of their own, such as srvx of h3 and Nitro, have requests that the platform makes no other of. */
export function withBody(request: Request, body: string | Uint8Array | undefined): Request {
  try {
    return new Request(request, { body })
  } catch {
    const { url, method, headers, signal } = request
    return new Request(url, { method, headers, signal, body })
  }
}
