import { once } from 'node:events'
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'

export interface SendOptions {
  /** Default `GET`. */
  readonly method?: string
  /** Default `/mcp`. */
  readonly path?: string
  /** A list sends the header several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Chunks are sent without a `Content-Length`. */
  readonly body?: string | Buffer | readonly Buffer[]
}

export interface Received {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** @throws {SyntaxError} The body is not JSON. */
  json(): unknown
}

/** An answer whose body is under way. */
export interface Opened {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** What has come in so far, once something has. */
  read(): Promise<string>
  /** Resolves when the server ends the body. */
  readonly ended: Promise<void>
  hangUp(): void
}

/** One request as it is: `fetch` would choose `Host`, join headers and refuse some bodies. */
export async function send(origin: string, options: SendOptions = {}): Promise<Received> {
  const response = await answerTo(start(origin, options))
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) text += chunk
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) }
}

export async function open(origin: string, options: SendOptions = {}): Promise<Opened> {
  const request = start(origin, options)
  const response = await answerTo(request)
  let text = ''
  response.on('data', chunk => {
    text += chunk
  })
  const ended = once(response, 'end').then(() => {})
  // Whether it matters is for the test to say.
  ended.catch(() => {})
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    async read() {
      while (text === '') await once(response, 'data')
      return text
    },
    ended,
    hangUp: () => request.destroy(),
  }
}

function start(origin: string, { method = 'GET', path = '/mcp', headers, body }: SendOptions): ClientRequest {
  const options = { method, headers: headers as Record<string, string | string[]>, agent: false as const }
  const request = httpRequest(`${origin}${path}`, options)
  if (Array.isArray(body)) {
    for (const chunk of body) request.write(chunk)
    return request.end()
  }
  // Node announces no body for GET and DELETE by itself.
  if (body !== undefined) request.setHeader('content-length', Buffer.byteLength(body as string | Buffer))
  return request.end(body)
}

/** A server that refuses early may cut the connection while the body is still on its way; what it said counts. */
function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
  })
}
