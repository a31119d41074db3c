import type { IncomingHttpHeaders } from 'node:http'

/** Of this connection only (RFC 9110 §7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]

/** What a target never gets of a client. */
const NOT_FORWARDED = new Set([
  ...HOP_BY_HOP,
  // Credentials for us.
  'authorization',
  'proxy-authorization',
  'proxy-authenticate',
  'dpop',
  'cookie',
  'x-api-key',
  // Made anew: the target is another host, and the body is written again.
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'expect',
  // Checked here; servers refuse those of strangers.
  'origin',
  'referer',
  // What servers behind a proxy believe.
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'x-rewrite-url',
  'x-host',
  'x-http-host-override',
  // They make another request of this one.
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
])

/** What a client never gets of a target: nothing that speaks for our own origin. */
const NOT_RETURNED = new Set([
  ...HOP_BY_HOP,
  'www-authenticate',
  'proxy-authenticate',
  'set-cookie',
  'set-cookie2',
  'location',
  'content-location',
  'refresh',
  'alt-svc',
  'clear-site-data',
  'strict-transport-security',
  'service-worker-allowed',
  'dpop-nonce',
  'x-request-id',
  // Browsers would report failures of all our pages, URLs included, to whom the target names.
  'nel',
  'report-to',
  // The proxy in front of us would answer with a file of its own.
  'x-accel-redirect',
  'x-sendfile',
  'x-lighttpd-send-file',
  'x-reproxy-url',
])

/** What the decision was about. Nobody may have it taken out afterwards by naming it in `Connection`, which is for other headers. */
const DECIDED_BY = new Set(['mcp-session-id', 'last-event-id', 'mcp-protocol-version', 'mcp-method', 'mcp-name'])

/** By which proxies say who is calling, from where and for what (`client-cert`: RFC 9440), and what CGI takes for the address of a proxy. */
const OF_PROXIES =
  /^(?:proxy$|(?:x-)?(?:remote|client-cert|ssl)(?:-|$)|x-forwarded|x-original-|x-(?:auth-request|webauth|authenticated|amzn-oidc|ms-client-principal|ms-token|goog|appengine|envoy|cluster-client|pomerium|authentik|vouch)|x-(?:userinfo|consumer|credential)(?:-|$)|oidc-|teleport-|cf-access-|fastly-client-|tailscale-)/

/** Servers read `_` as `-` (CGI, WSGI), and whoever writes one means to get past a check. */
const PLAIN_NAME = /^[a-z0-9-]+$/

/** The same few names come with every request, but clients can make up others. */
const MOST_NAMES = 1_000
const LONGEST_NAME = 64

/** Decides once about each name of a header. Names in lower case. */
export function byName(decide: (name: string) => boolean): (name: string) => boolean {
  const decided = new Map<string, boolean>()
  return name => {
    const known = decided.get(name)
    if (known !== undefined) return known
    const decision = decide(name)
    if (decided.size < MOST_NAMES && name.length <= LONGEST_NAME) decided.set(name, decision)
    return decision
  }
}

const isForwarded = byName(
  name => !NOT_FORWARDED.has(name) && PLAIN_NAME.test(name) && !OF_PROXIES.test(name) && !name.startsWith('sec-'),
)

const isReturned = byName(
  name => !NOT_RETURNED.has(name) && PLAIN_NAME.test(name) && !name.startsWith('access-control-'),
)

/**
 * Headers for the target: those of the client without credentials, without what belongs to its connection, and without what would
 * pass for something that a proxy or this gateway says.
 *
 * @param isOwned - Whether a name is one that tells who is calling.
 * @param added - Set in any case. Names in lower case.
 * @returns Names and values in turn.
 */
export function requestHeaders(
  headers: IncomingHttpHeaders,
  isOwned: (name: string) => boolean,
  added: Readonly<Record<string, string>>,
): string[] {
  const result: string[] = []
  const named = namedIn(headers.connection)
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || !isForwarded(name) || name in added || isOwned(name)) continue
    if (named?.has(name) && !DECIDED_BY.has(name)) continue
    result.push(name, typeof value === 'string' ? value : value.join(', '))
  }
  for (const name in added) result.push(name, added[name] as string)
  return result
}

/** Headers for the client. */
export function responseHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {}
  const named = namedIn(headers.connection)
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || !isReturned(name)) continue
    if (named?.has(name) && !DECIDED_BY.has(name)) continue
    result[name] = value
  }
  return result
}

/** Most requests say at most `keep-alive`, which is taken out anyway. */
function namedIn(connection: string | string[] | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  return new Set(
    String(connection)
      .toLowerCase()
      .split(/[\s,]+/),
  )
}
