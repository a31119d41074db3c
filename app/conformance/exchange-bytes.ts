import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  type Exchange,
  TIMEOUT_MILLISECONDS,
  trusted,
  type WireOptions,
  type WireRequest,
  wireHeaders,
} from './exchange.ts'

/** Control characters, which no HTTP client sends. Line ends stay out: they would make it another request. */
const CONTROL = /(?![\t\r\n])\p{Cc}/u

export function needsBytes({ headers }: WireRequest): boolean {
  return Object.values(headers)
    .flat()
    .some(value => value !== undefined && CONTROL.test(value))
}

/**
 * Sends a request over a connection of its own, for header values that Node's client refuses. It goes to the host itself, whatever
 * proxies are set, and only the head of the answer is read.
 */
export async function exchangeBytes(
  request: WireRequest,
  { timeoutMilliseconds = TIMEOUT_MILLISECONDS }: WireOptions,
): Promise<Omit<Exchange, 'request' | 'milliseconds'>> {
  const url = new URL(request.url)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const socket =
    url.protocol === 'https:'
      ? connectTls({ host, port: Number(url.port || 443), servername: host, ca: trusted() })
      : connect({ host, port: Number(url.port || 80) })
  socket.setTimeout(timeoutMilliseconds, () => socket.destroy(Object.assign(new Error(), { name: 'TimeoutError' })))
  try {
    const fields = wireHeaders(request, url)
    const lines = fields.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${fields[i + 1]}`] : []))
    const head = `${request.method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
    socket.write(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(request.body ?? '')]))
    const [first] = (await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])])) as [Buffer?]
    return readHead(first?.toString('latin1') ?? '')
  } finally {
    socket.destroy()
  }
}

function readHead(text: string): Omit<Exchange, 'request' | 'milliseconds'> {
  const [head = '', ...body] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Headers()
  for (const line of lines) {
    const [, name, value] = /^([\w-]+):[ \t]*(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) headers.append(name, value)
  }
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? 0)
  return {
    status,
    headers,
    text: body.join('\r\n\r\n'),
    json: undefined,
    ...(status === 0 && { failure: 'the connection was closed without an answer' }),
  }
}
