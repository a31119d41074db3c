import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import {
  type Configuration,
  closeGracefully,
  createHttpServer,
  exposures,
  GRACE_MILLISECONDS,
  listen,
} from 'idplug/internal'

/** Text of the metrics, and its content type. */
export interface MetricsSource {
  readonly contentType: string
  metrics(): Promise<string>
}

/** `/metrics` of a process: on the port of its server, on one of its own, or nowhere. */
export interface MetricsEndpoint {
  /** Whether a request to the port of the server is for the metrics. */
  handles(url: string): boolean
  handler(request: IncomingMessage, response: ServerResponse): void
  /**
   * Opens the port of its own, if there is to be one.
   *
   * @throws {ConfigError} It cannot be listened on.
   */
  open(): Promise<void>
  close(): Promise<void>
}

/**
 * Serves the metrics where `METRICS_PORT` and `METRICS_TOKEN` say. Without both, they are on the port of the server as long as nobody
 * but this machine can reach it.
 *
 * @param onError - Told when the metrics cannot be made.
 */
export function createMetricsEndpoint(
  source: MetricsSource,
  { settings, resources, demoIssuer: issuer }: Configuration,
  onError: (error: unknown) => void,
): MetricsEndpoint {
  const { HOST, METRICS_PORT, METRICS_TOKEN } = settings
  const publicUrls = resources.flatMap(({ resource, furtherResources }) => [resource, ...furtherResources])
  const isLocal = exposures({ settings, publicUrls, issuer }).length === 0
  const isOnServer = METRICS_PORT === undefined && (METRICS_TOKEN !== undefined || isLocal)
  const isAllowed = METRICS_TOKEN === undefined ? () => true : bearerCheck(METRICS_TOKEN)

  function handler(request: IncomingMessage, response: ServerResponse): void {
    if (!isAllowed(request.headers.authorization)) {
      response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end()
      return
    }
    source.metrics().then(
      text => response.writeHead(200, { 'Content-Type': source.contentType, 'Cache-Control': 'no-store' }).end(text),
      error => {
        onError(error)
        response.writeHead(500).end()
      },
    )
  }

  let listening: Server | undefined
  return {
    handles: url => isOnServer && isMetrics(url),
    handler,
    async open() {
      if (METRICS_PORT === undefined) return
      const server = createHttpServer((request, response) => {
        if (isMetrics(request.url ?? '')) handler(request, response)
        else response.writeHead(404).end()
      })
      await listen(server, METRICS_PORT, HOST, 'METRICS_PORT')
      listening = server
    },
    close: async () => listening && closeGracefully(listening, GRACE_MILLISECONDS),
  }
}

const isMetrics = (url: string) => url === '/metrics' || url.startsWith('/metrics?')

/** Compares digests: the time that it takes says nothing about the token. */
function bearerCheck(token: string): (authorization: string | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = digest(token)
  return (authorization = '') => {
    const [, given = ''] = /^Bearer +([^ ]+)$/i.exec(authorization) ?? []
    return timingSafeEqual(digest(given), expected)
  }
}
