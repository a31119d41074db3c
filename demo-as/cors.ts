import type { IncomingMessage, ServerResponse } from 'node:http'

/** What clients in a browser call. Not introspection: that is for servers. */
const METHODS = new Map([
  ['/.well-known/oauth-authorization-server', 'GET'],
  ['/.well-known/openid-configuration', 'GET'],
  ['/oauth/jwks', 'GET'],
  ['/oauth/register', 'POST'],
  ['/oauth/token', 'POST'],
  ['/oauth/revoke', 'POST'],
  ['/oauth/device_authorization', 'POST'],
])

/**
 * Lets pages of every origin call: none of these endpoints goes by cookies, so a page can do no more than its server could.
 *
 * @returns True when the request was a preflight and is answered.
 */
export function answerCors(req: IncomingMessage, res: ServerResponse, path: string): boolean {
  const method = METHODS.get(path)
  if (!method) return false
  res.setHeader('access-control-allow-origin', '*')
  res.setHeader('access-control-expose-headers', 'WWW-Authenticate, Retry-After')
  if (req.method !== 'OPTIONS') return false
  res.setHeader('access-control-allow-methods', method)
  // Named one by one: a star does not cover Authorization.
  res.setHeader('access-control-allow-headers', req.headers['access-control-request-headers'] ?? '')
  res.setHeader('access-control-max-age', '3600')
  res.writeHead(204).end()
  return true
}
