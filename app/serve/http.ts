import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import type { Auth } from 'idplug'
import { authRoutes } from 'idplug/express'
import { type ProtectedRequest, protect } from 'idplug/node'
import { assets, landingPage } from './landing.ts'
import type { MetricsEndpoint } from './metrics.ts'
import { readiness } from './readiness.ts'

/** An MCP server of the process. */
export interface ServedResource {
  readonly auth: Auth
  /** For people. */
  readonly name: string
  /** Checks a request and answers it. */
  readonly endpoint: RequestListener
}

export interface SiteOptions {
  /** One at least. The page for people is about the first. */
  readonly servers: readonly [ServedResource, ...ServedResource[]]
  /** What else is answered, by path. Default: nothing. */
  readonly pages?: Readonly<Record<string, RequestListener>>
  /** Told about errors that are bugs. */
  readonly onError?: (error: unknown) => void
  /** Aborts when the process is about to stop. Default: `/ready` knows of no end. */
  readonly stopping?: AbortSignal
  /** Default: no `/metrics`. */
  readonly metrics?: Pick<MetricsEndpoint, 'handles' | 'handler'>
}

/** An endpoint behind its sign-in. What it throws is a bug: it is answered with 500, and told to `onError`. */
export function protectedEndpoint(
  auth: Auth,
  handle: (request: ProtectedRequest, response: ServerResponse) => Promise<void>,
  onError?: (error: unknown) => void,
): RequestListener {
  return protect(auth, (request, response) => {
    handle(request, response).catch(error => {
      onError?.(error)
      if (response.headersSent) response.destroy()
      else sendJson(response, 500, { jsonrpc: '2.0', id: null, error: { code: -32603, message: 'Internal error.' } })
    })
  })
}

/**
 * The HTTP side of a process: endpoints that check their requests themselves, and everything around them. Servers with different hosts do
 * not see one another's paths; a request for another host, such as that of a health check, finds them all.
 */
export function createSite(options: SiteOptions): RequestListener {
  const all = siteOf(options)
  const byHost = Map.groupBy(options.servers, ({ auth }) => new URL(auth.resource).host)
  if (byHost.size === 1) return all
  const sites = new Map(
    [...byHost].map(([host, servers]) => [host, siteOf({ ...options, servers: servers as [ServedResource] })]),
  )
  return (request, response) => (sites.get(hostOf(request)) ?? all)(request, response)
}

/** As `URL` spells it. The default port is that of https, where it matters. */
function hostOf({ headers: { host = '' } }: IncomingMessage): string {
  return host.toLowerCase().replace(/:443$/, '')
}

function siteOf({ servers, pages = {}, onError, stopping, metrics }: SiteOptions): RequestListener {
  const [{ auth, name }] = servers
  const { pathname } = new URL(auth.resource)

  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use(authRoutes(...servers.map(server => server.auth)))
  app.get('/health', (_req, res) => void res.json({ status: 'ok' }))
  app.get('/ready', async (_req, res) => {
    const { status, headers, body } = await readiness(
      servers.map(server => server.auth),
      stopping,
    )
    res.status(status).set(headers).json(body)
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

  const endpoints = new Map([...endpointsByPath(servers), ...Object.entries(pages)])
  return (request: IncomingMessage, response: ServerResponse) => {
    // Not by the framework: its routing costs as much as all of the checks together.
    const path = pathOf(request.url ?? '')
    const endpoint = endpoints.get(path)
    if (endpoint && !(path in pages) && isVisit(request)) request.url = '/'
    else if (endpoint) return endpoint(request, response)
    app(request, response)
  }
}

/** Somebody opened the endpoint in a browser: the page says more to them than a refusal in JSON. No MCP client sends this header. */
function isVisit({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers['sec-fetch-dest'] === 'document' && headers.authorization === undefined
}

function endpointsByPath(servers: SiteOptions['servers']): ReadonlyMap<string, RequestListener> {
  const endpoints = new Map<string, RequestListener>()
  // Of several servers, two may have the same last segment: which of them a proxy means that takes off a prefix, nobody knows.
  const spellings = servers.length === 1 ? endpointPaths : withAndWithoutSlash
  for (const { auth, endpoint } of servers) {
    for (const path of spellings(new URL(auth.resource).pathname)) endpoints.set(path, endpoint)
  }
  return endpoints
}

/** With and without a slash at the end, and as a proxy leaves it that takes off the prefix of the public URL. */
function endpointPaths(pathname: string): readonly string[] {
  return [pathname, `/${pathname.split('/').at(-1)}`].flatMap(withAndWithoutSlash)
}

const withAndWithoutSlash = (path: string) => [path, path.replace(/\/?$/, '/')].filter(spelling => spelling !== '/')

/** @param target - Of a request: a path, or the whole URL (RFC 9112 §3.2). */
function pathOf(target: string): string {
  if (!target.startsWith('/')) return URL.parse(target)?.pathname ?? ''
  const end = target.indexOf('?')
  return end === -1 ? target : target.slice(0, end)
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response
    .writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
    .end(text)
}
