import type { ProviderConsole } from '../../src/provider-console.ts'

export const providerConsole: ProviderConsole = {
  steps: ({ resource, scopes }) => [
    'A confidential client for this server, allowed to introspect tokens: INTROSPECTION_CLIENT_ID and its secret.',
    `Access tokens for ${resource}: introspection has to answer it as aud. Scopes: ${scopes.join(', ')}.`,
    'A public client with PKCE for each MCP client, unless the server lets them register.',
  ],
  checks: ({ introspectionEndpoint }) => ({ introspects: introspectionEndpoint === undefined }),
  fixes: {},
}
