import { DEFAULT_ALGORITHMS } from '../../src/engines/signature.ts'
import type { ProviderConsole } from '../../src/provider-console.ts'

export const providerConsole: ProviderConsole = {
  steps: ({ resource, scopes }) => [
    `An API (resource server, audience) with the identifier ${resource}, so that access tokens carry it in aud.`,
    `Its scopes: ${scopes.join(', ')}.`,
    'A public client with PKCE for each MCP client, unless the provider lets them register.',
  ],
  // Keys that are published one by one cannot be looked at without a token.
  checks: ({ algorithms, keyUrl }) =>
    keyUrl === undefined ? { algorithms: (algorithms as readonly string[] | undefined) ?? DEFAULT_ALGORITHMS } : {},
  fixes: {},
}
