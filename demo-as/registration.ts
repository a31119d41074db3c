import { type ClientMetadata, errors, type KoaContextWithOIDC } from 'oidc-provider'
import { clipped } from './pages/html.ts'
import { isScript, type RedirectRules, redirectUriProblem, withPlainScheme } from './redirect-uris.ts'

/** Grants that end at a redirect URI. */
const REDIRECTING = 'authorization_code'
const MACHINE = 'client_credentials'

const MAX_NAME_LENGTH = 200
/** Characters of JSON. What is stored of a registration is not longer. */
const MAX_LENGTH = 8192

export interface RegistrationRules {
  issuer: URL
  /** Where clients may have people sent back to. */
  redirects: RedirectRules
  /** Grants that this server has. */
  grantTypes: readonly string[]
}

type Metadata = Partial<ClientMetadata> & Record<string, unknown>

/**
 * What is ours to say about a dynamic registration (RFC 7591), beyond oidc-provider's own checks and the rules for redirect
 * URIs. Clients register what they could use at any server. What this one has no use for is left out of `metadata`, and so of the answer
 * (RFC 7591 §2); what nothing can be left of, and what would be dangerous, is refused.
 *
 * @throws {errors.InvalidClientMetadata} It is refused.
 */
export function checkRegistration(ctx: KoaContextWithOIDC, metadata: Metadata, rules: RegistrationRules): void {
  const registered: Metadata = ctx.oidc.body ?? {}
  if (JSON.stringify(registered).length > MAX_LENGTH) {
    throw new errors.InvalidClientMetadata(`a registration may have ${MAX_LENGTH} characters`)
  }
  for (const uri of [metadata.redirect_uris ?? []].flat()) {
    if (isScript(String(uri))) {
      throw new errors.InvalidClientMetadata(`redirect_uris: ${uri} ${redirectUriProblem(String(uri), rules.issuer)}`)
    }
  }
  leaveOutUnusable(metadata, rules)
  leaveOutKeyAddress(metadata)
  if (metadata.sector_identifier_uri !== undefined) {
    throw new errors.InvalidClientMetadata(
      'sector_identifier_uri is not supported: this server fetches nothing for a stranger',
    )
  }
  const grants = registered.grant_types
  if (!registered.response_types && Array.isArray(grants) && !grants.includes(REDIRECTING)) {
    metadata.response_types = []
  }
}

/** Leaves out what clients say of themselves for other servers, where enough remains for this one. */
export function leaveOutUnusable(metadata: Metadata, rules: RegistrationRules): void {
  for (const [member, value] of Object.entries(metadata)) {
    if (value === null || value === '') delete metadata[member]
  }
  leaveOutRedirectUris(metadata, rules)
  leaveOutGrants(metadata, rules.grantTypes)
  if (typeof metadata.client_name === 'string') metadata.client_name = clipped(metadata.client_name, MAX_NAME_LENGTH)
  if (metadata.client_name === '') delete metadata.client_name
  if (!['native', 'web'].includes(String(metadata.application_type))) metadata.application_type = 'web'
  // The only one that there is. A client that wants none at all is refused.
  if (String(metadata.id_token_signed_response_alg) !== 'none') metadata.id_token_signed_response_alg = 'ES256'
  // MCP clients name the scopes of their first request. Kept, these would forbid every later step-up.
  delete metadata.scope
}

/** One client registers the addresses of all the platforms that it runs on. */
function leaveOutRedirectUris(metadata: Metadata, { issuer, redirects }: RegistrationRules): void {
  if (!Array.isArray(metadata.redirect_uris)) return
  const uris: unknown[] = metadata.redirect_uris
  const spelled = uris.map(uri => (typeof uri === 'string' ? withPlainScheme(uri) : uri))
  const isUsable = (uri: unknown) => typeof uri !== 'string' || redirectUriProblem(uri, issuer, redirects) === undefined
  const usable = spelled.filter(isUsable)
  metadata.redirect_uris = (usable.length > 0 ? usable : spelled) as string[]
}

function leaveOutGrants(metadata: Metadata, grantTypes: readonly string[]): void {
  const isPublic = metadata.token_endpoint_auth_method === 'none'
  if (Array.isArray(metadata.grant_types)) {
    // Anybody can name the id of a client that has no credentials (RFC 6749 §4.4).
    const usable = grantTypes.filter(grant => !(isPublic && grant === MACHINE))
    const kept = metadata.grant_types.filter(grant => usable.includes(grant))
    if (kept.length > 0) metadata.grant_types = kept
    else if (isPublic && metadata.grant_types.includes(MACHINE)) {
      throw new errors.InvalidClientMetadata(`${MACHINE} needs a token_endpoint_auth_method other than none`)
    }
  }
  if (Array.isArray(metadata.response_types) && metadata.response_types.includes('code')) {
    metadata.response_types = ['code']
  }
}

function leaveOutKeyAddress(metadata: Metadata): void {
  if (metadata.jwks_uri === undefined) return
  if (metadata.token_endpoint_auth_method === 'private_key_jwt' && !metadata.jwks) {
    throw new errors.InvalidClientMetadata(
      'jwks_uri is not supported: this server fetches nothing for a stranger; register the keys as jwks',
    )
  }
  delete metadata.jwks_uri
}
