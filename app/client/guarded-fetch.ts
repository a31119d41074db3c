import type { FetchLike } from '@modelcontextprotocol/client'
import { isLoopback, urlProblem } from 'idplug/internal'

const TIMEOUT_MILLISECONDS = 15_000
const MAX_BYTES = 1_000_000
const MAX_REDIRECTS = 3

/** A URL from a document of a server that this client does not follow. The message says why. */
export class UnsafeUrlError extends Error {
  override name = 'UnsafeUrlError'
}

/** A server at another origin than the MCP server gave no answer. The cause is the error of `fetch`. */
export class NoAnswerError extends Error {
  override name = 'NoAnswerError'

  /** Whose answer is missing. */
  readonly origin: string

  constructor(origin: string, cause: unknown) {
    super(`${origin} did not answer`, { cause })
    this.origin = origin
  }
}

/**
 * Checks a URL that a server named before it is called or opened in a browser: `https:`, or loopback where the MCP server is on
 * this machine itself (RFC 8252 §8.3). A server far away could otherwise have this machine's own services called.
 *
 * @param what - Whose URL it is, for the error: `the authorization endpoint`.
 * @throws {UnsafeUrlError}
 */
export function assertSafeUrl(url: URL, server: URL, what: string): void {
  const problem = urlProblem(url.href, isLoopback(server.hostname))
  if (problem) throw new UnsafeUrlError(`${what} ${problem}: ${url.origin}${url.pathname}`)
  if (url.username || url.password) throw new UnsafeUrlError(`${what} holds credentials: ${url.host}`)
}

/**
 * `fetch` for the requests of a sign-in, whose URLs come from documents of the server. Every URL is checked by
 * {@link assertSafeUrl}; a redirect is followed within its origin only; an answer takes 15 s and 1 MB at most.
 *
 * @throws {UnsafeUrlError}
 * @throws {NoAnswerError} A server at another origin cannot be reached; for the MCP server itself, the error of `fetch`.
 */
export function createGuardedFetch(server: URL, fetch: typeof globalThis.fetch): FetchLike {
  return async (input, init) => {
    let url = new URL(input)
    for (let redirects = 0; ; redirects++) {
      assertSafeUrl(url, server, 'a URL of the sign-in')
      const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS)
      const { origin } = url
      const response = await fetch(url, { ...init, redirect: 'manual', signal }).catch((error: unknown) => {
        throw origin === server.origin ? error : new NoAnswerError(origin, error)
      })
      const location = response.headers.get('location')
      if (response.status < 300 || response.status > 399 || !location) return bounded(response, url)
      const next = new URL(location, url)
      const isSafe = next.origin === url.origin && (init?.method ?? 'GET') === 'GET' && redirects < MAX_REDIRECTS
      if (!isSafe) throw new UnsafeUrlError(`${url.origin}${url.pathname} redirects to ${next.origin}`)
      url = next
    }
  }
}

async function bounded(response: Response, url: URL): Promise<Response> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_BYTES) throw new UnsafeUrlError(`the answer of ${url.origin}${url.pathname} is larger than 1 MB`)
    chunks.push(chunk)
  }
  const { status, statusText, headers } = response
  return new Response(length > 0 ? Buffer.concat(chunks) : null, { status, statusText, headers })
}
