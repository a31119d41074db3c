import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Access } from '../auth.ts'

/** The latest request of a connection. */
interface Open {
  access: Access
  response: ServerResponse
  /** Milliseconds of the monotonic clock. */
  since: number
  isWatched: boolean
}

const SWEEP_MILLISECONDS = 1_000

const connections = new Map<object, Open>()
let sweeper: ReturnType<typeof setInterval> | undefined

/**
 * Ends a response with the token that opened it. Most responses are over at once, and to watch each would cost more than all checks
 * together: open ones are looked for once a second, by connection.
 */
export function endWithToken(access: Access, request: IncomingMessage, response: ServerResponse): void {
  if (access.token === undefined) return
  const { socket } = request
  // Streams of one HTTP/2 connection share their socket.
  const connection = request.httpVersionMajor < 2 ? socket : response
  const known = connections.get(connection)
  if (known) {
    // A client may send its next request before this one is answered (RFC 9112 §9.3.2).
    if (!known.isWatched && !known.response.writableEnded) watch(known.access, known.response)
    known.access = access
    known.response = response
    known.since = performance.now()
    known.isWatched = false
    return
  }
  connections.set(connection, { access, response, since: performance.now(), isWatched: false })
  const forget = () => {
    connections.delete(connection)
    if (connections.size > 0) return
    clearInterval(sweeper)
    sweeper = undefined
  }
  ;(connection as typeof socket).once('close', forget)
  sweeper ??= setInterval(sweep, SWEEP_MILLISECONDS).unref()
}

function sweep(): void {
  const now = performance.now()
  for (const open of connections.values()) {
    if (open.isWatched || open.response.writableEnded || now - open.since < SWEEP_MILLISECONDS) continue
    open.isWatched = true
    watch(open.access, open.response)
  }
}

function watch(access: Access, response: ServerResponse): void {
  // The client reads the end of the stream, comes back, and is told why by a 401.
  const end = () => (response.headersSent ? response.end() : response.destroy())
  access.signal.addEventListener('abort', end, { once: true })
  response.once('close', () => {
    access.signal.removeEventListener('abort', end)
    access.done()
  })
}
