import { clip, isLoopback, protectedResourceMetadataUrl, urlProblem, wellKnownUrls } from 'idplug/internal'
import { ASSERTION_KEYS_PATH } from '../../gateway/identity-assertion.ts'
import { type Challenge, parseChallenge } from './challenge.ts'
import { aftermathText, whoTakesParents } from './client-facts.ts'
import { type Finding, finding } from './finding.ts'
import { checkPages, checkPagesAtIssuer, checkReadable, PAGE, type PagesReport } from './pages.ts'
import type { Answer, Answered, Probe } from './probe.ts'
import { checkRefusals, inWordsOfProxy, toldOfProxy } from './proxy.ts'
import { tryRegistration } from './registration.ts'
import { call } from './request.ts'
import { checkPassedOn, type StandIn } from './stand-in.ts'
import type { Metadata } from './tenant.ts'

/** What was learned about a server from outside; what each client makes of it stands in `clients.ts`. */
export interface ServerFacts {
  readonly url: string
  /** The endpoint refuses a request without a token by 401. */
  readonly protects: boolean
  readonly challenge: Challenge | undefined
  /** Whether clients in a web page can send requests and read the answers, the metadata included. */
  readonly pages: PagesReport['access']
  readonly metadata: Metadata | undefined
  /** Those that the metadata names. */
  readonly authorizationServers: readonly AuthorizationServerFacts[]
}

export interface AuthorizationServerFacts {
  readonly issuer: string
  /** What it publishes. */
  readonly metadata: Metadata | undefined
  /** It lets clients register themselves. */
  readonly registers: boolean
  /** Clients in a web page can use it: read what it publishes and ask it for tokens. */
  readonly isReadable: boolean
}

export interface ServerReport {
  readonly findings: readonly Finding[]
  readonly facts: ServerFacts
}

export interface ServerTrial {
  /** An access token of the user's own, to try the endpoint with. */
  readonly token?: string
  /** A tool that this token is not allowed to call. */
  readonly tool?: string
  /** Somebody looks at what is behind the server, if it is a gateway. */
  readonly isTargetKnown?: boolean
  /** Stands in the place of the MCP server behind a proxy, for that token. */
  readonly standIn?: StandIn
}

const ROOT = '/.well-known/oauth-protected-resource'

/**
 * Checks a running MCP server from outside, as a client meets it: endpoint, challenge, metadata, authorization servers.
 *
 * @param url - URL of the MCP endpoint.
 */
export async function checkServer(url: string, probe: Probe, trial: ServerTrial = {}): Promise<ServerReport> {
  const facts = {
    url,
    protects: false,
    challenge: undefined,
    pages: 'none' as const,
    metadata: undefined,
    authorizationServers: [],
  }
  const answer = await call(probe, url)
  const broken = checkAnswer(answer)
  if (broken || answer.outcome === 'failed') {
    return { findings: inWordsOfProxy(broken ? [broken] : [], answer), facts }
  }

  const challenge = parseChallenge(answer.headers.get('www-authenticate'))
  const metadataUrl = challenge?.parameters.resource_metadata ?? protectedResourceMetadataUrl(url)
  const { metadata, findings } = await checkMetadata(url, metadataUrl, probe)
  const issuers = listOf(metadata?.authorization_servers)
  const servers = await Promise.all(issuers.map(issuer => checkAuthorizationServer(issuer, url, probe)))
  const pages = await checkPages(url, probe)
  const isReadable = findings.every(({ code }) => code !== 'server.metadata_cors_missing')
  return {
    facts: {
      url,
      protects: true,
      challenge,
      pages: isReadable ? pages.access : 'none',
      metadata,
      authorizationServers: servers.map(({ findings: _, ...server }) => server),
    },
    findings: inWordsOfProxy(
      [
        ...checkChallenge(challenge, answer),
        ...(await checkRefusals(url, probe, answer)),
        ...pages.findings,
        ...findings,
        ...(await checkOperation(url, probe)),
        ...(trial.isTargetKnown ? [] : await checkGateway(url, probe)),
        ...servers.flatMap(server => server.findings),
        ...(await tryBadTokens(url, probe)),
        ...(trial.token === undefined
          ? []
          : await tryToken(url, probe, trial.token, trial.tool, pages.access !== 'limited')),
        ...(trial.token !== undefined && trial.standIn
          ? await checkPassedOn(url, probe, trial.token, trial.standIn)
          : []),
      ],
      answer,
    ),
  }
}

function checkAnswer(answer: Answer): Finding | undefined {
  const { url } = answer
  if (answer.outcome === 'failed') {
    const code = answer.cause === 'tls' ? 'server.tls_untrusted' : 'server.unreachable'
    return finding(code, `${answer.detail} at ${url}`)
  }
  const { status, headers } = answer
  if (status === 401) return undefined
  if (status < 300) return finding('server.open', `status ${status} at ${url} to a request without a token`)
  if (status < 400) return finding('server.login_page', `status ${status} to ${clip(headers.get('location'))}`)
  return toldOfProxy(answer) ?? finding('server.failing', `status ${status} at ${url}`)
}

/** What the server says to those who operate it. Other servers have other paths, or none. */
async function checkOperation(url: string, probe: Probe): Promise<Finding[]> {
  const [ready, metrics] = await Promise.all(['/ready', '/metrics'].map(path => probe(new URL(path, url).href)))
  const isNotReady = ready?.outcome === 'answered' && ready.status === 503 && ready.json?.status === 'not ready'
  // On this machine everybody may.
  const isForeign = !isLoopback(new URL(url).hostname)
  const isPublic = isForeign && metrics?.outcome === 'answered' && /^# (HELP|TYPE) /m.test(metrics.text)
  return [
    ...(isNotReady
      ? [
          finding(
            'server.not_ready',
            `${clip(ready.json?.reason)} at ${ready.url}. Calls fail until it is; then, ${aftermathText('uncheckable')}`,
          ),
        ]
      : []),
    ...(isPublic ? [finding('server.metrics_public', `status ${metrics.status} at ${metrics.url}`)] : []),
  ]
}

/** Gateways publish the keys of their assertions, whether they make any or not; other servers have nothing there. */
async function checkGateway(url: string, probe: Probe): Promise<Finding[]> {
  const answer = await probe(new URL(ASSERTION_KEYS_PATH, url).href)
  const isGateway = answer.outcome === 'answered' && answer.status === 200 && Array.isArray(answer.json?.keys)
  return isGateway ? [finding('gateway.target_unchecked', `keys of assertions at ${answer.url}`)] : []
}

function checkChallenge(challenge: Challenge | undefined, { headers }: Answered): Finding[] {
  const renamed = [...headers.keys()].find(name => name !== 'www-authenticate' && name.endsWith('www-authenticate'))
  if (!challenge && renamed !== undefined) {
    return [finding('server.challenge_renamed', `the challenge arrives as ${clip(renamed)}`)]
  }
  if (!challenge) {
    return [finding('server.challenge_missing', `WWW-Authenticate is ${headers.get('www-authenticate') ?? 'absent'}`)]
  }
  const { resource_metadata, error, scope } = challenge.parameters
  return [
    ...(resource_metadata === undefined ? [finding('server.resource_metadata_missing', challenge.text)] : []),
    ...(error === undefined ? [] : [finding('server.error_without_credentials', `error="${error}"`)]),
    ...(scope === undefined ? [finding('server.challenge_scope_missing', challenge.text)] : []),
  ]
}

/** What metadata may name: loopback only where the server itself is there. */
function mayBePublished(value: unknown, serverUrl: string): string | undefined {
  return urlProblem(value, isLoopback(new URL(serverUrl).hostname))
}

async function checkMetadata(
  url: string,
  metadataUrl: string,
  probe: Probe,
): Promise<{ findings: Finding[]; metadata?: Metadata }> {
  const problem = mayBePublished(metadataUrl, url)
  if (problem)
    return { findings: [finding('server.metadata_insecure', `resource_metadata ${problem}: ${metadataUrl}`)] }
  const answer = await probe(metadataUrl)
  const metadata = answer.outcome === 'answered' && answer.status === 200 ? answer.json : undefined
  if (answer.outcome === 'failed' || !metadata) {
    const target = answer.outcome === 'answered' ? answer.headers.get('location') : null
    const to = target === null ? null : URL.parse(target, metadataUrl)
    const seen =
      answer.outcome === 'failed'
        ? answer.detail
        : `status ${answer.status}${to ? `, which leads to ${to.origin}${to.pathname},` : ''} without JSON`
    return { findings: [finding('server.metadata_missing', `${seen} at ${metadataUrl}`)] }
  }
  const origin = answer.headers.get('access-control-allow-origin')
  const root = new URL(ROOT, url).href
  const atRoot = root === metadataUrl ? answer : await probe(root)
  return {
    metadata,
    findings: [
      ...checkMembers(metadata, url),
      ...(origin === null ? [finding('server.metadata_cors_missing', `no such header at ${metadataUrl}`)] : []),
      ...(atRoot.outcome === 'answered' && atRoot.status === 200
        ? []
        : [finding('server.root_metadata_missing', `nothing at ${root}`)]),
    ],
  }
}

function checkMembers(metadata: Metadata, url: string): Finding[] {
  const { resource, scopes_supported: scopes } = metadata
  const servers = listOf(metadata.authorization_servers)
  const named = [resource, ...servers]
  const insecure = named.filter(value => mayBePublished(value, url))
  return [
    ...(insecure.length > 0 ? [finding('server.metadata_insecure', `${insecure.map(clip).join(', ')}`)] : []),
    ...(isNamedBy(resource, url) || insecure.includes(resource) ? [] : [resourceFinding(resource, url)]),
    ...(servers.length === 0 ? [finding('server.authorization_servers_missing', 'no authorization_servers')] : []),
    ...(scopes === undefined ? [finding('server.scopes_missing', 'no scopes_supported')] : []),
    ...(listOf(scopes).includes('offline_access')
      ? [finding('server.offline_access_listed', `scopes_supported: ${listOf(scopes).join(' ')}`)]
      : []),
  ]
}

/** A slash at the end of the URL that is called is no difference to clients; one that only the metadata has is. */
function isNamedBy(resource: unknown, url: string): boolean {
  return resource === url.replace(/\/$/, '') || URL.parse(String(resource))?.href === new URL(url).href
}

function resourceFinding(resource: unknown, url: string): Finding {
  const seen = `resource is ${clip(resource)}; clients connect to ${url}`
  return isAbove(resource, url)
    ? finding('server.resource_is_parent', `${seen}. ${whoTakesParents()}`)
    : finding('server.resource_mismatch', seen)
}

/** As the SDKs of MCP compare the two (`checkResourceAllowed`). */
function isAbove(resource: unknown, url: string): boolean {
  const [above, below] = [URL.parse(String(resource)), new URL(url)]
  const folder = (path: string) => path.replace(/\/?$/, '/')
  if (above?.origin !== below.origin || above.pathname.length > below.pathname.length) return false
  return folder(below.pathname).startsWith(folder(above.pathname))
}

async function checkAuthorizationServer(
  issuer: string,
  serverUrl: string,
  probe: Probe,
): Promise<AuthorizationServerFacts & { findings: Finding[] }> {
  const unknown = { issuer, metadata: undefined, registers: false, isReadable: false }
  if (mayBePublished(issuer, serverUrl)) return { ...unknown, findings: [] } // told already
  for (const url of wellKnownUrls(issuer)) {
    const answer = await probe(url)
    if (answer.outcome === 'failed' || answer.status !== 200 || !answer.json) continue
    const metadata = answer.json
    const seen = `${clip(metadata.issuer)} at ${url}; published is ${issuer}`
    const isCallable = (endpoint: unknown): endpoint is string =>
      typeof endpoint === 'string' && !mayBePublished(endpoint, serverUrl)
    const endpoint = metadata.registration_endpoint
    const registers = isCallable(endpoint) && (await tryRegistration(endpoint, probe)).open
    const forPages = await checkPagesAtIssuer(metadata, answer, probe, isCallable)
    const findings = [
      ...(metadata.issuer === issuer ? [] : [finding('server.authorization_server_issuer', seen)]),
      ...forPages,
    ]
    return { issuer, metadata, registers, isReadable: forPages.length === 0, findings }
  }
  const seen = `no metadata at any well-known place of ${issuer}`
  return { ...unknown, findings: [finding('server.authorization_server_unreachable', seen)] }
}

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

/** Tokens that no server may take: one that is no token, and one that anybody can make. */
async function tryBadTokens(url: string, probe: Probe): Promise<Finding[]> {
  const garbage = await call(probe, url, { authorization: 'Bearer idplug-doctor' })
  const first = checkRefusal(garbage, 'a made-up token', 'server.garbage_accepted')
  if (first?.code === 'server.garbage_accepted') return [first]
  const unsigned = `${encoded({ alg: 'none', typ: 'at+jwt' })}.${encoded({ sub: 'doctor', aud: url, scope: '*', exp: 4_102_444_800 })}.`
  const forged = await call(probe, url, { authorization: `Bearer ${unsigned}` })
  const second = checkRefusal(forged, 'a JWT with alg none', 'server.forged_accepted')
  // What is wrong with both is told once.
  return [first, second?.code === first?.code ? undefined : second].filter(found => found !== undefined)
}

function checkRefusal(
  answer: Answer,
  what: string,
  accepted: 'server.garbage_accepted' | 'server.forged_accepted',
): Finding | undefined {
  if (answer.outcome === 'failed') return finding('server.garbage_not_401', `${answer.detail} to ${what}`)
  const { status, headers } = answer
  const seen = `status ${status} to ${what}`
  if (status < 300) return finding(accepted, seen)
  if (status >= 500) return finding('server.bad_token_fails', seen)
  if (status !== 401) return finding('server.garbage_not_401', seen)
  const challenge = parseChallenge(headers.get('www-authenticate'))
  // The challenge names the error, unless the token did not arrive.
  if (challenge && challenge.parameters.error === undefined) return finding('server.token_lost', challenge.text)
  const isAsBefore = challenge?.parameters.resource_metadata !== undefined
  return isAsBefore
    ? undefined
    : finding('server.bad_token_unchallenged', `no resource_metadata in the answer to ${what}`)
}

/** @param forPages - Whether the answers are to be looked at as a browser would. */
async function tryToken(
  url: string,
  probe: Probe,
  token: string,
  tool: string | undefined,
  forPages: boolean,
): Promise<Finding[]> {
  const headers = { authorization: `Bearer ${token}`, ...(forPages && { origin: PAGE }) }
  const accepted = await call(probe, url, headers)
  if (accepted.outcome === 'failed' || accepted.status >= 400) {
    const id = accepted.outcome === 'answered' ? accepted.headers.get('x-request-id') : undefined
    const status = accepted.outcome === 'answered' ? accepted.status : accepted.detail
    const seen = `status ${status}${id ? `, id ${id}` : ''}`
    // Bad Gateway and Gateway Timeout: the token was good.
    if (status === 502 || status === 504) return [finding('gateway.target_unreachable', `${seen} to the given token`)]
    const challenge = accepted.outcome === 'answered' && parseChallenge(accepted.headers.get('www-authenticate'))
    const { scope } = (challenge || undefined)?.parameters ?? {}
    // For a good token that is not enough: a proxy that sends no body needs every scope.
    const isUnnamed = status === 403 && scope === undefined
    return [
      finding('server.token_refused', scope === undefined ? seen : `${seen}; it needs ${scope}`),
      ...(isUnnamed ? [finding('server.step_up_without_scope', challenge ? challenge.text : 'no challenge')] : []),
    ]
  }
  const found = forPages ? checkReadable(accepted, ['mcp-session-id'], 'the answer to a good token') : []
  if (tool === undefined) return found
  const session = accepted.headers.get('mcp-session-id')
  const inSession = { ...headers, 'mcp-protocol-version': '2025-11-25', ...(session && { 'mcp-session-id': session }) }
  return [...found, ...(await tryTool(url, probe, inSession, tool))]
}

/** Calls a tool that the token is not enough for, with no arguments. */
async function tryTool(url: string, probe: Probe, headers: Record<string, string>, tool: string): Promise<Finding[]> {
  const body = { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: tool, arguments: {} } }
  const answer = await call(probe, url, headers, body)
  if (answer.outcome === 'failed' || answer.status !== 403) {
    const status = answer.outcome === 'answered' ? `status ${answer.status}` : answer.detail
    return [finding('server.step_up_in_result', `${status} to a call of ${tool}`)]
  }
  const challenge = parseChallenge(answer.headers.get('www-authenticate'))
  return [
    ...(challenge?.parameters.scope === undefined
      ? [finding('server.step_up_without_scope', challenge?.text ?? 'no challenge')]
      : []),
    ...('origin' in headers ? checkReadable(answer, ['www-authenticate'], 'the 403') : []),
  ]
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}
