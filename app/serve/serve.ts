import {
  type Auth,
  type AuthObserver,
  createAuths,
  type Declarations,
  type ObservedProvider,
  type ResourceDeclaration,
} from 'idplug'
import { bridgeLines, type Configuration, type Environment } from 'idplug/internal'
import { jsonLines } from '../observe/log.ts'
import { type Prometheus, prometheus } from '../observe/metrics.ts'
import { createSite, type SiteOptions } from './http.ts'
import { createMetricsEndpoint } from './metrics.ts'
import { createPort, issuersOf, storeSettings } from './port.ts'
import type { Program, Surroundings } from './program.ts'

export interface Running extends Program {
  /** URL of the MCP endpoint; the first of several. */
  readonly resource: string
  /** Issuers whose tokens are accepted. */
  readonly issuers: readonly string[]
}

/** Servers with the same settings. */
export interface ServedGroup {
  readonly env: Environment
  readonly declarations: Declarations
}

/** What endpoints are made of. */
export interface ServeContext {
  /** Of all groups, by the keys of their declarations. */
  readonly auths: Readonly<Record<string, Auth>>
  readonly log: ReturnType<typeof jsonLines>
  readonly metrics: Prometheus
  /**
   * Makes the auths of a group that comes later. Whoever asks for them closes them.
   *
   * @throws {ConfigError} As `createAuths` does.
   */
  createGroup(group: ServedGroup): Readonly<Record<string, Auth>>
  reportBug(error: unknown, operation?: string): void
}

/** What is behind the sign-in. */
export interface Served {
  readonly servers: SiteOptions['servers']
  readonly pages?: SiteOptions['pages']
  /** Further lines for a person at a terminal. */
  readonly banner?: readonly string[]
  /** Ends streams and what else would keep connections open. Not waited for longer than the grace period. */
  end(): Promise<void>
  /** Told once, when the first request may come, how to put other servers into the place of these. Connections stay open. */
  started?(replace: (servers: SiteOptions['servers']) => void): void
  /** Ends everything else, when the last connection is closed. */
  close?(): Promise<void>
}

/**
 * Serves MCP servers behind their sign-in on `PORT`, and our own authorization server with them unless that is a process of its own.
 *
 * @param groups - One at least. The settings of the process are those of the surroundings.
 * @param open - Makes the endpoints of the auths.
 * @param observer - Told what happens, beside log and metrics.
 * @throws {ConfigError} A port cannot be listened on, or the store does not work.
 */
export async function serve(
  surroundings: Omit<Surroundings, 'env'>,
  groups: readonly ServedGroup[],
  open: (context: ServeContext) => Served | Promise<Served>,
  observer: AuthObserver = {},
): Promise<Running> {
  const { configuration, logger, stopping } = surroundings
  const { settings, mode } = configuration
  const reportBug = (error: unknown, operation?: string) => logger.error({ event: 'bug', err: error, operation })
  const metrics = prometheus()
  const metricsEndpoint = createMetricsEndpoint(metrics.registry, configuration, reportBug)
  const log = jsonLines(logger, configuration.shadow?.name)
  const documentation = new URL('/', configuration.resource).href
  const shadows: ObservedProvider[] = []
  const createGroup = ({ env, declarations }: ServedGroup): Readonly<Record<string, Auth>> => {
    const documented = Object.entries(declarations).map(([key, declaration]) => [
      key,
      { documentation, ...declaration },
    ])
    return createAuths(Object.fromEntries(documented) as Declarations, {
      // Programs of ours have their own defaults for where the server is reached and where the authorization server runs.
      env: {
        ...env,
        PUBLIC_URL: publicUrls(configuration, Object.values(declarations)),
        AUTH_MODE: mode,
        ...storeSettings(configuration),
        AUTH_SERVER_HOST: settings.AUTH_SERVER_HOST ?? settings.HOST,
      },
      stopping,
      observer: [
        metrics.observer,
        log,
        observer,
        { providers: all => void shadows.push(...all.filter(({ role }) => role === 'shadow')) },
      ],
    })
  }
  const auths: Readonly<Record<string, Auth>> = Object.assign({}, ...groups.map(createGroup))
  const all = Object.values(auths) as [Auth, ...Auth[]]
  const [{ resource }] = all
  const served = await open({ auths, log, metrics, createGroup, reportBug })

  const siteOf = (servers: SiteOptions['servers']) =>
    createSite({ servers, pages: served.pages, onError: reportBug, stopping, metrics: metricsEndpoint })
  let site = siteOf(served.servers)
  const port = createPort(surroundings, (request, response) => site(request, response), metricsEndpoint, reportBug)

  const close = async () => {
    const closed = port.close()
    // Connections are cut after the grace period; what goes on all the same is not waited for.
    await Promise.race([served.end(), closed])
    await Promise.all([closed, ...all.map(auth => auth.close())])
    await metricsEndpoint.close()
    await served.close?.()
  }
  const listening = () =>
    served.started?.(servers => {
      site = siteOf(servers)
    })
  try {
    await port.open(all, { shadows, listening })
  } catch (error) {
    await close()
    throw error
  }
  const issuers = issuersOf(all)
  const resources = all.map(auth => auth.resource)
  return {
    resource,
    issuers,
    facts: { ...(resources.length > 1 ? { resources } : { resource }), issuers },
    banner: [
      ...resources.map(url => `MCP endpoint          ${url}`),
      `Sign-in               ${issuers.join(', ')}`,
      ...bridgeLines(configuration),
      ...(served.banner ?? []),
      `How to connect        ${new URL('/', resource).href}`,
    ]
      .map(line => `  ${line}`)
      .join('\n'),
    close,
  }
}

/** `undefined` where every declaration has a whole URL, and the hosts may differ. */
function publicUrls(
  { settings, resources }: Configuration,
  declarations: readonly ResourceDeclaration[],
): string | undefined {
  if (settings.PUBLIC_URL.length > 0) return settings.PUBLIC_URL.join(',')
  const areWhole = declarations.every(({ resource }) => resource !== undefined && !resource.startsWith('/'))
  return areWhole && declarations.length > 1 ? undefined : resources[0].publicUrl
}
