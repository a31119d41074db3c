import type { ProviderConsole } from '../../src/provider-console.ts'
import { ACCEPTED_ALGORITHMS } from './index.ts'

const REGISTER_BY_HAND =
  'Auth0 Dashboard > Settings > Advanced > Dynamic Client Registration (its clients also need a domain-level connection and default third-party permissions on the API), or Applications > Create Application (Native) for each MCP client.'

const SET_AUDIENCE =
  'Auth0 Dashboard > Applications > APIs > Create API, with the URL of the MCP endpoint as Identifier, character for character; an Identifier cannot be changed later.'

export const providerConsole: ProviderConsole = {
  steps: ({ resource, scopes }) => [
    `Applications > APIs > Create API. Identifier: ${resource} (it cannot be changed later). Signing Algorithm: RS256.`,
    `Permissions of that API: ${scopes.join(', ')}. Settings: Allow Offline Access, for refresh tokens.`,
    'Settings > Advanced > Resource Parameter Compatibility Profile: on, as new tenants have it.',
    'Settings of the tenant: Include Issuer in Authorization Responses on; client ID metadata documents on, for clients that have one.',
    'Applications > Create Application, Native, one per MCP client. Allowed Callback URLs: the one of the client, exactly.',
  ],
  checks: () => ({ algorithms: ACCEPTED_ALGORITHMS }),
  fixes: {
    'tenant.unreachable':
      'Check AUTH0_DOMAIN: it is the Domain in the Settings of any application. Else check DNS and HTTPS_PROXY.',
    'tenant.metadata_missing':
      'Set AUTH0_DOMAIN to the Domain of an application (Applications > the application > Settings).',
    'tenant.issuer_slash':
      'Issuers of Auth0 end in a slash; a proxy or a rewritten document has taken it away. Undo that.',
    'tenant.issuer_mismatch':
      'Set AUTH0_DOMAIN to the domain at which users sign in: the custom domain where there is one (Settings > Custom Domains).',
    'tenant.keys_unusable': 'Applications > APIs > the API > Settings > Signing Algorithm: RS256, not HS256.',
    'tenant.algorithm_unsupported': 'Applications > APIs > the API > Settings > Signing Algorithm: RS256 or PS256.',
    'tenant.registration_missing': REGISTER_BY_HAND,
    'tenant.registration_closed': REGISTER_BY_HAND,
    'tenant.cimd_missing':
      'Turn client ID metadata documents on in the settings of the tenant. An administrator then imports each client by its URL, unless the tenant has dynamic registration of such clients (Early Access). Such clients are third-party ones: the tenant must have no Rules.',
    'tenant.response_issuer_missing':
      'Turn "Include Issuer in Authorization Responses" on in the settings of the tenant.',
    'tenant.refresh_not_offered': 'Applications > APIs > the API > Settings > Allow Offline Access.',
    'tenant.client_refused':
      'Applications > the application (Machine to Machine): copy Client ID and Client Secret anew.',
    'tenant.client_not_authorized':
      'Applications > APIs > the API > Machine to Machine Applications: authorize the client.',
    'tenant.resource_ignored':
      'Auth0 Dashboard > Settings > Advanced > Resource Parameter Compatibility Profile: turn it on.',
    'tenant.audience_unknown': SET_AUDIENCE,
    'tenant.scope_unknown': 'Applications > APIs > the API > Permissions: add each scope.',
    'tenant.redirect_refused': 'Applications > the application > Settings > Allowed Callback URLs.',
    'token.opaque':
      'No API was named. Settings > Advanced > Resource Parameter Compatibility Profile; or Settings > General > API Authorization Settings > Default Audience.',
    'token.audience': SET_AUDIENCE,
    'token.scopes_missing':
      'Applications > APIs > the API > Machine to Machine Applications > the client > Permissions. With RBAC on, users need the permission by a role; set AUTH0_SCOPE_CLAIMS=permissions where tokens carry it.',
    'token.long_lived': 'Applications > APIs > the API > Settings > Maximum Access Token Lifetime.',
  },
  refusals: [
    // The API is named after the colon; nothing there means that Auth0 read none.
    [/Service not (found|enabled within domain):\s*$/, 'tenant.resource_ignored'],
    [/Service not (found|enabled)/, 'tenant.audience_unknown'],
    [/not authorized to access resource server/, 'tenant.client_not_authorized'],
  ],
}
