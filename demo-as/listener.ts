import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Audit } from './audit.ts'
import { answerCors } from './cors.ts'
import { DEVICE_PATH } from './device-flow.ts'
import { TemporarilyUnavailable } from './errors.ts'
import { pathOf, sendJson, sendPage, setSecurityHeaders } from './http.ts'
import { enterMount, ICON_PATH, LOGO_PATH, STYLESHEET_PATH, withoutMount } from './mount.ts'
import { icon, stylesheet } from './pages/assets.ts'
import type { Branding } from './pages/branding.ts'
import type { Html } from './pages/html.ts'
import { failurePage, nothingHerePage, tooLongPage, tooManyPage, unreachablePage } from './pages/messages.ts'
import { isLoopbackHost } from './redirect-uris.ts'
import type { ProtectedResource } from './resources.ts'
import { CONSENT_PATH, type SignIn } from './sign-in.ts'
import type { Strangers, TooMuch } from './strangers/strangers.ts'
import { FAKE_UPSTREAM_PATH, type FakeUpstream } from './upstream/fake-upstream.ts'

/** Answers requests to the endpoints and pages of an authorization server. */
export interface Listener {
  /** A listener for `node:http`. Wants the body unread. Answers 404 where {@link handles} says no. */
  handler(req: IncomingMessage, res: ServerResponse): void
  /**
   * Whether a path belongs to the authorization server; for mounting it in an application that has further paths. `/health` is
   * left to that application, and so is `/ready`.
   */
  handles(path: string): boolean
}

export interface ListenerOptions {
  issuer: URL
  /** Path below which the server stands; empty for an origin. */
  mount: string
  branding: Branding
  /** Named to whoever comes to a path where there is nothing. */
  resources: readonly ProtectedResource[]
  /** Whether clients may register themselves. */
  registration: boolean
  /** Where the upstream sends the browser back to. */
  callbackPath: string
  /** The page of the fake upstream. Absent with a real one. */
  fakeSignIn?: FakeUpstream['page']
  /** The engine behind the endpoints of the protocol. */
  oidc: Route['run']
  signIn(): Promise<SignIn>
  /** Host under which MCP servers reach this server inside a network of containers. */
  internalHost?: string
  strangers: Strangers
  /** Rejects when the stores do not work. */
  checkStores(): Promise<void>
  /** Aborts when the process is about to stop. */
  stopping?: AbortSignal
  audit: Audit
}

/** One endpoint or page. */
interface Route {
  methods: readonly string[]
  run(req: IncomingMessage, res: ServerResponse): unknown
}

export function createListener(options: ListenerOptions): Listener {
  const { issuer, mount, branding, resources, internalHost, strangers } = options
  const { log, during } = options.audit
  const routes = routesOf(options)
  const probes = probesOf(options)
  const resume: Route = { methods: ['GET'], run: options.oidc }
  const routeOf = (path: string) => routes.get(path) ?? (RESUME.test(path) ? resume : undefined)
  const pages = new Set(['/oauth/authorize', DEVICE_PATH, options.callbackPath, CONSENT_PATH, FAKE_UPSTREAM_PATH])
  const nothing = () => nothingHerePage(resources.map(({ name, resource }) => name ?? resource))

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    enterMount(req, mount, branding)
    const path = pathOf(req)
    setSecurityHeaders(res)
    const isInside = req.headers.host === internalHost && BACK_CHANNEL.has(path)
    if (!isInside && !isExpectedHost(req.headers.host, issuer)) {
      return refuse(res, 421, 'invalid_request', 'This server does not answer under that host name.')
    }
    if (answerCors(req, res, path)) return
    const route = routeOf(path) ?? probes.get(path)
    if (!route) return refuse(res, 404, 'not_found', 'There is nothing here.', nothing)
    if (!route.methods.includes(req.method ?? '')) {
      res.setHeader('allow', route.methods.join(', '))
      return refuse(res, 405, 'invalid_request', `This endpoint takes ${route.methods.join(' and ')}.`, nothing)
    }
    const tooMuch = strangers.refuse(req, path)
    if (tooMuch) return sendTooMuch(res, tooMuch, pages.has(path))
    if (req.method === 'POST' && req.readableDidRead && (req as { body?: unknown }).body === undefined) {
      throw new TypeError(
        'something in front of the authorization server has read the body and left nothing in req.body',
      )
    }
    await route.run(req, res)
    strangers.answered(req, path, res.statusCode)
  }

  return {
    handles: path => routeOf(withoutMount(path, mount)) !== undefined,
    handler(req, res) {
      const answered = async () => {
        try {
          await answer(req, res)
        } catch (error) {
          if (error instanceof TemporarilyUnavailable && !res.headersSent) return sendUnavailable(res, error)
          log('server_error', { error: (error as Error).stack })
          if (res.headersSent) res.destroy()
          else refuse(res, 500, 'server_error', 'Something went wrong here.', failurePage)
        }
      }
      void during(req, res, answered)
    },
  }
}

/** Where oidc-provider goes on after consent; the last segment is its name for the request. */
const RESUME = /^\/oauth\/(authorize|device)\/[\w-]{1,64}$/

function routesOf(options: ListenerOptions): Map<string, Route> {
  const { branding, registration, callbackPath, fakeSignIn, oidc, signIn } = options
  const routes = new Map<string, Route>([
    ['/.well-known/oauth-authorization-server', { methods: ['GET', 'HEAD'], run: oidc }],
    ['/.well-known/openid-configuration', { methods: ['GET', 'HEAD'], run: oidc }],
    ['/oauth/jwks', { methods: ['GET', 'HEAD'], run: oidc }],
    ['/oauth/authorize', { methods: ['GET'], run: oidc }],
    ['/oauth/token', { methods: ['POST'], run: oidc }],
    ['/oauth/introspect', { methods: ['POST'], run: oidc }],
    ['/oauth/revoke', { methods: ['POST'], run: oidc }],
    ['/oauth/device_authorization', { methods: ['POST'], run: oidc }],
    [DEVICE_PATH, { methods: ['GET', 'POST'], run: oidc }],
    [callbackPath, { methods: ['GET'], run: async (req, res) => (await signIn()).callback(req, res) }],
    [CONSENT_PATH, { methods: ['GET', 'POST'], run: async (req, res) => (await signIn()).consent(req, res) }],
    [STYLESHEET_PATH, { methods: ['GET', 'HEAD'], run: sendAsset('text/css', stylesheet(branding.colors)) }],
    [ICON_PATH, { methods: ['GET', 'HEAD'], run: sendAsset('image/svg+xml', icon) }],
  ])
  if (registration) routes.set('/oauth/register', { methods: ['POST'], run: oidc })
  const { logo } = branding
  if (logo) routes.set(LOGO_PATH, { methods: ['GET', 'HEAD'], run: sendAsset(logo.type, Buffer.from(logo.bytes)) })
  if (fakeSignIn) {
    routes.set(FAKE_UPSTREAM_PATH, {
      methods: ['GET', 'POST'],
      run: async (req, res) => fakeSignIn(req, res, (await signIn()).purpose),
    })
  }
  return routes
}

/** What tells whether the process works; an application in which the server is mounted has its own. */
function probesOf({ checkStores, stopping }: ListenerOptions): Map<string, Route> {
  const methods = ['GET', 'HEAD']
  return new Map<string, Route>([
    ['/health', { methods, run: (_req, res) => sendJson(res, 200, { status: 'ok' }) }],
    [
      '/ready',
      {
        methods,
        async run(_req, res) {
          const reason = stopping?.aborted
            ? 'stopping'
            : await checkStores().then(
                () => undefined,
                () => 'store_unreachable',
              )
          sendJson(res, reason ? 503 : 200, reason ? { status: 'not ready', reason } : { status: 'ready' })
        },
      },
    ],
  ])
}

/** What MCP servers ask this server for. */
const BACK_CHANNEL: ReadonlySet<string> = new Set([
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/oauth/jwks',
  '/oauth/introspect',
])

/** On a developer's machine the Host header is all that tells a page on the web, rebound to 127.0.0.1, from a client. */
function isExpectedHost(host: string | undefined, issuer: URL): boolean {
  if (host === issuer.host || !isLoopbackHost(issuer.hostname)) return true
  return URL.canParse(`http://${host}`) && isLoopbackHost(new URL(`http://${host}`).hostname)
}

function sendTooMuch(res: ServerResponse, tooMuch: TooMuch, onPage: boolean): void {
  const { status, description } = tooMuch
  // What is left of the request is not read.
  if (status === 413) res.setHeader('connection', 'close')
  if (status === 429) res.setHeader('retry-after', tooMuch.seconds)
  if (onPage) sendPage(res, status === 429 ? tooManyPage(tooMuch.seconds) : tooLongPage(), status)
  else refuse(res, status, status === 429 ? 'temporarily_unavailable' : 'invalid_request', description)
}

/** Something that this server depends on is away. */
function sendUnavailable(res: ServerResponse, error: TemporarilyUnavailable): void {
  res.setHeader('retry-after', RETRY_SECONDS)
  refuse(res, 503, error.error, error.error_description ?? '', () => unreachablePage(undefined))
}

const RETRY_SECONDS = '5'

/** @param page - For people at a browser. Default: they get JSON as everybody else. */
function refuse(res: ServerResponse, status: number, error: string, description: string, page?: () => Html): void {
  if (page && res.req.headers.accept?.includes('text/html')) sendPage(res, page(), status)
  else sendJson(res, status, { error, error_description: description })
}

function sendAsset(type: string, content: string | Buffer): Route['run'] {
  return (_req, res) => res.writeHead(200, { 'content-type': type, 'cache-control': 'max-age=3600' }).end(content)
}
