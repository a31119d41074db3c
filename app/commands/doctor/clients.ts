import { isLoopback } from 'idplug/internal'
import type { FindingCode } from './catalogue/index.ts'
import { aftermathIn, type Evidence, evidenceText, type KnownClient, knownClients } from './client-facts.ts'
import type { Finding } from './finding.ts'
import { takesPublicClients } from './registration.ts'
import type { ServerFacts } from './server.ts'
import type { Metadata } from './tenant.ts'
import { unadvertised } from './unadvertised.ts'

/** What a client would do against a server, from what is known of both. */
export interface ClientOutlook {
  readonly client: string
  /** `set up`: a person has to give it a client id. `not verified`: nobody has seen, or written down, what it does here. */
  readonly verdict: 'connects' | 'set up' | 'fails' | 'not verified'
  /** Why, or what to do; empty where nothing stands in its way. */
  readonly because: string
  /** How that is known: `measured`, with version and date, `read`, or `found here` about the server. */
  readonly evidence: string
  /** Where it was read. */
  readonly source?: string
}

/** Errors that say nothing about whether a client gets in: it never sends what they are about. */
const NOT_MET: ReadonlySet<FindingCode> = new Set([
  'server.garbage_accepted',
  'server.forged_accepted',
  'server.token_refused',
  'server.step_up_in_result',
  'server.not_ready',
  'proxy.identity_forged',
  'proxy.token_passed_on',
])

const RFC_9728: Evidence = { how: 'read', source: 'https://www.rfc-editor.org/rfc/rfc9728.html#section-3.3' }

/** What each well-known client would do against a server, by the first obstacle that it meets. */
export function clientOutlooks(facts: ServerFacts, findings: readonly Finding[]): ClientOutlook[] {
  return knownClients.map(client => {
    const { verdict, because, evidence } = obstacle(client, facts, findings) ?? connects(client, facts)
    const known = evidence ?? [client.evidence]
    const read = known.find(each => each.how === 'read')
    const texts = [...new Set(known.map(evidenceText))].join('; ')
    return { client: client.name, verdict, because, evidence: texts, ...(read && { source: read.source }) }
  })
}

interface Remark {
  readonly because: string
  /** Default: how the rest is known. */
  readonly evidence?: readonly Evidence[] | undefined
}

type Obstacle = Remark & Pick<ClientOutlook, 'verdict'>

function obstacle(client: KnownClient, facts: ServerFacts, findings: readonly Finding[]): Obstacle | undefined {
  const { url, metadata, pages, authorizationServers } = facts
  if (client.cloud && !isReachable(url)) return fails('it runs in a cloud and cannot reach this machine')
  if (findings.some(({ code }) => code === 'server.open')) {
    return {
      verdict: 'not verified',
      because: 'what it does where nobody is asked to sign in (server.open)',
      ...knownBy({ how: 'found here' }),
    }
  }
  const veto = findings.find(finding => isMet(finding, client))
  if (veto) return failsHere(`${veto.title.charAt(0).toLowerCase()}${veto.title.slice(1)} (${veto.code})`)
  const has = (code: FindingCode) => findings.some(finding => finding.code === code)
  const other =
    (has('server.resource_is_parent') && parentObstacle(client)) ||
    (has('server.resource_mismatch') && mismatchObstacle(client, facts))
  if (other) return other
  if (facts.challenge?.scheme === 'DPoP') {
    return {
      verdict: 'not verified',
      because: 'whether it can bind its tokens to a key, which the server requires (DPoP)',
    }
  }
  // Clients use the first one.
  const [server] = authorizationServers
  if (!metadata || !server?.metadata) return failsHere('it finds no authorization server')
  if (client.page && pages === 'limited') {
    return { verdict: 'set up', because: 'pages of origins that are not in ALLOWED_ORIGINS are refused' }
  }
  if (client.page && (pages === 'none' || !server.isReadable))
    return failsHere('the browser does not let it read the answers')
  if (client.needsResponseIssuer && !namesItself(server.metadata)) {
    return fails('the authorization server does not name itself in its responses (iss)')
  }
  return pkceObstacle(client, server.metadata) ?? registrationObstacle(client, server.metadata, server.registers)
}

function isMet({ severity, code }: Finding, { toleratesOtherIssuer }: KnownClient): boolean {
  if (severity !== 'error' || NOT_MET.has(code) || code.startsWith('attack.')) return false
  // `mismatchObstacle` knows more.
  if (code === 'server.resource_mismatch') return false
  return !(toleratesOtherIssuer && code === 'server.authorization_server_issuer')
}

function parentObstacle({ parentResource, also }: KnownClient): Obstacle | undefined {
  if (parentResource === 'connects') return undefined
  return parentResource === 'fails'
    ? { ...fails('the metadata is that of a URL above this one'), ...knownBy(also?.parentResource) }
    : { verdict: 'not verified', because: 'what it does where the metadata is that of a URL above this one' }
}

/** Clients must not use such metadata. Whether one does was measured for another origin alone. */
function mismatchObstacle(
  { foreignResource, also }: KnownClient,
  { metadata, url }: ServerFacts,
): Obstacle | undefined {
  const isMeasured =
    foreignResource !== undefined && URL.parse(String(metadata?.resource))?.origin !== new URL(url).origin
  if (isMeasured && foreignResource === 'connects') return undefined
  const evidence = isMeasured ? also?.foreignResource : RFC_9728
  return { ...fails('the metadata is that of another resource (server.resource_mismatch)'), ...knownBy(evidence) }
}

function namesItself(metadata: Metadata): boolean {
  return metadata.authorization_response_iss_parameter_supported === true || unadvertised(metadata).sendsIssuer === true
}

function pkceObstacle({ withoutPkce, also }: KnownClient, metadata: Metadata): Obstacle | undefined {
  const methods = metadata.code_challenge_methods_supported
  if (Array.isArray(methods) && methods.includes('S256')) return undefined
  if (methods !== undefined) return failsHere('the metadata lists PKCE methods without S256')
  if (withoutPkce === 'connects') return undefined
  return withoutPkce === 'fails'
    ? { ...fails('the metadata does not mention PKCE'), ...knownBy(also?.withoutPkce) }
    : { verdict: 'not verified', because: 'what it does where the metadata does not mention PKCE' }
}

function registrationObstacle(
  { documents, manual, secret, also }: KnownClient,
  metadata: Metadata,
  registers: boolean,
): Obstacle | undefined {
  if (registers) return undefined
  const takesDocuments = metadata.client_id_metadata_document_supported === true && takesPublicClients(metadata)
  if (takesDocuments && documents) return undefined
  if (takesDocuments && documents === undefined) {
    return {
      verdict: 'not verified',
      because: 'whether it uses client ID metadata documents; it cannot register itself',
    }
  }
  if (manual === undefined) return fails('it cannot register itself, and takes no client id')
  if (!unadvertised(metadata).demandsSecret) {
    const because = `it cannot register itself; enter a client id, and its secret where it has one: ${manual}`
    return { verdict: 'set up', because, ...knownBy(also?.manual) }
  }
  return { ...secretObstacle(manual, secret), ...knownBy(also?.secret) }
}

/** Where every client has to send a secret. @param secret - Whether it can; `undefined`: not known. */
function secretObstacle(manual: string, secret: boolean | undefined): Obstacle {
  switch (secret) {
    case true: {
      const because = `it cannot register itself; enter a client id, and its secret, which the provider demands: ${manual}`
      return { verdict: 'set up', because }
    }
    case false:
      return fails('it sends no client secret, which the provider demands of every client')
    case undefined:
      return {
        verdict: 'not verified',
        because: 'whether it sends a client secret, which the provider demands of every client',
      }
  }
}

/** Of a client that gets in: what people meet later. */
function connects(client: KnownClient, facts: ServerFacts): Obstacle {
  const remarks = [stepUp(client, facts), atExpiry(client)]
  const known = remarks.filter(remark => remark !== undefined)
  return {
    verdict: 'connects',
    because: known.map(({ because }) => because).join('; '),
    ...(known.length > 0 && { evidence: known.flatMap(({ evidence }) => evidence ?? [client.evidence]) }),
  }
}

/** Whether it gets to the tools that need more than the first sign-in gave. */
function stepUp({ stepsUp, stepUp, also }: KnownClient, { challenge, metadata }: ServerFacts): Remark | undefined {
  const first = challenge?.parameters.scope?.split(' ') ?? []
  const all = Array.isArray(metadata?.scopes_supported) ? metadata.scopes_supported : []
  const needsMore = first.length > 0 && all.some(scope => !first.includes(scope))
  if (!needsMore || stepsUp === true) return undefined
  if (stepUp !== undefined) {
    return { because: `for tools that need more scopes: ${stepUp}`, ...knownBy(also?.stepUp) }
  }
  if (stepsUp === undefined) return undefined
  return { because: `but not to tools that need more than ${first.join(' ')}: set AUTH_SIGN_IN_SCOPES=all` }
}

/** What happens to everybody within hours; what outages and losses do stands with the findings about those. */
function atExpiry(client: KnownClient): Remark | undefined {
  const what = aftermathIn(client, 'expiry')
  return what === undefined
    ? undefined
    : { because: `whenever its access token ends, ${what}`, ...knownBy(client.aftermath?.evidence) }
}

function knownBy(evidence: Evidence | undefined): Pick<Remark, 'evidence'> {
  return evidence ? { evidence: [evidence] } : {}
}

function fails(because: string): Obstacle {
  return { verdict: 'fails', because }
}

/** Whatever is known of the client. */
function failsHere(because: string): Obstacle {
  return { ...fails(because), ...knownBy({ how: 'found here' }) }
}

function isReachable(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' && !isLoopback(hostname)
}
