import { LRUCache } from 'lru-cache'
import { isAbsent } from '../absent.ts'
import type { CompleteContext } from '../context.ts'
import { InvalidTokenError } from '../errors.ts'
import type { TokenReason } from '../reasons.ts'
import { clip } from '../text.ts'
import type { Confirmation, ValidatedToken } from '../token-validator.ts'
import { refuseIdToken, refuseOtherToken, refusePossibleIdToken, type TokenKindRules } from './token-kind.ts'

/** Claims of a token or members of an answer about it, as the provider sent them. */
export type Claims = Readonly<Record<string, unknown>>

type NonEmpty = readonly [string, ...string[]]

/**
 * What binds a token to this server. There is no way to leave it out.
 *
 * - `audience`: one `aud` value must be one of these (RFC 9068 §4). With `clientIds`, the client must be listed as well.
 * - `clientIds` alone, for providers whose tokens have no audience: the token's client must be one of these.
 */
export type AudienceRule = { audience: NonEmpty; clientIds?: NonEmpty } | { audience?: undefined; clientIds: NonEmpty }

/** Where a provider keeps what {@link ValidatedToken} holds. Every function sees claims that are already verified. */
export interface ClaimMapping {
  /** Immutable id of the user or service; `undefined` where the token has none. Default: `sub`. */
  subject?: (claims: Claims) => unknown
  /** Default: `client_id`, else `azp`. */
  clientId?: (claims: Claims) => unknown
  /** Default: {@link scopesFrom} `scope`, else `scp`. */
  scopes?: (claims: Claims) => readonly string[]
  /** `undefined`, as by default: `service` when subject and client are the same (RFC 9068 §5), else `user`. */
  principalType?: (claims: Claims) => ValidatedToken['principalType'] | undefined
  /** Default: none. */
  tenant?: (claims: Claims) => unknown
}

export interface ClaimRules extends ClaimMapping {
  audience: AudienceRule
  /** Name of the claim that `subject` reads, for reasons. Default: `sub`. */
  subjectClaim?: string
  /**
   * Who a token without a subject belongs to (RFC 7662 §2.2 makes `sub` optional): nobody (`refuse`), or the client itself
   * (`client`), as with client credentials. A token that points to a person is refused either way, and so is one whose subject is
   * there and empty. With `client` and an allow-list of clients, the id of another client on it is refused as a subject.
   * Default: `refuse`.
   */
  tokensWithoutSubject?: 'refuse' | 'client'
  /**
   * How access tokens are told from the other tokens of the provider. `null`: the caller tells, because the provider is asked
   * about access tokens only, or tokens of another kind are what is wanted. Default: by what only one of the two carries.
   */
  tokenKind?: TokenKindRules | null
  /**
   * The provider's own rules, e.g. how an ID token is told apart. Runs on verified claims before audience and lifetime
   * are looked at, so that it can name the cause.
   *
   * @param header - Header of a JWT; empty for an opaque token.
   * @throws {InvalidTokenError}
   */
  check?: (claims: Claims, header: Claims) => void
  /**
   * Replaces a reason by the provider's own, with the setting that cures it; `undefined` keeps it. What it sees is not
   * verified, and as much as could be read: it may name a cause, never accept.
   */
  explain?: (reason: TokenReason, seen: { readonly header: Claims; readonly claims: Claims }) => TokenReason | undefined
}

/**
 * Turns claims that are known to be the provider's into a {@link ValidatedToken}, or refuses them.
 *
 * @param issuer - Issuer that vouches for the claims; already compared.
 * @throws {InvalidTokenError}
 */
export type ClaimJudge = (issuer: string, claims: Claims, header?: Claims) => ValidatedToken

/** How far `iat` may lie ahead beyond the clock tolerance, in seconds. Ours alone: no RFC bounds it. */
const IAT_LEEWAY_SECONDS = 60

/**
 * Checks, in this order: the kind of token, the provider's own rules, sender constraint, audience and client, `exp`, `nbf`, `iat`; then maps
 * the claims.
 *
 * @param expiry - Whether a token without `exp` is refused, or accepted until the end of its time in the cache.
 */
export function createClaimJudge(
  rules: ClaimRules,
  expiry: 'required' | 'optional',
  context: CompleteContext,
): ClaimJudge {
  // Types say so already; a caller without types must not end up without a binding.
  if (!rules.audience.audience?.length && !rules.audience.clientIds?.length) {
    throw new TypeError('audience must name at least one audience or client id')
  }
  const tolerance = context.clockToleranceSeconds ?? 5
  const intern = createInterner()
  const subjectOf = rules.subject ?? (claims => claims.sub)
  const clientOf = rules.clientId ?? clientIdOf
  const scopesOf = rules.scopes ?? (claims => scopesFrom(claims, ['scope', 'scp']))
  const mapScopes = context.mapScopes ?? (scopes => scopes)
  const { tokenKind = {} } = rules

  return (issuer, claims, header = {}) => {
    if (tokenKind) refuseIdToken(claims, tokenKind)
    rules.check?.(claims, header)
    if (tokenKind) {
      refuseOtherToken(claims)
      refusePossibleIdToken(
        claims,
        header,
        { clientId: clientOf(claims), expected: rules.audience.audience },
        tokenKind,
      )
    }
    const confirmation = confirmationOf(claims)
    const audience = audienceOf(claims)
    const expected = rules.audience.audience
    if (expected && !audience.some(value => expected.includes(value))) {
      throw new InvalidTokenError(
        audience.length === 0
          ? { kind: 'audience_missing', expected }
          : { kind: 'audience_mismatch', actual: audience.map(clip), expected },
      )
    }
    const clientId = requiredText(clientOf(claims), 'client_id')
    if (rules.audience.clientIds && !rules.audience.clientIds.includes(clientId)) {
      throw new InvalidTokenError({
        kind: 'client_refused',
        actual: clip(clientId),
        expected: rules.audience.clientIds,
      })
    }
    const now = context.now() / 1000
    const expiresAt =
      expiryOf(claims, expiry, now, tolerance) ?? Math.ceil(now) + Math.max(1, context.cacheSeconds ?? 60)
    refuseEarly(claims, now, tolerance)
    const subject = subjectFrom(subjectOf(claims), clientId, claims, rules)
    const tenant = rules.tenant?.(claims) ?? undefined
    return Object.freeze({
      issuer,
      subject,
      clientId,
      scopes: intern(mapScopes(scopesOf(claims))),
      audience: intern(audience),
      expiresAt,
      principalType: rules.principalType?.(claims) ?? (subject === clientId ? 'service' : 'user'),
      tenant: tenant === undefined ? undefined : requiredText(tenant, 'tenant'),
      confirmation,
      claims: deepFreeze(claims),
    })
  }
}

/** The client that a token was issued to (RFC 9068 §2.2, RFC 7662 §2.2; `azp` of OpenID Connect). */
export function clientIdOf({ client_id, azp }: Claims): unknown {
  return client_id ?? azp
}

/** Login names and addresses, of {@link PERSONAL_CLAIMS}. */
const LOGINS = ['username', 'preferred_username', 'cognito:username', 'upn', 'unique_name', 'email'] as const

/**
 * Claims about a person or a person's sign-in: OpenID Connect Core §2 and §5.1, RFC 7662 §2.2, Cognito, Entra ID. None of them is
 * an identity: users choose these, or they pass to somebody else one day.
 */
export const PERSONAL_CLAIMS = [
  ...LOGINS,
  'name',
  'given_name',
  'family_name',
  'nickname',
  'phone_number',
  'auth_time',
  'sid',
] as const

/** Of a person's account at other servers, in any spelling; unlike {@link PERSONAL_CLAIMS}, some of them stay the same. */
const ACCOUNT_CLAIM = /^(user_?(name|id)?|uid|login_?(name)?|nameid|e?mail_?(address)?|act)$/i

/**
 * Name of a claim that points to a person; `undefined` where none does. The client's own id points to nobody.
 *
 * @param clientId - Client that the token was issued to.
 */
function personalClaim(claims: Claims, clientId: string): string | undefined {
  const accounts = Object.keys(claims).filter(name => ACCOUNT_CLAIM.test(name))
  // `sub` is read as well: the subject may be looked for in another claim.
  return ['sub', ...PERSONAL_CLAIMS, ...accounts].find(name => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    return value !== undefined && value !== null && value !== clientId
  })
}

/** The subject, or the client where a token without a subject is the client's own. */
function subjectFrom(value: unknown, clientId: string, claims: Claims, rules: ClaimRules): string {
  const { subjectClaim: claim = 'sub', tokensWithoutSubject = 'refuse', audience } = rules
  if (typeof value === 'string' && value !== '') {
    // Some servers put the client's id into the tokens of all its people, who would be one.
    const login = value === clientId && LOGINS.find(name => claims[name] && claims[name] !== clientId)
    if (login && !rules.principalType?.(claims)) throw claimInvalid(claim, `the client, not the person (${login})`)
    // Client ids become subjects, so nobody else may have one for a subject.
    if (tokensWithoutSubject === 'refuse' || value === clientId || !audience.clientIds?.includes(value)) return value
    throw claimInvalid(claim, 'the id of another client: one of the two needs another name')
  }
  if (value !== undefined && value !== null) {
    throw claimInvalid(claim, value === '' ? 'empty' : 'not a string')
  }
  const person = personalClaim(claims, clientId)
  if (tokensWithoutSubject === 'client' && person === undefined) return clientId
  throw new InvalidTokenError({ kind: 'subject_missing', claim, personalClaim: person })
}

/**
 * Scopes from the first of the named claims that is there: a string separated by spaces (RFC 6749 §3.3) or an array of
 * strings. None is there: no scopes.
 *
 * @throws {InvalidTokenError} The claim is something else.
 */
export function scopesFrom(claims: Claims, names: readonly string[]): readonly string[] {
  for (const claim of names) {
    const value = claims[claim]
    if (isAbsent(value)) continue
    if (typeof value === 'string') return value.split(' ').filter(Boolean)
    if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value.filter(Boolean)
    throw claimInvalid(claim, 'neither a string nor strings')
  }
  return []
}

/** Scopes from all of the named claims together; each as {@link scopesFrom} reads it. */
export function scopesFromAll(claims: Claims, names: readonly string[]): readonly string[] {
  return names.length === 1 ? scopesFrom(claims, names) : names.flatMap(name => scopesFrom(claims, [name]))
}

/** The error with the provider's own reason, where it has one. Anything but an `InvalidTokenError` stays as it is. */
export function explained(
  error: unknown,
  explain: ClaimRules['explain'],
  seen: { readonly header: Claims; readonly claims: Claims },
): unknown {
  const reason = error instanceof InvalidTokenError ? explain?.(error.reason, seen) : undefined
  return reason ? new InvalidTokenError(reason) : error
}

/** SHA-256 in base64url without padding. */
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/

/**
 * The key that a token is bound to (RFC 9449 §6). A binding of another kind (RFC 8705 §3), or one more beside it, cannot be
 * checked here, so such a token is of no use.
 */
function confirmationOf({ cnf }: Claims): Confirmation | undefined {
  if (isAbsent(cnf)) return undefined
  const methods = typeof cnf === 'object' ? Object.keys(cnf) : [clip(cnf)]
  const { jkt } = cnf as { jkt?: unknown }
  if (methods.length === 1 && typeof jkt === 'string' && THUMBPRINT.test(jkt)) return Object.freeze({ jkt })
  throw new InvalidTokenError({ kind: 'sender_constrained', confirmation: clip(methods.join(' ')) })
}

function audienceOf({ aud }: Claims): readonly string[] {
  if (isAbsent(aud)) return []
  if (typeof aud === 'string') return [aud]
  if (Array.isArray(aud) && aud.every(value => typeof value === 'string')) return aud
  throw claimInvalid('aud', 'neither a string nor strings')
}

function expiryOf(claims: Claims, expiry: 'required' | 'optional', now: number, tolerance: number): number | undefined {
  const exp = numericDate(claims, 'exp')
  if (exp === undefined && expiry === 'required') throw claimMissing('exp')
  if (exp !== undefined && now >= exp + tolerance) {
    throw new InvalidTokenError({ kind: 'expired', expiredAt: exp, now: Math.floor(now) })
  }
  return exp
}

function refuseEarly(claims: Claims, now: number, tolerance: number): void {
  const notBefore = numericDate(claims, 'nbf')
  if (notBefore !== undefined && notBefore > now + tolerance) {
    throw new InvalidTokenError({ kind: 'not_yet_valid', notBefore, now: Math.floor(now) })
  }
  const issuedAt = numericDate(claims, 'iat')
  if (issuedAt !== undefined && issuedAt > now + tolerance + IAT_LEEWAY_SECONDS) {
    throw new InvalidTokenError({ kind: 'issued_in_future', issuedAt, now: Math.floor(now) })
  }
}

/** A NumericDate (RFC 7519 §2) in seconds, or `undefined` when absent. JSON can spell infinity: `1e999`. */
function numericDate(claims: Claims, claim: string): number | undefined {
  const value = claims[claim]
  if (isAbsent(value)) return undefined
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw claimInvalid(claim, 'not a number of seconds')
}

export function claimMissing(claim: string): InvalidTokenError {
  return new InvalidTokenError({ kind: 'claim_missing', claim })
}

export function claimInvalid(claim: string, detail: string): InvalidTokenError {
  return new InvalidTokenError({ kind: 'claim_invalid', claim, detail })
}

function requiredText(value: unknown, claim: string): string {
  if (isAbsent(value) || value === '') {
    throw claimMissing(claim)
  }
  if (typeof value === 'string') return value
  throw claimInvalid(claim, 'not a string')
}

/** Lets equal lists share one frozen array: thousands of cached tokens carry the same few combinations. */
function createInterner(): (values: readonly string[]) => readonly string[] {
  const known = new LRUCache<string, readonly string[]>({ max: 1000 })
  return values => {
    const key = values.join(' ')
    const list = known.get(key)
    // A member may hold a space itself, so an equal key is not yet an equal list.
    if (list?.length === values.length && list.every((value, index) => value === values[index])) return list
    const fresh = Object.freeze([...new Set(values)])
    known.set(key, fresh)
    return fresh
  }
}

/** Freezes JSON all the way down, without recursion: a hostile answer can nest deeper than the stack. */
function deepFreeze<T extends object>(root: T): T {
  const open: object[] = [root]
  for (let item = open.pop(); item; item = open.pop()) {
    for (const value of Object.values(item)) if (typeof value === 'object' && value !== null) open.push(value)
    Object.freeze(item)
  }
  return root
}
