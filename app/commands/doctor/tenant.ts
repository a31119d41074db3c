import { AuthorizationError, issuerAndMetadata, type TokenValidator } from 'idplug'
import { clip, consoles, isLoopback, type ProviderConfiguration, urlProblem, wellKnownUrls } from 'idplug/internal'
import type { FindingCode } from './catalogue/index.ts'
import { type Finding, finding } from './finding.ts'
import { checkKeys } from './keys.ts'
import type { Answer, Answered, Probe } from './probe.ts'
import { takesPublicClients, tryRegistration } from './registration.ts'

export interface Tenant {
  readonly provider: ProviderConfiguration
  /** The provider's validator, as the server would use it: it has the last word. */
  readonly validator: TokenValidator
  /** Identifier of the MCP server. */
  readonly resource: string
  readonly probe: Probe
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  readonly clockToleranceSeconds: number
  /** Hosts that may be asked over `http:`. */
  readonly insecureHosts: readonly string[]
}

export interface TenantReport {
  readonly findings: readonly Finding[]
  /** The provider's metadata, where it could be read. */
  readonly metadata?: Metadata
}

export type Metadata = Readonly<Record<string, unknown>>

/** Endpoints that clients call or open; each is hostile input until it is looked at. */
const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'jwks_uri',
  'registration_endpoint',
  'introspection_endpoint',
  'revocation_endpoint',
  'userinfo_endpoint',
] as const

/** Checks the configuration against the provider: what it publishes, its keys, and what it lets clients do. */
export async function checkTenant(tenant: Tenant): Promise<TenantReport> {
  const { provider, validator, resource, probe } = tenant
  const name = provider.adapter.name
  const local = checkConfiguration(provider, resource)
  if (typeof provider.options.metadataUrl !== 'string') {
    // An adapter of the user's own may do without; then only the validator can tell.
    const notReady = await readiness(validator, name)
    return { findings: notReady ? [...local, notReady] : local }
  }
  const found = await fetchMetadata(provider.options.metadataUrl, name, probe)
  if (found.finding) return { findings: [...local, ...(await checkWithoutMetadata(found.finding, tenant))] }
  const { answer, metadata } = found

  // The validator may learn the spelling of the issuer from the metadata.
  const notReady = await readiness(validator, name)
  const issuer = checkIssuer(metadata, validator.issuers, answer.url, name)
  // Adapters of others are taken at their metadata's word.
  const { algorithms, introspects } = consoles[name]?.checks(provider.options) ?? {}
  const published = [
    ...issuer,
    ...checkEndpoints(metadata, tenant),
    ...checkPkce(metadata, name),
    ...checkSession(metadata, name),
    ...checkClock(answer, tenant),
    ...(await checkRegistration(metadata, tenant)),
    ...(algorithms ? await checkKeys(keysAt(metadata, provider), algorithms, tenant) : []),
    ...(introspects && metadata.introspection_endpoint === undefined
      ? [finding('tenant.introspection_missing', `no introspection_endpoint at ${answer.url}`, name)]
      : []),
  ]
  const explained = published.some(({ severity }) => severity === 'error')
  return { findings: [...local, ...published, ...(notReady && !explained ? [notReady] : [])], metadata }
}

/** Where the keys are: the settings may name another place than the metadata. */
function keysAt(metadata: Metadata, { options }: ProviderConfiguration): unknown {
  return options.jwksUri ?? metadata.jwks_uri
}

/** What can be said where there is no metadata: the settings may name everything that this server needs of it. */
async function checkWithoutMetadata(missing: Finding, tenant: Tenant): Promise<Finding[]> {
  const { provider, validator } = tenant
  const { options, adapter } = provider
  const endpoints = [options.jwksUri, options.keyUrl, options.introspectionEndpoint, options.userInfoEndpoint]
  if (endpoints.every(endpoint => endpoint === undefined)) return [missing]
  const unread = finding('tenant.metadata_unread', missing.seen, adapter.name)
  const { algorithms } = consoles[adapter.name]?.checks(options) ?? {}
  const keys = algorithms && options.jwksUri ? await checkKeys(options.jwksUri, algorithms, tenant) : []
  const notReady = keys.some(({ severity }) => severity === 'error')
    ? undefined
    : await readiness(validator, adapter.name)
  return [unread, ...keys, ...(notReady ? [notReady] : [])]
}

function checkConfiguration({ adapter, options }: ProviderConfiguration, resource: string): Finding[] {
  const findings: Finding[] = []
  if (isLoopback(new URL(resource).hostname)) findings.push(finding('config.resource_local', resource))
  if (options.subjectClaim === 'username') {
    findings.push(finding('config.user_name_subject', 'subjectClaim is username', adapter.name))
  }
  const concerns = consoles[adapter.name]?.concerns?.(options) ?? []
  return [...findings, ...concerns.map(([code, seen]) => finding(code as FindingCode, seen, adapter.name))]
}

export type MetadataFound =
  | { finding: Finding }
  | { finding?: undefined; answer: Answered; metadata: Metadata & { issuer?: unknown } }

/**
 * The first document at the places where the server looks, else what is most telling about them.
 *
 * @param place - Issuer, or URL of its metadata document.
 */
export async function fetchMetadata(place: string, name: string, probe: Probe): Promise<MetadataFound> {
  const { issuer, metadataUrl } = issuerAndMetadata(place)
  const answers: Answer[] = []
  for (const url of metadataUrl === undefined ? wellKnownUrls(issuer) : [metadataUrl]) {
    const answer = await probe(url)
    if (answer.outcome === 'answered' && answer.status === 200 && answer.json) return { answer, metadata: answer.json }
    answers.push(answer)
  }
  const telling = answers.find(({ outcome }) => outcome === 'failed') ?? answers.find(isNotMissing) ?? answers[0]
  return { finding: metadataFinding(telling as Answer, name) }
}

function isNotMissing(answer: Answer): boolean {
  return answer.outcome === 'answered' && answer.status !== 404
}

/** On this machine, no name or proxy is in the way. */
const NOT_RUNNING =
  'Start the provider or emulator that is to run there, or correct the setting that names this address (AUTH_METADATA_URL).'

function metadataFinding(answer: Answer, name: string): Finding {
  const { url } = answer
  if (answer.outcome === 'failed') {
    const code = answer.cause === 'tls' ? 'tenant.tls_untrusted' : 'tenant.unreachable'
    const isAway = code === 'tenant.unreachable' && isLoopback(new URL(url).hostname)
    return finding(code, `${answer.detail} at ${url}`, name, isAway ? NOT_RUNNING : undefined)
  }
  const location = answer.status >= 300 && answer.status < 400 ? answer.headers.get('location') : null
  const seen = `status ${answer.status} at ${url}${location === null ? '' : `, which leads to ${clip(location.replace(/[?#].*$/s, ''))}`}`
  if (answer.status === 429) return finding('tenant.throttled', seen, name)
  if (answer.status >= 500) return finding('tenant.failing', seen, name)
  if (answer.status === 200) return finding('tenant.metadata_not_json', `no JSON object at ${url}`, name)
  return finding('tenant.metadata_missing', seen, name)
}

function checkIssuer(metadata: Metadata, issuers: readonly string[], url: string, name: string): Finding[] {
  const actual = String(metadata.issuer)
  if (issuers.includes(actual)) return []
  const seen = `issuer is ${clip(metadata.issuer)} at ${url}; expected is ${issuers.join(' or ')}`
  if (actual.includes('{tenantid}')) return [finding('tenant.issuer_template', seen, name)]
  const bare = (text: string) => text.replace(/\/$/, '')
  const slash = issuers.some(issuer => bare(issuer) === bare(actual))
  return [finding(slash ? 'tenant.issuer_slash' : 'tenant.issuer_mismatch', seen, name)]
}

function checkEndpoints(metadata: Metadata, { provider, insecureHosts }: Tenant): Finding[] {
  const { name } = provider.adapter
  const missing = ['authorization_endpoint', 'token_endpoint'].filter(member => metadata[member] === undefined)
  const insecure = ENDPOINTS.flatMap(member => {
    const problem = metadata[member] === undefined ? undefined : urlProblem(metadata[member], true, insecureHosts)
    return problem ? [`${member} ${problem} (${clip(metadata[member])})`] : []
  })
  return [
    ...(missing.length > 0 ? [finding('tenant.endpoint_missing', `no ${missing.join(' and no ')}`, name)] : []),
    ...(insecure.length > 0 ? [finding('tenant.endpoint_insecure', insecure.join('; '), name)] : []),
  ]
}

function checkPkce({ code_challenge_methods_supported: methods }: Metadata, name: string): Finding[] {
  if (methods === undefined) {
    return [finding('tenant.pkce_not_advertised', 'no code_challenge_methods_supported', name)]
  }
  if (Array.isArray(methods) && methods.includes('S256')) return []
  return [finding('tenant.pkce_plain_only', `code_challenge_methods_supported is ${clip(methods)}`, name)]
}

/** Whether clients can stay signed in, and know who answers them. */
function checkSession(metadata: Metadata, name: string): Finding[] {
  const { scopes_supported: scopes, grant_types_supported: grants } = metadata
  const includes = (list: unknown, value: string) => Array.isArray(list) && list.includes(value)
  const refreshes = includes(scopes, 'offline_access') || includes(grants, 'refresh_token')
  return [
    ...(refreshes
      ? []
      : [finding('tenant.refresh_not_offered', 'neither offline_access nor the grant type refresh_token', name)]),
    ...(metadata.authorization_response_iss_parameter_supported === true
      ? []
      : [
          finding('tenant.response_issuer_missing', 'authorization_response_iss_parameter_supported is not true', name),
        ]),
  ]
}

/** A `Date` header has whole seconds, and the answer took its time. */
const DATE_LEEWAY_SECONDS = 3

function checkClock(answer: Answered, { now, clockToleranceSeconds }: Tenant): Finding[] {
  const theirs = Date.parse(answer.headers.get('date') ?? '')
  const skew = Math.round((now() - theirs) / 1000)
  if (Number.isNaN(skew) || Math.abs(skew) <= clockToleranceSeconds + DATE_LEEWAY_SECONDS) return []
  const seen = `this machine is ${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} the provider; allowed are ${clockToleranceSeconds} s`
  return [finding('tenant.clock_skew', seen)]
}

async function checkRegistration(metadata: Metadata, { provider, probe, insecureHosts }: Tenant): Promise<Finding[]> {
  const { name } = provider.adapter
  const endpoint = metadata.registration_endpoint
  if (metadata.client_id_metadata_document_supported === true) {
    return takesPublicClients(metadata) ? [] : [finding('tenant.cimd_without_none', methodsSeen(metadata), name)]
  }
  const documents = finding('tenant.cimd_missing', 'client_id_metadata_document_supported is not true', name)
  if (endpoint === undefined) {
    return [finding('tenant.registration_missing', 'neither registration nor client metadata documents', name)]
  }
  if (typeof endpoint !== 'string' || urlProblem(endpoint, true, insecureHosts)) return [documents]
  const trial = await tryRegistration(endpoint, probe)
  return trial.open ? [documents] : [documents, finding('tenant.registration_closed', trial.seen, name)]
}

function methodsSeen({ token_endpoint_auth_methods_supported: methods }: Metadata): string {
  return `token_endpoint_auth_methods_supported ${methods === undefined ? 'is absent' : `is ${clip(methods)}`}`
}

/** What the server itself says about the provider at its start. */
async function readiness(validator: TokenValidator, name: string): Promise<Finding | undefined> {
  try {
    await validator.warmUp()
    return undefined
  } catch (error) {
    if (!(error instanceof AuthorizationError)) throw error
    const refused = error.reason.kind === 'own_credentials_refused'
    return finding(refused ? 'tenant.credentials_refused' : 'tenant.not_ready', error.message, name)
  }
}
