import type { ValidatorContext } from '../context.ts'
import { AuthorizationError, InvalidTokenError } from '../errors.ts'
import type { RefusalReason } from '../reasons.ts'
import { clip } from '../text.ts'
import type { PresentationScheme, TokenSender, TokenValidator, ValidatedToken } from '../token-validator.ts'
import { withVerifyAccessToken } from '../verifier.ts'
import { answersFor, hasShape, isClaimed, isEncrypted, issuerOf, type Route, type RoutingOptions } from './routed.ts'

/** What one side came to. `unavailable` says nothing about the token; `not_asked`: it is another provider's. */
export type ShadowVerdict = 'accepted' | 'refused' | 'unavailable' | 'not_asked'

/** One token, seen by both sides. */
export interface ShadowObservation {
  /** What the request was answered by. */
  readonly active: ShadowVerdict
  /** `skipped`: too many were under way. */
  readonly shadow: ShadowVerdict | 'skipped'
  /** Why the shadow did not accept it. */
  readonly reason?: RefusalReason
  /** Whose token it is, as the side says that accepted it; the one in force first. */
  readonly token?: ValidatedToken
}

/** What the side in force came to. */
type Seen = Pick<ShadowObservation, 'active' | 'token'>

/** How a token came, and from whom. */
interface Presented {
  readonly scheme: PresentationScheme | undefined
  readonly sender: TokenSender | undefined
}

export interface ShadowOptions {
  /** Decides. */
  active: TokenValidator
  /** How tokens for {@link active} are told apart. */
  activeRoutes: readonly Route[]
  /** Looks on. */
  shadow: Route
  /** Shapes of tokens and secrets of providers that are neither: not shown to the shadow. Default: none. */
  foreignShapes?: RoutingOptions['foreignShapes']
  /** Told of every token. Must not throw. */
  onObservation: (observation: ShadowObservation) => void
}

/** Validations by the shadow at once. Nobody waits for them, so nothing else would bound them. */
const MAX_UNDER_WAY = 100

/**
 * A validator that tries another one out. Answers are those of `active`, at the time it has them: the shadow neither refuses
 * nor delays anybody. Each side sees only tokens that are its own, by shape or `iss`; a provider's opaque tokens are never
 * shown to another. Where both answer for an issuer (the same tenant by other rules) both see the token.
 */
export function createShadowValidator(
  { active, activeRoutes, shadow, foreignShapes = [], onObservation }: ShadowOptions,
  context: Pick<ValidatorContext, 'resource'>,
): TokenValidator {
  const activeTakesAny = activeRoutes.some(({ opaqueTokens }) => opaqueTokens === 'any')
  const shadowTakesAny = shadow.opaqueTokens === 'any' && !activeTakesAny
  let underWay = 0

  const isForShadow = (token: string) => isClaimed(shadow, token) || (shadowTakesAny && isNobodys(token))
  const isNobodys = (token: string) =>
    issuerOf(token) === undefined && !isEncrypted(token) && !hasShape(token, foreignShapes) && !isOfActive(token)
  const isOfActive = (token: string) => activeRoutes.some(route => isClaimed(route, token))

  async function look(token: string, { scheme, sender }: Presented, seen: Seen): Promise<void> {
    if (underWay >= MAX_UNDER_WAY) return onObservation({ ...seen, shadow: 'skipped' })
    underWay++
    try {
      const accepted = await shadow.validator.validate(token, undefined, scheme, sender)
      onObservation({ ...seen, shadow: 'accepted', token: seen.token ?? accepted })
    } catch (error) {
      onObservation({ ...seen, shadow: verdictOf(error), reason: reasonOf(error) })
    } finally {
      underWay--
    }
  }

  async function decide(
    token: string,
    connection?: object,
    scheme?: PresentationScheme,
    sender?: TokenSender,
  ): Promise<ValidatedToken> {
    if (isForShadow(token) && !isOfActive(token)) {
      void look(token, { scheme, sender }, { active: 'not_asked' })
      throw new InvalidTokenError({ kind: 'issuer_unknown', actual: clip(issuerOf(token)), expected: active.issuers })
    }
    const report = isForShadow(token)
      ? (seen: Seen) => void look(token, { scheme, sender }, seen)
      : (seen: Seen) => onObservation({ ...seen, shadow: 'not_asked' })
    try {
      const accepted = await active.validate(token, connection, scheme, sender)
      report({ active: 'accepted', token: accepted })
      return accepted
    } catch (error) {
      report({ active: verdictOf(error) })
      throw error
    }
  }

  return withVerifyAccessToken(
    {
      get issuers() {
        return active.issuers
      },
      answersFor: issuer => answersFor(active, issuer),
      serverMetadata: active.serverMetadata,
      warmUp: () => active.warmUp(),
      validate: decide,
    },
    context.resource,
  )
}

function verdictOf(error: unknown): 'refused' | 'unavailable' {
  return error instanceof InvalidTokenError ? 'refused' : 'unavailable'
}

function reasonOf(error: unknown): RefusalReason | undefined {
  return error instanceof AuthorizationError ? error.reason : undefined
}
