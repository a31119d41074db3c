import type { AuthorizationError } from './errors.ts'

/** What one call to a provider came to; for metrics. */
export interface UpstreamCall {
  /** What was asked. */
  operation: 'discovery' | 'jwks' | 'introspection' | 'check'
  /** `answered` covers every answer that says something about the token, `active: false` too. */
  outcome: 'answered' | 'unavailable' | 'misconfigured'
  /** Milliseconds. */
  duration: number
}

/** Told what happens inside a validator. Every member is optional; none may throw. */
export interface ValidatorObserver {
  upstreamCall?(call: UpstreamCall): void
  /** `hit` and `negative` answered from memory, `joined` waited for a validation already under way. */
  cacheLookup?(outcome: 'hit' | 'negative' | 'miss' | 'joined'): void
  /** The key set was fetched at this time (milliseconds since the epoch). */
  keysRefreshed?(at: number): void
  /** Something an operator should read, e.g. keys that are served stale. Holds no token and no secret. */
  warning?(message: string, facts: Readonly<Record<string, unknown>>): void
}

/**
 * Everything that a validator takes from its surroundings. Injected, so that tests patch no globals and nothing below the
 * composition root reads `process.env`.
 */
export interface ValidatorContext {
  /** Identifier of this MCP server (RFC 8707 §2), canonical spelling: absolute URI, no fragment. */
  readonly resource: string
  /** Used for every call to the provider. Expected to honour proxies; size caps and timeouts are added by the callers. */
  readonly fetch: typeof globalThis.fetch
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
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
  /** Allows `http:` for providers that are not on loopback. For tests inside closed networks. Default false. */
  readonly dangerouslyAllowInsecureRequests?: boolean
  /** What a token says its scopes are, in the names that tools require. Default: as it is. */
  readonly mapScopes?: (scopes: readonly string[]) => readonly string[]
  readonly observer?: ValidatorObserver
  /** Turns a refusal into what the MCP SDKs recognise; used by `verifyAccessToken`. Default: as it is. */
  readonly sdkError?: (error: AuthorizationError) => unknown
}
