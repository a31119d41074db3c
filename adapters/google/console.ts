import { type ProviderConsole, USE_THE_BRIDGE } from '../../src/provider-console.ts'
import { ACCEPTED_ALGORITHMS } from './service-accounts.ts'

const REGISTER_BY_HAND = `Cloud console > Google Auth Platform > Clients > Create client (Desktop app), and give clients its id and secret; or ${USE_THE_BRIDGE}. Google has no registration for MCP clients.`

export const providerConsole: ProviderConsole = {
  steps: () => [
    'Google Auth Platform > Clients > Create client, one per MCP client: Desktop app, or Web application with its exact redirect URI. Their ids are GOOGLE_CLIENT_IDS.',
    'Google Auth Platform > Data Access: openid and .../auth/userinfo.email.',
    'Google has no API and no scopes of yours: GOOGLE_GRANT_SCOPES and GOOGLE_GRANT_TO say who may do what.',
  ],
  // Access tokens are asked about at tokeninfo.
  checks: ({ serviceAccountIdTokens }) =>
    Array.isArray(serviceAccountIdTokens) && serviceAccountIdTokens.length > 0
      ? { algorithms: ACCEPTED_ALGORITHMS }
      : {},
  fixes: {
    'tenant.registration_missing': REGISTER_BY_HAND,
    'tenant.registration_closed': REGISTER_BY_HAND,
    'tenant.refresh_not_offered': `Google gives refresh tokens for access_type=offline only, which MCP clients do not send: ${USE_THE_BRIDGE}.`,
    'tenant.redirect_refused':
      'Cloud console > Google Auth Platform > Clients > the client > Authorized redirect URIs.',
  },
}
