import { randomBytes } from 'node:crypto'
import {
  type AddClientAuthentication,
  type AuthorizationServerMetadata,
  createPrivateKeyJwtAuth,
  type DpopSession,
  exchangeAuthorization,
  type FetchLike,
  fetchToken,
  OAuthError,
  type OAuthTokens,
  requestJwtAuthorizationGrant,
  startAuthorization,
  validateAuthorizationResponseIssuer,
} from '@modelcontextprotocol/client'
import { allowInsecureRequests, customFetch, discovery } from 'openid-client'
import { assertSafeUrl } from './guarded-fetch.ts'
import type { ClientIdentity } from './sign-ins.ts'

/** What is known when a token is to be got. */
export interface GrantContext {
  readonly server: URL
  readonly issuer: string
  readonly authorizationServerUrl: string
  readonly metadata: AuthorizationServerMetadata | undefined
  /** As the protected resource metadata spells it (RFC 8707). */
  readonly resource: string | undefined
  readonly scope: string | undefined
  readonly dpop: DpopSession | undefined
  readonly fetch: FetchLike
  /** Redirect URI of the client that was registered before. */
  readonly keptRedirectUri: string | undefined
  /** The client to be; registered now if it has to be. */
  client(redirectUri?: string): Promise<ClientIdentity>
}

/** A way to get a token. */
export interface Grant {
  /** As registered (RFC 7591 §2). */
  readonly grantTypes: readonly string[]
  /** @throws {OAuthError} What the authorization server answered. */
  obtain(context: GrantContext): Promise<OAuthTokens>
}

/** A browser, and a place where it returns to. */
export interface Visit {
  readonly redirectUri: string
  /** Sends the person there; resolves with the parameters that the browser comes back with. */
  go(url: URL): Promise<URLSearchParams>
  close(): void
}

/** The answer to the authorization request is not one to this request. */
export class ForeignAnswerError extends Error {
  override name = 'ForeignAnswerError'
}

/**
 * The authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636), for a person with a browser. `state` and `iss` are checked
 * before anything else of the answer is believed (RFC 9207 §2.4).
 *
 * @param open - Makes the visit; takes the redirect URI that is registered already, if there is one.
 */
export function authorizationCodeGrant(open: (keptRedirectUri?: string) => Promise<Visit>): Grant {
  return {
    grantTypes: ['authorization_code', 'refresh_token'],
    async obtain(context) {
      const { authorizationServerUrl, dpop, fetch, metadata, resource, scope } = context
      const visit = await open(context.keptRedirectUri)
      try {
        const client = informationOf(await context.client(visit.redirectUri))
        const state = randomBytes(32).toString('base64url')
        const { authorizationUrl, codeVerifier } = await startAuthorization(authorizationServerUrl, {
          metadata,
          clientInformation: client,
          redirectUrl: visit.redirectUri,
          scope,
          state,
          resource,
        })
        if (dpop) authorizationUrl.searchParams.set('dpop_jkt', dpop.thumbprint)
        assertSafeUrl(authorizationUrl, context.server, 'the authorization endpoint')

        const answer = await visit.go(authorizationUrl)
        if (answer.get('state') !== state) throw new ForeignAnswerError('state is not that of the request')
        const iss = answer.get('iss') ?? undefined
        const issParameterSupported = metadata?.authorization_response_iss_parameter_supported === true
        validateAuthorizationResponseIssuer({ iss, expectedIssuer: metadata?.issuer, issParameterSupported })
        const error = answer.get('error')
        if (error) throw new OAuthError(error, answer.get('error_description') ?? '')
        const authorizationCode = answer.get('code')
        if (!authorizationCode) throw new ForeignAnswerError('it has neither a code nor an error')

        const redirectUri = visit.redirectUri
        const exchange = { authorizationCode, clientInformation: client, codeVerifier, iss, redirectUri }
        return await exchangeAuthorization(authorizationServerUrl, {
          ...exchange,
          metadata,
          resource,
          dpop,
          fetchFn: fetch,
        })
      } finally {
        visit.close()
      }
    },
  }
}

export interface MachineKey {
  /** PKCS #8 in PEM. */
  readonly privateKey: string
  readonly algorithm: string
}

/**
 * The client credentials grant (RFC 6749 §4.4), for a machine.
 *
 * @param key - Authenticates by `private_key_jwt` (RFC 7523 §2.2). Default: by the client's secret.
 */
export function clientCredentialsGrant(key?: MachineKey): Grant {
  return {
    grantTypes: ['client_credentials'],
    async obtain(context) {
      const client = await context.client()
      const { clientId } = client
      const signed = key && { privateKey: key.privateKey, alg: key.algorithm }
      const authenticate = signed && createPrivateKeyJwtAuth({ issuer: clientId, subject: clientId, ...signed })
      return requestToken(context, client, { grant_type: 'client_credentials' }, authenticate)
    },
  }
}

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/**
 * The JWT bearer grant (RFC 7523 §2.1) with a token that the platform gave the workload, such as a pipeline's or a pod's.
 *
 * @param assertion - Reads it; called for every token, since platforms renew theirs.
 */
export function workloadGrant(assertion: () => Promise<string>): Grant {
  return {
    grantTypes: [JWT_BEARER],
    obtain: async context =>
      requestToken(context, await context.client(), { grant_type: JWT_BEARER, assertion: await assertion() }),
  }
}

export interface IdentityProvider {
  readonly url: string
  readonly clientId: string
  readonly clientSecret?: string
  /** Reads the person's ID token. */
  idToken(): Promise<string>
}

/**
 * Enterprise-managed authorization: the person's ID token becomes an assertion at the company's identity provider (RFC 8693), and
 * that a token at the authorization server of the MCP server (RFC 7523), without anybody's consent.
 */
export function identityAssertionGrant({ url, clientId, clientSecret, idToken }: IdentityProvider): Grant {
  return {
    grantTypes: [JWT_BEARER],
    async obtain(context) {
      const client = await context.client()
      const idp = new URL(url)
      assertSafeUrl(idp, context.server, 'the identity provider')
      const { token_endpoint: tokenEndpoint } = await discoverProvider(idp, clientId, context.fetch)
      if (!tokenEndpoint) throw new Error(`${url} has no token endpoint in its metadata`)
      const { jwtAuthGrant } = await requestJwtAuthorizationGrant({
        tokenEndpoint,
        audience: context.issuer,
        resource: context.resource ?? context.server.href,
        idToken: await idToken(),
        clientId,
        clientSecret,
        scope: context.scope,
        fetchFn: context.fetch,
      })
      return requestToken(context, client, { grant_type: JWT_BEARER, assertion: jwtAuthGrant })
    },
  }
}

/** Metadata of a provider that need not be all that OpenID Connect asks for: only its token endpoint is used. */
async function discoverProvider(url: URL, clientId: string, fetch: FetchLike) {
  const options = {
    execute: [allowInsecureRequests],
    [customFetch]: (target: string, init: object) => fetch(target, init),
  }
  return (await discovery(url, clientId, undefined, undefined, options)).serverMetadata()
}

/** One request to the token endpoint, never repeated with anything else. */
async function requestToken(
  { authorizationServerUrl, dpop, fetch, metadata, resource, scope }: GrantContext,
  client: ClientIdentity,
  parameters: Record<string, string>,
  addClientAuthentication?: AddClientAuthentication,
): Promise<OAuthTokens> {
  const unused = () => {
    throw new Error('not for grants without a browser')
  }
  const provider = {
    redirectUrl: undefined,
    clientMetadata: { redirect_uris: [] },
    clientInformation: () => informationOf(client),
    tokens: () => undefined,
    saveTokens: unused,
    redirectToAuthorization: unused,
    saveCodeVerifier: unused,
    codeVerifier: unused,
    prepareTokenRequest: () => new URLSearchParams({ ...parameters, ...(scope && { scope }) }),
    dpop: () => dpop,
    // A client without a secret has no authentication but its id (RFC 6749 §3.2.1).
    ...(addClientAuthentication && { addClientAuthentication }),
  }
  return fetchToken(provider, authorizationServerUrl, { metadata, resource, scope, fetchFn: fetch })
}

/** As the SDK takes it. */
export function informationOf({ clientId, clientSecret, tokenEndpointAuthMethod }: ClientIdentity) {
  return {
    client_id: clientId,
    ...(clientSecret && { client_secret: clientSecret }),
    ...(tokenEndpointAuthMethod && { token_endpoint_auth_method: tokenEndpointAuthMethod }),
  }
}
