import { DEFAULT_ALGORITHMS } from '../../src/engines/signature.ts'
import type { ProviderConsole } from '../../src/provider-console.ts'

export const providerConsole: ProviderConsole = {
  steps: () => [],
  checks: ({ accessTokenFormat }) =>
    accessTokenFormat === 'jwt' ? { algorithms: DEFAULT_ALGORITHMS } : { introspects: true },
  fixes: {},
}
