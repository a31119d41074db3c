import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import { type Auth, AuthorizationError, ValidatorUnavailableError } from 'idplug'
import { authRoutes } from 'idplug/express'
import { type ProtectedRequest, protect } from 'idplug/node'
import { assets, landingPage } from './landing.ts'
import type { MetricsEndpoint } from './metrics.ts'

export interface HttpOptions {
  auth: Auth
  /** For people. */
  name: string
  /** The MCP endpoint. */
  handle(request: ProtectedRequest, response: ServerResponse): Promise<void>
  /** Told about errors that are bugs. */
  onError?: (error: unknown) => void
  /** Aborts when the process is about to stop. Default: `/ready` knows of no end. */
  stopping?: AbortSignal
  /** Default: no `/metrics`. */
  metrics?: Pick<MetricsEndpoint, 'handles' | 'handler'>
}

/** The HTTP side of an MCP server: the endpoint behind its sign-in, health, metrics, and a page for people. */
export function createHttpApp({ auth, name, handle, onError, stopping, metrics }: HttpOptions): RequestListener {
  const endpoint = protect(auth, (request, response) => {
    handle(request, response).catch(error => {
      onError?.(error)
      if (response.headersSent) response.destroy()
      else sendJson(response, 500, { jsonrpc: '2.0', id: null, error: { code: -32603, message: 'Internal error.' } })
    })
  })
  const { pathname } = new URL(auth.resource)

  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use(authRoutes(auth))
  app.get('/health', (_req, res) => void res.json({ status: 'ok' }))
  app.get('/ready', async (_req, res) => {
    try {
      await auth.ready()
      res.json({ status: 'ready' })
    } catch (error) {
      if (stopping?.aborted) return void res.status(503).json({ status: 'not ready', reason: 'stopping' })
      const reason = error instanceof AuthorizationError ? error.reason.kind : 'store_unreachable'
      if (error instanceof ValidatorUnavailableError) res.set('Retry-After', String(error.retryAfterSeconds))
      res.status(503).json({ status: 'not ready', reason })
    }
  })
  app.get('/metrics', (req, res, next) => (metrics?.handles(req.url) ? metrics.handler(req, res) : next()))
  for (const [path, { type, text }] of Object.entries(assets)) {
    app.get(path, (_req, res) => void res.type(type).set('Cache-Control', 'public, max-age=3600').send(text))
  }
  app.get('/', async (_req, res) => {
    const { authorization_servers: authorizationServers } = await auth.metadata()
    res.set({
      'Content-Security-Policy':
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    })
    res.type('html').send(landingPage({ name, resource: auth.resource, authorizationServers }))
  })
  app.use((_req, res) => {
    res.status(404).json({
      error: 'not_found',
      error_description: `Nothing here. The MCP endpoint is ${pathname}; a page about this server is at /.`,
    })
  })
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    onError?.(error)
    if (res.headersSent) res.destroy()
    else res.status(500).json({ error: 'server_error', error_description: 'Internal error.' })
  }
  app.use(answerError)

  const paths = endpointPaths(pathname)
  return (request: IncomingMessage, response: ServerResponse) => {
    // Not by the framework: its routing costs as much as all of the checks together.
    if (paths.has(pathOf(request.url ?? ''))) endpoint(request, response)
    else app(request, response)
  }
}

/** With and without a slash at the end, and as a proxy leaves it that takes off the prefix of the public URL. */
function endpointPaths(pathname: string): ReadonlySet<string> {
  const last = `/${pathname.split('/').at(-1)}`
  return new Set([pathname, last].flatMap(path => [path, path.replace(/\/?$/, '/')]).filter(path => path !== '/'))
}

function pathOf(url: string): string {
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response
    .writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
    .end(text)
}
