import { ConfigError, type ConfigProblem, type Declarations } from 'idplug'
import {
  type Configuration,
  createProviders,
  type Environment,
  loadConfiguration,
  type SettingsFile,
} from 'idplug/internal'
import { knownDeclarations, scopesOf } from '../../declarations.ts'
import type { ResourceGroup } from '../../gateway/configuration.ts'
import { type AttackOptions, attackServer } from './attack.ts'
import { type BridgeSurroundings, checkBridge, checkStore } from './bridge.ts'
import type { FindingCode } from './catalogue/index.ts'
import { type ClientOutlook, clientOutlooks } from './clients.ts'
import { type Finding, finding } from './finding.ts'
import { checkTargets } from './gateway.ts'
import { createProbe } from './probe.ts'
import { checkServer, type ServerTrial } from './server.ts'
import { checkTenant, type Tenant } from './tenant.ts'
import { type TrialClient, tryClient } from './trial.ts'

export interface Surroundings {
  readonly fetch: typeof globalThis.fetch
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** The file that some of the settings were taken from. Default: none. */
  readonly file?: SettingsFile
  /** See {@link BridgeSurroundings.loadDocument}. */
  readonly loadDocument?: (configuration: Configuration) => BridgeSurroundings['loadDocument']
  /** The servers that the configuration is about. Default: those of `AUTH_RESOURCE`. */
  readonly declarations?: Declarations
}

export interface DoctorReport {
  readonly findings: readonly Finding[]
  /** What each client would do; nothing where no server was looked at. */
  readonly clients: readonly ClientOutlook[]
}

/**
 * Checks a configuration against its providers, each by itself. A configuration that cannot be loaded is what was found.
 *
 * @param env - Settings, as the server reads them.
 * @param client - A client of the user's own to try the provider with. Default: none.
 */
export async function examineTenants(
  env: Environment,
  { fetch, now, file, loadDocument, declarations }: Surroundings,
  client?: TrialClient,
): Promise<readonly Finding[]> {
  let configuration: Configuration
  let scopes: string[]
  try {
    const resources = declarations ?? knownDeclarations(env)
    scopes = scopesOf(resources ?? {})
    configuration = loadConfiguration(env, { file, resources })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return invalid(error)
  }
  const { settings, resource, providers, shadow } = configuration
  const clockToleranceSeconds = settings.CLOCK_TOLERANCE_SECONDS
  const ofTenants = [...providers, ...(shadow ? [shadow] : [])].map(async provider => {
    const insecureHosts = settings.AUTH_INSECURE_HOSTS
    const surroundings = { resource, fetch, now, clockToleranceSeconds, insecureHosts }
    const { validator } = createProviders([provider], surroundings)
    const probe = createProbe({ fetch, timeoutSeconds: settings.PROVIDER_TIMEOUT_SECONDS, insecureHosts })
    const tenant: Tenant = { provider, validator, probe, ...surroundings }
    const { findings: all, metadata } = await checkTenant(tenant)
    const findings = isOwnServer(provider.adapter.name, configuration) ? aboutOwnServer(all) : all
    if (client === undefined || metadata === undefined) return findings
    return [...findings, ...(await tryClient(tenant, metadata, client, scopes))]
  })
  const probe = createProbe({
    fetch,
    timeoutSeconds: settings.PROVIDER_TIMEOUT_SECONDS,
    insecureHosts: settings.AUTH_INSECURE_HOSTS,
  })
  const found = await Promise.all([
    checkStore(configuration),
    checkBridge(configuration, { fetch, probe, loadDocument: loadDocument?.(configuration) }),
    ...ofTenants,
  ])
  return [...configuration.warnings.map(warningFinding), ...found.flat()]
}

/**
 * Checks a gateway: what is behind each of its resources, and the providers of all of them.
 *
 * @param read - Reads its file or its command line, as `idplug gateway` does.
 */
export async function examineGateway(
  read: () => readonly ResourceGroup[],
  surroundings: Surroundings,
  client?: TrialClient,
): Promise<readonly Finding[]> {
  return ofGroups(read, async group => {
    const { env, declarations } = group
    const found = [checkTargets(group), examineTenants(env, { ...surroundings, declarations }, client)]
    return (await Promise.all(found)).flat()
  })
}

/** The first half of {@link examineGateway}. */
export function examineTargets(read: () => readonly ResourceGroup[]): Promise<readonly Finding[]> {
  return ofGroups(read, checkTargets)
}

async function ofGroups(
  read: () => readonly ResourceGroup[],
  check: (group: ResourceGroup) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  let groups: readonly ResourceGroup[]
  try {
    groups = read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return invalid(error)
  }
  const found = await Promise.all(groups.map(check))
  // What groups have in common, such as an unknown variable, is told once.
  return [...new Map(found.flat().map(each => [`${each.code} ${each.seen}`, each])).values()]
}

function invalid({ problems }: ConfigError): Finding[] {
  return problems.map(({ setting, problem }) => finding('config.invalid', `${setting}: ${problem}`))
}

/** Our own authorization server in the process of the MCP server, demo or bridge. */
function isOwnServer(adapter: string, { mode, usesOwnServer }: Configuration): boolean {
  return adapter === 'demo' && usesOwnServer && mode !== 'separate'
}

/** Whether it runs is no question of settings, and the secret between the two is known to the process alone. */
function aboutOwnServer(findings: readonly Finding[]): readonly Finding[] {
  const unreachable = findings.find(({ code }) => code === 'tenant.unreachable')
  if (unreachable) return [finding('config.not_running', unreachable.seen)]
  return findings.filter(({ code }) => code !== 'tenant.credentials_refused')
}

/** Warnings that say more than that a setting has no effect. */
const WARNINGS: Readonly<Record<string, FindingCode>> = {
  DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'config.fake_sign_in',
  AUTH_INSECURE_HOSTS: 'config.insecure_hosts',
}

function warningFinding({ setting, problem }: ConfigProblem): Finding {
  return finding(WARNINGS[setting] ?? 'config.no_effect', `${setting} ${problem}`)
}

/**
 * Checks a running server from outside.
 *
 * @param url - URL of the MCP endpoint.
 * @param attack - Tries what an attacker would try as well. Default: no.
 */
export async function examineServer(
  url: string,
  fetch: typeof globalThis.fetch,
  trial: ServerTrial = {},
  attack?: Pick<AttackOptions, 'signIn' | 'redirectUri'>,
): Promise<DoctorReport> {
  const probe = createProbe({ fetch })
  const { findings, facts } = await checkServer(url, probe, trial)
  const attacks = attack ? await attackServer(facts, { probe, token: trial.token, ...attack }) : []
  return { findings: [...findings, ...attacks], clients: clientOutlooks(facts, findings) }
}
