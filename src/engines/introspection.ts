import type { webcrypto } from 'node:crypto'
import { completeContext, type ValidatorContext } from '../context.ts'
import { InvalidTokenError } from '../errors.ts'
import { clip } from '../text.ts'
import type { TokenValidator } from '../token-validator.ts'
import { createCachedValidator } from '../validators/cached.ts'
import { type ClaimRules, type Claims, createClaimJudge, explained } from './claim-judge.ts'
import { createDiscovery, type IssuerChoice, issuerInForce } from './discovery.ts'
import { refuseForeignToken } from './foreign-token.ts'
import { createIntrospectionClient } from './introspection-client.ts'
import { createTokenGate } from './token-gate.ts'
import { isAccessToken, refuseOtherToken } from './token-kind.ts'

/** How this server authenticates at the introspection endpoint. */
export type ClientCredentials =
  | { method: 'client_secret_basic' | 'client_secret_post'; clientId: string; clientSecret: string }
  /** `keyId` becomes the `kid` of the assertion. */
  | { method: 'private_key_jwt'; clientId: string; privateKey: webcrypto.CryptoKey; keyId?: string }
  /** An access token of this server's own, as RFC 7662 §2.1 allows; then it needs no client. */
  | { method: 'bearer'; accessToken: string }

export interface IntrospectionValidatorOptions extends ClaimRules {
  /** Authorization server, as its metadata spells it. An `iss` in an answer must equal it; an absent one is taken for it. */
  issuer: string | IssuerChoice
  /** Where the metadata is, or may be, in this order. Default: the well-known places that follow from the issuer. */
  metadataUrl?: string | readonly string[]
  /** What an `iss` in an answer must equal one of, where that is not the issuer. Default: `issuer`. */
  accessTokenIssuers?: readonly [string, ...string[]]
  /** Skips discovery. */
  introspectionEndpoint?: string
  /**
   * Whether an answer must say that it is about an access token, by `token_type` (RFC 7662 §2.2, OPTIONAL) or a mark of the server's
   * own: some endpoints answer for refresh tokens in the same words and leave only that out. Default: as soon as one answer of
   * the server has said so.
   */
  requireTokenType?: boolean
  credentials: ClientCredentials
}

/**
 * Validates access tokens by asking the authorization server (RFC 7662).
 * A token that itself names another issuer is refused without asking. Of the answer, checks `active`, `iss` when present, that it is about
 * an access token, `cnf`, `aud` (an absent one is refused), `exp`, `nbf`, `iat`. Does not check scope: the operation does. An answer without `sub` is refused unless `tokensWithoutSubject` says that it is about a token
 * of the client's own.
 *
 * `validate` throws `MisconfigurationError` when the endpoint refuses our credentials (401, or `invalid_client`) or the
 * request; once it has answered one, a request that it refuses with 400 for the sake of the token is about an inactive token. It
 * throws `ValidatorUnavailableError` for timeouts, 429, 5xx and answers that are not what RFC 7662 §2.2 says.
 * The server may start later than we do: nothing is asked before the first use. While it fails no token is sent to it: after
 * each back-off, one trial for everybody tells whether it works again.
 */
export function createIntrospectionValidator(
  options: IntrospectionValidatorOptions,
  surroundings: ValidatorContext,
): TokenValidator {
  const context = completeContext(surroundings)
  const { credentials, introspectionEndpoint, accessTokenIssuers } = options
  const discovery = createDiscovery({ ...options, member: 'introspection_endpoint' }, context)
  const issuer = issuerInForce(options.issuer, discovery)
  const endpointOf = async () => introspectionEndpoint ?? ((await discovery.get()).introspection_endpoint as string)
  const judge = createClaimJudge(options, 'optional', context)
  const client = createIntrospectionClient(
    { credentials, endpoint: endpointOf, issuer, metadata: () => discovery.get() },
    context,
  )

  /** Whether this server is known to mark access tokens. */
  let marksAccessTokens = false

  function refuseUnmarked(claims: Claims): void {
    if (isAccessToken(claims, {}, options.tokenKind ?? {})) {
      marksAccessTokens = true
    } else if (options.requireTokenType ?? marksAccessTokens) {
      // What the token is, where the answer says so, is the better reason.
      refuseOtherToken(claims)
      throw new InvalidTokenError({
        kind: 'type_mismatch',
        actual: '(no token_type)',
        expected: ['Bearer', 'DPoP'],
      })
    }
  }

  const gate = createTokenGate({ endpoint: issuer, trial: client.tryOut, now: context.now })
  return createCachedValidator(
    {
      get issuers() {
        return [issuer()]
      },
      answersFor: accessTokenIssuers && (actual => actual === issuer() || accessTokenIssuers.includes(actual)),
      serverMetadata: () => discovery.get(),
      async warmUp() {
        await endpointOf()
        await gate.warmUp()
      },
      async decide(token, sender) {
        const explain = (error: unknown, claims: Claims) => explained(error, options.explain, { header: {}, claims })
        try {
          refuseForeignToken(token, [issuer(), ...(accessTokenIssuers ?? [])])
        } catch (error) {
          throw explain(error, {})
        }
        const claims = await gate.ask(() => client.ask(token), sender)
        try {
          refuseInactive(claims, accessTokenIssuers ?? [issuer()])
          refuseUnmarked(claims)
          return judge(issuer(), claims)
        } catch (error) {
          throw explain(error, claims)
        }
      },
    },
    context,
  )
}

function refuseInactive(claims: Claims, issuers: readonly string[]): void {
  if (claims.active !== true) throw new InvalidTokenError({ kind: 'inactive' })
  const { iss, token_type: type, cnf } = claims
  if (iss !== undefined && iss !== null && !issuers.includes(iss as string)) {
    throw new InvalidTokenError({ kind: 'issuer_mismatch', actual: clip(iss), expected: issuers })
  }
  // Bound, and nothing says to which key.
  if (typeof type === 'string' && type.toLowerCase() === 'dpop' && !cnf) {
    throw new InvalidTokenError({ kind: 'sender_constrained', confirmation: 'DPoP' })
  }
}
