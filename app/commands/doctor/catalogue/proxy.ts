import type { CatalogueEntry } from './entry.ts'

/** What is found at a proxy that asks `idplug forward-auth`. */
export const proxy = {
  'proxy.not_trusted': {
    severity: 'error',
    title: 'Forward auth does not trust the proxy that asks',
    expected: 'the address of the proxy in TRUSTED_PROXIES of idplug forward-auth',
    cure: 'Set TRUSTED_PROXIES of idplug forward-auth to the address from which the proxy connects; its log names it (proxy_misconfigured). Between containers that is an address of their network, not 127.0.0.1. Nothing has to change in the proxy.',
  },
  'proxy.request_not_described': {
    severity: 'error',
    title: 'The proxy does not tell forward auth which request it asks about',
    expected: 'a question at /forward-auth, with X-Forwarded-Method and X-Forwarded-Uri',
    cure: 'nginx, in the location that asks: proxy_pass http://idplug/forward-auth; proxy_set_header X-Forwarded-Method $request_method; proxy_set_header X-Forwarded-Uri $request_uri; Names that other programs read, such as X-Original-URI, do not count. Caddy: forward_auth with uri /forward-auth sends them by itself.',
  },
  'proxy.server_not_named': {
    severity: 'error',
    title: 'The proxy does not say about which of several servers it asks',
    expected: 'the name of the server in the path of the question',
    cure: 'Put the name behind the path: nginx proxy_pass http://idplug/forward-auth/NAME; Caddy uri /forward-auth/NAME.',
  },
  'proxy.refusal_replaced': {
    severity: 'warning',
    title: 'The proxy puts an answer of its own in place of a refusal',
    expected: 'what idplug forward-auth answers: JSON with its X-Request-Id, and the challenge of a 403',
    cure: 'nginx passes on the challenge of a 401, and nothing else: without error_page the 403 for a tool that needs more scopes has no challenge, and no client asks for them. Take the lines with auth_request_set, error_page 401 403 500 = @refused; and the location @refused from docs/proxies/nginx.conf. Caddy: leave the answer to forward_auth, without handle_response (docs/proxies/Caddyfile).',
  },
  'proxy.status_replaced': {
    severity: 'warning',
    title: 'nginx makes 500 of refusals',
    expected: 'the status that idplug forward-auth answers: 400, or 503 with Retry-After while the provider is away',
    cure: 'auth_request knows no refusal but 401 and 403. Keep the status by auth_request_set $idplug_status $upstream_status; add 500 to error_page 401 403 500 = @refused; and return the status there, as docs/proxies/nginx.conf does. Otherwise clients take an outage of the provider for a failure of the server, and do not know when to try again.',
  },
  'proxy.identity_forged': {
    severity: 'error',
    title: 'Clients can tell the MCP server who they are',
    expected: 'X-MCP-… headers of forward auth alone, whatever the client sends',
    cure: 'nginx: overwrite each of them in the location of the MCP server, as proxy_set_header X-MCP-User $idplug_user;, also those that you do not use, and leave underscores_in_headers off. Caddy: request_header -X-MCP*, -X_MCP* and -X.MCP* before forward_auth. Anybody can otherwise be anybody.',
  },
  'proxy.token_passed_on': {
    severity: 'error',
    title: 'The MCP server is given the tokens of people',
    expected: 'no access token behind the proxy',
    cure: 'The token is for idplug only. nginx, in the location of the MCP server: proxy_set_header Authorization ""; proxy_set_header DPoP ""; Caddy, in its reverse_proxy: header_up -Authorization and header_up -DPoP.',
  },
} as const satisfies Record<string, CatalogueEntry>
