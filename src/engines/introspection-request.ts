import {
  allowInsecureRequests,
  type ClientAuth,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  PrivateKeyJwt,
  tokenIntrospection,
} from 'openid-client'
import type { CompleteContext } from '../context.ts'
import { AuthorizationError, MisconfigurationError } from '../errors.ts'
import type { Claims } from './claim-judge.ts'
import type { ClientCredentials } from './introspection.ts'
import { askProvider, type ProviderAnswer, unusable } from './provider-request.ts'

/** Asks about one token. @throws As `askProvider` does, and for answers that RFC 7662 does not know. */
export type IntrospectionRequest = (
  token: string,
  server: { readonly endpoint: string; readonly issuer: string },
) => Promise<Claims>

/** Introspection requests (RFC 7662 §2.1) with the credentials of this server. */
export function createIntrospectionRequest(
  credentials: ClientCredentials,
  context: CompleteContext,
): IntrospectionRequest {
  const authentication = clientAuthentication(credentials)
  let configuration: { endpoint: string; client: Configuration } | undefined

  function clientFor(endpoint: string, issuer: string): Configuration {
    if (configuration?.endpoint !== endpoint) {
      const metadata = { issuer, introspection_endpoint: endpoint }
      const client = new Configuration(metadata, credentials.clientId, undefined, authentication)
      client.timeout = undefined // askProvider has its own, which covers the body as well
      client[customFetch] = (url, init) =>
        askProvider(
          context,
          { operation: 'introspection', url, init: { ...init, body: init.body as URLSearchParams } },
          answer => readAnswer(answer, context),
        )
      allowInsecureRequests(client) // askProvider has the finer rule: loopback only
      configuration = { endpoint, client }
    }
    return configuration.client
  }

  return async (token, { endpoint, issuer }) => {
    try {
      return await tokenIntrospection(clientFor(endpoint, issuer), token, { token_type_hint: 'access_token' })
    } catch (error) {
      // The library's errors hold request and response in their causes; none of that may get into a log.
      if (!(error instanceof ClientError)) throw error
      throw error.cause instanceof AuthorizationError ? error.cause : unusable(endpoint, error.message)
    }
  }
}

function clientAuthentication(credentials: ClientCredentials): ClientAuth {
  switch (credentials.method) {
    case 'client_secret_basic':
      return ClientSecretBasic(credentials.clientSecret)
    case 'client_secret_post':
      return ClientSecretPost(credentials.clientSecret)
    case 'private_key_jwt':
      return PrivateKeyJwt({ key: credentials.privateKey, kid: credentials.keyId })
  }
}

/** Lets only a JSON object with status 200 reach the library; anything else says something about us, not about the token. */
function readAnswer(answer: ProviderAnswer, context: CompleteContext): Response {
  const { endpoint, status, text } = answer
  if (status === 200) {
    answer.json()
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  }
  const error = oauthErrorCode(answer)
  const ours = status === 401 || error === 'invalid_client'
  if (ours) {
    context.observer?.warning?.('The provider refuses the credentials of this server.', { endpoint, status, error })
  }
  const kind = ours ? 'own_credentials_refused' : 'endpoint_refused_request'
  throw new MisconfigurationError({ kind, endpoint, status, error })
}

/** `error` of an OAuth error body (RFC 6749 §5.2); `undefined` for anything that does not look like one. */
function oauthErrorCode(answer: ProviderAnswer): string | undefined {
  try {
    const { error } = answer.json()
    return typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : undefined
  } catch {
    return undefined
  }
}
