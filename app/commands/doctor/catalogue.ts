import type { Severity } from './finding.ts'

export interface CatalogueEntry {
  readonly severity: Severity
  readonly title: string
  readonly expected: string
  /** What to do, at any provider. */
  readonly cure: string
  /** The same in the words of a provider's console, by the name of its adapter. */
  readonly cures?: Readonly<Record<string, string>>
}

const BRIDGE = 'put the authorization server of idplug in front as a bridge, which offers registration itself'

const NO_REGISTRATION = {
  auth0:
    'Auth0 Dashboard > Settings > Advanced > Dynamic Client Registration (its clients also need a domain-level connection and default third-party permissions on the API), or Applications > Create Application (Native) for each MCP client.',
  okta: `Admin Console > Applications > Create App Integration > OIDC > Native, and give clients its Client ID; or ${BRIDGE}. Okta lets only administrators register clients.`,
  azure: `Entra admin center > App registrations > New registration, platform "Mobile and desktop applications" with http://localhost, and give clients its Application (client) ID; or ${BRIDGE}. Entra ID has no registration for MCP clients.`,
  google: `Cloud console > Google Auth Platform > Clients > Create client (Desktop app), and give clients its id and secret; or ${BRIDGE}. Google has no registration for MCP clients.`,
  github: `Settings > Developer settings > OAuth Apps > New OAuth App, and give clients its id and secret; or ${BRIDGE}. GitHub has no registration for MCP clients.`,
} as const

const AUDIENCE = {
  auth0:
    'Auth0 Dashboard > Applications > APIs > Create API, with the URL of the MCP endpoint as Identifier, character for character; an Identifier cannot be changed later.',
  okta: 'Admin Console > Security > API > Authorization Servers > the server > Settings: set Audience to the URL of the MCP endpoint, or set OKTA_AUDIENCE to what stands there.',
  azure:
    'Entra admin center > App registrations > the API > Expose an API: set the Application ID URI to the URL of the MCP endpoint, without a slash at its end, and set AZURE_CLIENT_ID to the Application (client) ID on its Overview.',
} as const

/**
 * Every finding of `idplug doctor`. Codes are stable: scripts look for them. The page `docs/findings.md` is made from this by
 * `npm run docs`.
 */
export const catalogue = {
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
  'config.fake_sign_in': {
    severity: 'warning',
    title: 'Others can reach the demo sign-in',
    expected: 'a real provider, or a server that only this machine can reach',
    cure: 'Set AUTH_PROVIDER to a real provider, or HOST=127.0.0.1 and localhost URLs; then remove DANGEROUSLY_ALLOW_FAKE_SIGN_IN.',
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
  'config.user_name_subject': {
    severity: 'warning',
    title: 'User names are the subjects of tokens',
    expected: 'a claim with an id that the provider never changes and never gives to somebody else',
    cure: 'Set subjectClaim to such a claim where tokens have one (sub by default). Where they have none, make sure that the provider never renames a user and never gives the name of a former user to somebody else: the new owner of the name would own their data.',
  },
  'tenant.unreachable': {
    severity: 'error',
    title: 'The provider cannot be reached',
    expected: 'an answer of the metadata URL',
    cure: 'Check the host name in the metadata URL, the DNS and firewall of this machine, and HTTPS_PROXY and NO_PROXY.',
    cures: {
      auth0: 'Check AUTH0_DOMAIN: it is the Domain in the Settings of any application. Else check DNS and HTTPS_PROXY.',
      okta: 'Check OKTA_DOMAIN against the Issuer URI: Admin Console > Security > API > Authorization Servers. Else check DNS and HTTPS_PROXY.',
    },
  },
  'tenant.tls_untrusted': {
    severity: 'error',
    title: "The provider's certificate is not trusted",
    expected: 'a valid certificate for the host, from an authority that Node trusts',
    cure: 'Renew the certificate, or name your own authority in NODE_EXTRA_CA_CERTS; a corporate proxy that opens TLS has one too.',
  },
  'tenant.metadata_missing': {
    severity: 'error',
    title: 'There is no metadata where the settings say',
    expected: 'status 200 and a JSON document',
    cure: 'Open the metadata URL in a browser. It must be the issuer with /.well-known/openid-configuration after it.',
    cures: {
      auth0: 'Set AUTH0_DOMAIN to the Domain of an application (Applications > the application > Settings).',
      okta: 'Set the metadata URL to the Metadata URI of the authorization server (Admin Console > Security > API > Authorization Servers > the server > Settings).',
      azure: 'Set AZURE_TENANT_ID to the Tenant ID (Entra admin center > Overview).',
    },
  },
  'tenant.failing': {
    severity: 'error',
    title: 'The provider answers with an error of its own',
    expected: 'status 200',
    cure: "Look at the provider's status page and try again; nothing here needs to change.",
  },
  'tenant.throttled': {
    severity: 'warning',
    title: 'The provider wants to be asked less',
    expected: 'an answer other than status 429',
    cure: 'Wait, and find out what else asks so often: other servers under the same tenant, or restarts in a loop.',
  },
  'tenant.metadata_not_json': {
    severity: 'error',
    title: 'The metadata is no JSON document',
    expected: 'a JSON object (RFC 8414 section 3.2)',
    cure: 'Open the metadata URL in a browser: a page of a proxy or of a sign-in stands in the way, or the path is wrong.',
  },
  'tenant.issuer_slash': {
    severity: 'error',
    title: 'The issuer differs in the slash at its end',
    expected: 'the issuer byte for byte (RFC 8414 section 3.3)',
    cure: 'Write the issuer as the metadata spells it, the slash included or left out.',
    cures: { auth0: 'Issuers of Auth0 end in a slash; a proxy or a rewritten document has taken it away. Undo that.' },
  },
  'tenant.issuer_mismatch': {
    severity: 'error',
    title: 'The metadata is that of another issuer',
    expected: 'the issuer that the settings name',
    cure: "Configure the issuer that the metadata names, if that is yours; else set the provider's public URL right.",
    cures: {
      auth0:
        'Set AUTH0_DOMAIN to the domain at which users sign in: the custom domain where there is one (Settings > Custom Domains).',
      okta: 'Admin Console > Security > API > Authorization Servers > the server > Settings > Issuer: choose the custom URL or the Okta URL, and configure the same.',
      azure: 'Set AZURE_TENANT_ID to the Tenant ID, a GUID (Entra admin center > Overview), not to a domain name.',
    },
  },
  'tenant.issuer_template': {
    severity: 'warning',
    title: 'The metadata names a template in place of the issuer',
    expected: 'an issuer with the id of a tenant',
    cure: 'Clients that compare issuers refuse organizations and common. For one tenant, set AZURE_TENANT_ID to its Tenant ID (Entra admin center > Overview); for several, use the bridge.',
  },
  'tenant.endpoint_missing': {
    severity: 'error',
    title: 'The metadata lacks an endpoint that clients need',
    expected: 'authorization_endpoint and token_endpoint',
    cure: 'Enable the authorization code flow at the provider, or configure the authorization server that has it.',
  },
  'tenant.endpoint_insecure': {
    severity: 'error',
    title: 'The metadata names an endpoint that must not be called',
    expected: 'https:// URLs',
    cure: "Behind a proxy that ends TLS, set the provider's public URL to https://. If the URL has a strange scheme, trust nothing of this document.",
  },
  'tenant.keys_missing': {
    severity: 'error',
    title: 'The metadata names no key set',
    expected: 'jwks_uri',
    cure: 'Configure an authorization server that signs access tokens, or verify tokens by introspection (AUTH_PROVIDER=introspection).',
    cures: {
      okta: 'This is the org authorization server. Set OKTA_AUTHORIZATION_SERVER_ID to a custom one, the last part of its Issuer URI: Admin Console > Security > API > Authorization Servers.',
    },
  },
  'tenant.keys_unreachable': {
    severity: 'error',
    title: 'The key set cannot be fetched',
    expected: 'status 200 and a JSON document at jwks_uri',
    cure: 'Let this machine reach the host of jwks_uri too; it may be another one than that of the issuer.',
  },
  'tenant.keys_unusable': {
    severity: 'error',
    title: 'The key set holds no key that tokens can be verified with',
    expected: 'an RSA, EC or OKP key whose use is sig',
    cure: 'Have the provider sign access tokens with an asymmetric algorithm, RS256 or ES256.',
    cures: {
      auth0: 'Applications > APIs > the API > Settings > Signing Algorithm: RS256, not HS256.',
    },
  },
  'tenant.key_private': {
    severity: 'error',
    title: 'The key set publishes a private key',
    expected: 'public members only',
    cure: 'Rotate the key at once: whoever read the document can sign tokens.',
  },
  'tenant.key_symmetric': {
    severity: 'error',
    title: 'The key set publishes a shared secret',
    expected: 'no key of type oct',
    cure: 'Replace the secret at once, and sign with an asymmetric algorithm: whoever read the document can sign tokens.',
  },
  'tenant.key_short': {
    severity: 'error',
    title: 'A signing key is too short',
    expected: 'RSA keys of 2048 bits or more',
    cure: 'Rotate to a key of 2048 bits at least; tokens signed with this one are refused.',
  },
  'tenant.key_without_id': {
    severity: 'warning',
    title: 'Several keys cannot be told apart',
    expected: 'a kid for each key, where there are several',
    cure: 'Have the provider give its keys ids. A token that names none is refused while there are two keys.',
  },
  'tenant.key_id_twice': {
    severity: 'warning',
    title: 'Two keys have the same id',
    expected: 'a kid of its own for each key',
    cure: 'Remove one of the keys; tokens signed with the other may be refused.',
  },
  'tenant.algorithm_unsupported': {
    severity: 'error',
    title: 'No key has an algorithm that is accepted',
    expected: 'RS256, PS256, ES256, ES384 or EdDSA',
    cure: 'Change the signing algorithm at the provider, or add it to algorithms (adapter oidc).',
    cures: {
      auth0: 'Applications > APIs > the API > Settings > Signing Algorithm: RS256 or PS256.',
      azure: 'Entra ID signs with RS256. Look whether customSigningKeys is set rightly.',
      okta: 'Okta signs with RS256. Look whether the document comes from Okta at all.',
    },
  },
  'tenant.pkce_not_advertised': {
    severity: 'warning',
    title: 'The metadata does not say that PKCE is supported',
    expected: 'code_challenge_methods_supported with S256',
    cure: `Clients that follow the MCP specification refuse such a server. Have the provider publish it, or ${BRIDGE}.`,
    cures: {
      azure: `Entra ID accepts PKCE and does not say so, and no setting changes that. For strict clients, claude.ai among them, ${BRIDGE}.`,
    },
  },
  'tenant.pkce_plain_only': {
    severity: 'error',
    title: 'PKCE is offered without S256',
    expected: 'S256 in code_challenge_methods_supported',
    cure: 'Enable S256 at the provider. Every MCP client refuses a server that lists methods without it.',
  },
  'tenant.registration_missing': {
    severity: 'warning',
    title: 'Clients cannot register themselves',
    expected: 'client_id_metadata_document_supported, or registration_endpoint',
    cure: `Register each client by hand and give it its client id, or ${BRIDGE}.`,
    cures: NO_REGISTRATION,
  },
  'tenant.registration_closed': {
    severity: 'warning',
    title: 'The registration endpoint is there, but closed',
    expected: 'an endpoint that lets clients register (RFC 7591)',
    cure: `Open registration at the provider, register clients by hand, or ${BRIDGE}.`,
    cures: NO_REGISTRATION,
  },
  'tenant.cimd_missing': {
    severity: 'note',
    title: 'Client ID metadata documents are not supported',
    expected: 'client_id_metadata_document_supported: true',
    cure: 'Nothing, as long as clients can register. MCP 2026-07-28 prefers these documents and counts registration as outdated.',
    cures: {
      auth0:
        'Turn client ID metadata documents on in the settings of the tenant; an administrator then imports each client by its URL.',
    },
  },
  'tenant.response_issuer_missing': {
    severity: 'note',
    title: 'Authorization responses do not name their issuer',
    expected: 'authorization_response_iss_parameter_supported: true (RFC 9207)',
    cure: 'Turn it on where the provider has it; it protects clients that use several authorization servers.',
    cures: { auth0: 'Auth0 has a toggle for it in the settings of the tenant.' },
  },
  'tenant.refresh_not_offered': {
    severity: 'warning',
    title: 'Clients cannot see how to stay signed in',
    expected: 'offline_access in scopes_supported, or refresh_token in grant_types_supported',
    cure: 'Enable refresh tokens at the provider; otherwise users sign in again each time a token expires.',
    cures: {
      google: `Google gives refresh tokens for access_type=offline only, which MCP clients do not send: ${BRIDGE}.`,
      okta: 'Applications > the app > General > Grant type: Refresh Token; and Security > API > Authorization Servers > the server > Scopes: offline_access.',
      auth0: 'Applications > APIs > the API > Settings > Allow Offline Access.',
    },
  },
  'tenant.introspection_missing': {
    severity: 'error',
    title: 'The metadata names no introspection endpoint',
    expected: 'introspection_endpoint',
    cure: 'Set introspectionEndpoint in the configuration, or verify tokens by key (AUTH_PROVIDER=oidc).',
  },
  'tenant.credentials_refused': {
    severity: 'error',
    title: "The provider refuses this server's own credentials",
    expected: 'an answer about an unknown token',
    cure: 'Set client id and secret anew. Mind the way they are sent (authMethod) and characters that a shell changes.',
    cures: {
      github:
        'Settings > Developer settings > the app > Generate a new client secret, and set GITHUB_CLIENT_SECRET to it.',
      okta: 'Applications > the app > General > Client Credentials: set OKTA_INTROSPECTION_CLIENT_ID and its secret to what stands there.',
    },
  },
  'tenant.not_ready': {
    severity: 'error',
    title: 'The server cannot use this provider yet',
    expected: 'a provider that is ready (GET /ready answers 200)',
    cure: 'Read what was seen; the same stands in the log of the server at its start.',
  },
  'tenant.clock_skew': {
    severity: 'warning',
    title: 'The clocks of this machine and the provider differ',
    expected: 'a difference within CLOCK_TOLERANCE_SECONDS',
    cure: 'Set the clock of this machine (NTP). Fresh tokens are refused as not yet valid, or old ones live longer.',
  },
  'tenant.client_refused': {
    severity: 'error',
    title: 'The client for the trial is refused',
    expected: 'a client that may use the client credentials grant',
    cure: 'Check --client-id and the secret in --client-secret-env, and the grant types of the client.',
    cures: {
      auth0: 'Applications > the application (Machine to Machine): copy Client ID and Client Secret anew.',
      azure: 'App registrations > the client > Certificates & secrets: copy the Value of a secret, not its Secret ID.',
    },
  },
  'tenant.client_not_authorized': {
    severity: 'error',
    title: 'The client may not have tokens for this server',
    expected: 'a client that is authorized for the API',
    cure: 'Authorize the client for the API at the provider.',
    cures: {
      auth0: 'Applications > APIs > the API > Machine to Machine Applications: authorize the client.',
      okta: 'Admin Console > Security > API > Authorization Servers > the server > Access Policies: add a policy and a rule for the client (no_matching_policy).',
      azure:
        'App registrations > the client > API permissions > Add a permission > My APIs > Application permissions, then "Grant admin consent".',
    },
  },
  'tenant.resource_ignored': {
    severity: 'error',
    title: 'The provider ignores the resource parameter',
    expected: 'tokens for the resource of the request (RFC 8707), which is what MCP clients send',
    cure: `Turn resource indicators on at the provider, or ${BRIDGE}.`,
    cures: {
      auth0: 'Auth0 Dashboard > Settings > Advanced > Resource Parameter Compatibility Profile: turn it on.',
    },
  },
  'tenant.resource_refused': {
    severity: 'error',
    title: 'The provider refuses the resource parameter',
    expected: 'a resource that fits the scopes (RFC 8707)',
    cure: `Register the URL of the MCP endpoint as a resource, or ${BRIDGE}.`,
    cures: {
      azure:
        'AADSTS9010010: App registrations > the API > Expose an API: the Application ID URI must equal the URL of the MCP endpoint, without a slash at its end, and scopes must begin with it. mcp-remote has --disable-resource-parameter.',
    },
  },
  'tenant.audience_unknown': {
    severity: 'error',
    title: 'The provider does not know this server',
    expected: 'an API, audience or resource for the URL of the MCP endpoint',
    cure: 'Register the URL of the MCP endpoint at the provider, character for character.',
    cures: AUDIENCE,
  },
  'tenant.scope_unknown': {
    severity: 'error',
    title: 'The provider does not know the scopes of this server',
    expected: 'every scope that the tools need',
    cure: 'Create the scopes at the provider under the same names, or map them by scopeNames in the configuration.',
    cures: {
      auth0: 'Applications > APIs > the API > Permissions: add each scope.',
      okta: 'Admin Console > Security > API > Authorization Servers > the server > Scopes > Add Scope.',
      azure:
        'App registrations > the API > Expose an API > Add a scope; clients request it with the Application ID URI before it (AADSTS650053, AADSTS70011).',
    },
  },
  'tenant.token_refused': {
    severity: 'error',
    title: 'The provider issues no token for the trial',
    expected: 'an access token',
    cure: "Look the error up in the provider's documentation and in its sign-in log.",
  },
  'tenant.redirect_refused': {
    severity: 'error',
    title: 'The redirect URI is not registered',
    expected: 'the redirect URI of the client, as registered',
    cure: 'Register the redirect URI at the client, character for character.',
    cures: {
      auth0: 'Applications > the application > Settings > Allowed Callback URLs.',
      okta: 'Applications > the app > General > Sign-in redirect URIs.',
      azure:
        'AADSTS50011: App registrations > the client > Authentication > Mobile and desktop applications: http://localhost with the path, without a port.',
      google: 'Cloud console > Google Auth Platform > Clients > the client > Authorized redirect URIs.',
      github: 'Settings > Developer settings > OAuth Apps > the app > Authorization callback URL.',
    },
  },
  'tenant.redirect_port_fixed': {
    severity: 'warning',
    title: 'Loopback redirect URIs are matched with their port',
    expected: 'any port on loopback (RFC 8252 section 7.3)',
    cure: 'Have clients use one fixed port and register that; Claude Code and VS Code otherwise take a free one.',
    cures: {
      okta: 'Okta matches ports exactly: register http://localhost with the port that the client is told to use (Applications > the app > General > Sign-in redirect URIs).',
    },
  },
  'token.opaque': {
    severity: 'error',
    title: 'The access token is no JWT that this server can read',
    expected: 'a signed JWT',
    cure: 'Have the provider issue JWTs for this server, or introspect its tokens (AUTH_PROVIDER=introspection).',
    cures: {
      auth0:
        'No API was named. Settings > Advanced > Resource Parameter Compatibility Profile; or Settings > General > API Authorization Settings > Default Audience.',
    },
  },
  'token.audience': {
    severity: 'error',
    title: 'The access token is for somebody else',
    expected: 'an aud that names this server',
    cure: 'Have the provider put the URL of the MCP endpoint into aud.',
    cures: AUDIENCE,
  },
  'token.version_1': {
    severity: 'warning',
    title: 'Entra ID issues v1 tokens for this API',
    expected: 'ver 2.0',
    cure: 'App registrations > the API > Manifest: set api.requestedAccessTokenVersion to 2. Both are accepted here; the aud of v1 tokens is spelled in several ways.',
  },
  'token.scopes_missing': {
    severity: 'warning',
    title: 'The access token lacks scopes that tools need',
    expected: 'the scopes that were requested',
    cure: 'Grant the scopes to the client, or map what the token says by scopeNames in the configuration.',
    cures: {
      auth0:
        'Applications > APIs > the API > Machine to Machine Applications > the client > Permissions. With RBAC on, users need the permission by a role; set AUTH0_SCOPE_CLAIMS=permissions where tokens carry it.',
      azure:
        'Tokens of machines have roles in place of scp: App registrations > the API > App roles, and AZURE_SCOPE_CLAIMS=scp,roles.',
    },
  },
  'token.refused': {
    severity: 'error',
    title: 'The server would refuse the access token',
    expected: 'a token that passes every rule',
    cure: 'Run idplug explain on such a token.',
  },
  'token.long_lived': {
    severity: 'note',
    title: 'Access tokens live long',
    expected: 'a day at most',
    cure: 'Shorten the lifetime at the provider: a token that is verified by key cannot be revoked.',
    cures: { auth0: 'Applications > APIs > the API > Settings > Maximum Access Token Lifetime.' },
  },
  'server.unreachable': {
    severity: 'error',
    title: 'The MCP server cannot be reached',
    expected: 'an answer of the endpoint',
    cure: 'Check the URL, and whether the server runs and its port is open (HOST=0.0.0.0 inside a container).',
  },
  'server.tls_untrusted': {
    severity: 'error',
    title: "The MCP server's certificate is not trusted",
    expected: 'a valid certificate for the host',
    cure: 'Renew the certificate or complete its chain; no client connects otherwise.',
  },
  'server.open': {
    severity: 'error',
    title: 'The endpoint answers without a token',
    expected: 'status 401',
    cure: 'Put the check before the endpoint (bearerAuth), and look whether a proxy leads past it.',
  },
  'server.login_page': {
    severity: 'error',
    title: 'The endpoint sends clients to a page',
    expected: 'status 401 with a challenge, no redirect',
    cure: 'Take the path of the endpoint out of the sign-in of the proxy in front; MCP clients follow the challenge instead.',
  },
  'server.failing': {
    severity: 'error',
    title: 'The endpoint answers with an error of its own',
    expected: 'status 401',
    cure: 'Look at the log of the server. With 503, its identity provider is out of reach; with 404, the path is wrong.',
  },
  'server.challenge_missing': {
    severity: 'error',
    title: 'The refusal carries no challenge',
    expected: 'WWW-Authenticate: Bearer (RFC 9110 section 11.6.1)',
    cure: 'Send the header with every 401, and let the proxy in front pass it on.',
  },
  'server.resource_metadata_missing': {
    severity: 'error',
    title: 'The challenge does not say where the metadata is',
    expected: 'resource_metadata in WWW-Authenticate (RFC 9728 section 5.1)',
    cure: 'Add resource_metadata="…" to the challenge; clients without a guess of their own stop here.',
  },
  'server.error_without_credentials': {
    severity: 'note',
    title: 'The challenge names an error although no token was sent',
    expected: 'no error parameter (RFC 6750 section 3.1)',
    cure: 'Leave error out of the challenge to a request without a token: some clients take it for a bad token.',
  },
  'server.challenge_scope_missing': {
    severity: 'note',
    title: 'The challenge does not say which scopes to ask for',
    expected: 'scope in WWW-Authenticate',
    cure: 'Add scope="…" to the challenge; otherwise clients ask for every scope of the metadata, or for none.',
  },
  'server.metadata_missing': {
    severity: 'error',
    title: 'The resource metadata cannot be fetched',
    expected: 'status 200 and a JSON document (RFC 9728 section 3.2)',
    cure: 'Serve the document at the URL that the challenge names, without a sign-in.',
  },
  'server.metadata_insecure': {
    severity: 'error',
    title: 'The metadata names a URL that clients must not use',
    expected: 'https:// URLs that others can reach',
    cure: 'Behind a proxy that ends TLS, set PUBLIC_URL to https:// and the public name; it is not taken from headers.',
  },
  'server.resource_mismatch': {
    severity: 'error',
    title: 'The metadata is that of another resource',
    expected: 'resource: the URL that clients connect to (RFC 9728 section 3.3)',
    cure: 'Set PUBLIC_URL to the origin that clients use, and have them use it: clients compare the two.',
  },
  'server.authorization_servers_missing': {
    severity: 'error',
    title: 'The metadata names no authorization server',
    expected: 'authorization_servers with one at least',
    cure: 'Publish the issuer of the provider in authorization_servers.',
  },
  'server.scopes_missing': {
    severity: 'note',
    title: 'The metadata does not list the scopes',
    expected: 'scopes_supported',
    cure: 'Publish scopes_supported: clients that get no scope in a challenge ask for these.',
  },
  'server.offline_access_listed': {
    severity: 'warning',
    title: 'The metadata lists offline_access as a scope of the resource',
    expected: 'scopes of this server only',
    cure: 'Remove it: refresh tokens are between client and authorization server. Google and others refuse the scope.',
  },
  'server.root_metadata_missing': {
    severity: 'note',
    title: 'The metadata is not at the root as well',
    expected: 'the same document at /.well-known/oauth-protected-resource',
    cure: 'Serve it there too; some clients look at the root only.',
  },
  'server.metadata_cors_missing': {
    severity: 'warning',
    title: 'Web pages cannot read the metadata',
    expected: 'Access-Control-Allow-Origin: *',
    cure: 'Send the header with the metadata; clients in a browser, MCP Inspector among them, fail otherwise.',
  },
  'server.challenge_not_exposed': {
    severity: 'warning',
    title: 'Web pages cannot read the challenge',
    expected: 'Access-Control-Expose-Headers: WWW-Authenticate',
    cure: 'Send the header with every 401 and 403; clients in a browser otherwise do not learn where to sign in.',
  },
  'server.authorization_server_unreachable': {
    severity: 'error',
    title: 'The metadata of an authorization server cannot be fetched',
    expected: 'status 200 at one of the well-known places (RFC 8414 section 3)',
    cure: 'Set the issuer in authorization_servers right; docs/providers.md says how each provider spells it.',
  },
  'server.authorization_server_issuer': {
    severity: 'error',
    title: 'The authorization server calls itself by another name',
    expected: 'the issuer as in authorization_servers, byte for byte (RFC 8414 section 3.3)',
    cure: 'Publish the issuer as its own metadata spells it. Auth0 ends in a slash, Okta, Entra ID and Google do not.',
  },
  'server.garbage_accepted': {
    severity: 'error',
    title: 'A made-up token is accepted',
    expected: 'status 401',
    cure: 'Stop the server: it checks no tokens. Every route of the endpoint must be behind the check.',
  },
  'server.garbage_not_401': {
    severity: 'error',
    title: 'A made-up token is not refused with 401',
    expected: 'status 401 with error="invalid_token"',
    cure: 'Answer bad tokens with 401: clients renew their token on that status only.',
  },
  'server.forged_accepted': {
    severity: 'error',
    title: 'A token without a signature is accepted',
    expected: 'status 401 for alg none',
    cure: 'Stop the server: anybody can make such tokens. Verify signatures with a fixed list of algorithms.',
  },
  'server.token_refused': {
    severity: 'error',
    title: 'The server refuses the given token',
    expected: 'an accepted token',
    cure: 'Run idplug explain on the token, or idplug explain --id with the id that the server answered.',
  },
  'server.step_up_in_result': {
    severity: 'error',
    title: 'A missing scope is reported inside a result',
    expected: 'status 403 with error="insufficient_scope" and every scope',
    cure: 'Refuse at the HTTP layer, before the stream opens: clients ask for more scopes on a 403 only.',
  },
  'server.step_up_without_scope': {
    severity: 'warning',
    title: 'The refusal of a tool does not name its scopes',
    expected: 'scope in WWW-Authenticate with every scope that the tool needs',
    cure: 'Name all scopes of the operation in the challenge, those already granted included.',
  },
  'attack.token_in_query': {
    severity: 'error',
    title: 'A token in the URL is accepted',
    expected: 'status 400 or 401',
    cure: 'Read tokens from the Authorization header only: URLs end up in logs, and MCP forbids it.',
  },
  'attack.two_credentials': {
    severity: 'error',
    title: 'A request with two Authorization headers is accepted',
    expected: 'status 400 or 401',
    cure: 'Refuse such requests: a proxy and the server may look at different ones.',
  },
  'attack.forwarded_host': {
    severity: 'error',
    title: 'Headers of a request change what the server publishes',
    expected: 'the same metadata whatever Host and X-Forwarded-* say',
    cure: 'Set PUBLIC_URL and take no URL from headers: a cached answer would send others to a foreign server.',
  },
  'attack.script_redirect_registered': {
    severity: 'error',
    title: 'A client with a javascript: redirect URI can be registered',
    expected: 'invalid_redirect_uri',
    cure: 'Accept https:, http: on loopback and private-use schemes; parse the URL, do not compare its beginning.',
  },
  'attack.redirect_unregistered': {
    severity: 'error',
    title: 'The browser is sent to a redirect URI that is not registered',
    expected: 'an error page, and no redirect',
    cure: 'Compare redirect URIs as whole strings, at the authorization endpoint and again at the token endpoint.',
  },
  'attack.pkce_optional': {
    severity: 'error',
    title: 'A public client gets through without PKCE',
    expected: 'invalid_request',
    cure: 'Require code_challenge with S256 of public clients.',
  },
  'attack.pkce_plain': {
    severity: 'error',
    title: 'PKCE can be downgraded to plain',
    expected: 'invalid_request for code_challenge_method=plain',
    cure: 'Accept S256 only, and refuse methods that are not known.',
  },
  'attack.consent_missing': {
    severity: 'error',
    title: 'A new client gets a code without asking anybody',
    expected: 'a page that asks the user, for each client',
    cure: 'Ask for consent per client before the redirect, bound to the browser; otherwise one click hands an account over.',
  },
  'attack.code_raced': {
    severity: 'error',
    title: 'One authorization code gives several tokens',
    expected: 'invalid_grant for every use but the first',
    cure: 'Take codes from the store atomically: find and delete in one step.',
  },
  'attack.refresh_raced': {
    severity: 'error',
    title: 'One refresh token gives several different ones',
    expected: 'one new refresh token, or the same answer again',
    cure: 'Rotate refresh tokens atomically; a repeated use outside a short grace period revokes the family.',
  },
  'attack.audience_foreign': {
    severity: 'error',
    title: 'A token for another server is accepted',
    expected: 'status 401 to a token whose aud is not this server',
    cure: 'Check aud of every token (RFC 8707): otherwise whoever runs another server can use here the tokens that it is sent.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type FindingCode = keyof typeof catalogue
