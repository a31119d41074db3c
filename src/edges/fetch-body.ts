import type { BodyProblem } from '../auth.ts'
import { isJsonType } from './json-type.ts'

/** The body of a request, as it came in and parsed. */
export interface ReadBody {
  readonly bytes?: Uint8Array<ArrayBuffer>
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
  const { headers } = request
  if (!isJsonType(headers.get('content-type'))) return 'not_json_type'
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') return 'unreadable'
  if (Number(headers.get('content-length') ?? 0) > limit) return 'too_large'
  if (request.bodyUsed) throw new TypeError('something in front of protect(auth) has read the body')
  const bytes = await readBytes(request, limit)
  if (typeof bytes === 'string') return bytes
  try {
    return { bytes, parsed: JSON.parse(new TextDecoder().decode(bytes)) }
  } catch {
    return 'not_json'
  }
}

async function readBytes({ body }: Request, limit: number): Promise<Uint8Array<ArrayBuffer> | BodyProblem> {
  if (!body) return new Uint8Array()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      size += chunk.value.byteLength
      if (size > limit) {
        void reader.cancel().catch(() => {})
        return 'too_large'
      }
      chunks.push(chunk.value)
    }
  } catch {
    return 'incomplete'
  }
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}
