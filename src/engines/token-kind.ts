import { isThere } from '../absent.ts'
import { InvalidTokenError } from '../errors.ts'
import { clip } from '../text.ts'
import type { Claims } from './claim-judge.ts'
import { normalizedType } from './jws.ts'

/**
 * What ID tokens carry and access tokens do not: OpenID Connect Core §2, §3.1.3.6 and §3.3.2.11, FAPI 1.0 Part 2 §5.1.1.
 * `aud` stands for an audience that is nobody but the client, as in every ID token.
 */
export const ID_TOKEN_MARKS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'aud'] as const

export type IdTokenMark = (typeof ID_TOKEN_MARKS)[number]

/** What is known about the access tokens of a provider. */
export interface TokenKindRules {
  /** Marks that its access tokens carry in spite of the specifications. ID tokens with these pass, too. Default: none. */
  readonly allowedMarks?: readonly IdTokenMark[]
  /** Whether the claims hold the provider's own sign of an access token, beside those of {@link isMarkedAccessToken}. */
  readonly isAccessToken?: (claims: Claims, header: Claims) => boolean
}

/** Members that say what a token is used for, and nothing else: Cognito and Hydra, OpenIddict, RFC 7662 §2.2. */
const USES = ['token_use', 'token_usage', 'token_type'] as const

/** Members that say it at some providers (Keycloak `typ`, Glewlwyd `type`, ForgeRock `tokenName`, Curity `purpose`, FusionAuth `tty`), and may mean something else elsewhere. */
const POSSIBLE_USES = [
  'typ',
  'type',
  'use',
  'purpose',
  'tokenUse',
  'tokenUsage',
  'tokenType',
  'tokenName',
  'tty',
] as const

const ACCESS: ReadonlySet<string> = new Set(['access', 'accesstoken', 'at', 'atjwt', 'bearer', 'bearertoken', 'dpop'])
const ID: ReadonlySet<string> = new Set(['id', 'idtoken', 'idtokenjwt', 'serializedid', 'jwttoken'])
const OTHER: ReadonlySet<string> = new Set([
  'refresh',
  'refreshtoken',
  'rt',
  'rtjwt',
  'offline',
  'offlinetoken',
  'logout',
  'logouttoken',
  'logoutjwt',
  'dpopjwt',
  'seceventjwt',
  'code',
  'authcode',
  'authorizationcode',
  'devicecode',
  'usercode',
  'initialaccess',
  'initialaccesstoken',
  'registrationaccess',
  'registrationaccesstoken',
  'oauthidjagjwt',
  'idjag',
])

/** Header `typ` of tokens that may be access tokens: none at all, any JWT, RFC 9068 §2.1. */
export const ACCESS_TOKEN_TYPES: readonly string[] = ['', 'jwt', 'at+jwt']

/**
 * Refuses what says that it is an ID token, or carries what only those do.
 *
 * @throws {InvalidTokenError}
 */
export function refuseIdToken(claims: Claims, { allowedMarks = [] }: TokenKindRules): void {
  const use = [...USES, ...POSSIBLE_USES].find(name => carries(claims, name) && ID.has(normalizedUse(claims[name])))
  if (use) throw new InvalidTokenError({ kind: 'id_token', detail: `${use} is ${clip(claims[use])}` })
  const mark = ID_TOKEN_MARKS.find(name => name !== 'aud' && carries(claims, name) && !allowedMarks.includes(name))
  if (mark) throw new InvalidTokenError({ kind: 'id_token', detail: `it carries ${mark}` })
}

/**
 * Refuses what says that it is neither an access token nor an ID token.
 *
 * @throws {InvalidTokenError}
 */
export function refuseOtherToken(claims: Claims): void {
  const otherUse =
    USES.find(name => carries(claims, name) && !ACCESS.has(normalizedUse(claims[name]))) ??
    POSSIBLE_USES.find(name => carries(claims, name) && OTHER.has(normalizedUse(claims[name])))
  if (otherUse) throw mismatch(`${otherUse} ${clip(claims[otherUse])}`)
  if (isEventToken(claims)) throw mismatch('a security event or logout token (events)')
  if (carries(claims, 'htm') && carries(claims, 'htu')) throw mismatch('a DPoP proof (htm, htu)')
  // Of refresh tokens of UAA, and of answers of introspection endpoints (RFC 9701).
  const mark = ['granted_scopes', 'token_introspection'].find(name => carries(claims, name))
  if (mark) throw mismatch(mark)
}

/** What the audience of a token is compared with. */
export interface AudienceFacts {
  /** Client that the token was issued to, as the token says. */
  readonly clientId: unknown
  /** Audiences, one of which it must have. */
  readonly expected?: readonly string[]
}

/**
 * Refuses a token that would be accepted for an audience that is its client, unless something tells it from an ID token: those are for
 * their client, and may be for others as well (OpenID Connect Core §2).
 *
 * @throws {InvalidTokenError}
 */
export function refusePossibleIdToken(
  claims: Claims,
  header: Claims,
  { clientId, expected = [] }: AudienceFacts,
  rules: TokenKindRules,
): void {
  if (rules.allowedMarks?.includes('aud') || isAccessToken(claims, header, rules)) return
  const { aud, client_id, azp } = claims
  const audience = Array.isArray(aud) ? aud : [aud]
  const clients = [clientId, client_id, azp].filter(client => typeof client === 'string')
  const matching = audience.filter(value => expected.includes(value))
  const accepted = matching.length > 0 ? matching : audience
  if (accepted.length === 0 || !accepted.every(value => clients.includes(value))) return
  throw new InvalidTokenError({
    kind: 'maybe_id_token',
    detail: 'aud is the client that the token was issued to, as in every ID token',
  })
}

/** Whether something that was signed or answered by the provider says that this is an access token. */
export function isAccessToken(claims: Claims, header: Claims, rules: TokenKindRules): boolean {
  return isMarkedAccessToken(claims, header) || rules.isAccessToken?.(claims, header) === true
}

/** RFC 9068 §2.1 (`typ` of the header), and the members by which providers name the use of a token. */
function isMarkedAccessToken(claims: Claims, header: Claims): boolean {
  if (normalizedType(header.typ) === 'at+jwt') return true
  return [...USES, 'typ', 'type'].some(name => carries(claims, name) && ACCESS.has(normalizedUse(claims[name])))
}

/** `refresh_token`, `Refresh`, `urn:ietf:params:oauth:token-type:refresh_token` (RFC 8693 §3) read alike. */
function normalizedUse(value: unknown): string {
  if (typeof value !== 'string') return ''
  const name = normalizedType(value).replace('urn:ietf:params:oauth:token-type:', '')
  return name.replace(/[^a-z0-9]/g, '')
}

/** RFC 8417 §2.2: names of events are URIs. A claim of another meaning may have the same name. */
function isEventToken({ events }: Claims): boolean {
  return typeof events === 'object' && events !== null && Object.keys(events).some(name => name.includes(':'))
}

function carries(claims: Claims, name: string): boolean {
  return Object.hasOwn(claims, name) && isThere(claims[name])
}

function mismatch(actual: string): InvalidTokenError {
  return new InvalidTokenError({ kind: 'type_mismatch', actual, expected: ['an access token'] })
}
