import {
  allowInsecureRequests,
  type ClientAuth,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  type CryptoKey,
  customFetch,
  PrivateKeyJwt,
  tokenIntrospection,
} from 'openid-client'
import { type CompleteContext, completeContext, type ValidatorContext } from '../context.ts'
import { AuthorizationError, clip, InvalidTokenError, MisconfigurationError } from '../errors.ts'
import type { TokenValidator } from '../token-validator.ts'
import { createCachedValidator } from '../validators/cached.ts'
import { type ClaimRules, type Claims, createClaimJudge, explained } from './claim-judge.ts'
import { createDiscovery, type IssuerChoice, issuerInForce } from './discovery.ts'
import { createLimiter } from './limiter.ts'
import { askProvider, type ProviderAnswer, unusable } from './provider-request.ts'

/** How this server authenticates at the introspection endpoint. */
export type ClientCredentials =
  | { method: 'client_secret_basic' | 'client_secret_post'; clientId: string; clientSecret: string }
  /** `keyId` becomes the `kid` of the assertion. */
  | { method: 'private_key_jwt'; clientId: string; privateKey: CryptoKey; keyId?: string }

export interface IntrospectionValidatorOptions extends ClaimRules {
  /** Authorization server, as its metadata spells it. An `iss` in an answer must equal it; an absent one is taken for it. */
  issuer: string | IssuerChoice
  /** Where the metadata is. Default: the well-known places that follow from the issuer. */
  metadataUrl?: string
  /** Skips discovery. */
  introspectionEndpoint?: string
  credentials: ClientCredentials
}

/** Not a token of anybody's: asked about once, to learn whether the endpoint takes our credentials. */
const PROBE = 'idplug-warm-up'

/**
 * Validates access tokens by asking the authorization server (RFC 7662).
 * Checks `active`, `iss` and `token_type` when present, `cnf`, `aud` (an absent one is refused), `exp`, `nbf`, `iat`. Does not
 * check scope: the operation does. An answer without `sub` is refused unless `tokensWithoutSubject` says that it is about a token
 * of the client's own.
 *
 * `validate` throws `MisconfigurationError` when the endpoint refuses our credentials (401, or `invalid_client`) or the
 * request, and `ValidatorUnavailableError` for timeouts, 429, 5xx and answers that are not what RFC 7662 §2.2 says.
 * The server may start later than we do: nothing is asked before the first use, and failures are tried again.
 */
export function createIntrospectionValidator(
  options: IntrospectionValidatorOptions,
  surroundings: ValidatorContext,
): TokenValidator {
  const context = completeContext(surroundings)
  const { credentials, introspectionEndpoint } = options
  const discovery = createDiscovery({ ...options, member: 'introspection_endpoint' }, context)
  const issuer = issuerInForce(options.issuer, discovery)
  const endpointOf = async () => introspectionEndpoint ?? ((await discovery.get()).introspection_endpoint as string)
  const judge = createClaimJudge(options, 'optional', context)
  const authentication = clientAuthentication(credentials)
  let configuration: { endpoint: string; client: Configuration } | undefined

  function clientFor(endpoint: string): Configuration {
    if (configuration?.endpoint !== endpoint) {
      const metadata = { issuer: issuer(), introspection_endpoint: endpoint }
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

  async function introspect(token: string): Promise<Claims> {
    const endpoint = await endpointOf()
    try {
      return await tokenIntrospection(clientFor(endpoint), token, { token_type_hint: 'access_token' })
    } catch (error) {
      // The library's errors hold request and response in their causes; none of that may get into a log.
      if (!(error instanceof ClientError)) throw error
      throw error.cause instanceof AuthorizationError ? error.cause : unusable(endpoint, error.message)
    }
  }

  const limited = createLimiter(issuer)
  let probed = false
  return createCachedValidator(
    {
      get issuers() {
        return [issuer()]
      },
      serverMetadata: () => discovery.get(),
      async warmUp() {
        await endpointOf()
        if (!probed) await introspect(PROBE)
        probed = true
      },
      async decide(token) {
        const claims = await limited(() => introspect(token))
        try {
          refuseInactive(claims, issuer())
          return judge(issuer(), claims)
        } catch (error) {
          throw explained(error, options.explain, { header: {}, claims })
        }
      },
    },
    context,
  )
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

function refuseInactive(claims: Claims, issuer: string): void {
  if (claims.active !== true) throw new InvalidTokenError({ kind: 'inactive' })
  if (claims.iss !== undefined && claims.iss !== issuer) {
    throw new InvalidTokenError({ kind: 'issuer_mismatch', actual: clip(claims.iss), expected: [issuer] })
  }
  if (claims.token_type === undefined) return
  const type = typeof claims.token_type === 'string' ? claims.token_type.toLowerCase() : undefined
  // Bound, and nothing says to which key.
  if (type === 'dpop' && !claims.cnf) {
    throw new InvalidTokenError({ kind: 'sender_constrained', confirmation: 'DPoP' })
  }
  if (type !== 'bearer' && type !== 'dpop') {
    throw new InvalidTokenError({
      kind: 'type_mismatch',
      actual: clip(claims.token_type),
      expected: ['Bearer', 'DPoP'],
    })
  }
}
