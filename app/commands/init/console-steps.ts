/** The server that the provider is set up for. */
export interface ServerToSetUp {
  /** URL of the MCP endpoint. */
  readonly resource: string
  /** Scopes that its tools require. */
  readonly scopes: readonly string[]
}

const STEPS: Readonly<Record<string, (server: ServerToSetUp) => readonly string[]>> = {
  auth0: ({ resource, scopes }) => [
    `Applications > APIs > Create API. Identifier: ${resource} (it cannot be changed later). Signing Algorithm: RS256.`,
    `Permissions of that API: ${list(scopes)}. Settings: Allow Offline Access, for refresh tokens.`,
    'Settings > Advanced > Resource Parameter Compatibility Profile: on.',
    'Applications > Create Application, Native, one per MCP client. Allowed Callback URLs: the one of the client, exactly.',
  ],
  okta: ({ resource, scopes }) => [
    `Security > API > Authorization Servers > default (or one of its own) > Settings. Audience: ${resource}.`,
    `Tab Scopes: ${list(scopes)}, each with "Include in public metadata".`,
    'Tab Access Policies: a policy with a rule for the clients.',
    'Applications > Create App Integration > OIDC, Native Application, one per MCP client. Redirect URIs match with the port. Assign the users.',
  ],
  azure: ({ resource, scopes }) => [
    'App registrations > New registration, for the API. Its Overview has AZURE_TENANT_ID and AZURE_CLIENT_ID.',
    `Expose an API > Application ID URI: ${resource}, without a slash at the end.`,
    `Expose an API > Scopes: ${list(scopes)}.`,
    'Manifest > requestedAccessTokenVersion: 2.',
    'App registrations > New registration, one per MCP client: Mobile and desktop applications, http://localhost with the path of the client. API permissions: those scopes.',
  ],
  google: () => [
    'Google Auth Platform > Clients > Create client, one per MCP client: Desktop app, or Web application with its exact redirect URI. Their ids are GOOGLE_CLIENT_IDS.',
    'Google Auth Platform > Data Access: openid and .../auth/userinfo.email.',
    'Google has no API and no scopes of yours: GOOGLE_GRANT_SCOPES and GOOGLE_GRANT_TO say who may do what.',
  ],
  github: () => [
    'Settings > Developer settings > GitHub Apps > New. Callback URL: that of the MCP client.',
    'On the page of the app: the client id (not the App ID), and Generate a new client secret.',
    'GitHub has no scopes of yours: GITHUB_GRANT_SCOPES and GITHUB_GRANT_TO say who may do what.',
  ],
  oidc: ({ resource, scopes }) => [
    `An API (resource server, audience) with the identifier ${resource}, so that access tokens carry it in aud.`,
    `Its scopes: ${list(scopes)}.`,
    'A public client with PKCE for each MCP client, unless the provider lets them register.',
  ],
  introspection: ({ resource, scopes }) => [
    'A confidential client for this server, allowed to introspect tokens: INTROSPECTION_CLIENT_ID and its secret.',
    `Access tokens for ${resource}: introspection has to answer it as aud. Scopes: ${list(scopes)}.`,
    'A public client with PKCE for each MCP client, unless the server lets them register.',
  ],
}

/** What to do in the provider's console for exactly this server, a step each. Nothing for the demo. */
export function consoleSteps(provider: string, server: ServerToSetUp): readonly string[] {
  return STEPS[provider]?.(server) ?? []
}

function list(items: readonly string[]): string {
  return items.join(', ')
}
