import { createServer, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { type Listening, listen } from '../support/http.ts'
import { sendResponse } from './send-response.ts'

type FetchHandler = (request: Request) => Response | Promise<Response>

/** Serves a function from `Request` to `Response` over real HTTP, as runtimes of that kind do. */
export function serveFetch(handler: FetchHandler, port: number): Promise<Listening> {
  const server = createServer(async (incoming, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    // What it throws is a bug, and ends the test as such.
    sendResponse(response, await handler(requestOf(incoming, gone.signal)))
  })
  return listen(server, port)
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = 'GET', rawHeaders, headers: parsed } = incoming
  const headers = new Headers()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] as string, rawHeaders[index + 1] as string)
  }
  const hasBody = parsed['transfer-encoding'] !== undefined || Number(parsed['content-length'] ?? 0) > 0
  const body = hasBody ? (Readable.toWeb(incoming) as ReadableStream) : null
  return new Request(`http://${parsed.host}${incoming.url}`, { method, headers, body, duplex: 'half', signal })
}
