import { malformed } from '../engines/jws.ts'
import { InvalidRequestError, MissingTokenError } from '../errors.ts'
import type { PresentationScheme } from '../token-validator.ts'
import { API_KEY_PREFIX } from '../validators/api-keys.ts'

/** The parts of a request that credentials may stand in. */
export interface CredentialSource {
  /** Value of the `Authorization` header. */
  authorization: string | undefined
  /** How often the header was sent: parsers that keep the first one and drop the rest must not hide a second. */
  authorizationCount: number
  /** Request target, with its query. */
  url: string
}

/** One for all: it says nothing about the request, and its stack would cost more than the rest of the refusal. */
const noCredentials = new MissingTokenError()

/** Whether there is nothing to look at: no header, and no query that a token could stand in. */
export function hasNoCredentials({ authorization, authorizationCount, url }: CredentialSource): boolean {
  return !authorization && authorizationCount === 0 && !url.includes('?')
}

export function isDpopScheme(authorization: string | undefined): boolean {
  return authorization !== undefined && /^dpop(?: |$)/i.test(authorization)
}

/**
 * The access token of a request, as a bearer token (RFC 6750 §2.1) or with a proof of possession (RFC 9449 §7.1). The scheme is
 * matched without regard to case. Whether the token is made of the right characters is left to the validator, which looks at them
 * once per token and not once per request.
 *
 * @throws {MissingTokenError} No `Authorization` header, or one of another scheme.
 * @throws {InvalidRequestError} A scheme without a token or with more than one, two headers, or a token in the query string:
 *   tokens in URLs end up in logs, and MCP forbids them.
 */
export function presentedToken(
  { authorization, authorizationCount, url }: CredentialSource,
  scheme: PresentationScheme,
): string {
  if (authorizationCount > 1) throw new InvalidRequestError({ kind: 'several_credentials' })
  if (hasTokenInQuery(url)) {
    throw new InvalidRequestError({ kind: authorization ? 'several_credentials' : 'token_in_query' })
  }
  if (!authorization) throw noCredentials
  if (!(scheme === 'Bearer' ? isBearerScheme(authorization) : isDpopScheme(authorization))) throw noCredentials
  let start = scheme.length
  while (authorization.charCodeAt(start) === 0x20) start++
  if (start === authorization.length) {
    throw new InvalidRequestError({ kind: 'authorization_malformed', detail: `no token after "${scheme}"` })
  }
  if (authorization.indexOf(' ', start) !== -1 || authorization.indexOf(',', start) !== -1) {
    throw new InvalidRequestError({ kind: 'authorization_malformed', detail: `more than one token after "${scheme}"` })
  }
  return authorization.slice(start)
}

/**
 * The API key of a request that has `X-API-Key`.
 *
 * @param keys - Values of the header.
 * @throws {InvalidRequestError} There is a second one, or a token beside it.
 * @throws {InvalidTokenError} It is something else, perhaps somebody's token: shown to no provider.
 */
export function presentedKey({ authorizationCount, url }: CredentialSource, keys: readonly string[]): string {
  const [key = '', ...others] = keys
  // Some parsers join the values of a header that was sent twice.
  if (others.length > 0 || authorizationCount > 0 || key.includes(',') || hasTokenInQuery(url)) {
    throw new InvalidRequestError({ kind: 'several_credentials' })
  }
  if (key.startsWith(API_KEY_PREFIX)) return key
  throw malformed('not an API key')
}

/**
 * The token of a request whose credentials stand in a header of a gateway's.
 *
 * @param tokens - Values of the header.
 * @throws {MissingTokenError} It is not there.
 * @throws {InvalidRequestError} It was sent more than once.
 */
export function gatewayToken(tokens: readonly string[]): string {
  const [token, ...others] = tokens
  if (!token) throw noCredentials
  // Some parsers join the values of a header that was sent twice.
  if (others.length > 0 || token.includes(',')) throw new InvalidRequestError({ kind: 'several_credentials' })
  return token
}

function hasTokenInQuery(url: string): boolean {
  return url.includes('?') && new URLSearchParams(url.slice(url.indexOf('?'))).has('access_token')
}

function isBearerScheme(authorization: string): boolean {
  if (authorization.startsWith('Bearer ')) return true
  return /^bearer(?: |$)/i.test(authorization)
}
