import type { CatalogueEntry } from './entry.ts'

/** What is found at attacks on a running MCP server. */
export const attack = {
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
  'attack.must_not_met': {
    severity: 'error',
    title: 'The server does not do what a specification demands',
    expected: 'what the title of the check says (docs/conformance/README.md)',
    cure: 'Run idplug conformance with --only and the id of the check: it shows the request and the sentence.',
  },
  'attack.should_not_met': {
    severity: 'warning',
    title: 'The server does not do what a specification or practice recommends',
    expected: 'what the title of the check says (docs/conformance/README.md)',
    cure: 'Run idplug conformance with --only and the id of the check: it shows the request and the sentence.',
  },
} as const satisfies Record<string, CatalogueEntry>
