import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'

/** For fixtures over `node:http`: sends the answer of a handler. Headers that are set already stay. */
export function sendResponse(target: ServerResponse, response: Response): void {
  target.statusCode = response.status
  for (const [name, value] of response.headers) target.appendHeader(name, value)
  if (!response.body) return void target.end()
  const source = Readable.fromWeb(response.body as NodeReadableStream)
  target.once('close', () => source.destroy())
  source.on('error', () => target.destroy())
  target.flushHeaders()
  source.pipe(target)
}
