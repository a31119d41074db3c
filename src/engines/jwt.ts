import { isAbsent, isThere } from '../absent.ts'
import { type CompleteContext, completeContext, type ValidatorContext } from '../context.ts'
import { InvalidTokenError } from '../errors.ts'
import { clip } from '../text.ts'
import type { TokenValidator } from '../token-validator.ts'
import { createCachedValidator } from '../validators/cached.ts'
import { type ClaimRules, type Claims, claimInvalid, claimMissing, createClaimJudge, explained } from './claim-judge.ts'
import { createDiscovery, type IssuerChoice, issuerInForce } from './discovery.ts'
import { normalizedType, parsePart, readHeader, signedParts } from './jws.ts'
import { createKeySet, type KeySet, type KeySetOptions } from './key-set.ts'
import type { SigningKey } from './key-table.ts'
import { DEFAULT_ALGORITHMS, type SignatureAlgorithm, verifySignature } from './signature.ts'
import { ACCESS_TOKEN_TYPES } from './token-kind.ts'

/** Issuers that no list can spell out (Entra's tenants), or that one provider spells in several ways. */
export interface IssuerRule {
  /** Issuers to publish. */
  readonly issuers: readonly [string, ...string[]]
  /**
   * Compares the whole issuer by itself: a token that fails here is another validator's, or refused before keys are fetched.
   * Default: tokens are routed by `issuers`, and none is refused before `accepts`.
   */
  answersFor?(issuer: string): boolean
  /**
   * Compares the issuer with claims and key. Runs before the signature is verified; the token is accepted only if both
   * agree.
   *
   * @param jwk - The key that the token names, as published.
   */
  accepts(issuer: string, claims: Claims, jwk: Claims): boolean
  /** Issuer under which identities are kept, so that another spelling is not another user. Default: the token's. */
  canonical?(claims: Claims): string
}

export interface JwtValidatorOptions extends ClaimRules {
  /** Compared with `iss` byte for byte: a trailing slash matters. */
  issuer: string | IssuerChoice | readonly [string, ...string[]] | IssuerRule
  /** Where the keys are. Default: `jwks_uri` of the metadata. */
  jwksUri?: string
  /** Where the metadata is, or may be, in this order. Default: the well-known places that follow from the (first) issuer. */
  metadataUrl?: string | readonly string[]
  /** What the metadata says its issuer is. Default: the (first) issuer. Entra's shared documents hold a template. */
  metadataIssuer?: string
  /**
   * `iss` of access tokens, where the provider puts something else there than its metadata says: Active Directory Federation Services.
   * Then `issuer` is what is published and what identities are kept under, and no token may carry it. Default: `issuer`.
   */
  accessTokenIssuers?: readonly [string, ...string[]]
  /** Default: RS256, PS256, ES256, ES384, EdDSA. Never taken from the metadata or the token. */
  algorithms?: readonly [SignatureAlgorithm, ...SignatureAlgorithm[]]
  /**
   * Accepted header `typ` values, without `application/` and in any case: `['at+jwt']` keeps ID tokens out (RFC 9068 §4).
   * `null`: absent, `JWT` or `at+jwt`, for providers that mark nothing; then {@link ClaimRules.tokenKind} and `check` tell.
   */
  types: readonly [string, ...string[]] | null
  keys?: KeySetOptions
  /** Finds the keys in another way than by a key set; `jwksUri` and `keys` are then not used. Default: a key set. */
  createKeys?: (context: CompleteContext) => KeySet
  /**
   * Header parameters that count as claims, and in place of claims of the same name: the header is signed as well. For issuers that put
   * `iss`, `exp` or the client there. Default: none.
   */
  headerClaims?: readonly string[]
  /** Refuses by claims that are not verified, before a key is looked for. Default: nothing. */
  beforeKeys?: (claims: Claims) => void
  /** Whether the three parts may end in `=`, against RFC 7515 §2. Default: `false`. */
  isPadded?: boolean
}

/** Three parts of base64url, each padded or not. */
const PADDED_JWT = /^(?:[A-Za-z0-9_-]+={0,2}\.){2}[A-Za-z0-9_-]+={0,2}$/

/**
 * Header parameters that change what the signature or the payload means. Others that are not understood are ignored (RFC 7515 §4):
 * `jwk`, `jku`, `x5u` and `x5c` name a key, and a key comes from the provider's key set only.
 */
const REFUSED_PARAMETERS = ['crit', 'b64', 'zip'] as const

/**
 * Validates access tokens that are signed JWTs (RFC 9068 §4, with the providers' departures as options).
 * Checks the header, `iss`, the signature by the provider's published keys, `cnf`, `aud` or the client, `exp` (required),
 * `nbf` and `iat`. Does not check scope: the operation does.
 *
 * Everything that can be refused without a key is refused before one is looked for, so that foreign tokens cause no
 * fetches. `validate` throws `ValidatorUnavailableError` while the keys cannot be had, and `MisconfigurationError` when
 * metadata or key set are not where the settings say.
 */
export function createJwtValidator(options: JwtValidatorOptions, surroundings: ValidatorContext): TokenValidator {
  const context = completeContext(surroundings)
  const { jwksUri, metadataUrl, metadataIssuer = firstIssuer(options.issuer) } = options
  const discovery = createDiscovery({ issuer: metadataIssuer, metadataUrl, member: 'jwks_uri' }, context)
  const inForce = issuerInForce(metadataIssuer, discovery)
  const rule = options.accessTokenIssuers
    ? tokenIssuerCheck(options.accessTokenIssuers, inForce)
    : issuerCheck(options.issuer, inForce)
  const algorithms = options.algorithms ?? DEFAULT_ALGORITHMS
  const types = options.types?.map(normalizedType) ?? ACCESS_TOKEN_TYPES
  const judge = createClaimJudge(options, 'required', context)
  const keysAt = async () => jwksUri ?? ((await discovery.get()).jwks_uri as string)
  const keys = options.createKeys?.(context) ?? createKeySet(keysAt, options.keys ?? {}, context)
  const { headerClaims = [], isPadded = false } = options

  return createCachedValidator(
    {
      get issuers() {
        return rule.issuers
      },
      answersFor: rule.answersFor,
      shape: isPadded ? PADDED_JWT : undefined,
      serverMetadata: () => discovery.get(),
      warmUp: () => keys.warmUp(),
      async decide(token) {
        /** Filled as far as the token could be read. */
        const seen: { header: Claims; claims: Claims } = { header: {}, claims: {} }
        try {
          const parts = token.split('.')
          if (parts.length === 5) {
            seen.header = readHeader(parts[0])
            throw new InvalidTokenError({ kind: 'token_encrypted' })
          }
          const [header, payload, signature] = signedParts(isPadded ? parts.map(withoutPadding) : parts)
          seen.header = parsePart(header, 'header')
          const algorithm = checkHeader(seen.header, algorithms, types)
          seen.claims = withHeaderClaims(parsePart(payload, 'payload'), seen.header, headerClaims)
          options.beforeKeys?.(seen.claims)
          const issuer = checkIssuer(seen.claims, rule)
          const wanted = { algorithm, keyId: (seen.header.kid as string | null | undefined) ?? undefined, token }
          const isSignedBy = async ({ key, jwk }: SigningKey) => {
            if (!rule.accepts(issuer, seen.claims, jwk)) throw issuerMismatch(issuer, rule)
            return verifySignature(token, signature, key, algorithm)
          }
          const named = await keys.find(wanted)
          if (!(await isSignedBy(named))) {
            const replacement = await keys.findReplacement(wanted, named)
            if (!replacement || !(await isSignedBy(replacement))) {
              throw new InvalidTokenError({ kind: 'signature_invalid' })
            }
          }
          return judge(rule.canonical?.(seen.claims) ?? issuer, seen.claims, seen.header)
        } catch (error) {
          throw explained(error, options.explain, seen)
        }
      },
    },
    context,
  )
}

/** Padding is part of what is signed, so only the decoder gets the parts without it. */
const withoutPadding = (part: string) => part.replace(/=+$/, '')

/** A claim of that name in the payload is somebody else's: where the header lacks it, it is absent. */
function withHeaderClaims(claims: Claims, header: Claims, names: readonly string[]): Claims {
  return names.length === 0 ? claims : { ...claims, ...Object.fromEntries(names.map(name => [name, header[name]])) }
}

/** Any form of issuer rule. Until the metadata is read, the issuers may be a guess. */
interface IssuerCheck extends Omit<IssuerRule, 'issuers'> {
  readonly issuers: readonly string[]
  /** What tokens have to carry, for messages. Default: `issuers`. */
  readonly expected?: readonly string[]
}

/** @param inForce - The issuer that the metadata names, once a key was found. */
function issuerCheck(issuer: JwtValidatorOptions['issuer'], inForce: () => string): IssuerCheck {
  if (typeof issuer === 'string') return issuerCheck([issuer], inForce)
  if ('oneOf' in issuer) {
    return {
      get issuers() {
        return [inForce()]
      },
      answersFor: actual => issuer.oneOf.includes(actual),
      accepts: actual => actual === inForce(),
    }
  }
  if ('accepts' in issuer) return issuer
  return { issuers: issuer, answersFor: actual => issuer.includes(actual), accepts: () => true }
}

function tokenIssuerCheck(expected: readonly string[], published: () => string): IssuerCheck {
  return {
    get issuers() {
      return [published()]
    },
    expected,
    answersFor: actual => expected.includes(actual) || actual === published(),
    accepts: actual => expected.includes(actual),
    canonical: published,
  }
}

function firstIssuer(issuer: JwtValidatorOptions['issuer']): string | IssuerChoice {
  if (typeof issuer === 'string' || 'oneOf' in issuer) return issuer
  return 'issuers' in issuer ? issuer.issuers[0] : issuer[0]
}

function checkHeader(
  header: Claims,
  algorithms: readonly SignatureAlgorithm[],
  types: readonly string[],
): SignatureAlgorithm {
  const algorithm = algorithms.find(name => name === header.alg)
  if (!algorithm) {
    throw new InvalidTokenError({ kind: 'algorithm_refused', actual: clip(header.alg), expected: algorithms })
  }
  const unsupported =
    REFUSED_PARAMETERS.find(parameter => header[parameter] !== undefined) ??
    (isThere(header.kid) && typeof header.kid !== 'string' ? 'kid' : undefined) ??
    (normalizedType(header.cty) === 'jwt' ? 'cty' : undefined)
  if (unsupported) throw new InvalidTokenError({ kind: 'header_unsupported', parameter: unsupported })
  // A `typ` that is no text is none of the types, and not the same as none.
  if (!types.includes(normalizedType(header.typ)) || (isThere(header.typ) && typeof header.typ !== 'string')) {
    const expected = types.map(type => type || 'none')
    throw new InvalidTokenError({ kind: 'type_mismatch', actual: clip(header.typ ?? undefined), expected })
  }
  return algorithm
}

function checkIssuer({ iss }: Claims, rule: IssuerCheck): string {
  if (isAbsent(iss)) throw claimMissing('iss')
  if (typeof iss !== 'string') throw claimInvalid('iss', 'not a string')
  if (!(rule.answersFor?.(iss) ?? true)) throw issuerMismatch(iss, rule)
  return iss
}

function issuerMismatch(issuer: string, { issuers, expected = issuers }: IssuerCheck): InvalidTokenError {
  return new InvalidTokenError({ kind: 'issuer_mismatch', actual: clip(issuer), expected })
}
