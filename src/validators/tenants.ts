import { LRUCache } from 'lru-cache'
import { completeContext, type ValidatorContext } from '../context.ts'
import { createFairQueue } from '../engines/fair-queue.ts'
import { AuthorizationError, InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../errors.ts'
import { clip } from '../text.ts'
import type { TokenSender, TokenValidator, ValidatedToken } from '../token-validator.ts'
import { withVerifyAccessToken } from '../verifier.ts'
import { answersFor, issuerOf } from './routed.ts'

/**
 * The validator for a tenant's tokens, made anew whenever it is asked for.
 *
 * @param issuer - `iss` of a token, unverified: whatever a stranger wrote there. Compare it with those that you know.
 * @returns `undefined` for an issuer that is no tenant's. Throws when it cannot be said now, which is then 503.
 */
export type TenantLookUp = (issuer: string) => TokenValidator | undefined | Promise<TokenValidator | undefined>

export interface TenantOptions {
  readonly find: TenantLookUp
  /** Issuers to name in the metadata, where clients learn where to sign in. Default: none. */
  readonly issuers?: readonly string[]
  /** Most tenants kept at once; the one that was used longest ago goes first, and is looked up again. Default 1,000. */
  readonly maxTenants?: number
}

export interface TenantValidator extends TokenValidator {
  /** The validator that accepted a token. */
  tenantOf(token: ValidatedToken): TokenValidator | undefined
}

/** What an issuer came to. */
interface Found {
  readonly validator: TokenValidator | undefined
  /** Milliseconds since the Unix epoch; until then it is not looked up again. */
  readonly until: number
}

/** How long an issuer is remembered that is no tenant's, and how many: strangers choose them. */
const UNKNOWN_SECONDS = 5
const MAX_UNKNOWN = 1000

/** How long a tenant's settings are kept before they are looked up again. */
const TENANT_SECONDS = 600

/**
 * Tokens of tenants that no list can spell out: who may issue is looked up for each issuer. Every tenant has a validator, cache
 * and connection state of its own, so that the outage of one provider is that of one tenant. Takes JWTs only, because an opaque
 * token does not say whose it is.
 */
export function createTenantValidator(options: TenantOptions, surroundings: ValidatorContext): TenantValidator {
  const { resource, now } = completeContext(surroundings)
  const { find, issuers = [], maxTenants = 1000 } = options
  const tenants = new LRUCache<string, Found>({ max: maxTenants })
  const unknown = new LRUCache<string, Found>({ max: MAX_UNKNOWN })
  const pending = new Map<string, Promise<TokenValidator | undefined>>()
  // By token: the issuer that identities are kept under need not be the one that the token names, and tenants are forgotten.
  const accepted = new WeakMap<ValidatedToken, TokenValidator>()

  /** In turn: strangers choose how many issuers there are. */
  const queue = createFairQueue(() => 'tenants')

  async function lookUp(issuer: string, sender: TokenSender | undefined): Promise<TokenValidator | undefined> {
    try {
      const validator = await queue(sender?.address, () => found(issuer))
      const until = now() + (validator ? TENANT_SECONDS : UNKNOWN_SECONDS) * 1000
      tenants.delete(issuer)
      const place = validator ? tenants : unknown
      place.set(issuer, { validator, until })
      return validator
    } finally {
      pending.delete(issuer)
    }
  }

  async function found(issuer: string): Promise<TokenValidator | undefined> {
    let validator: TokenValidator | undefined
    try {
      validator = await find(issuer)
    } catch (error) {
      if (error instanceof AuthorizationError) throw error
      const { code, name } = error as { code?: unknown; name?: unknown }
      throw new ValidatorUnavailableError({
        kind: 'tenant_not_known_yet',
        issuer: clip(issuer),
        detail: String(code ?? name ?? 'unknown'),
      })
    }
    if (!validator || answersFor(validator, issuer)) return validator
    // Otherwise any tenant's tokens might be judged by the settings of another.
    throw new MisconfigurationError({
      kind: 'tenant_mismatch',
      issuer: clip(issuer),
      actual: validator.issuers.map(clip),
    })
  }

  /** A tenant whose settings are old is asked for anew, and serves on where that fails. */
  async function validatorOf(issuer: string, sender: TokenSender | undefined): Promise<TokenValidator | undefined> {
    const known = tenants.get(issuer) ?? unknown.get(issuer)
    if (known && now() < known.until) return known.validator
    let request = pending.get(issuer)
    if (!request) {
      request = lookUp(issuer, sender)
      pending.set(issuer, request)
    }
    const old = tenants.get(issuer)
    return old ? request.catch(() => old.validator) : request
  }

  const validator = withVerifyAccessToken(
    {
      issuers,
      warmUp: async () => {},
      async validate(token, connection, scheme, sender) {
        const issuer = issuerOf(token)
        if (issuer === undefined) throw new InvalidTokenError({ kind: 'token_opaque' })
        const validator = await validatorOf(issuer, sender)
        if (!validator) throw new InvalidTokenError({ kind: 'issuer_unknown', actual: clip(issuer), expected: [] })
        const validated = await validator.validate(token, connection, scheme, sender)
        accepted.set(validated, validator)
        return validated
      },
    },
    resource,
  )
  return Object.assign(validator, { tenantOf: (token: ValidatedToken) => accepted.get(token) })
}
