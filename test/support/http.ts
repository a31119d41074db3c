import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

export interface Listening {
  readonly server: Server
  readonly port: number
  /** Origin by IP address, without a slash at the end. */
  readonly origin: string
  close(): Promise<void>
}

/** Serves on a free port of the loopback interface. */
export async function listen(listener: RequestListener | Server, port = 0): Promise<Listening> {
  const server = typeof listener === 'function' ? createServer(listener) : listener
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: actual } = server.address() as AddressInfo
  return {
    server,
    port: actual,
    origin: `http://127.0.0.1:${actual}`,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

// Below the ports that systems hand out themselves, and a range for each test process of a run: a port that is free now is
// still free when it is listened on a moment later.
const RANGE = 1000
const firstPort = 10_000 + (Number(process.env.VITEST_POOL_ID ?? 1) % 20) * RANGE
let offset = process.pid % RANGE

/** A port that nothing listens on; another one each time. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < RANGE; tries++) {
    offset = (offset + 1) % RANGE
    const port = firstPort + offset
    try {
      const { close } = await listen(() => {}, port)
      await close()
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
  throw new Error(`all ports from ${firstPort} to ${firstPort + RANGE - 1} are taken`)
}

/** Sends bytes as they are and reads until the server closes the connection; for requests that `fetch` would not send. */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const received: Buffer[] = []
  socket.on('data', chunk => received.push(chunk))
  // A server that refuses early may reset the connection while we still write; what it said counts.
  socket.on('error', () => {})
  socket.write(bytes)
  await once(socket, 'close')
  return Buffer.concat(received).toString('latin1')
}
