import type Provider from 'oidc-provider'
import {
  type Client,
  type ClientMetadata,
  type Configuration,
  type ErrorOut,
  errors,
  interactionPolicy,
  type KoaContextWithOIDC,
  type ResourceServer,
} from 'oidc-provider'
import type { Log } from './audit.ts'
import type { ClientDocuments } from './clients/client-documents.ts'
import { type ClientKinds, type OperatorClient, refuseMisspelledIds } from './clients/client-kinds.ts'
import { findClient } from './clients/find-client.ts'
import { metadataDocumentFeature, readMetadataDocument } from './clients/metadata-document.ts'
import { rememberClients } from './clients/remember-clients.ts'
import { deviceFlowPages } from './device-flow.ts'
import { TemporarilyUnavailable } from './errors.ts'
import { DEVICE_CODE_GRANT, JWT_BEARER_GRANT } from './grant-types.ts'
import { type AssertionIssuer, acceptIdentityAssertions, ID_JAG_PROFILE } from './identity-assertions.ts'
import { repeatLastStep } from './last-step.ts'
import { askOnce, lookUpOnce } from './look-up-once.ts'
import { cookieName, siteOf } from './mount.ts'
import { createOidcAdapter, keepClient } from './oidc-adapter.ts'
import { refuseRevokedClients, revokedClients } from './operator-records.ts'
import type { Html } from './pages/html.ts'
import {
  expiredPage,
  redirectUriPage,
  requestErrorPage,
  unknownClientPage,
  unreachableDocumentPage,
  unreachablePage,
  unusableDocumentPage,
} from './pages/messages.ts'
import { PROOF_ALGORITHMS } from './proof.ts'
import { extendProvider } from './provider-extensions.ts'
import type { RedirectRules } from './redirect-uris.ts'
import { refreshing } from './refresh.ts'
import { checkRegistration } from './registration.ts'
import { OIDC_SCOPES } from './request-parameters.ts'
import type { ProtectedResource, Resources } from './resources.ts'
import { namedScopes } from './scopes.ts'
import { ID_TOKEN_SECONDS, type SigningKey } from './signing-keys.ts'
import { slideGrants } from './sliding-grants.ts'
import { markLast, saveTogether } from './spend-last.ts'
import { canStay } from './staying.ts'
import { timedKey } from './stores/key-time.ts'
import type { StoreFactory } from './stores/store.ts'
import type { Refresh } from './upstream/grants.ts'
import type { Seal } from './upstream/sealed.ts'
import type { SignedInUser } from './upstream/upstream.ts'

/** How long things live, in seconds. */
export interface Lifetimes {
  /** Default 3,600. */
  accessToken?: number
  /** From one rotation to the next. Default 30 days. */
  refreshToken?: number
  /** How long a used refresh token gives the same answer again, for clients that lost it; 0 for never. Default 30. */
  refreshGrace?: number
  /** Of a whole family of tokens, after its last refresh; afterwards the user has to sign in again. Default 90 days. */
  grant?: number
  /** Of a whole family of tokens, however often it is refreshed. Default: no limit. */
  grantMax?: number
  /** Default 60. */
  authorizationCode?: number
  /** Default 600. */
  deviceCode?: number
  /** How long a person may take for a page. Default 600. */
  page?: number
}

export interface ProviderOptions {
  issuer: string
  resources: Resources
  accessTokenFormat: 'opaque' | 'jwt'
  stores: StoreFactory
  /** Encrypts secrets of clients. Default: they are kept as they are. */
  seal?: Seal
  /** Tokens, codes and grants from before this time are void. Default: none. */
  revokedBefore?: Date
  /** The one that signs comes first. */
  signingKeys: readonly SigningKey[]
  /** Signs cookies. */
  cookieKey: string
  /** Those that the operator set up. */
  clients: readonly OperatorClient[]
  /** Where other clients may have people sent back to. */
  redirects: RedirectRules
  clientKinds: ClientKinds
  /** Whether clients may register themselves (RFC 7591). */
  registration: boolean
  /** Whether clients that the operator did not name may have tokens without a user, with the default scopes. */
  machinesForAll: boolean
  /** Where clients that publish a metadata document are found; without it there are none. */
  clientDocuments?: ClientDocuments
  /** Whose identity assertions are taken in place of a sign-in. */
  assertionIssuers: readonly AssertionIssuer[]
  lifetimes: Required<Lifetimes>
  /** Where the browser goes when an authorization request needs its user. */
  beginSignIn(ctx: KoaContextWithOIDC, interaction: InstanceType<Provider['Interaction']>): Promise<string>
  account(subject: string): Promise<SignedInUser | undefined>
  /**
   * Called once for each refresh, before anything of it is used up.
   *
   * @throws {errors.OIDCProviderError} `temporarily_unavailable` leaves the refresh token usable; `invalid_grant` ends the grant.
   */
  beforeRefresh?(refresh: Refresh): Promise<void>
  /** Called before a grant is deleted, for whatever reason, and waited for. */
  beforeGrantEnds?(grantId: string): Promise<void>
  /** How long a client is kept that has just registered, in seconds. Default: a week. */
  unusedClientSeconds?(): number
  log: Log
}

/** What has to be remembered of an assertion is remembered until it ends. */
const LONGEST_ASSERTION_SECONDS = 3600

/** The protocol engine, set up so that what it publishes about itself is what it enforces. */
export function createProvider(options: ProviderOptions): Provider {
  const { issuer, resources, lifetimes, assertionIssuers, clientKinds } = options
  const secure = new URL(issuer).protocol === 'https:'
  const account = askOnce(options.account)
  const RefreshingProvider = refreshing({ ...options, account, graceSeconds: lifetimes.refreshGrace })
  const clients = [...resources.all.map(introspectionClient), ...options.clients.map(registrationOf)]
  const rules = { issuer: new URL(issuer), redirects: options.redirects, grantTypes: grantTypesOf(options) }
  const adapter = createOidcAdapter(options.stores, options)
  const provider = new RefreshingProvider(issuer, {
    adapter,
    clients,
    jwks: { keys: options.signingKeys },
    cookies: {
      keys: [options.cookieKey],
      names: {
        session: cookieName(issuer, secure ? '__Host-device' : '_session'),
        ...(secure && { resume: '__Secure-resume', interaction: '__Secure-interaction' }),
      },
    },
    routes: {
      authorization: '/oauth/authorize',
      token: '/oauth/token',
      registration: '/oauth/register',
      introspection: '/oauth/introspect',
      revocation: '/oauth/revoke',
      jwks: '/oauth/jwks',
      device_authorization: '/oauth/device_authorization',
      code_verification: '/oauth/device',
    },
    responseTypes: ['code'],
    discovery: assertionIssuers.length > 0 ? { authorization_grant_profiles_supported: [ID_JAG_PROFILE] } : {},
    assertJwtClientAuthClaimsAndHeader: async (_ctx, { exp }) => {
      if (Number(exp) - Date.now() / 1000 > LONGEST_ASSERTION_SECONDS) {
        throw new errors.InvalidClientAuth('the client_assertion is valid for too long')
      }
    },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: {
      idTokenSigningAlgValues: ['ES256'],
      clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      dPoPSigningAlgValues: [...PROOF_ALGORITHMS],
    },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    scopes: [...OIDC_SCOPES, ...resources.all.flatMap(resource => Object.keys(resource.scopes))],
    claims: { openid: ['sub'] },
    pkce: { required: () => true },
    features: features(options),
    fetch: clientFetch(options),
    extraClientMetadata: {
      properties: ['software_id', 'software_version'],
      validator: (ctx, property, _value, metadata) => {
        if (property !== 'software_id') return
        if (ctx?.oidc?.route === 'registration') checkRegistration(ctx, metadata, rules)
        else if (clientKinds.kindOf(String(metadata.client_id)) === 'document') {
          readMetadataDocument(metadata, rules)
        }
      },
    },
    interactions: { policy: alwaysAsk(), url: (ctx, interaction) => options.beginSignIn(ctx, interaction) },
    findAccount: async (_ctx, subject) => {
      const user = await account(subject)
      return user && { accountId: subject, username: user.username, claims: async () => ({ sub: subject }) }
    },
    loadExistingGrant: async ctx => {
      const grantId = ctx.oidc.result?.consent?.grantId
      return grantId === undefined ? undefined : ctx.oidc.provider.Grant.find(grantId)
    },
    extraTokenClaims: async (ctx, token) => {
      if (token.kind === 'ClientCredentials') return { sub: token.clientId }
      const found = ctx.oidc.account
      const isFound = found?.accountId === token.accountId
      return { username: isFound ? found.username : (await account(token.accountId))?.username }
    },
    issueRefreshToken: async (ctx, client) => canStay(client, ctx.oidc.entities.Grant),
    rotateRefreshToken: () => true,
    revokeGrantPolicy: () => true,
    expiresWithSession: async () => false,
    // Where pages of other origins may call, cors.ts has let them; what reaches this is not among that.
    clientBasedCORS: () => false,
    renderError: (ctx, out, error) => {
      ctx.type = 'html'
      ctx.body = errorPage(ctx, out, error, clientKinds).render(siteOf(ctx.req))
    },
    ttl: {
      AccessToken: lifetimes.accessToken,
      ClientCredentials: lifetimes.accessToken,
      AuthorizationCode: lifetimes.authorizationCode,
      RefreshToken: lifetimes.refreshToken,
      Grant: Math.min(lifetimes.grant, lifetimes.grantMax),
      DeviceCode: lifetimes.deviceCode,
      IdToken: ID_TOKEN_SECONDS,
      Interaction: 2 * lifetimes.page,
      Session: 2 * lifetimes.page,
    },
  })
  rememberClients(provider, adapter('Client'), id => clientKinds.kindOf(id) === 'registered')
  refuseMisspelledIds(provider, clientKinds)
  refuseRevokedClients(provider, clientKinds, revokedClients(options.stores))
  lookUpOnce(provider.Client)
  lookUpOnce(provider.RefreshToken)
  lookUpOnce(provider.Grant)
  for (const model of [provider.AuthorizationCode, provider.RefreshToken, provider.DeviceCode]) markLast(model)
  for (const model of [provider.AccessToken, provider.RefreshToken]) saveTogether(model)
  for (const model of [provider.AccessToken, provider.ClientCredentials, provider.RefreshToken]) beginWithTime(model)
  endGrantFirst(provider)
  const isConfigured = (clientId: string) => clientKinds.kindOf(clientId) === 'configured'
  const clientUsed = async (clientId: string) => {
    await keepClient(options.stores, clientId, lifetimes.grant, options.seal)
    if (clientKinds.kindOf(clientId) === 'document') await options.clientDocuments?.used(clientId)
  }
  repeatLastStep(provider, { stores: options.stores, seal: options.seal, seconds: lifetimes.authorizationCode })
  extendProvider(provider, {
    resources,
    isConfigured,
    clientUsed,
    // Without registration they are all that there is.
    documentsWork: () => !options.registration || options.clientDocuments?.seemReachable() !== false,
    redirectLimits: clientId => (isConfigured(clientId) ? 'operator' : options.redirects),
  })
  slideGrants(provider, {
    stores: options.stores,
    seconds: lifetimes.grant,
    mostSeconds: lifetimes.grantMax,
    keepClient: clientUsed,
  })
  if (assertionIssuers.length > 0) {
    acceptIdentityAssertions(provider, {
      issuers: assertionIssuers,
      resources,
      stores: options.stores,
      accountSeconds: lifetimes.grant,
      clientKinds,
      resourceServer: resource => resourceServerOf(resource, options.accessTokenFormat),
      log: options.log,
    })
  }
  return provider
}

function grantTypesOf({ assertionIssuers }: ProviderOptions): string[] {
  const types = ['authorization_code', 'refresh_token', 'client_credentials', DEVICE_CODE_GRANT]
  return assertionIssuers.length > 0 ? [...types, JWT_BEARER_GRANT] : types
}

/** Whatever is fetched is named by a stranger, except the keys of clients that were set up beforehand. */
function clientFetch({ clients, clientDocuments }: ProviderOptions): Configuration['fetch'] {
  const known = new Set(clients.map(({ jwks_uri }) => URL.parse(jwks_uri ?? '')?.href))
  return async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    // Without oidc-provider's own guard: the operator may have named an address inside the network.
    if (known.has(url)) return fetch(url, { headers: init?.headers, signal: init?.signal, redirect: 'error' })
    if (!clientDocuments) throw new Error('nothing is fetched for a stranger')
    return clientDocuments.fetch(url)
  }
}

function features(options: ProviderOptions): Configuration['features'] {
  const { resources, accessTokenFormat, clientKinds } = options
  const off = { enabled: false } as const
  return {
    devInteractions: off,
    dPoP: { enabled: true },
    pushedAuthorizationRequests: off,
    rpInitiatedLogout: off,
    userinfo: off,
    clientCredentials: { enabled: true },
    registration: options.registration ? { enabled: true, issueRegistrationAccessToken: false } : off,
    clientIdMetadataDocument: metadataDocumentFeature(options.clientDocuments, clientKinds),
    deviceFlow: { enabled: true, ...deviceFlowPages },
    revocation: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) => client.clientId === token.clientId,
    },
    introspection: {
      enabled: true,
      // Only to the server that the token is for, and nothing but access tokens. A client that was forgotten takes its
      // tokens with it.
      allowedPolicy: async (ctx, client, token) => {
        const asking = resources.ofClient(client.clientId)
        if (!asking || !('aud' in token) || token.aud !== asking.resource) return false
        return (await findClient(ctx.oidc.provider, token.clientId ?? '')) !== undefined
      },
    },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (ctx, identifier, client) => {
        const resource = resources.find(identifier)
        if (!resource) throw new errors.InvalidTarget('not an MCP server that this server knows')
        if (!isMachine(ctx)) return resourceServerOf(resource, accessTokenFormat)
        checkMachine(client, options)
        if (Object.keys(resource.scopes).length === 0) return resourceServerOf(resource, accessTokenFormat)
        const permitted = clientKinds.scopesWithoutPerson(client.clientId, resource)
        return resourceServerOf(resource, accessTokenFormat, machineScopes(ctx, permitted))
      },
    },
  }
}

/**
 * oidc-provider deletes a token that is revoked, and then what it belongs to. What breaks off in between could not be made again: nothing would
 * be found by the token.
 */
function endGrantFirst({ AccessToken, RefreshToken, Grant }: Provider): void {
  for (const { prototype } of [AccessToken, RefreshToken]) {
    const { destroy } = prototype
    prototype.destroy = async function () {
      if (this.grantId !== undefined) await Grant.adapter.destroy(this.grantId)
      await destroy.call(this)
    }
  }
}

/** Tokens are what there is most of, and made all the time. */
function beginWithTime({ prototype }: { prototype: object }): void {
  const model = prototype as { generateTokenId(): string }
  const { generateTokenId } = model
  model.generateTokenId = function () {
    return timedKey(generateTokenId.call(this))
  }
}

/** How tokens for an MCP server are made. */
function resourceServerOf(
  { resource, scopes }: ProtectedResource,
  accessTokenFormat: ProviderOptions['accessTokenFormat'],
  permitted: readonly string[] = Object.keys(scopes),
): ResourceServer {
  return { audience: resource, scope: permitted.join(' '), accessTokenFormat, jwt: { sign: { alg: 'ES256' } } }
}

function errorPage(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error, { kindOf }: ClientKinds): Html {
  if (error instanceof errors.SessionNotFound) return expiredPage()
  const clientId = String(ctx.query.client_id)
  if (error instanceof TemporarilyUnavailable) {
    const isDocument = !ctx.oidc.client && kindOf(clientId) === 'document'
    return isDocument ? unreachableDocumentPage(clientId) : unreachablePage(out.error_description)
  }
  const isClientError = error instanceof errors.InvalidClient || error instanceof errors.InvalidClientMetadata
  if (isClientError && ctx.oidc.route === 'authorization') {
    const isAddress = ['document', 'misspelled'].includes(kindOf(clientId))
    return isAddress ? unusableDocumentPage(clientId, out.error_description) : unknownClientPage(clientId)
  }
  if (error instanceof errors.InvalidRedirectUri && ctx.oidc.client) {
    return redirectUriPage(String(ctx.oidc.params?.redirect_uri), ctx.oidc.client.redirectUris ?? [])
  }
  return requestErrorPage(out.error, out.error_description)
}

const isMachine = (ctx: KoaContextWithOIDC) => ctx.oidc.params?.grant_type === 'client_credentials'

/** @throws {errors.UnauthorizedClient} The client may have no tokens in its own name. */
function checkMachine(client: Client, { machinesForAll, clientKinds }: ProviderOptions): void {
  // RFC 6749 §4.4: anybody can name the id of a client that has no credentials.
  if (client.clientAuthMethod === 'none') {
    throw new errors.UnauthorizedClient('tokens without a user are for clients with credentials of their own')
  }
  if (!machinesForAll && clientKinds.kindOf(client.clientId) !== 'configured') {
    throw new errors.UnauthorizedClient('only clients that the operator set up may have tokens without a user')
  }
}

/**
 * What a client gets without a user, of what it may have; all of that when it asks for nothing. What it does is done in its own
 * name, to its own data.
 */
function machineScopes(ctx: KoaContextWithOIDC, permitted: readonly string[]): string[] {
  const params = ctx.oidc.params as { scope?: string }
  params.scope ??= permitted.join(' ')
  const granted = namedScopes(params.scope, permitted)
  if (granted.length === 0) throw new errors.InvalidScope('this client may have none of these scopes', params.scope)
  return granted
}

/** Every authorization passes the upstream and the consent page; nothing is remembered between two. */
function alwaysAsk() {
  const { Prompt, Check } = interactionPolicy
  const ask = new Check('sign_in', 'the user has to sign in and consent', 'login_required', ctx =>
    ctx.oidc.result?.login && ctx.oidc.result.consent ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT,
  )
  return [
    new Prompt({ name: 'login', requestable: true }, ask),
    new Prompt({ name: 'consent', requestable: true }),
    new Prompt({ name: 'select_account', requestable: true }),
  ]
}

/** What `scope` and `trusted` say is asked of {@link ClientKinds}: for oidc-provider, `scope` would also limit what a person can grant. */
function registrationOf({ scope: _scope, trusted: _trusted, ...client }: OperatorClient): ClientMetadata {
  return client
}

function introspectionClient({ clientId, clientSecret, name }: ProtectedResource): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    client_name: name,
    grant_types: [],
    response_types: [],
    redirect_uris: [],
  }
}
