import { requireScopes } from '../bearer/assert-scopes.ts'
import { authInfoOf } from '../bearer/auth-info.ts'
import { createGate, type Decision } from '../bearer/authenticator.ts'
import type { ProofCheck } from '../bearer/dpop.ts'
import type { Refusal } from '../bearer/refusal.ts'
import { protectedResourceMetadata, protectedResourceMetadataUrl } from '../metadata/protected-resource.ts'
import type { TokenValidator, ValidatedToken, VerifiedAuthInfo } from '../token-validator.ts'

/**
 * Answers a request whose token was accepted.
 *
 * @param accepted - `authInfo` is what `createMcpHandler(…).fetch` and the web-standard transports of the MCP SDKs take.
 */
export type BearerHandler = (
  request: Request,
  accepted: { token: ValidatedToken; authInfo: VerifiedAuthInfo },
) => Response | Promise<Response>

export interface BearerFetchOptions {
  validator: TokenValidator
  /** Identifier of this server (RFC 8707); path and URL of its metadata follow from it (RFC 9728 §3.1). */
  resource: string
  /** Scopes that the metadata names. Default: `requiredScopes`. */
  scopesSupported?: readonly string[]
  /** Scopes that a client should ask for at first. Default: `requiredScopes`. */
  defaultScopes?: readonly string[]
  /** Scopes that every request needs. Default: none. */
  requiredScopes?: readonly string[]
  /** Checks proofs of possession: `createProofCheck`. Default: tokens that are bound to a key are refused. */
  dpop?: ProofCheck
  /** Told every decision, for logs and metrics. Must not throw. */
  onDecision?: (decision: Decision) => void
}

/**
 * A handler for runtimes where a server is a function from `Request` to `Response`. Serves the protected resource metadata
 * (RFC 9728) by itself, and passes on requests with a good access token only. Checks neither `Host` nor `Origin`.
 *
 * Answers by itself with 400, 401, 403, 500 or 503; see `refusal` for the table. What the handler throws is not caught.
 */
export function bearerFetch(
  options: BearerFetchOptions,
  handler: BearerHandler,
): (request: Request) => Promise<Response> {
  const { validator, resource, requiredScopes = [], scopesSupported = requiredScopes } = options
  const resourceMetadataUrl = protectedResourceMetadataUrl(resource)
  const metadataPath = new URL(resourceMetadataUrl).pathname
  const gate = createGate({
    validator,
    resourceMetadataUrl,
    defaultScopes: options.defaultScopes ?? requiredScopes,
    dpop: options.dpop,
    onDecision: options.onDecision,
  })

  async function serveMetadata(): Promise<Response> {
    // How the issuer is spelled may be known from the provider only.
    await validator.warmUp().catch(() => {})
    const metadata = protectedResourceMetadata({
      resource,
      authorizationServers: validator.issuers,
      scopesSupported,
      dpop: options.dpop,
    })
    return Response.json(metadata, {
      headers: { 'Cache-Control': 'public, max-age=300', 'Access-Control-Allow-Origin': '*' },
    })
  }

  async function serve(request: Request): Promise<Response> {
    const authorization = request.headers.get('authorization') ?? undefined
    let token: ValidatedToken | undefined
    try {
      token = await gate.authenticatePresented({
        authorization,
        // `Headers` joins repeated ones by a comma, which no token contains.
        authorizationCount: 1,
        url: request.url,
        method: request.method,
        proof: request.headers.get('dpop') ?? undefined,
      })
      requireScopes(token, requiredScopes)
    } catch (error) {
      return responseOf(gate.refusalOf(error, authorization, token))
    }
    gate.accept(token)
    return handler(request, { token, authInfo: authInfoOf(token, authorization, resource) })
  }

  return async request => {
    const isMetadata = request.method === 'GET' && new URL(request.url).pathname === metadataPath
    return isMetadata ? serveMetadata() : serve(request)
  }
}

function responseOf({ status, headers, body }: Refusal): Response {
  return Response.json(body, { status, headers })
}
