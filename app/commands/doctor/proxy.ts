import { HOST_NOT_SERVED } from 'idplug/internal'
import { PROXY_PROBLEMS } from '../../forward-auth/proxy-problems.ts'
import type { FindingCode } from './catalogue/index.ts'
import { type Finding, finding } from './finding.ts'
import { PAGE } from './pages.ts'
import type { Answer, Answered, Probe } from './probe.ts'
import { call } from './request.ts'

export type ProxyName = 'nginx' | 'caddy'

const WELL_KNOWN = 'oauth-protected-resource|oauth-authorization-server|openid-configuration|mcp-assertion-keys'

/** What to change in the file of a proxy, after what has to change anywhere. */
export const proxyFixes: Readonly<Record<ProxyName, Partial<Record<FindingCode, string>>>> = {
  nginx: {
    'server.failing':
      'With auth_request, nginx makes 500 of every answer to its question but 401 and 403: its error log has the status (auth request unexpected status), and the log of idplug forward-auth the reason. A question at another path than /forward-auth is answered with 404.',
    'server.open':
      'With auth_request: error_page 401 leads to a page, and nginx sends that with its own status. Lead it to a location that returns 401, as @refused in docs/proxies/nginx.conf.',
    'server.login_page':
      'With auth_request: error_page 401 leads to a redirect, as for sign-ins by cookie. Lead it to a location that returns 401, as @refused in docs/proxies/nginx.conf.',
    'server.challenge_missing':
      'auth_request passes the challenge of a 401 on, whatever error_page says. So the answer to its question has none: ask idplug at /forward-auth, and no other program or proxy in between.',
    'server.metadata_missing': `With auth_request: location ~ ^/(\\.well-known/(${WELL_KNOWN})|oauth/|fakeupstreamauth/) { proxy_pass http://idplug; } without auth_request (docs/proxies/nginx.conf).`,
    'server.preflight_refused':
      'With auth_request, do not ask about OPTIONS: if ($request_method = OPTIONS) { return 418; } error_page 418 = @preflight; and a location @preflight that passes it to idplug (docs/proxies/nginx.conf).',
    'server.token_lost':
      'With auth_request, the location that asks needs the header; only the location of the MCP server empties it.',
    'server.step_up_without_scope':
      'With auth_request, nginx drops the challenge of a 403: auth_request_set $idplug_challenge $upstream_http_www_authenticate; error_page 401 403 500 = @refused; and add_header WWW-Authenticate in the location @refused (docs/proxies/nginx.conf).',
  },
  caddy: {
    'server.challenge_missing':
      'With forward_auth, Caddy passes the whole answer on, unless handle_response or handle_errors responds in its place: remove that (docs/proxies/Caddyfile).',
    'server.login_page':
      'With forward_auth, remove the handle_response that redirects: idplug answers with the challenge.',
    'server.metadata_missing':
      'With forward_auth: handle the paths of @idplug in docs/proxies/Caddyfile before it, with reverse_proxy to idplug.',
    'server.preflight_refused':
      'With forward_auth: handle OPTIONS of the endpoint before it, with reverse_proxy to idplug (@preflight in docs/proxies/Caddyfile).',
    'server.token_lost':
      'header_up -Authorization belongs into the reverse_proxy of the MCP server, not into forward_auth.',
    'server.step_up_without_scope':
      'With forward_auth, remove the handle_response that answers in place of idplug (docs/proxies/Caddyfile).',
  },
}

/** The proxy that an answer came through, by what it says of itself. */
function proxyOf({ headers }: Answered): ProxyName | undefined {
  const said = `${headers.get('server') ?? ''} ${headers.get('via') ?? ''}`
  if (/\b(nginx|openresty)\b/i.test(said)) return 'nginx'
  return /\bcaddy\b/i.test(said) ? 'caddy' : undefined
}

/** Adds to each finding what to change in the file of the proxy, where the answer came through one that is known. */
export function inWordsOfProxy(findings: readonly Finding[], answer: Answer): Finding[] {
  const proxy = answer.outcome === 'answered' ? proxyOf(answer) : undefined
  const fixes = proxy ? proxyFixes[proxy] : {}
  return findings.map(found => ({ ...found, cure: [found.cure, fixes[found.code]].filter(Boolean).join(' ') }))
}

const MISTAKES: readonly (readonly [sentence: string, code: FindingCode])[] = [
  [PROXY_PROBLEMS.untrusted, 'proxy.not_trusted'],
  [PROXY_PROBLEMS.undescribed, 'proxy.request_not_described'],
  [PROXY_PROBLEMS.elsewhere, 'proxy.request_not_described'],
  [PROXY_PROBLEMS.unnamed, 'proxy.server_not_named'],
  [HOST_NOT_SERVED, 'server.host_refused'],
]

/** What idplug itself says of the proxy in front of it. */
export function toldOfProxy({ status, json, url }: Answered): Finding | undefined {
  const description = String(json?.error_description ?? '')
  const [, code] = MISTAKES.find(([sentence]) => description.startsWith(sentence)) ?? []
  return code && finding(code, `status ${status} at ${url}: ${description}`)
}

/** Pages that nginx writes itself are known by their end. */
const isOwnPage = ({ text }: Answered) => /<center>(nginx|openresty)\b/i.test(text)

/**
 * Whether refusals arrive as `idplug forward-auth` makes them. A refusal by 403 is to be had by an origin that is on no list, one that is
 * neither 401 nor 403 by a token in the URL.
 *
 * @param refused - Answer to a request without a token.
 */
export async function checkRefusals(url: string, probe: Probe, refused: Answered): Promise<Finding[]> {
  const proxy = proxyOf(refused)
  if (!proxy) return []
  // idplug names each refusal, so one without a name comes from somebody else.
  const isNamed = refused.headers.has('x-request-id')
  const isReplaced = (answer: Answered) =>
    !answer.json && (isOwnPage(answer) || (isNamed && !answer.headers.has('x-request-id')))
  const inQuery = new URL(url)
  inQuery.searchParams.set('access_token', 'idplug-doctor')
  const [foreign, malformed] = await Promise.all([call(probe, url, { origin: PAGE }), call(probe, inQuery.href)])
  const pages = [refused, foreign].filter(
    (answer): answer is Answered => answer.outcome === 'answered' && answer.status < 500 && isReplaced(answer),
  )
  const statuses = [...new Set(pages.map(({ status }) => status))].filter(status => status === 401 || status === 403)
  const isLost = malformed.outcome === 'answered' && malformed.status === 500 && isReplaced(malformed)
  const by = refused.headers.get('server') ?? proxy
  return [
    ...(statuses.length > 0
      ? [finding('proxy.refusal_replaced', `status ${statuses.join(' and ')} without what idplug says, by ${by}`)]
      : []),
    ...(isLost ? [finding('proxy.status_replaced', `status 500 to a token in the URL, by ${by}`)] : []),
  ]
}
