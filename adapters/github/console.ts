import { type ProviderConsole, USE_THE_BRIDGE } from '../../src/provider-console.ts'

const REGISTER_BY_HAND = `Settings > Developer settings > OAuth Apps > New OAuth App, and give clients its id and secret; or ${USE_THE_BRIDGE}. GitHub has no registration for MCP clients.`

export const providerConsole: ProviderConsole = {
  steps: () => [
    'Settings > Developer settings > GitHub Apps > New. Callback URL: that of the MCP client.',
    'On the page of the app: the client id (not the App ID), and Generate a new client secret.',
    'GitHub has no scopes of yours: GITHUB_GRANT_SCOPES and GITHUB_GRANT_TO say who may do what.',
  ],
  checks: () => ({}),
  fixes: {
    'tenant.registration_missing': REGISTER_BY_HAND,
    'tenant.registration_closed': REGISTER_BY_HAND,
    'tenant.credentials_refused':
      'Settings > Developer settings > the app > Generate a new client secret, and set GITHUB_CLIENT_SECRET to it.',
    'tenant.redirect_refused': 'Settings > Developer settings > OAuth Apps > the app > Authorization callback URL.',
  },
}
