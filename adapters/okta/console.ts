import { type ProviderConsole, USE_THE_BRIDGE } from '../../src/provider-console.ts'
import { ACCEPTED_ALGORITHMS } from './index.ts'

const REGISTER_BY_HAND = `Admin Console > Applications > Create App Integration > OIDC > Native, and give clients its Client ID; or ${USE_THE_BRIDGE}. Okta lets only administrators register clients.`

const SET_AUDIENCE =
  'Admin Console > Security > API > Authorization Servers > the server > Settings: set Audience to the URL of the MCP endpoint, or set OKTA_AUDIENCE to what stands there.'

export const providerConsole: ProviderConsole = {
  steps: ({ resource, scopes }) => [
    `Security > API > Authorization Servers > default (or one of its own) > Settings. Audience: ${resource}.`,
    `Tab Scopes: ${scopes.join(', ')}, each with "Include in public metadata".`,
    'Tab Access Policies: a policy with a rule for the clients.',
    'Applications > Create App Integration > OIDC, Native Application, one per MCP client. Redirect URIs match with the port. Assign the users.',
  ],
  checks: ({ clientId }) => (clientId === undefined ? { algorithms: ACCEPTED_ALGORITHMS } : { introspects: true }),
  fixes: {
    'tenant.unreachable':
      'Check OKTA_DOMAIN against the Issuer URI: Admin Console > Security > API > Authorization Servers. Else check DNS and HTTPS_PROXY.',
    'tenant.metadata_missing':
      'Set the metadata URL to the Metadata URI of the authorization server (Admin Console > Security > API > Authorization Servers > the server > Settings).',
    'tenant.issuer_mismatch':
      'Admin Console > Security > API > Authorization Servers > the server > Settings > Issuer: choose the custom URL or the Okta URL, and configure the same.',
    'tenant.keys_missing':
      'This is the org authorization server. Set OKTA_AUTHORIZATION_SERVER_ID to a custom one, the last part of its Issuer URI: Admin Console > Security > API > Authorization Servers.',
    'tenant.algorithm_unsupported': 'Okta signs with RS256. Look whether the document comes from Okta at all.',
    'tenant.registration_missing': REGISTER_BY_HAND,
    'tenant.registration_closed': REGISTER_BY_HAND,
    'tenant.refresh_not_offered':
      'Applications > the app > General > Grant type: Refresh Token; and Security > API > Authorization Servers > the server > Scopes: offline_access.',
    'tenant.credentials_refused':
      'Applications > the app > General > Client Credentials: set OKTA_INTROSPECTION_CLIENT_ID and its secret to what stands there.',
    'tenant.client_not_authorized':
      'Admin Console > Security > API > Authorization Servers > the server > Access Policies: add a policy and a rule for the client (no_matching_policy).',
    'tenant.audience_unknown': SET_AUDIENCE,
    'tenant.scope_unknown': 'Admin Console > Security > API > Authorization Servers > the server > Scopes > Add Scope.',
    'tenant.redirect_refused': 'Applications > the app > General > Sign-in redirect URIs.',
    'tenant.redirect_port_fixed':
      'Okta matches ports exactly: register http://localhost with the port that the client is told to use (Applications > the app > General > Sign-in redirect URIs).',
    'token.audience': SET_AUDIENCE,
  },
  refusals: [[/no_matching_policy/, 'tenant.client_not_authorized']],
}
