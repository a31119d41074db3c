import type { RequestListener } from 'node:http'
import cors from 'cors'
import express, { type ErrorRequestHandler } from 'express'
import { createGate, type Decision, type GateOptions } from '../../src/bearer/authenticator.ts'
import type { ProofCheck } from '../../src/bearer/dpop.ts'
import { createOriginCheck } from '../../src/edges/origin.ts'
import { AuthorizationError } from '../../src/errors.ts'
import { protectedResourceMetadata, protectedResourceMetadataUrl } from '../../src/metadata/protected-resource.ts'
import type { TokenValidator } from '../../src/token-validator.ts'
import { landingPage, stylesheet } from './landing.ts'
import { createProtectedRoute, type ProtectedEndpoint } from './protected-route.ts'

export interface ResourceServerOptions {
  /** Identifier of the MCP server and URL of its endpoint, canonical spelling. */
  resource: string
  name: string
  validator: TokenValidator
  /** Issuers whose tokens are accepted, as published in the metadata. Default: those of the validator. */
  authorizationServers?: readonly string[]
  /** Checks proofs of possession: `createProofCheck`. Default: tokens that are bound to a key are refused. */
  dpop?: ProofCheck
  endpoint: ProtectedEndpoint
  scopesSupported: readonly string[]
  /** Scopes that a client should ask for at first. */
  defaultScopes: readonly string[]
  /** Scopes as clients request them, from the names that tools require. Default: the same. */
  wireScopes?: GateOptions['wireScopes']
  /** Beside the host of `resource`. Default: none. */
  allowedHosts?: readonly string[]
  /** Beside the origin of `resource`; `*` for any. Default: none. */
  allowedOrigins?: readonly string[]
  /** Largest request body, in bytes. Default 1 MiB. */
  bodyLimit?: number
  onDecision?: (decision: Decision) => void
  /** Told how many seconds a validation took. */
  onValidation?: (seconds: number) => void
  /** Told about errors that are bugs, outside a decision. */
  onError?: (error: unknown) => void
  /** Text of the metrics, and its content type. Default: no `/metrics`. */
  metrics?: { contentType: string; metrics(): Promise<string> }
  /**
   * What else has to be there before `/ready` says so, such as the store of an authorization server in the same process.
   *
   * @throws {Error} It is not.
   */
  checkReady?: () => Promise<void>
  /** Added before everything but the endpoint; an authorization server living on the same origin goes here. */
  before?: express.RequestHandler
}

/**
 * The MCP server's HTTP side: the protected endpoint, and around it its metadata (RFC 9728), health, metrics and a page for
 * people. A listener for `node:http`; an Express application takes it as a handler.
 */
export function createResourceServer(options: ResourceServerOptions): RequestListener {
  const { resource, validator, endpoint } = options
  const endpointPath = new URL(resource).pathname
  const metadataUrl = protectedResourceMetadataUrl(resource)
  const gate = createGate({
    validator,
    resourceMetadataUrl: metadataUrl,
    dpop: options.dpop,
    defaultScopes: options.defaultScopes,
    wireScopes: options.wireScopes,
    onDecision: options.onDecision,
    onValidation: options.onValidation,
  })
  const checkOrigin = createOriginCheck({
    publicUrl: resource,
    allowedHosts: options.allowedHosts ?? [],
    allowedOrigins: options.allowedOrigins ?? [],
  })
  const route = createProtectedRoute({
    gate,
    endpoint,
    scopesSupported: options.scopesSupported,
    checkOrigin,
    bodyLimit: options.bodyLimit ?? 1024 * 1024,
    onError: error => options.onError?.(error),
  })

  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  if (options.before) app.use(options.before)

  // Probes come by address, not by name, and hold nothing worth guarding: they are served before the host check.
  app.get('/health', (_req, res) => void res.json({ status: 'ok' }))
  app.get('/ready', async (_req, res) => {
    try {
      await validator.warmUp()
    } catch (error) {
      const reason = error instanceof AuthorizationError ? error.reason.kind : 'bug'
      res.status(503).json({ status: 'not ready', reason })
      return
    }
    try {
      await options.checkReady?.()
      res.json({ status: 'ready' })
    } catch {
      res.status(503).json({ status: 'not ready', reason: 'store_unreachable' })
    }
  })
  const { metrics } = options
  if (metrics) {
    app.get('/metrics', async (_req, res) => void res.type(metrics.contentType).send(await metrics.metrics()))
  }

  app.use((req, res, next) => {
    const problem = checkOrigin(req.headers.host, req.headers.origin)
    if (problem === undefined || isMetadataPath(req.path)) next()
    else res.status(403).json({ error: 'forbidden', error_description: problem })
  })

  // Made anew for every request: a validator may learn from the provider's metadata how its issuer is spelled.
  const authorizationServers = () => options.authorizationServers ?? validator.issuers
  const metadata = () =>
    protectedResourceMetadata({
      resource,
      authorizationServers: authorizationServers(),
      scopesSupported: options.wireScopes?.(options.scopesSupported) ?? options.scopesSupported,
      resourceName: options.name,
      dpop: options.dpop,
      resourceDocumentation: new URL('/', resource).href,
    })
  // Some clients look at the root only.
  const metadataPaths = new Set([new URL(metadataUrl).pathname, '/.well-known/oauth-protected-resource'])
  const isMetadataPath = (path: string) => metadataPaths.has(path)
  app.all([...metadataPaths], cors({ methods: ['GET'] }), async (req, res) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.status(405).set('Allow', 'GET').end()
      return
    }
    // Clients compare the issuer as a string, and how it is spelled may be known from the provider only.
    await validator.warmUp().catch(() => {})
    res.set('Cache-Control', 'public, max-age=300').json(metadata())
  })

  app.get(
    '/style.css',
    (_req, res) => void res.type('css').set('Cache-Control', 'public, max-age=3600').send(stylesheet),
  )
  app.get('/', (_req, res) => {
    res.set({
      'Content-Security-Policy': "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    })
    res
      .type('html')
      .send(landingPage({ name: options.name, resource, metadataUrl, authorizationServers: authorizationServers() }))
  })

  app.use((_req, res) => {
    res.status(404).json({
      error: 'not_found',
      error_description: `Nothing here. The MCP endpoint is ${endpointPath}; a page about this server is at /.`,
    })
  })
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    options.onError?.(error)
    if (res.headersSent) res.destroy()
    else res.status(500).json({ error: 'server_error', error_description: 'Internal error.' })
  }
  app.use(answerError)

  return (req, res) => {
    if (isEndpoint(req.url ?? '', endpointPath)) route(req, res)
    else app(req, res)
  }
}

/** With and without a slash at the end, whatever the query. */
function isEndpoint(url: string, path: string): boolean {
  if (url === path) return true
  if (!url.startsWith(path)) return false
  const rest = url.slice(path.length)
  return rest.startsWith('?') || rest === '/' || rest.startsWith('/?')
}
