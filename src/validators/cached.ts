import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { completeContext, type ValidatorContext } from '../context.ts'
import { malformed } from '../engines/jws.ts'
import { InvalidTokenError } from '../errors.ts'
import type {
  PresentationScheme,
  ServerMetadata,
  TokenSender,
  TokenValidator,
  ValidatedToken,
} from '../token-validator.ts'
import { withVerifyAccessToken } from '../verifier.ts'

/** Decides about one token, with no memory of its own. What it throws is what `TokenValidator.validate` throws. */
export interface TokenEngine {
  readonly issuers: readonly string[]
  answersFor?(issuer: string): boolean
  serverMetadata?(): Promise<ServerMetadata | undefined>
  warmUp(): Promise<void>
  /** What a token may look like. Default: `b64token` of RFC 6750 §2.1. */
  readonly shape?: RegExp
  /** @param sender - Who sent the token first, where several did at the same time. */
  decide(token: string, sender?: TokenSender): Promise<ValidatedToken>
}

/** What was decided about a token. */
interface Decided {
  readonly decision: Promise<ValidatedToken>
  /** The same, except for a token that is bound to a key. Made once, so that a hit need not look. */
  readonly asBearer: Promise<ValidatedToken>
  /** Milliseconds since the Unix epoch. */
  readonly until: number
  readonly lookup: 'hit' | 'negative'
}

/**
 * The last token of a connection. A client sends the same one again and again, and in a busy server a hash costs some nine
 * times what it costs in a loop.
 */
interface LastToken {
  readonly token: string
  readonly decided: Decided
}

/** Node's own limit for all headers together. Tokens near it cannot arrive over HTTP. */
const MAX_TOKEN_LENGTH = 16_384

/** `b64token` of RFC 6750 §2.1. `=` stands outside the class, so that matching takes linear time. */
const B64_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/

/** Refused tokens are kept apart from accepted ones, so that garbage cannot push out what is good. */
const MAX_REFUSED = 1000

/**
 * A `TokenValidator` that remembers what its engine decided.
 *
 * - An accepted token is kept for `context.cacheSeconds` and never past its expiry: a revocation is noticed that much later.
 * - A refused one (401) is kept for `context.refusedCacheSeconds`. An outage or a misconfiguration is never kept.
 * - Requests that bring the same new token wait for one decision.
 *
 * Keys are SHA-256 of the token, so that the cache holds no secret. Only the last token of an open connection is kept as it
 * is, with the connection. The shape of a token is looked at only when it is not known yet.
 */
export function createCachedValidator(engine: TokenEngine, context: ValidatorContext): TokenValidator {
  const { now, observer, checkPerson } = completeContext(context)
  const cacheMilliseconds = (context.cacheSeconds ?? 60) * 1000
  const refusedMilliseconds = (context.refusedCacheSeconds ?? 5) * 1000
  const accepted = new LRUCache<string, Decided>({ max: context.cacheMaxEntries ?? 10_000 })
  const refused = new LRUCache<string, Decided>({ max: MAX_REFUSED })
  const pending = new Map<string, Promise<ValidatedToken>>()
  const lastOf = new WeakMap<object, LastToken>()

  // Not async: a hit hands out the promise of the decision that was made, which costs less than making another.
  function validate(
    token: string,
    connection?: object,
    scheme: PresentationScheme = 'Bearer',
    sender?: TokenSender,
  ): Promise<ValidatedToken> {
    const isBearer = scheme !== 'DPoP'
    if (token.length > MAX_TOKEN_LENGTH) return Promise.reject(malformed(`longer than ${MAX_TOKEN_LENGTH} characters`))
    const last = connection && lastOf.get(connection)
    if (last?.token === token && now() < last.decided.until) return recalled(last.decided, isBearer)
    const key = hash('sha256', token, 'binary')
    const known = accepted.get(key) ?? refused.get(key)
    if (known !== undefined && now() < known.until) {
      if (connection) lastOf.set(connection, { token, decided: known })
      return recalled(known, isBearer)
    }
    const joined = pending.get(key)
    if (joined) {
      observer?.cacheLookup?.('joined')
      return isBearer ? joined.then(refuseBound) : joined
    }
    const decided = validateUnknown(token, key, sender)
    return isBearer ? decided.then(refuseBound) : decided
  }

  function recalled({ decision, asBearer, lookup }: Decided, isBearer: boolean): Promise<ValidatedToken> {
    observer?.cacheLookup?.(lookup)
    return isBearer ? asBearer : decision
  }

  async function validateUnknown(token: string, key: string, sender?: TokenSender): Promise<ValidatedToken> {
    observer?.cacheLookup?.('miss')
    if (!(engine.shape ?? B64_TOKEN).test(token)) throw malformed('characters that are not allowed in a token')
    const decided = engine.decide(token, sender)
    const decision = checkPerson ? decided.then(validated => checkPerson(validated, token)) : decided
    pending.set(key, decision)
    try {
      const validated = await decision
      accepted.set(key, {
        decision,
        asBearer: bearerDecision(decision, validated),
        until: Math.min(validated.expiresAt * 1000, now() + cacheMilliseconds),
        lookup: 'hit',
      })
      return validated
    } catch (error) {
      accepted.delete(key)
      if (error instanceof InvalidTokenError) {
        refused.set(key, { decision, asBearer: decision, until: now() + refusedMilliseconds, lookup: 'negative' })
      }
      throw error
    } finally {
      pending.delete(key)
    }
  }

  return withVerifyAccessToken(
    {
      get issuers() {
        return engine.issuers
      },
      answersFor: engine.answersFor,
      serverMetadata: engine.serverMetadata,
      warmUp: () => engine.warmUp(),
      validate,
    },
    context.resource,
  )
}

/** A token bound to a key (RFC 9449 §7.2) must not pass as a plain bearer token. */
function refuseBound(validated: ValidatedToken): ValidatedToken {
  if (!validated.confirmation) return validated
  throw new InvalidTokenError({
    kind: 'sender_constrained',
    confirmation: Object.keys(validated.confirmation).join(' '),
  })
}

function bearerDecision(decision: Promise<ValidatedToken>, validated: ValidatedToken): Promise<ValidatedToken> {
  if (!validated.confirmation) return decision
  const refusal = decision.then(refuseBound)
  // Nobody may ever ask for it.
  refusal.catch(() => {})
  return refusal
}
