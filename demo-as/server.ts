import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createApprovals } from './approvals.ts'
import { createAudit, type Log } from './audit.ts'
import { createBrowserBinding } from './browser-binding.ts'
import { type OnCall, reportedStores, reportedUpstream } from './calls.ts'
import { type ClientDocumentsOptions, createClientDocuments } from './clients/client-documents.ts'
import { createClientKinds, type OperatorClient } from './clients/client-kinds.ts'
import { millisecondsSince } from './clock.ts'
import { logEvents } from './events.ts'
import { addressOf } from './http.ts'
import type { AssertionIssuer } from './identity-assertions.ts'
import { followKeys } from './key-reload.ts'
import { createListener, type Listener } from './listener.ts'
import { mountOf } from './mount.ts'
import type { Branding } from './pages/branding.ts'
import { createProvider, type Lifetimes } from './provider.ts'
import { isLoopbackHost, type RedirectRules } from './redirect-uris.ts'
import { createResources, type ProtectedResource } from './resources.ts'
import { createSharedValue } from './shared-value.ts'
import { BRIDGE_CALLBACK_PATH, CALLBACK_PATH, createSignIn, type SignIn } from './sign-in.ts'
import { createSigningKeys, retiredSecondsFor, type SigningKey } from './signing-keys.ts'
import { createStoreCheck } from './stores/check.ts'
import { createMemoryStores } from './stores/memory.ts'
import type { StoreFactory } from './stores/store.ts'
import type { OtherLimits } from './strangers/limits.ts'
import { createStrangers } from './strangers/strangers.ts'
import { createFakeUpstream, type FakeUpstream } from './upstream/fake-upstream.ts'
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

export interface AuthorizationServer extends Listener {
  readonly issuer: string
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
  const audit = createAudit(options.log ?? (() => {}), options.trustedProxies ?? [])
  const { log } = audit
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

  return {
    issuer,
    ...createListener({
      issuer: url,
      mount,
      branding,
      resources: all,
      registration: options.registration !== false,
      callbackPath,
      fakeSignIn: upstream.page,
      oidc: async (req, res) => {
        settleNowAndThen()
        return (await engine()).oidc(req, res)
      },
      signIn: async () => (await engine()).signIn,
      internalHost: options.internalUrl === undefined ? undefined : new URL(options.internalUrl).host,
      strangers,
      checkStores: options.checkStores ?? createStoreCheck(stores),
      stopping: options.stopping,
      audit,
    }),
  }
}

/** What all processes that serve one issuer agree on. */
interface Secrets {
  cookieKey: string
  formKey: string
}

/** A device asks again and again whether its code was confirmed (RFC 8628 §3.5), and what is away is not the fault of who asks. */
const isStillWaiting = ({ message }: Error) =>
  ['authorization_pending', 'slow_down', 'temporarily_unavailable', 'server_error'].includes(message)

const makeSecrets = (): Secrets => ({ cookieKey: randomSecret(), formKey: randomSecret() })
const randomSecret = () => randomBytes(32).toString('base64url')

interface Engine {
  oidc(req: IncomingMessage, res: ServerResponse): unknown
  signIn: SignIn
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
