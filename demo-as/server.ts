import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createApprovals } from './approvals.ts'
import { createAudit, type Log } from './audit.ts'
import { createBrowserBinding } from './browser-binding.ts'
import { type OnCall, reportedStores, reportedUpstream } from './calls.ts'
import { type ClientDocumentsOptions, createClientDocuments } from './clients/client-documents.ts'
import { createClientKinds, type OperatorClient } from './clients/client-kinds.ts'
import { millisecondsSince } from './clock.ts'
import { answerCors } from './cors.ts'
import { DEVICE_PATH } from './device-flow.ts'
import { TemporarilyUnavailable } from './errors.ts'
import { logEvents } from './events.ts'
import { addressOf, pathOf, sendJson, sendPage, setSecurityHeaders } from './http.ts'
import type { AssertionIssuer } from './identity-assertions.ts'
import { followKeys } from './key-reload.ts'
import { enterMount, ICON_PATH, LOGO_PATH, mountOf, STYLESHEET_PATH, withoutMount } from './mount.ts'
import { icon, stylesheet } from './pages/assets.ts'
import type { Branding } from './pages/branding.ts'
import type { Html } from './pages/html.ts'
import { failurePage, nothingHerePage, tooLongPage, tooManyPage, unreachablePage } from './pages/messages.ts'
import { createProvider, type Lifetimes } from './provider.ts'
import { isLoopbackHost, type RedirectRules } from './redirect-uris.ts'
import { createResources, type ProtectedResource } from './resources.ts'
import { createSharedValue } from './shared-value.ts'
import { BRIDGE_CALLBACK_PATH, CALLBACK_PATH, CONSENT_PATH, createSignIn, type SignIn } from './sign-in.ts'
import { createSigningKeys, retiredSecondsFor, type SigningKey } from './signing-keys.ts'
import { createStoreCheck } from './stores/check.ts'
import { createMemoryStores } from './stores/memory.ts'
import type { StoreFactory } from './stores/store.ts'
import type { OtherLimits } from './strangers/limits.ts'
import { createStrangers, type TooMuch } from './strangers/strangers.ts'
import { createFakeUpstream, FAKE_UPSTREAM_PATH, type FakeUpstream } from './upstream/fake-upstream.ts'
import { createUpstreamGrants } from './upstream/grants.ts'
import { createSeal } from './upstream/sealed.ts'
import { createUpstreamSessions } from './upstream/sessions.ts'
import type { SignedInUser, Upstream } from './upstream/upstream.ts'
import { demoUsers, guestScopes } from './users.ts'

export type { ClientDocumentsOptions } from './clients/client-documents.ts'
export type { OperatorClient } from './clients/client-kinds.ts'
export type { AssertionIssuer } from './identity-assertions.ts'
export type { Branding } from './pages/branding.ts'
export type { Lifetimes } from './provider.ts'
export type { ProtectedResource } from './resources.ts'
export type { Store, StoreFactory } from './stores/store.ts'
export { createGithubUpstream } from './upstream/github.ts'
export { createOpenIdUpstream } from './upstream/openid-connect.ts'
export type { SignedInUser, Upstream } from './upstream/upstream.ts'

export interface AuthorizationServerOptions {
  /** URL under which clients reach this server, without a slash at its end if it has a path. Published byte for byte; https, or http on loopback. */
  issuer: string
  /**
   * Origin under which MCP servers reach this server inside a network of containers. Metadata, keys and introspection are answered there,
   * too, and nothing that a browser uses. Default: none.
   */
  internalUrl?: string
  /** The MCP servers that tokens can be issued for; at least one. */
  resources: readonly ProtectedResource[]
  /** `jwt` issues RFC 9068 access tokens, signed with ES256. Default `opaque`. */
  accessTokenFormat?: 'opaque' | 'jwt'
  /** Default: the memory of this process. */
  stores?: StoreFactory
  /** Tries the stores, for `/ready`; rejects when they do not work. Default: the server tries them itself. */
  checkStores?: () => Promise<void>
  /** Every token, code and grant issued before this time is void: for after a leak. Default: none is. */
  revokedBefore?: Date
  /** Real provider that signs people in; the redirect URI `/oauth/callback` has to be registered there. Default: the fake one. */
  upstream?: Upstream
  /**
   * Keys that encrypt what is stored and others must not read, 32 bytes each: the first one encrypts, the others only decrypt what they
   * encrypted. Default: one for the life of this process encrypts what upstreams need later; secrets and signing keys are kept as they are.
   */
  encryptionKeys?: readonly [Buffer, ...Buffer[]]
  /** People offered on the sign-in page of the fake upstream. Default: Ada, Ben and Cleo, with more and less of the scopes that there are. */
  users?: readonly SignedInUser[]
  /** Identity providers of enterprises whose assertions about a user are taken in place of a sign-in (ID-JAG). Default: none. */
  assertionIssuers?: readonly AssertionIssuer[]
  /** Clients that need not register. Where their redirect URIs lead is up to the operator. */
  clients?: readonly OperatorClient[]
  /** Where other clients may have people sent back to. Default: every https host, and applications by schemes that are theirs. */
  redirects?: RedirectRules
  /** Whether clients may register themselves (RFC 7591). Default true. */
  registration?: boolean
  /** How often strangers may do something, where that is to be other than {@link LIMITS}. */
  limits?: OtherLimits
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-For` tells who asks. Default: none. */
  trustedProxies?: readonly string[]
  /**
   * Clients that publish a Client ID Metadata Document: whose are fetched, and how. `false` knows none. Default: those of
   * every public host.
   */
  clientDocuments?: ClientDocumentsOptions | false
  lifetimes?: Lifetimes
  /** Aborts when the process is about to stop: `/ready` answers 503 from then on, everything else goes on. Default: none. */
  stopping?: AbortSignal
  /** How the pages show whose they are. */
  branding?: Branding
  /** Told what was decided, with the `requestId` and `address` of the request. Gets no token and no secret. */
  log?: Log
  /** Told how each call to the store and to the upstream went; not of stores in memory. Default: nothing is measured. */
  onCall?: OnCall
}

export interface AuthorizationServer {
  readonly issuer: string
  /** A listener for `node:http`. Wants the body unread. Answers 404 where {@link handles} says no. */
  handler(req: IncomingMessage, res: ServerResponse): void
  /**
   * Whether a path belongs to the authorization server; for mounting it in an application that has further paths. `/health` is
   * left to that application, and so is `/ready`.
   */
  handles(path: string): boolean
}

/**
 * An OAuth 2.1 authorization server with the extensions that MCP asks for. Instances share nothing.
 *
 * @throws {TypeError} The issuer or a resource cannot work.
 */
export async function createAuthorizationServer(options: AuthorizationServerOptions): Promise<AuthorizationServer> {
  const { issuer, branding = {}, onCall } = options
  const given = options.stores ?? createMemoryStores()
  const stores = onCall ? reportedStores(given, onCall) : given
  const { log, during } = createAudit(options.log ?? (() => {}), options.trustedProxies ?? [])
  const url = checkIssuer(issuer)
  const resources = createResources(options.resources)
  const lifetimes = { ...DEFAULT_LIFETIMES, ...options.lifetimes }
  const callbackPath = options.upstream ? BRIDGE_CALLBACK_PATH : CALLBACK_PATH
  const mount = mountOf(url)
  const redirectUri = new URL(mount + callbackPath, url).href
  const sharedSeal = options.encryptionKeys && createSeal(options.encryptionKeys)
  const seal = sharedSeal ?? createSeal([randomBytes(32)])
  const strangers = createStrangers({ limits: options.limits, trustedProxies: options.trustedProxies, log })
  const secrets = await createSharedValue<Secrets>(stores('Secrets'), 'secrets', sharedSeal).get(makeSecrets)
  const binding = createBrowserBinding(url, 2 * lifetimes.page, secrets.formKey)
  const { all } = resources
  const people = { users: options.users ?? demoUsers(all), guestScopes: guestScopes(all) }
  const real = options.upstream && onCall ? reportedUpstream(options.upstream, onCall) : options.upstream
  const upstream: Upstream & Partial<Pick<FakeUpstream, 'page'>> =
    real ?? createFakeUpstream(issuer, redirectUri, people, stores, binding)
  const sessions = createUpstreamSessions(stores, seal, lifetimes.grant, sharedSeal !== undefined)
  const accounts = stores('Account')
  const grants = createUpstreamGrants({ upstream, sessions, accounts, accountSeconds: lifetimes.grant, log })

  const clients = options.clients ?? []
  const clientKinds = createClientKinds(resources, clients)
  const approvals = createApprovals(url, stores, lifetimes.grant)
  const clientDocuments =
    options.clientDocuments === false
      ? undefined
      : createClientDocuments(stores, options.clientDocuments ?? {}, strangers, log)

  /** oidc-provider takes its keys when it is made: other keys make another one, over the same store. */
  function createEngine(signingKeys: readonly SigningKey[]): Engine {
    let signIn: SignIn
    const provider = createProvider({
      issuer,
      signingKeys,
      cookieKey: secrets.cookieKey,
      resources,
      stores,
      seal: stores('Client').isLocal ? undefined : sharedSeal,
      revokedBefore: options.revokedBefore,
      lifetimes,
      accessTokenFormat: options.accessTokenFormat ?? 'opaque',
      clients,
      redirects: options.redirects ?? {},
      clientKinds,
      registration: options.registration !== false,
      // Behind a real provider a token means that somebody whom it knows has signed in.
      machinesForAll: options.upstream === undefined,
      clientDocuments,
      assertionIssuers: options.assertionIssuers ?? [],
      log,
      beginSignIn: async (ctx, interaction) => addressOf(ctx.req, await signIn.begin(ctx.req, ctx.res, interaction)),
      account: subject => signIn.account(subject),
      beforeRefresh: upstream.recheck && (refresh => grants.beforeRefresh(provider, refresh)),
      beforeGrantEnds: grants.end,
      unusedClientSeconds: strangers.unusedClientSeconds,
    })
    signIn = createSignIn({
      provider,
      upstream,
      // The demo's own sign-in comes first: what a person may grant is what the consent page of the demo is there to show.
      consentFirst: options.upstream !== undefined,
      approvals,
      sessions,
      resources,
      clientKinds,
      stores,
      binding,
      stepKey: secrets.formKey,
      redirectUri,
      pageSeconds: lifetimes.page,
      accountSeconds: lifetimes.grant,
      stay: {
        longest: lifetimes.grantMax,
        idle: Math.min(lifetimes.refreshToken, lifetimes.grant),
        otherwise: lifetimes.accessToken,
      },
      log,
    })
    logEvents(provider, log)
    provider.on('grant.success', ctx => strangers.welcome(ctx.req))
    provider.on('grant.error', (ctx, error) => {
      if (!isStillWaiting(error)) strangers.count('refused credentials', ctx.req)
    })
    return { oidc: provider.callback(), signIn }
  }

  const keys = createSigningKeys({ stores, seal: sharedSeal, retiredSeconds: retiredSecondsFor(lifetimes.accessToken) })
  const engine = await followKeys(keys, createEngine, log)
  /** Left by processes that ended in the middle, and by an upstream that was away. No timer: there is nothing to stop. */
  let settledAt = 0
  function settleNowAndThen(): void {
    if (millisecondsSince(settledAt) < SETTLE_MILLISECONDS) return
    settledAt = Date.now()
    void grants.settle()
  }
  settleNowAndThen()

  const { checkStores = createStoreCheck(stores) } = options
  const oidc: Route['run'] = async (req, res) => {
    settleNowAndThen()
    return (await engine()).oidc(req, res)
  }
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
    [callbackPath, { methods: ['GET'], run: async (req, res) => (await engine()).signIn.callback(req, res) }],
    [CONSENT_PATH, { methods: ['GET', 'POST'], run: async (req, res) => (await engine()).signIn.consent(req, res) }],
    [STYLESHEET_PATH, { methods: ['GET', 'HEAD'], run: sendAsset('text/css', stylesheet(branding.colors)) }],
    [ICON_PATH, { methods: ['GET', 'HEAD'], run: sendAsset('image/svg+xml', icon) }],
  ])
  if (options.registration !== false) routes.set('/oauth/register', { methods: ['POST'], run: oidc })
  const { logo } = branding
  if (logo) routes.set(LOGO_PATH, { methods: ['GET', 'HEAD'], run: sendAsset(logo.type, Buffer.from(logo.bytes)) })
  const { page } = upstream
  if (page) {
    routes.set(FAKE_UPSTREAM_PATH, {
      methods: ['GET', 'POST'],
      run: async (req, res) => page(req, res, (await engine()).signIn.purpose),
    })
  }
  const resume: Route = { methods: ['GET'], run: oidc }
  const health: Route = { methods: ['GET', 'HEAD'], run: (_req, res) => sendJson(res, 200, { status: 'ok' }) }
  const ready: Route = {
    methods: ['GET', 'HEAD'],
    async run(_req, res) {
      const reason = options.stopping?.aborted
        ? 'stopping'
        : await checkStores().then(NOTHING, () => 'store_unreachable')
      sendJson(res, reason ? 503 : 200, reason ? { status: 'not ready', reason } : { status: 'ready' })
    },
  }
  const probes = new Map([
    ['/health', health],
    ['/ready', ready],
  ])
  const pages = new Set(['/oauth/authorize', DEVICE_PATH, callbackPath, CONSENT_PATH, FAKE_UPSTREAM_PATH])
  const routeOf = (path: string) => routes.get(path) ?? (RESUME.test(path) ? resume : undefined)

  const internalHost = options.internalUrl === undefined ? undefined : new URL(options.internalUrl).host

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    enterMount(req, mount, branding)
    const path = pathOf(req)
    setSecurityHeaders(res)
    const isInside = req.headers.host === internalHost && BACK_CHANNEL.has(path)
    if (!isInside && !isExpectedHost(req.headers.host, url)) {
      return refuse(res, 421, 'invalid_request', 'This server does not answer under that host name.')
    }
    if (answerCors(req, res, path)) return
    const route = routeOf(path) ?? probes.get(path)
    const nothing = () => nothingHerePage(all.map(({ name, resource }) => name ?? resource))
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
    issuer,
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

/** What all processes that serve one issuer agree on. */
interface Secrets {
  cookieKey: string
  formKey: string
}

const NOTHING = () => undefined

/** A device asks again and again whether its code was confirmed (RFC 8628 §3.5), and what is away is not the fault of who asks. */
const isStillWaiting = ({ message }: Error) =>
  ['authorization_pending', 'slow_down', 'temporarily_unavailable', 'server_error'].includes(message)

const makeSecrets = (): Secrets => ({ cookieKey: randomSecret(), formKey: randomSecret() })
const randomSecret = () => randomBytes(32).toString('base64url')

interface Engine {
  oidc(req: IncomingMessage, res: ServerResponse): unknown
  signIn: SignIn
}

interface Route {
  methods: readonly string[]
  run(req: IncomingMessage, res: ServerResponse): unknown
}

const SETTLE_MILLISECONDS = 60_000

const DAY = 24 * 3600

export const DEFAULT_LIFETIMES: Required<Lifetimes> = {
  accessToken: 3600,
  refreshToken: 30 * DAY,
  refreshGrace: 30,
  grant: 90 * DAY,
  grantMax: Number.POSITIVE_INFINITY,
  authorizationCode: 60,
  deviceCode: 600,
  page: 600,
}

/** Where oidc-provider goes on after consent; the last segment is its name for the request. */
const RESUME = /^\/oauth\/(authorize|device)\/[\w-]{1,64}$/

function checkIssuer(issuer: string): URL {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  const hasPath = url && url.pathname !== '/'
  const isSpelled = url && (issuer === url.href || (!hasPath && issuer === url.origin))
  if (!isSpelled || (hasPath && issuer.endsWith('/')) || url.search || url.hash || url.username) {
    throw new TypeError(
      `issuer must be a URL such as http://localhost:3001, without a slash after a path, not ${issuer}`,
    )
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname))) {
    throw new TypeError(`issuer must be https, or http on this machine, not ${issuer}`)
  }
  return url
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
