import { hash } from 'node:crypto'
import { completeContext, type ValidatorContext } from '../context.ts'
import { malformed } from '../engines/jws.ts'
import { InvalidTokenError } from '../errors.ts'
import type { TokenValidator, ValidatedToken } from '../token-validator.ts'
import { withVerifyAccessToken } from '../verifier.ts'

/** How API keys begin, so that they are never taken for somebody's token, and scanners for leaked secrets find them. */
export const API_KEY_PREFIX = 'idplug_'

/** An API key as it is kept: without the key. */
export interface ApiKey {
  /** For logs, and the client id of tokens. */
  readonly id: string
  /** SHA-256 of the whole key, 64 hexadecimal digits. Keys are random, so nothing slower is needed. */
  readonly sha256: string
  /** Whose it is: the subject of tokens. */
  readonly owner: string
  readonly scopes: readonly string[]
  /** Seconds since the Unix epoch. Default: never. */
  readonly expiresAt?: number
}

/** A key has 32 random bytes in base64url. */
const API_KEY = /^idplug_[A-Za-z0-9_-]{43}$/

/** Who vouches for API keys of a server: the server itself, which is no issuer of tokens that clients could ask for. */
export function apiKeyIssuer(resource: string): string {
  return `${resource}#api-keys`
}

/**
 * Accepts API keys: secrets that the operator hands out, for callers that cannot sign in. Each is looked up for every request, so
 * that one which is taken off the list counts no more.
 *
 * @param find - A key by its SHA-256, 64 hexadecimal digits.
 */
export function createApiKeyValidator(
  find: (sha256: string) => ApiKey | undefined,
  surroundings: ValidatorContext,
): TokenValidator {
  const { resource, now, cacheSeconds = 60 } = completeContext(surroundings)
  const issuer = apiKeyIssuer(resource)

  function decide(key: string): ValidatedToken {
    if (!API_KEY.test(key)) throw malformed('not an API key')
    const found = find(hash('sha256', key, 'hex'))
    if (!found) throw new InvalidTokenError({ kind: 'inactive' })
    const seconds = now() / 1000
    const { id, owner, scopes, expiresAt } = found
    if (expiresAt !== undefined && seconds >= expiresAt) {
      throw new InvalidTokenError({ kind: 'expired', expiredAt: expiresAt, now: Math.floor(seconds) })
    }
    return Object.freeze({
      issuer,
      subject: owner,
      clientId: id,
      scopes,
      audience: Object.freeze([resource]),
      expiresAt: expiresAt ?? Math.ceil(seconds) + Math.max(1, cacheSeconds),
      principalType: 'service',
      claims: Object.freeze({}),
    })
  }

  return withVerifyAccessToken(
    { issuers: [], warmUp: async () => {}, validate: async (token, _connection, _scheme) => decide(token) },
    resource,
  )
}

/** API keys beside the tokens of providers: what begins like a key is one, and is shown to no provider. */
export function withApiKeys(
  validator: TokenValidator,
  keys: TokenValidator,
  { resource }: Pick<ValidatorContext, 'resource'>,
): TokenValidator {
  return withVerifyAccessToken(
    {
      get issuers() {
        return validator.issuers
      },
      answersFor: validator.answersFor,
      serverMetadata: async () => validator.serverMetadata?.(),
      warmUp: () => validator.warmUp(),
      validate: (token, connection, scheme, sender) =>
        (token.startsWith(API_KEY_PREFIX) ? keys : validator).validate(token, connection, scheme, sender),
    },
    resource,
  )
}
