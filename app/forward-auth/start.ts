import { type Auth, ConfigError, type ConfigProblem, createAuths, type Declarations } from 'idplug'
import { bridgeLines, type Environment, type IpRange, parseIpRange } from 'idplug/internal'
import { loadDeclarations } from '../declarations.ts'
import { DATA_FOLDER } from '../environment.ts'
import { createCallerIdentity } from '../gateway/identity.ts'
import { openAssertionKeys } from '../gateway/identity-keys.ts'
import { jsonLines } from '../observe/log.ts'
import { prometheus } from '../observe/metrics.ts'
import { createMetricsEndpoint } from '../serve/metrics.ts'
import { createPort, issuersOf, storeSettings } from '../serve/port.ts'
import type { Program, Surroundings } from '../serve/program.ts'
import { createUnseenBody } from './asked-operation.ts'
import { createForwardAuth, type ProtectedServer } from './handler.ts'

const SEE = 'docs/proxies/README.md'
const LOOPBACK = '127.0.0.0/8,::1'

/** A server about which nothing is known: each valid token may do everything. */
const ANY_SERVER: Declarations = { mcp: { name: 'MCP server', scopes: {} } }

/**
 * The servers behind the proxy: those of the files that `AUTH_RESOURCE` names, else one about which nothing is known.
 *
 * @throws {ConfigError} Lists every problem of every file at once; or the servers have no address yet.
 */
export function protectedServers(env: Environment): Declarations {
  const declarations = env.AUTH_RESOURCE?.trim() ? loadDeclarations(env) : ANY_SERVER
  const isPlaced = Object.values(declarations).every(({ resource }) => resource && !resource.startsWith('/'))
  if (isPlaced || env.PUBLIC_URL?.trim()) return declarations
  const problem: ConfigProblem = {
    setting: 'PUBLIC_URL',
    problem: 'is not set: name the URL of the proxy as clients reach it, such as https://mcp.example.com',
    see: SEE,
  }
  throw new ConfigError([problem])
}

/** What forward auth decides differently than `npm start`: proxies are where settings do not say otherwise on this machine. */
export function forwardAuthSettings({ AUTH_MODE, TRUSTED_PROXIES }: Environment): Environment {
  return {
    AUTH_MODE: AUTH_MODE?.trim() || 'embedded',
    TRUSTED_PROXIES: TRUSTED_PROXIES?.trim() || LOOPBACK,
  }
}

/** How the servers behind the proxy are told who is calling. */
export type ForwardedIdentity = 'headers' | 'assertion'

/**
 * Starts to answer proxies that ask whether a request may pass.
 *
 * @throws {ConfigError} A port cannot be listened on, or the store or the file of assertion keys does not work.
 */
export async function startForwardAuth(
  surroundings: Surroundings,
  kind: ForwardedIdentity = 'headers',
): Promise<Program> {
  const { configuration, env, logger, stopping } = surroundings
  const { settings } = configuration
  const reportBug = (error: unknown, operation?: string) => logger.error({ event: 'bug', err: error, operation })
  const keys = await openAssertionKeys(settings.AUTH_DATA_DIR ?? DATA_FOLDER, kind === 'assertion', logger)
  const metrics = prometheus()
  const metricsEndpoint = createMetricsEndpoint(metrics.registry, configuration, reportBug)
  const declarations = protectedServers(env)
  const auths = createAuths(declarations, {
    env: { ...env, ...storeSettings(configuration), AUTH_SERVER_HOST: settings.AUTH_SERVER_HOST ?? settings.HOST },
    stopping,
    observer: [metrics.observer, jsonLines(logger, configuration.shadow?.name)],
  })
  const servers = new Map<string, ProtectedServer>()
  for (const [name, declaration] of Object.entries(declarations)) {
    const auth = auths[name] as Auth
    const { origin } = new URL(auth.resource)
    servers.set(name, {
      auth,
      // The URL of the server itself is known to the proxy only.
      identity: createCallerIdentity({ kind }, { issuer: origin, audience: auth.resource, keys }),
      unseenBody: createUnseenBody(declaration),
    })
  }
  const all = [...servers.values()]
  const handle = createForwardAuth({
    servers,
    proxies: settings.TRUSTED_PROXIES.map(proxy => parseIpRange(proxy) as IpRange),
    assertionKeys: kind === 'assertion' ? keys : undefined,
    onMisconfigured: (reason, facts) => logger.error({ event: 'proxy_misconfigured', ...facts, reason }),
    onError: reportBug,
    stopping,
  })

  const port = createPort(
    surroundings,
    (request, response) => {
      if (metricsEndpoint.handles(request.url ?? '')) metricsEndpoint.handler(request, response)
      else handle(request, response)
    },
    metricsEndpoint,
    reportBug,
  )

  const close = async () => {
    await port.close()
    await Promise.all(all.flatMap(({ auth, identity }) => [auth.close(), identity.close()]))
    await metricsEndpoint.close()
  }
  const protectedBy = all.map(({ auth }) => auth)
  try {
    await port.open(protectedBy)
  } catch (error) {
    await close()
    throw error
  }
  const issuers = issuersOf(protectedBy)
  const resources = protectedBy.map(({ resource }) => resource)
  return {
    facts: { resources, issuers, trusted_proxies: settings.TRUSTED_PROXIES },
    banner: [
      `Answers proxies at    http://${settings.HOST}:${settings.PORT}`,
      `Which may be at       ${settings.TRUSTED_PROXIES.join(', ')}`,
      ...resources.map(resource => `Protects              ${resource}`),
      `Sign-in               ${issuers.join(', ')}`,
      ...bridgeLines(configuration),
      'Configure the proxy   docs/proxies/README.md',
    ]
      .map(line => `  ${line}`)
      .join('\n'),
    close,
  }
}
