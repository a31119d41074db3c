import type { ProviderConsole } from '../../src/provider-console.ts'

export const providerConsole: ProviderConsole = {
  steps: ({ resource }) => [
    'A public client with PKCE for each MCP client. Their ids are USERINFO_CLIENT_IDS.',
    `Have UserInfo say which client a token was issued to: a mapper, a script or a claim of its own that puts client_id into the answer. Without one, nothing ties a token to ${resource}, and tokens of every app of the provider would be accepted.`,
    'Tokens say nothing about scopes here: USERINFO_GRANT_SCOPES and USERINFO_GRANT_TO say who may do what.',
  ],
  // Tokens are shown to UserInfo.
  checks: () => ({}),
  fixes: {},
  concerns: ({ dangerouslyAcceptTokensOfAnyClient }) =>
    dangerouslyAcceptTokensOfAnyClient === true
      ? [['config.any_client', 'dangerouslyAcceptTokensOfAnyClient is true']]
      : [],
}
