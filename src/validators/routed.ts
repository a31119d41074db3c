import type { ValidatorContext } from '../context.ts'
import { malformed } from '../engines/jws.ts'
import { InvalidTokenError } from '../errors.ts'
import { clip } from '../text.ts'
import type { TokenValidator } from '../token-validator.ts'
import { withVerifyAccessToken } from '../verifier.ts'

/** A validator, and how the tokens meant for it are told apart from those of others. */
export interface Route {
  validator: TokenValidator
  /** Its opaque tokens: those of these shapes, or any that no other one claims, or none. */
  opaqueTokens: OpaqueTokens
}

export type OpaqueTokens = 'none' | 'any' | readonly [TokenShape, ...TokenShape[]]

/** How a token begins, or what all of it looks like. */
export type TokenShape = string | RegExp

export interface RoutingOptions {
  /** Shapes of tokens and secrets of providers that are none of the routes: shown to nobody. Default: none. */
  readonly foreignShapes?: readonly TokenShape[]
}

/**
 * Several validators as one. A JWT goes to the validator that answers for its `iss`, an encrypted one (JWE) to that of the `iss` in its
 * header; an opaque token to the one whose shape it has, else to the one that takes any. Never trial and error: no provider is shown
 * another's tokens, and what is recognizably somebody's who is not here is shown to nobody. What `iss` says is
 * only believed once the validator it leads to has verified it, byte for byte; for the way there a slash at the end counts for
 * nothing, because a validator may know its issuer's spelling only once the metadata is read.
 *
 * @throws {TypeError} Two validators cannot be told apart: the same issuer, the same prefix, or both without a prefix.
 */
export function createRoutedValidator(
  routes: readonly [Route, ...Route[]],
  context: Pick<ValidatorContext, 'resource'>,
  { foreignShapes = [] }: RoutingOptions = {},
): TokenValidator {
  const unclaimed = checkRoutes(routes)
  const issuers = () => routes.flatMap(({ validator }) => validator.issuers)

  function routeOf(token: string): TokenValidator {
    for (const { validator, opaqueTokens } of routes) {
      if (hasShape(token, shapesOf(opaqueTokens))) return validator
    }
    if (hasShape(token, foreignShapes)) {
      throw malformed('a token or secret of a provider that is not configured')
    }
    const issuer = issuerOf(token)
    if (issuer !== undefined) {
      const found = routes.find(({ validator }) => answersFor(validator, issuer))
      if (found) return found.validator
      throw new InvalidTokenError({ kind: 'issuer_unknown', actual: clip(issuer), expected: issuers() })
    }
    if (isEncrypted(token)) throw new InvalidTokenError({ kind: 'token_encrypted' })
    if (unclaimed) return unclaimed
    throw malformed('no provider takes opaque tokens like this one')
  }

  return withVerifyAccessToken(
    {
      get issuers() {
        return issuers()
      },
      serverMetadata: async () => routes[0].validator.serverMetadata?.(),
      async warmUp() {
        const outcomes = await Promise.allSettled(routes.map(({ validator }) => validator.warmUp()))
        for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
      },
      validate: async (token, connection, scheme, sender) => routeOf(token).validate(token, connection, scheme, sender),
    },
    context.resource,
  )
}

function checkRoutes(routes: readonly Route[]): TokenValidator | undefined {
  const prefixes: string[] = []
  for (const route of routes) {
    const { validator, opaqueTokens } = route
    const others = routes.filter(other => other !== route)
    const shared = validator.issuers.find(issuer => others.some(other => answersFor(other.validator, issuer)))
    if (shared) throw new TypeError(`two providers cannot be told apart: both answer for ${shared}`)
    for (const prefix of prefixesOf(opaqueTokens)) {
      if (prefixes.some(other => other.startsWith(prefix) || prefix.startsWith(other))) {
        throw new TypeError(`two providers cannot be told apart: both answer for ${prefix}`)
      }
    }
    prefixes.push(...prefixesOf(opaqueTokens))
  }
  const unclaimed = routes.filter(({ opaqueTokens }) => opaqueTokens === 'any')
  if (unclaimed.length > 1) {
    const names = unclaimed.map(({ validator }) => validator.issuers[0]).join(' and ')
    throw new TypeError(`two providers cannot be told apart: the opaque tokens of ${names} have no prefix`)
  }
  return unclaimed[0]?.validator
}

/** Whether a token says itself that it is this route's: by its shape or by `iss`, not verified. */
export function isClaimed({ validator, opaqueTokens }: Route, token: string): boolean {
  if (hasShape(token, shapesOf(opaqueTokens))) return true
  const issuer = issuerOf(token)
  return issuer !== undefined && answersFor(validator, issuer)
}

/** Whether tokens of an issuer go to a validator. */
export function answersFor(validator: TokenValidator, issuer: string): boolean {
  return validator.issuers.some(known => sameButSlash(known, issuer)) || validator.answersFor?.(issuer) === true
}

const withoutSlash = (issuer: string) => issuer.replace(/\/$/, '')
export const sameButSlash = (a: string, b: string) => withoutSlash(a) === withoutSlash(b)

function shapesOf(opaqueTokens: OpaqueTokens): readonly TokenShape[] {
  return typeof opaqueTokens === 'string' ? [] : opaqueTokens
}

function prefixesOf(opaqueTokens: OpaqueTokens): readonly string[] {
  return shapesOf(opaqueTokens).filter(shape => typeof shape === 'string')
}

export function hasShape(token: string, shapes: readonly TokenShape[]): boolean {
  return shapes.some(shape => (typeof shape === 'string' ? token.startsWith(shape) : shape.test(token)))
}

/**
 * `iss` of a token that reads like a JWT, or in the header of one that reads like a JWE (RFC 7519 §5.3: the claims themselves are
 * encrypted); not verified.
 */
export function issuerOf(token: string): string | undefined {
  const parts = token.split('.', 6)
  if (parts.length < 3) return undefined
  const { iss } = decode(parts[parts.length === 5 ? 0 : 1])
  return typeof iss === 'string' ? iss : undefined
}

/** Whether a token reads like a JWE (RFC 7516 §4.1.2 requires `enc`). */
export function isEncrypted(token: string): boolean {
  const parts = token.split('.', 6)
  return parts.length === 5 && decode(parts[0]).enc !== undefined
}

function decode(part: string | undefined): { readonly iss?: unknown; readonly enc?: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString())
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
