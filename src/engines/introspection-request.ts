import {
  allowInsecureRequests,
  type ClientAuth,
  ClientError,
  ClientSecretPost,
  Configuration,
  customFetch,
  PrivateKeyJwt,
  tokenIntrospection,
} from 'openid-client'
import { basicCredentials } from '../basic-credentials.ts'
import type { CompleteContext } from '../context.ts'
import { AuthorizationError, MisconfigurationError } from '../errors.ts'
import type { Claims } from './claim-judge.ts'
import type { ClientCredentials } from './introspection.ts'
import { askProvider, oauthErrorCode, type ProviderAnswer, unusable } from './provider-request.ts'

/** Error codes that are about the token: of oidc-provider, which introspects no JWTs (RFC 7009 §2.2.1), and of RFC 6750 §3.1. */
const TOKEN_ERRORS: readonly unknown[] = ['unsupported_token_type', 'invalid_token']

/** Error codes of a server that cannot answer now, whatever the status (RFC 6749 §4.1.2.1). */
const OUTAGE_ERRORS = ['temporarily_unavailable', 'server_error']

/** Asks about one token. @throws As `askProvider` does, and for answers that RFC 7662 does not know. */
export type IntrospectionRequest = (
  token: string,
  server: { readonly endpoint: string; readonly issuer: string },
) => Promise<Claims>

/**
 * Introspection requests (RFC 7662 §2.1) with the credentials of this server.
 *
 * @param hasWorked - Whether the endpoint has answered a request of ours; then it refuses tokens rather than this server.
 */
export function createIntrospectionRequest(
  credentials: ClientCredentials,
  context: CompleteContext,
  hasWorked: () => boolean,
): IntrospectionRequest {
  const authentication = clientAuthentication(credentials)
  let configuration: { endpoint: string; client: Configuration } | undefined

  function clientFor(endpoint: string, issuer: string): Configuration {
    if (configuration?.endpoint !== endpoint) {
      const metadata = { issuer, introspection_endpoint: endpoint }
      const clientId = credentials.method === 'bearer' ? NO_CLIENT : credentials.clientId
      const client = new Configuration(metadata, clientId, undefined, authentication)
      client.timeout = undefined // askProvider has its own, which covers the body as well
      client[customFetch] = (url, init) =>
        askProvider(
          context,
          { operation: 'introspection', url, init: { ...init, body: init.body as URLSearchParams } },
          answer => readAnswer(answer, context, hasWorked()),
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

/** The library wants a client id; with a bearer token none is sent. */
const NO_CLIENT = 'none'

function clientAuthentication(credentials: ClientCredentials): ClientAuth {
  switch (credentials.method) {
    case 'client_secret_basic':
      // The library encodes - and . as well, which not every server decodes.
      return (_server, { client_id }, _body, headers) =>
        headers.set('authorization', basicCredentials(client_id, credentials.clientSecret))
    case 'client_secret_post':
      return ClientSecretPost(credentials.clientSecret)
    case 'private_key_jwt':
      return PrivateKeyJwt({ key: credentials.privateKey, kid: credentials.keyId })
    case 'bearer':
      return (_server, _client, _body, headers) => headers.set('authorization', `Bearer ${credentials.accessToken}`)
  }
}

/** Lets only a JSON object with status 200 reach the library; most else says something about us, not about the token. */
function readAnswer(answer: ProviderAnswer, context: CompleteContext, hasWorked: boolean): Response {
  const { endpoint, status, text } = answer
  if (status === 200) {
    answer.json()
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  }
  const error = oauthErrorCode(answer)
  if (hasWorked && status === 400 && TOKEN_ERRORS.includes(error)) return Response.json({ active: false })
  if (error && OUTAGE_ERRORS.includes(error)) throw unusable(endpoint, error)
  const ours = status === 401 || error === 'invalid_client'
  if (ours) {
    context.observer?.warning?.('The provider refuses the credentials of this server.', { endpoint, status, error })
  }
  const kind = ours ? 'own_credentials_refused' : 'endpoint_refused_request'
  throw new MisconfigurationError({ kind, endpoint, status, error })
}
