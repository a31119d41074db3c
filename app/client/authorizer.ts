import {
  checkResourceAllowed,
  computeScopeUnion,
  DpopSession,
  discoverOAuthServerInfo,
  extractWWWAuthenticateParams,
  type FetchLike,
  generateDpopKeyPair,
  OAuthError,
  OAuthErrorCode,
  type OAuthMetadata,
  type OAuthTokens,
  RegistrationRejectedError,
  refreshAuthorization,
  registerClient,
  resourceUrlFromServerUrl,
} from '@modelcontextprotocol/client'
import { calculateJwkThumbprint, exportJWK, importJWK } from 'jose'
import { type Grant, type GrantContext, informationOf } from './grants.ts'
import { createGuardedFetch } from './guarded-fetch.ts'
import type { ClientIdentity, SignIn, SignInStore } from './sign-ins.ts'

/** The metadata of the server or its authorization server cannot be worked with. The message says what and why. */
export class DiscoveryError extends Error {
  override name = 'DiscoveryError'
  /** What to do. Absent: only the operator can do something. */
  readonly cure: string | undefined

  constructor(message: string, cure?: string) {
    super(message)
    this.cure = cure
  }
}

/** No client id can be had without the person's help. The message says what to do. */
export class NoClientError extends Error {
  override name = 'NoClientError'
}

export interface GivenClient {
  readonly clientId: string
  readonly clientSecret?: string
}

export interface AuthorizerOptions {
  readonly server: URL
  readonly store: SignInStore
  readonly grant: Grant
  readonly fetch: typeof globalThis.fetch
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Registered beforehand. Default: the metadata document, else dynamic registration. */
  readonly client?: GivenClient
  /** URL of a Client ID Metadata Document, used where the authorization server takes one. */
  readonly clientMetadataUrl?: string
  /** Only there may credentials go. Needed with a secret. */
  readonly issuer?: string
  /** Default: as the challenge says, else as the metadata says. */
  readonly scope?: string
  /** Ask for tokens that are bound to a key (RFC 9449). */
  readonly dpop?: boolean
  /** Do not use the registration that is kept. */
  readonly registerAnew?: boolean
}

/** Has tokens for one MCP server: the kept one, a refreshed one, or a new one. */
export interface Authorizer {
  /** The token for the next request, if there is one. */
  accessToken(): Promise<{ token: string; type: string } | undefined>
  proofs(): Promise<DpopSession | undefined>
  /**
   * The server answered 401: takes the token that another process got meanwhile, or refreshes.
   *
   * @returns Whether there is another token to try; without one {@link Authorizer.obtain} is next.
   * @throws {DiscoveryError | UnsafeUrlError | OAuthError} An outage among them: it is not the end of the sign-in.
   */
  renew(challenge: Response): Promise<boolean>
  /**
   * Gets a new token, with the person's help where the grant needs it.
   *
   * @throws {DiscoveryError | NoClientError | UnsafeUrlError | OAuthError}
   */
  obtain(challenge: Response): Promise<void>
  /** The server answered 403: gets a token with these scopes besides those of before (RFC 6750 §3.1). */
  stepUp(scope: string | undefined, resourceMetadataUrl: URL | undefined): Promise<void>
}

interface Found {
  readonly issuer: string
  readonly authorizationServerUrl: string
  readonly metadata: GrantContext['metadata']
  readonly resource: string | undefined
  readonly scopesSupported: readonly string[] | undefined
}

const CLIENT_NAME = 'idplug on the command line'
const REFRESH = 'refresh_token'

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { grant, now, server, store } = options
  const fetch = createGuardedFetch(server, options.fetch)
  const key = server.href
  let presented: string | undefined
  const sessions = new Map<unknown, Promise<DpopSession>>()

  /** The session to the key that is kept, so that nonces live on. */
  async function proofsOf(proofKey: SignIn['proofKey']): Promise<DpopSession | undefined> {
    if (!proofKey) return undefined
    const { x } = proofKey.jwk
    if (!sessions.has(x)) sessions.set(x, openSession(proofKey))
    return sessions.get(x)
  }

  async function obtain(found: Found, scope: string | undefined): Promise<void> {
    const kept = await store.load(key, found.issuer)
    // Who has bound tokens once gets no others by a later command that does not say so again.
    const proofKey = kept?.proofKey ?? (options.dpop ? await createProofKey() : undefined)
    const dpop = await proofsOf(proofKey)
    let client = options.registerAnew ? undefined : kept?.client
    // A server that has lost its memory says so to the person only, on a page that does not lead back here.
    if (client && !options.client && (await isForgotten(client, found, fetch))) client = undefined
    const context: GrantContext = {
      ...found,
      server,
      fetch,
      dpop,
      scope: withOfflineAccess(scope, found, grant),
      keptRedirectUri: client?.redirectUri,
      async client(redirectUri) {
        const isKeptGood = !options.client && (client?.origin !== 'dynamic' || client.redirectUri === redirectUri)
        const identity =
          client && isKeptGood
            ? { ...client, redirectUri }
            : await identify(options, found, { redirectUri, scope: this.scope, fetch })
        client = identity
        await store.save(key, { ...kept, issuer: found.issuer, client, proofKey })
        return identity
      },
    }
    const tokens = await grant.obtain(context)
    await keep({ issuer: found.issuer, client, proofKey }, tokens, context.scope)
  }

  async function keep(signIn: SignIn, tokens: OAuthTokens, requested: string | undefined): Promise<void> {
    const scopes = (tokens.scope ?? requested ?? '').split(' ').filter(Boolean)
    const expiresAt = tokens.expires_in === undefined ? undefined : Math.floor(now() / 1000) + tokens.expires_in
    await store.save(key, {
      ...signIn,
      tokens: {
        accessToken: tokens.access_token,
        tokenType: tokens.token_type,
        ...(tokens.refresh_token && { refreshToken: tokens.refresh_token }),
        scopes,
        ...(expiresAt !== undefined && { expiresAt }),
      },
    })
  }

  /** Whether there is a new access token now; `false` when the refresh token is good for nothing any more. */
  async function refresh(found: Found, kept: SignIn): Promise<boolean> {
    const refreshToken = kept.tokens?.refreshToken
    if (!refreshToken || !kept.client) return false
    try {
      const tokens = await refreshAuthorization(found.authorizationServerUrl, {
        metadata: found.metadata,
        clientInformation: informationOf(kept.client),
        refreshToken,
        resource: found.resource,
        dpop: await proofsOf(kept.proofKey),
        fetchFn: fetch,
      })
      await keep(kept, tokens, kept.tokens?.scopes.join(' '))
      return true
    } catch (error) {
      // An outage is not the end of a sign-in: the refresh token stays for the next time.
      if (!(error instanceof OAuthError) || !isFinal(error.code)) throw error
      // Its memory is gone: the next sign-in registers anew instead of ending at a page that does not know the client.
      const isForgotten = error.code === OAuthErrorCode.InvalidClient && kept.client.origin === 'dynamic'
      if (isForgotten) await store.save(key, { ...kept, client: undefined })
      return false
    }
  }

  return {
    async accessToken() {
      const tokens = (await store.load(key))?.tokens
      presented = tokens?.accessToken
      return tokens && { token: tokens.accessToken, type: tokens.tokenType }
    },
    proofs: async () => proofsOf((await store.load(key))?.proofKey),
    renew: challenge =>
      store.exclusively(key, async () => {
        const last = (await store.load(key))?.tokens
        if (last !== undefined && last.accessToken !== presented) return true
        if (last?.refreshToken === undefined) return false
        const found = await discover(server, extractWWWAuthenticateParams(challenge).resourceMetadataUrl, fetch)
        const kept = await store.load(key, found.issuer)
        return kept !== undefined && kept.tokens?.accessToken === presented && (await refresh(found, kept))
      }),
    async obtain(challenge) {
      const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(challenge)
      const found = await discover(server, resourceMetadataUrl, fetch)
      await obtain(found, options.scope ?? scope ?? found.scopesSupported?.join(' '))
    },
    async stepUp(scope, resourceMetadataUrl) {
      const found = await discover(server, resourceMetadataUrl, fetch)
      const before = (await store.load(key, found.issuer))?.tokens?.scopes.join(' ')
      await obtain(found, computeScopeUnion(before, options.scope, scope))
    },
  }
}

/** Errors after which the refresh token will never work again (RFC 6749 §5.2). */
function isFinal(code: string): boolean {
  const final: string[] = [
    OAuthErrorCode.InvalidGrant,
    OAuthErrorCode.InvalidClient,
    OAuthErrorCode.UnauthorizedClient,
    OAuthErrorCode.UnsupportedGrantType,
    OAuthErrorCode.InvalidScope,
    OAuthErrorCode.InvalidTarget,
    OAuthErrorCode.InvalidDpopProof,
  ]
  return final.includes(code)
}

/** From the challenge to the authorization server (RFC 9728 §3, RFC 8414 §3). */
async function discover(server: URL, resourceMetadataUrl: URL | undefined, fetchFn: FetchLike): Promise<Found> {
  const info = await discoverOAuthServerInfo(server, { resourceMetadataUrl, fetchFn })
  const { authorizationServerUrl, authorizationServerMetadata: metadata, resourceMetadata } = info
  const resource = resourceMetadata?.resource
  const requestedResource = resourceUrlFromServerUrl(server)
  if (resource !== undefined && !checkResourceAllowed({ requestedResource, configuredResource: resource })) {
    const problem = `the metadata of ${requestedResource.href} is about another resource, ${resource}`
    throw new DiscoveryError(
      `${problem}: a token for that one must not come here (RFC 9728 section 3.3)`,
      `Use ${resource}. If the server is yours, and this URL is right, declare it as the resource, or set PUBLIC_URL to its origin.`,
    )
  }
  // The SDK then takes the server itself for its authorization server, as clients of 2025-03-26 did.
  if (resourceMetadataUrl && !resourceMetadata && !metadata) {
    const { status } = await fetchFn(resourceMetadataUrl)
    throw new DiscoveryError(
      `${server.href} names its metadata at ${resourceMetadataUrl.href}, and there is none (status ${status})`,
      'If the server is yours, put authRoutes(auth) in front of everything else, at the root. A proxy has to pass on /.well-known/ and /oauth/ as well.',
    )
  }
  const issuer = metadata?.issuer ?? authorizationServerUrl
  return { issuer, authorizationServerUrl, metadata, resource, scopesSupported: resourceMetadata?.scopes_supported }
}

/** Clients that can refresh ask for the scope that brings the refresh token, where there is such a scope. */
function withOfflineAccess(scope: string | undefined, { metadata }: Found, { grantTypes }: Grant): string | undefined {
  const isOffered = metadata?.scopes_supported?.includes('offline_access') && grantTypes.includes(REFRESH)
  return scope && isOffered ? computeScopeUnion(scope, 'offline_access') : scope
}

/** In the order of the MCP specification: registered beforehand, metadata document, dynamic registration. */
async function identify(
  options: AuthorizerOptions,
  found: Found,
  { fetch, redirectUri, scope }: { redirectUri: string | undefined; scope: string | undefined; fetch: FetchLike },
): Promise<ClientIdentity> {
  const { client, clientMetadataUrl, grant, server } = options
  const { authorizationServerUrl, issuer, metadata } = found
  if (options.issuer !== undefined && options.issuer.replace(/\/$/, '') !== issuer.replace(/\/$/, '')) {
    throw new NoClientError(`the client id is for ${options.issuer}, and the server names ${issuer}; nothing was sent`)
  }
  if (client) return { ...client, origin: 'given', redirectUri }
  if (clientMetadataUrl && metadata?.client_id_metadata_document_supported === true) {
    return { clientId: clientMetadataUrl, origin: 'metadata-document', redirectUri, tokenEndpointAuthMethod: 'none' }
  }
  if (metadata && !metadata.registration_endpoint) {
    throw new NoClientError(
      `${issuer} does not let clients register themselves; have one registered there, and give its id by --client-id. If the server is yours, AUTH_BRIDGE=on lets clients register (docs/bridge.md)`,
    )
  }
  const registered = await registerClient(authorizationServerUrl, {
    metadata,
    clientMetadata: {
      client_name: CLIENT_NAME,
      redirect_uris: redirectUri === undefined ? [] : [redirectUri],
      grant_types: [...grant.grantTypes],
      response_types: grant.grantTypes.includes('authorization_code') ? ['code'] : [],
      token_endpoint_auth_method: registeredMethod(metadata?.token_endpoint_auth_methods_supported),
      application_type: 'native',
    },
    scope,
    fetchFn: fetch,
  }).catch(error => {
    throw metadata || !(error instanceof RegistrationRejectedError) ? error : withoutMetadata(server, found)
  })
  return {
    clientId: registered.client_id,
    ...(registered.client_secret && { clientSecret: registered.client_secret }),
    ...(registered.token_endpoint_auth_method && { tokenEndpointAuthMethod: registered.token_endpoint_auth_method }),
    origin: 'dynamic',
    redirectUri,
  }
}

/** Where nothing says what the authorization server has, and there is no registration at the place of 2025-03-26 either. */
function withoutMetadata({ href }: URL, { authorizationServerUrl, resource }: Found): DiscoveryError {
  return resource === undefined
    ? new DiscoveryError(
        `${href} wants a credential, and nothing says where to sign in for it: neither its answer nor ${authorizationServerUrl} has metadata`,
        'A server that takes API keys has no sign-in. If the server is yours and should have one, put authRoutes(auth) in front of everything else, at the root.',
      )
    : new DiscoveryError(
        `the authorization server ${authorizationServerUrl}, which the MCP server names, has no metadata (RFC 8414, OpenID Connect Discovery), so nothing says how to sign in there`,
      )
}

/**
 * Whether the authorization server no longer knows a client that registered by itself. It is asked to revoke a token that nobody has,
 * which changes nothing (RFC 7009 §2.2) and is refused to a client that does not exist. Any other answer, or none, leaves the
 * registration as it is.
 */
async function isForgotten(client: ClientIdentity, { metadata }: Found, fetchFn: FetchLike): Promise<boolean> {
  const { revocation_endpoint: endpoint, revocation_endpoint_auth_methods_supported: methods } = (metadata ??
    {}) as OAuthMetadata
  if (client.origin !== 'dynamic' || client.clientSecret !== undefined || !endpoint) return false
  // One that lets nobody revoke without a secret would refuse every client of this program.
  if (methods?.includes('none') === false) return false
  try {
    const body = new URLSearchParams({ token: 'none', client_id: client.clientId })
    const response = await fetchFn(endpoint, { method: 'POST', body })
    const answer = (await response.json()) as { error?: unknown } | null
    return answer?.error === OAuthErrorCode.InvalidClient
  } catch {
    return false
  }
}

/** A program on a person's machine keeps no secrets (RFC 8252 §8.5), unless the server insists. */
function registeredMethod(supported: readonly string[] | undefined): string {
  if (supported === undefined || supported.length === 0 || supported.includes('none')) return 'none'
  return ['client_secret_basic', 'client_secret_post'].find(method => supported.includes(method)) ?? 'none'
}

async function createProofKey(): Promise<NonNullable<SignIn['proofKey']>> {
  const { alg, privateKey } = await generateDpopKeyPair({ extractable: true })
  return { alg, jwk: { ...(await exportJWK(privateKey)) } }
}

async function openSession({ alg, jwk }: NonNullable<SignIn['proofKey']>): Promise<DpopSession> {
  const { d: _private, ...publicJwk } = jwk
  const [privateKey, publicKey] = await Promise.all([importJWK(jwk, alg), importJWK(publicJwk, alg)])
  const thumbprint = await calculateJwkThumbprint(publicJwk)
  return DpopSession.create({ keyPair: { alg, privateKey, publicKey, publicJwk, thumbprint } as never })
}
