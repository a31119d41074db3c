import { ConfigError } from 'idplug'
import {
  type Configuration,
  callbackOf,
  clip,
  createBridge,
  loadServerPackage,
  openStores,
  people,
} from 'idplug/internal'
import type { Upstream } from '../../../demo-as/server.ts'
import { aftermathText } from './client-facts.ts'
import { type Finding, finding } from './finding.ts'
import type { Probe } from './probe.ts'
import { fetchMetadata, type Metadata } from './tenant.ts'

export interface BridgeSurroundings {
  readonly fetch: typeof globalThis.fetch
  readonly probe: Probe
  /**
   * Fetches the metadata document of a client as the authorization server would. Rejects where it cannot be had. Default: that is not
   * tried.
   */
  readonly loadDocument?: ((url: string) => Promise<unknown>) | undefined
}

/**
 * Checks a bridge against the provider at which it signs people in, by what the bridge itself would do: its authorization request, its
 * credentials at the token endpoint, what keeps people signed in, and what clients publish.
 */
export async function checkBridge(configuration: Configuration, surroundings: BridgeSurroundings): Promise<Finding[]> {
  const { bridge, demoIssuer } = configuration
  if (!bridge) return []
  const { upstream } = createBridge(await loadServerPackage('AUTH_BRIDGE'), configuration, surroundings.fetch)
  if (!upstream) return []
  const name = bridge.provider
  const redirectUri = callbackOf(demoIssuer)
  const documents = await checkDocuments(configuration, surroundings)
  const departure = await saidBy(() => upstream.depart({ state: 'idplug-doctor', redirectUri }))
  if ('failed' in departure) return [finding('bridge.unusable', departure.failed, name), ...documents]
  const request = new URL(departure.answer.url)
  const metadata = await metadataOf(configuration, surroundings)
  return [
    ...(await checkCredentials(upstream, name)),
    ...(await checkRequest(request, redirectUri, name, surroundings)),
    ...(metadata ? checkScopes(bridge.scopes, metadata, name) : []),
    ...(metadata ? checkRefresh(request, metadata, name) : []),
    ...documents,
  ]
}

/** Tries the store of our authorization server, as that does at its start. */
export async function checkStore(configuration: Configuration): Promise<Finding[]> {
  const { store, usesOwnServer, bridge, settings } = configuration
  if (!usesOwnServer) return []
  if (store.kind === 'memory') {
    const what = settings.AUTH_STORE === 'memory' ? 'AUTH_STORE is memory' : 'no setting names a store'
    return bridge ? [finding('bridge.store_memory', `${what}. After a restart, ${aftermathText('loss')}`)] : []
  }
  try {
    const stores = await openStores(await loadServerPackage(store.setting), configuration, () => {})
    await stores?.close()
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ setting, problem }) => finding('bridge.store_unusable', `${setting} ${problem}`))
  }
}

type Said<T> = { answer: T } | { failed: string }

/** What an upstream says, or why it says nothing. */
async function saidBy<T>(ask: () => Promise<T>): Promise<Said<T>> {
  try {
    return { answer: await ask() }
  } catch (error) {
    const { name, message } = error as Error
    if (!/^Upstream\w+Error$/.test(name)) throw error
    return { failed: message }
  }
}

async function metadataOf({ bridge }: Configuration, { probe }: BridgeSurroundings): Promise<Metadata | undefined> {
  if (!bridge || people[bridge.provider].signIn.protocol !== 'openid') return undefined
  const found = await fetchMetadata(bridge.metadataUrl, bridge.provider, probe)
  return found.finding ? undefined : found.metadata
}

/** A refresh token that is nobody's: a provider that knows the bridge refuses it, any other refuses the bridge. */
async function checkCredentials(upstream: Upstream, name: string): Promise<Finding[]> {
  const token = 'idplug-doctor'
  const told = { claims: {}, userInfo: [], signedInAt: Math.floor(Date.now() / 1000) }
  const session = { refreshToken: token, accessToken: token, ...told }
  const said = await saidBy(async () => upstream.recheck?.(session, async () => {}))
  return 'failed' in said ? [finding('bridge.client_refused', said.failed, name)] : []
}

/** Sends the authorization request of the bridge, and follows nothing. */
async function checkRequest(
  request: URL,
  redirectUri: string,
  name: string,
  { probe }: BridgeSurroundings,
): Promise<Finding[]> {
  const answer = await probe(request.href)
  if (answer.outcome === 'failed') return [finding('bridge.unusable', `${answer.detail} at ${request.origin}`, name)]
  const refused = (seen: string) => [finding('bridge.request_refused', `${seen} for redirect_uri ${redirectUri}`, name)]
  const location = URL.parse(answer.headers.get('location') ?? '', request.href)
  if (answer.status >= 400) return refused(`status ${answer.status}`)
  if (location?.href.startsWith(redirectUri)) {
    const [error, description] = ['error', 'error_description'].map(member => location.searchParams.get(member))
    // It would have shown its sign-in, had it been allowed to.
    const isFine = error === null || /^(login|interaction|consent|account_selection)_required$/.test(error ?? '')
    return isFine ? [] : refused(clip([error, description].filter(Boolean).join(': ')))
  }
  // Some providers redirect to a page about the error, others show it with status 200.
  if (location && /error/i.test(location.pathname))
    return refused(`a redirect to ${clip(location.origin + location.pathname)}`)
  const [code] = /\bAADSTS\d+\b/.exec(answer.text) ?? []
  return code === undefined ? [] : refused(code)
}

function checkScopes(scopes: readonly string[], { scopes_supported: known }: Metadata, name: string): Finding[] {
  const unknown = Array.isArray(known) ? scopes.filter(scope => !known.includes(scope)) : []
  return unknown.length > 0 ? [finding('bridge.scope_unsupported', unknown.join(' '), name)] : []
}

/** Whether the request asks for what lets the bridge ask about people later, or the provider gives it unasked. */
function checkRefresh({ searchParams }: URL, { grant_types_supported: grants }: Metadata, name: string): Finding[] {
  const asksFor = searchParams.get('scope')?.split(' ').includes('offline_access')
  const isOffline = asksFor || searchParams.get('access_type') === 'offline'
  if (isOffline || (Array.isArray(grants) && grants.includes('refresh_token'))) return []
  return [finding('bridge.refresh_missing', 'neither offline_access nor the grant type refresh_token', name)]
}

/** Published by clients in use; one that can be had shows that documents can be fetched at all. */
const DOCUMENTS = [
  'https://claude.ai/oauth/claude-code-client-metadata',
  'https://github.com/copilot/cli/client-metadata.json',
]

async function checkDocuments({ settings }: Configuration, { loadDocument }: BridgeSurroundings): Promise<Finding[]> {
  const { CIMD, CIMD_ALLOWED_HOSTS: allowed } = settings
  const tried = DOCUMENTS.filter(url => allowed.length === 0 || allowed.includes(new URL(url).host))
  if (CIMD === 'off' || !loadDocument || tried.length === 0) return []
  const failures = await Promise.all(
    tried.map(url =>
      loadDocument(url).then(
        () => undefined,
        (error: { error_detail?: string; message: string }) => `${url}: ${error.error_detail ?? error.message}`,
      ),
    ),
  )
  return failures.includes(undefined) ? [] : [finding('bridge.documents_unreachable', failures.join('; '))]
}
