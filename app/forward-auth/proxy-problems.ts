/** What a proxy does wrong when it asks, as it is told to. `idplug doctor` knows the mistakes by these sentences. */
export const PROXY_PROBLEMS = {
  untrusted: 'The proxy that asked is not one that this server trusts. Set TRUSTED_PROXIES to its address.',
  undescribed: 'The proxy must send X-Forwarded-Method and X-Forwarded-Uri (docs/proxies/README.md).',
  /** The beginning. */
  unnamed: 'The proxy must say which server it asks about, by one of these paths: ',
  /** The answer to a preflight is a success, with which the proxy would let the request through. */
  preflight: 'The proxy must send OPTIONS requests to this server, not ask about them (docs/proxies/README.md).',
  elsewhere:
    'This process only signs people in. The proxy must send requests for the MCP endpoint to the MCP server (docs/proxies/README.md).',
} as const
