import { type ClientMetadata, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import { leaveOutUnusable, type RegistrationRules } from '../registration.ts'
import type { ClientDocuments } from './client-documents.ts'
import type { ClientKinds } from './client-kinds.ts'

/** Clients that are known by the address of a document instead of a registration. */
export function metadataDocumentFeature(
  documents: ClientDocuments | undefined,
  { kindOf }: Pick<ClientKinds, 'kindOf'>,
): NonNullable<Configuration['features']>['clientIdMetadataDocument'] {
  if (!documents) return { enabled: false }
  return {
    enabled: true,
    ack: 'draft-02',
    // `documents` caches, by all that HTTP has to say about it.
    cacheDuration: { min: 0, max: 0 },
    // Loaded ahead: oidc-provider makes invalid_client of whatever happens while it fetches, and a host that is down is no
    // reason for a client to forget its tokens.
    allowFetch: async (ctx, clientId) => {
      if (kindOf(clientId) !== 'document') return false
      await documents.load(clientId, ctx?.req)
      return true
    },
    allowClient: async (ctx, client) => {
      // In the spelling that oidc-provider fetches it by.
      if (client.jwksUri && isSigned(ctx)) await documents.load(new URL(client.jwksUri).href, ctx?.req)
      return true
    },
  }
}

const isSigned = (ctx: KoaContextWithOIDC | undefined) => ctx?.oidc?.params?.client_assertion !== undefined

/**
 * Brings a document into the form of a registration. It is written for all authorization servers of the world: what this one
 * does not take is left out where enough remains.
 *
 * @throws {errors.InvalidClientMetadata} It names an address to fetch that this server has no use for.
 */
export function readMetadataDocument(metadata: Partial<ClientMetadata>, rules: RegistrationRules): void {
  if (metadata.sector_identifier_uri !== undefined) {
    throw new errors.InvalidClientMetadata('sector_identifier_uri is not supported')
  }
  // oidc-provider has put in the default of registration, a shared secret, which a document cannot have.
  if (metadata.token_endpoint_auth_method === 'client_secret_basic') {
    metadata.token_endpoint_auth_method = metadata.jwks || metadata.jwks_uri ? 'private_key_jwt' : 'none'
  }
  leaveOutUnusable(metadata, rules)
}
