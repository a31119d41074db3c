import type { PeopleCheck } from './people/rules.ts'
/** What one call to a provider came to; for metrics. */
export interface ProviderCall {
  /** What was asked. */
  operation: 'discovery' | 'jwks' | 'introspection' | 'check'
  /** `answered` covers every answer that says something about the token, `active: false` too. */
  outcome: 'answered' | 'unavailable' | 'misconfigured'
  milliseconds: number
}

/** Told what happens inside a validator. Every member is optional; none may throw. */
export interface ValidatorObserver {
  providerCall?(call: ProviderCall): void
  /** `hit` and `negative` answered from memory, `joined` waited for a validation already under way. */
  cacheLookup?(outcome: 'hit' | 'negative' | 'miss' | 'joined'): void
  /** The key set was fetched at this time (milliseconds since the epoch). */
  keysRefreshed?(at: number): void
  /** Something an operator should read, e.g. keys that are served stale. Holds no token and no secret. */
  warning?(message: string, facts: Readonly<Record<string, unknown>>): void
}

/**
 * What a validator takes from its surroundings. Injected, so that tests patch no globals and nothing below the composition reads
 * `process.env`.
 */
export interface ValidatorContext {
  /** Identifier of this MCP server (RFC 8707 §2), canonical spelling: absolute URI, no fragment. */
  readonly resource: string
  /** Other identifiers of the same server; a token for any of them is accepted. Default: none. */
  readonly furtherResources?: readonly string[]
  /**
   * Used for every call to the provider. Expected to honor proxies; size caps and timeouts are added by the callers. Default: the
   * platform's.
   */
  readonly fetch?: typeof globalThis.fetch
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: () => number
  /** Most accepted tokens kept. Default 10,000. */
  readonly cacheMaxEntries?: number
  /** Longest time that an accepted token is kept, in seconds; never past its `exp`. Default 60. */
  readonly cacheSeconds?: number
  /** How long a refused token is remembered, in seconds. 0 turns it off. Default 5. */
  readonly refusedCacheSeconds?: number
  /** Allowed clock skew for `exp`, `nbf` and `iat`, in seconds. Default 5. */
  readonly clockToleranceSeconds?: number
  /** Longest wait for one answer of the provider, in seconds. Default 5. */
  readonly timeoutSeconds?: number
  /**
   * Hosts that may be asked over `http:`: `keycloak`, or `keycloak:8080` for one port. For providers inside a network of one's own.
   * Default: loopback only.
   */
  readonly insecureHosts?: readonly string[]
  /** What a token says its scopes are, in the names that tools require. Default: as it is. */
  readonly mapScopes?: (scopes: readonly string[]) => readonly string[]
  /** Decides about an accepted token by its person, before the token is cached. Default: everybody may, with the scopes of the token. */
  readonly checkPerson?: PeopleCheck
  readonly observer?: ValidatorObserver
}

/** A context with its defaults filled in. */
export type CompleteContext = ValidatorContext & Required<Pick<ValidatorContext, 'fetch' | 'now'>>

export function completeContext(context: ValidatorContext): CompleteContext {
  const { fetch, now } = context
  return {
    ...context,
    // Called without `this`: Workers refuse the platform's `fetch` as a method of another object.
    fetch: fetch ? (input, init) => fetch(input, init) : (input, init) => globalThis.fetch(input, init),
    now: now ?? Date.now,
  }
}
