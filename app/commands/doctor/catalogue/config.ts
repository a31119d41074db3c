import type { CatalogueEntry } from './entry.ts'

/** What is found at the settings. */
export const config = {
  'config.invalid': {
    severity: 'error',
    title: 'A setting is missing or wrong',
    expected: 'settings that the server can start with',
    cure: 'Correct the setting; docs/settings.md and docs/providers.md say what each is and where its value is found.',
  },
  'config.no_effect': {
    severity: 'note',
    title: 'A variable is set that has no effect',
    expected: 'settings that the chosen provider and the server read',
    cure: 'Correct the name (docs/settings.md, docs/providers.md), choose the provider that it belongs to, or remove it. If other software needs it, leave it.',
  },
  'config.not_running': {
    severity: 'note',
    title: 'The server with our own authorization server does not run',
    expected: 'an answer of its metadata',
    cure: 'Start the server and run the doctor again, to have what it publishes checked as well.',
  },
  'config.fake_sign_in': {
    severity: 'warning',
    title: 'Others can reach the demo sign-in',
    expected: 'a real provider, or a server that only this machine can reach',
    cure: 'Set AUTH_PROVIDER to a real provider, or HOST=127.0.0.1 and localhost URLs; then remove DANGEROUSLY_ALLOW_FAKE_SIGN_IN.',
  },
  'config.insecure_hosts': {
    severity: 'warning',
    title: 'The provider may be asked without encryption',
    expected: 'https://, or a network in which nobody else can change the traffic',
    cure: 'Keep the hosts of AUTH_INSECURE_HOSTS inside a network of your own; where the provider has a certificate, use https:// (AUTH_CA_FILE for one of your own authority) and remove the setting.',
  },
  'config.resource_local': {
    severity: 'note',
    title: 'The server is reachable from this machine only',
    expected: 'PUBLIC_URL with https:// and a name that clients can reach',
    cure: 'Set PUBLIC_URL to the origin that clients use. On localhost, claude.ai and ChatGPT cannot connect.',
  },
  'config.scope_prefix_missing': {
    severity: 'error',
    title: 'Scopes are requested without the App ID URI',
    expected: 'scopePrefix: the Application ID URI and a slash',
    cure: 'Set scopePrefix in the configuration to the Application ID URI (App registrations > the API > Expose an API) and a slash. Without it Entra ID takes the scopes for those of Microsoft Graph: AADSTS650053.',
  },
  'config.any_tenant': {
    severity: 'warning',
    title: 'Users of every tenant are let in',
    expected: 'AZURE_ALLOWED_TENANTS with the tenants that may come in',
    cure: 'List the tenants in AZURE_ALLOWED_TENANTS (Entra admin center > Overview > Tenant ID) and take AZURE_DANGEROUSLY_ALLOW_ANY_TENANT away.',
  },
  'config.any_client': {
    severity: 'warning',
    title: 'Tokens of every client of the provider are accepted',
    expected: 'USERINFO_CLIENT_IDS or USERINFO_AUDIENCE',
    cure: 'Have the provider name the client or the audience in its UserInfo answers, list them in USERINFO_CLIENT_IDS or USERINFO_AUDIENCE, and take USERINFO_DANGEROUSLY_ACCEPT_TOKENS_OF_ANY_CLIENT away. Until then, whoever runs an app at the provider can use the tokens of its users here.',
  },
  'config.user_name_subject': {
    severity: 'warning',
    title: 'User names are the subjects of tokens',
    expected: 'a claim with an id that the provider never changes and never gives to somebody else',
    cure: 'Set subjectClaim to such a claim where tokens have one (sub by default). Where they have none, make sure that the provider never renames a user and never gives the name of a former user to somebody else: the new owner of the name would own their data.',
  },
} as const satisfies Record<string, CatalogueEntry>
