/** How one scope is called outside this server. */
export interface ScopeName {
  /** What clients request, e.g. `api://notes/notes:read`. Default: the prefix and the scope. */
  wire?: string
  /**
   * What a token says when it carries the scope: scopes, and roles or permissions where those are read as well. Default: the
   * scope, with and without the prefix. When given, nothing else counts, not even the scope's own name.
   */
  token?: readonly string[]
}

export interface ScopeNamesOptions {
  /** Put before every scope that is requested, e.g. `https://mcp.example.com/mcp/`. Default: none. */
  prefix?: string
  /** By the name that tools require. Default: none. */
  names?: Readonly<Record<string, ScopeName>>
  /**
   * What clients request, whatever they need, where the provider knows no scopes of ours and those are granted by rule.
   * Default: clients request what they need.
   */
  fixedWire?: readonly string[]
}

/**
 * The three names of a scope: what clients request on the wire, what the token says, what tools require. Metadata and
 * challenges use the first, tokens are read by the second, checks are made on the third.
 */
export interface ScopeNames {
  /** Whether a client can be granted a scope by requesting it. */
  readonly requestable: boolean
  toWire(scopes: readonly string[]): readonly string[]
  /** What a token says, in the names that tools require. What has no such name stays as it is. */
  fromToken(values: readonly string[]): readonly string[]
}

export function createScopeNames({ prefix = '', names = {}, fixedWire }: ScopeNamesOptions): ScopeNames {
  const wire = new Map<string, string>()
  const fromToken = new Map<string, string[]>()
  const strict = new Set<string>()
  for (const [scope, name] of Object.entries(names)) {
    if (name.wire !== undefined) wire.set(scope, name.wire)
    if (name.token === undefined) continue
    strict.add(scope)
    for (const value of name.token) fromToken.set(value, [...(fromToken.get(value) ?? []), scope])
  }
  return {
    requestable: fixedWire === undefined,
    toWire: scopes => fixedWire ?? scopes.map(scope => wire.get(scope) ?? prefix + scope),
    fromToken(values) {
      const scopes = new Set<string>()
      for (const value of values) {
        for (const scope of fromToken.get(value) ?? []) scopes.add(scope)
        const bare = prefix && value.startsWith(prefix) ? value.slice(prefix.length) : value
        if (!strict.has(bare)) scopes.add(bare)
      }
      return [...scopes]
    },
  }
}
