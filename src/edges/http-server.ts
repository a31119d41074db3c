import type { RequestListener, Server } from 'node:http'
import type { Socket } from 'node:net'

/** Some providers' tokens (Entra with many groups) outgrow Node's 16 KiB for all headers. */
const MAX_HEADER_BYTES = 32 * 1024

/**
 * A `node:http` server that answers with a sentence where Node's own would send an empty refusal.
 *
 * @param stopping - Once it aborts, each answer ends its connection, so that clients and proxies open the next one elsewhere.
 */
export function createHttpServer(listener: RequestListener, stopping?: AbortSignal): Server {
  // Asked for, not imported: platforms without it can load everything else.
  const { createServer } = process.getBuiltinModule('node:http')
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    if (stopping?.aborted) response.setHeader('Connection', 'close')
    silent.delete(request.socket)
    listener(request, response)
  })
  const silent = new Set<Socket>()
  silentConnections.set(server, silent)
  server.on('connection', (socket: Socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return
    if (error.code === 'HPE_HEADER_OVERFLOW') {
      refuse(
        socket,
        '431 Request Header Fields Too Large',
        `The headers are too large: ${MAX_HEADER_BYTES} bytes at most.`,
      )
    } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      refuse(socket, '408 Request Timeout', 'The request took too long to arrive.')
    } else {
      refuse(socket, '400 Bad Request', 'This is not an HTTP request.')
    }
  })
  return server
}

function refuse(socket: Socket, status: string, description: string): void {
  const body = JSON.stringify({ error: 'invalid_request', error_description: description })
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

/**
 * Stops taking connections and waits for requests in flight; after the grace period cuts what is left. A connection on which no request is
 * running is cut before: at once if it has had one, after a second if it is new, because the client may just be about to send one.
 * Resolves when whoever waits for the end of an answer has been told, also of one that was cut.
 *
 * @param server - Of {@link createHttpServer}.
 */
export function closeGracefully(server: Server, graceMilliseconds: number): Promise<void> {
  return new Promise(resolve => {
    const deadline = setTimeout(() => server.closeAllConnections(), graceMilliseconds)
    // Node takes a connection for busy that has not sent anything yet.
    const silent = setTimeout(() => {
      for (const socket of silentConnections.get(server) ?? []) socket.destroy()
    }, SILENT_MILLISECONDS)
    // A connection becomes idle when its last answer is out, and would then be kept alive for some seconds more.
    const sweep = setInterval(() => server.closeIdleConnections(), 50)
    server.close(() => {
      clearTimeout(deadline)
      clearTimeout(silent)
      clearInterval(sweep)
      // Node says so a moment before it tells the answers that were cut, which may have something to log about that.
      setImmediate(() => setImmediate(resolve))
    })
  })
}

const SILENT_MILLISECONDS = 1_000

/** Connections on which no request has come yet, by server. */
const silentConnections = new WeakMap<Server, Set<Socket>>()
