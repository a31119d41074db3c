import { DEFAULT_ALGORITHMS } from '../../src/engines/signature.ts'
import type { ProviderConsole } from '../../src/provider-console.ts'

export const providerConsole: ProviderConsole = {
  steps: ({ resource, scopes }) => [
    `An API (resource server, audience) with the identifier ${resource}, so that access tokens carry it in aud.`,
    `Its scopes: ${scopes.join(', ')}.`,
    'A public client with PKCE for each MCP client, unless the provider lets them register.',
  ],
  checks: ({ algorithms }) => ({ algorithms: (algorithms as readonly string[] | undefined) ?? DEFAULT_ALGORITHMS }),
  fixes: {},
}
