import { completeContext, type ValidatorContext } from '../context.ts'
import type { ServerMetadata, TokenValidator } from '../token-validator.ts'
import { createCachedValidator } from '../validators/cached.ts'
import { type ClaimRules, type Claims, createClaimJudge, explained } from './claim-judge.ts'
import { askProvider, type ProviderAnswer, type ProviderRequest } from './provider-request.ts'
import { createTokenGate } from './token-gate.ts'

/** A request to a check endpoint. */
export type CheckRequest = Omit<ProviderRequest, 'operation'>

export interface CheckEndpointValidatorOptions extends ClaimRules {
  /**
   * Authorization server that clients are sent to; a function where only the metadata tells its exact spelling. Answers need not
   * name it: the endpoint knows its own tokens only.
   */
  issuer: string | (() => string)
  /** Default: the provider publishes none that is read here. */
  serverMetadata?(): Promise<ServerMetadata>
  /** Whether an answer without `exp` is refused, or the token accepted until the end of its time in the cache. */
  expiry: 'required' | 'optional'
  /** Well-formed, and not a token of anybody's: asked about to learn whether the endpoint works, and answers us. */
  probe: string
  /**
   * Refuses what the endpoint is not to be shown: tokens of another kind, or none of the provider's. Default: it is shown all.
   *
   * @throws {InvalidTokenError}
   */
  precheck?(token: string): void
  /**
   * How the endpoint is asked.
   *
   * @throws {MisconfigurationError | ValidatorUnavailableError} Where the endpoint is has to be found out first, and cannot be.
   */
  request(token: string): CheckRequest | Promise<CheckRequest>
  /**
   * What an answer says, with numbers as numbers and `exp` in seconds since the Unix epoch. Must leave the token out.
   *
   * @throws {InvalidTokenError} The endpoint does not stand for the token.
   * @throws {MisconfigurationError} It refuses this server.
   * @throws {ValidatorUnavailableError} It says nothing about the token.
   */
  read(answer: ProviderAnswer): Claims
}

/**
 * Validates opaque tokens at an endpoint of the provider's own making, where RFC 7662 is not spoken.
 * Checks what `read` and the claim rules say: the client or audience, `exp`, `nbf` and `iat`. Does not check scope: the
 * operation does. Answers are remembered by `createCachedValidator`; `validate` throws what `askProvider` and `read` throw.
 */
export function createCheckEndpointValidator(
  options: CheckEndpointValidatorOptions,
  surroundings: ValidatorContext,
): TokenValidator {
  const context = completeContext(surroundings)
  const { probe, precheck, request, read } = options
  const issuer = () => (typeof options.issuer === 'string' ? options.issuer : options.issuer())
  // What the endpoint checks are access tokens; `precheck` keeps others from it.
  const judge = createClaimJudge({ ...options, tokenKind: options.tokenKind ?? null }, options.expiry, context)
  const ask = async (token: string) => askProvider(context, { ...(await request(token)), operation: 'check' }, read)

  const gate = createTokenGate({ endpoint: issuer, trial: () => ask(probe), now: context.now })
  return createCachedValidator(
    {
      get issuers() {
        return [issuer()]
      },
      serverMetadata: options.serverMetadata,
      warmUp: gate.warmUp,
      async decide(token, sender) {
        precheck?.(token)
        const claims = await gate.ask(() => ask(token), sender)
        try {
          return judge(issuer(), claims)
        } catch (error) {
          throw explained(error, options.explain, { header: {}, claims })
        }
      },
    },
    context,
  )
}
