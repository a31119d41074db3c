import { type ClientMetadata, errors, type KoaContextWithOIDC } from 'oidc-provider'

/** Grants that end at a redirect URI. */
const REDIRECTING = 'authorization_code'

/**
 * What is ours to say about a dynamic registration (RFC 7591), beyond oidc-provider's own checks and the rules for redirect
 * URIs. Changes `metadata` where the RFC lets a server replace values.
 */
export function checkRegistration(ctx: KoaContextWithOIDC, metadata: Partial<ClientMetadata>): void {
  for (const member of ['jwks_uri', 'sector_identifier_uri'] as const) {
    if (metadata[member] !== undefined) {
      throw new errors.InvalidClientMetadata(`${member} is not supported: this server fetches nothing for a stranger`)
    }
  }
  // MCP clients register with the scopes of their first request. Kept, these would forbid every later step-up.
  delete metadata.scope
  const registered = ctx.oidc.body ?? {}
  const grants = registered.grant_types
  if (registered.response_types === undefined && Array.isArray(grants) && !grants.includes(REDIRECTING)) {
    metadata.response_types = []
  }
}
