/** An MCP server that tokens can be issued for. */
export interface ProtectedResource {
  /** Identifier (RFC 8707); becomes the `aud` of tokens, byte for byte. */
  resource: string
  /** Further identifiers under which clients may name it. Default: none. */
  aliases?: readonly string[]
  /** For people. Default: the identifier. */
  name?: string
  /** What each scope allows, in words for the consent page. */
  scopes: Readonly<Record<string, string>>
  /** For the beginning: what people of the demo can grant at least, and machines get that name no scope. Empty where there are no scopes. */
  defaultScopes: readonly string[]
  /** What the person is asked for where a client names none of the scopes. Default: {@link defaultScopes}. */
  signInScopes?: readonly string[]
  /** Credentials under which this MCP server introspects. */
  clientId: string
  clientSecret: string
}

/** The MCP servers that this authorization server knows, by either spelling of their identifier. */
export interface Resources {
  readonly all: readonly ProtectedResource[]
  /** Accepts the identifier with and without a slash at the end: clients add one by way of their URL parser. */
  find(identifier: string): ProtectedResource | undefined
  /**
   * For a request without `resource`. Clients of the 2025-03-26 revision send none, and where there is one MCP server
   * there is no doubt about which is meant.
   */
  readonly only: ProtectedResource | undefined
  /** The resource server with these introspection credentials. */
  ofClient(clientId: string): ProtectedResource | undefined
}

/** @throws {TypeError} No resource, two with one identifier or client id, or default or sign-in scopes that do not exist. */
export function createResources(all: readonly ProtectedResource[]): Resources {
  if (all.length === 0) throw new TypeError('the authorization server needs at least one protected resource')
  const bySpelling = new Map<string, ProtectedResource>()
  const byClient = new Map<string, ProtectedResource>()
  for (const entry of all) {
    for (const identifier of [entry.resource, ...(entry.aliases ?? [])]) {
      const bare = identifier.replace(/\/$/, '')
      if (bySpelling.has(bare)) throw new TypeError(`two protected resources have the identifier ${bare}`)
      bySpelling.set(bare, entry).set(`${bare}/`, entry)
    }
    if (byClient.has(entry.clientId))
      throw new TypeError(`two protected resources have the client id ${entry.clientId}`)
    const named = [...entry.defaultScopes, ...(entry.signInScopes ?? [])]
    const unknown = named.filter(scope => !Object.hasOwn(entry.scopes, scope))
    if (unknown.length > 0) throw new TypeError(`scopes that do not exist: ${unknown.join(', ')}`)
    byClient.set(entry.clientId, entry)
  }
  return {
    all,
    find: identifier => bySpelling.get(identifier),
    only: all.length === 1 ? all[0] : undefined,
    ofClient: clientId => byClient.get(clientId),
  }
}
