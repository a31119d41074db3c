import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RedirectListener {
  /** Where browsers are to be sent. */
  readonly redirectUri: string
  /** Asks the person at the terminal to open the URL, and waits until the browser comes back, five minutes at most. */
  signIn(authorizeUrl: URL): Promise<URL>
  close(): void
}

const WAIT_MILLISECONDS = 300_000

/** Listens on loopback for the end of a sign-in (RFC 8252 §7.3). */
export async function listenForRedirect(): Promise<RedirectListener> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    redirectUri: `${origin}/callback`,
    async signIn(authorizeUrl) {
      console.error(`Open this to have codes and refresh tokens tried as well:\n\n  ${authorizeUrl.href}\n`)
      const signal = AbortSignal.timeout(WAIT_MILLISECONDS)
      for (;;) {
        const [request, response] = await once(server, 'request', { signal }).catch(() => [])
        if (!request) return new URL('/callback?error=timeout', origin)
        const isCallback = request.url.startsWith('/callback?')
        response.writeHead(isCallback ? 200 : 404, { 'content-type': 'text/plain', connection: 'close' })
        response.end(isCallback ? 'Done. You can close this page.' : 'Nothing here.')
        if (isCallback) return new URL(request.url, origin)
      }
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
