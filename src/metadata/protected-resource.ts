/** Protected resource metadata (RFC 9728 §2). Wire spelling. */
export interface ProtectedResourceMetadata {
  resource: string
  authorization_servers: readonly string[]
  scopes_supported?: readonly string[]
  bearer_methods_supported: readonly ['header']
  resource_name?: string
  resource_documentation?: string
  dpop_signing_alg_values_supported?: readonly string[]
  dpop_bound_access_tokens_required?: true
}

export interface ProtectedResourceOptions {
  /** Identifier of this server, canonical spelling. */
  resource: string
  /** Issuers, byte for byte as their own metadata spells them: strict clients compare strings (RFC 8414 §3.3). */
  authorizationServers: readonly string[]
  /** Scopes as clients request them on the wire. `offline_access` does not belong here. */
  scopesSupported: readonly string[]
  resourceName?: string
  resourceDocumentation?: string
  /** Proofs of possession (RFC 9449) that are taken, and whether every token has to come with one. Default: none. */
  dpop?: { readonly algorithms: readonly string[]; readonly required: boolean }
}

export function protectedResourceMetadata(options: ProtectedResourceOptions): ProtectedResourceMetadata {
  return {
    resource: options.resource,
    authorization_servers: options.authorizationServers,
    ...(options.scopesSupported.length > 0 && { scopes_supported: options.scopesSupported }),
    bearer_methods_supported: ['header'],
    ...(options.resourceName && { resource_name: options.resourceName }),
    ...(options.resourceDocumentation && { resource_documentation: options.resourceDocumentation }),
    ...(options.dpop && { dpop_signing_alg_values_supported: options.dpop.algorithms }),
    ...(options.dpop?.required && { dpop_bound_access_tokens_required: true }),
  }
}

/** Where the metadata of a resource lives: the well-known part goes between host and path (RFC 9728 §3.1). */
export function protectedResourceMetadataUrl(resource: string): string {
  const url = new URL(resource)
  const path = url.pathname === '/' ? '' : url.pathname
  return `${url.origin}/.well-known/oauth-protected-resource${path}${url.search}`
}
