import type { CatalogueEntry } from './entry.ts'

/** What is found at an access token of the provider. */
export const token = {
  'token.opaque': {
    severity: 'error',
    title: 'The access token is no JWT that this server can read',
    expected: 'a signed JWT',
    cure: 'Have the provider issue JWTs for this server, or introspect its tokens (AUTH_PROVIDER=introspection).',
  },
  'token.audience': {
    severity: 'error',
    title: 'The access token is for somebody else',
    expected: 'an aud that names this server',
    cure: 'Have the provider put the URL of the MCP endpoint into aud.',
  },
  'token.version_1': {
    severity: 'warning',
    title: 'Entra ID issues v1 tokens for this API',
    expected: 'ver 2.0',
    cure: 'App registrations > the API > Manifest: set api.requestedAccessTokenVersion to 2. Both are accepted here; the aud of v1 tokens is spelled in several ways.',
  },
  'token.scopes_missing': {
    severity: 'warning',
    title: 'The access token lacks scopes that tools need',
    expected: 'the scopes that were requested',
    cure: 'Grant the scopes to the client, or map what the token says by scopeNames in the configuration.',
  },
  'token.refused': {
    severity: 'error',
    title: 'The server would refuse the access token',
    expected: 'a token that passes every rule',
    cure: 'Run idplug explain on such a token.',
  },
  'token.long_lived': {
    severity: 'note',
    title: 'Access tokens live long',
    expected: 'a day at most',
    cure: 'Shorten the lifetime at the provider: a token that is verified by key cannot be revoked.',
  },
} as const satisfies Record<string, CatalogueEntry>
