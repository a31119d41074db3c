import { type ProviderConsole, USE_THE_BRIDGE } from '../../src/provider-console.ts'
import { ACCEPTED_ALGORITHMS } from './index.ts'

const REGISTER_BY_HAND = `Entra admin center > App registrations > New registration, platform "Mobile and desktop applications" with http://localhost, and give clients its Application (client) ID; or ${USE_THE_BRIDGE}. Entra ID has no registration for MCP clients.`

const SET_AUDIENCE =
  'Entra admin center > App registrations > the API > Expose an API: set the Application ID URI to the URL of the MCP endpoint, without a slash at its end, and set AZURE_CLIENT_ID to the Application (client) ID on its Overview.'

export const providerConsole: ProviderConsole = {
  steps: ({ resource, scopes }) => [
    'App registrations > New registration, for the API. Its Overview has AZURE_TENANT_ID and AZURE_CLIENT_ID.',
    'Manifest > requestedAccessTokenVersion: 2. An https URL is accepted as Application ID URI only afterwards.',
    `Expose an API > Application ID URI: ${resource}, without a slash at the end.`,
    `Expose an API > Scopes: ${scopes.join(', ')}.`,
    'App registrations > New registration, one per MCP client: Mobile and desktop applications, http://localhost with the path of the client. API permissions: those scopes.',
  ],
  checks: () => ({ algorithms: ACCEPTED_ALGORITHMS }),
  fixes: {
    'tenant.metadata_missing': 'Set AZURE_TENANT_ID to the Tenant ID (Entra admin center > Overview).',
    'tenant.issuer_mismatch':
      'Set AZURE_TENANT_ID to the Tenant ID, a GUID (Entra admin center > Overview), not to a domain name.',
    'tenant.algorithm_unsupported': 'Entra ID signs with RS256. Look whether customSigningKeys is set rightly.',
    'tenant.pkce_not_advertised': `Entra ID accepts PKCE and does not say so, and no setting changes that. For strict clients, claude.ai among them, ${USE_THE_BRIDGE}.`,
    'tenant.registration_missing': REGISTER_BY_HAND,
    'tenant.registration_closed': REGISTER_BY_HAND,
    'tenant.client_refused':
      'App registrations > the client > Certificates & secrets: copy the Value of a secret, not its Secret ID.',
    'tenant.client_not_authorized':
      'App registrations > the client > API permissions > Add a permission > My APIs > Application permissions, then "Grant admin consent".',
    'tenant.resource_refused':
      'AADSTS9010010: App registrations > the API > Expose an API: the Application ID URI must equal the URL of the MCP endpoint, without a slash at its end, and scopes must begin with it. Where clients use several URLs, the manifest takes several identifierUris. mcp-remote has --disable-resource-parameter.',
    'tenant.audience_unknown': SET_AUDIENCE,
    'tenant.scope_unknown':
      'App registrations > the API > Expose an API > Add a scope; clients request it with the Application ID URI before it (AADSTS650053, AADSTS70011).',
    'tenant.redirect_refused':
      'AADSTS50011: App registrations > the client > Authentication > Mobile and desktop applications: http://localhost with the path, without a port.',
    'token.audience': SET_AUDIENCE,
    'token.scopes_missing':
      'Tokens of machines have roles in place of scp: App registrations > the API > App roles, and AZURE_SCOPE_CLAIMS=scp,roles.',
  },
  concerns: ({ scopePrefix, dangerouslyAllowAnyTenant }) => [
    ...(scopePrefix ? [] : [['config.scope_prefix_missing', 'scopePrefix is empty'] as const]),
    ...(dangerouslyAllowAnyTenant === true
      ? [['config.any_tenant', 'AZURE_DANGEROUSLY_ALLOW_ANY_TENANT=true'] as const]
      : []),
  ],
  tokenConcerns: ({ ver }) => (ver === '1.0' ? [['token.version_1', 'ver is 1.0']] : []),
  // Entra ID grants machines what was assigned to them, and knows no other scope for it.
  trialScopes: ({ appIdUri }, resource) => [`${appIdUri ?? resource}/.default`],
  refusals: [
    [/AADSTS(9010010|901002)/, 'tenant.resource_refused'],
    [/AADSTS(650053|70011|1002012|900144)/, 'tenant.scope_unknown'],
    [/AADSTS500011/, 'tenant.audience_unknown'],
  ],
}
