import { bridgeLines, combineObservers, createOwnServer, createProviderFetch, startWatching } from 'idplug/internal'
import { loadDeclarations } from '../declarations.ts'
import { jsonLines } from '../observe/log.ts'
import { prometheus } from '../observe/metrics.ts'
import { createMetricsEndpoint } from './metrics.ts'
import type { Program, Surroundings } from './program.ts'

/**
 * Our own authorization server as a process of its own.
 *
 * @throws {ConfigError} Its port cannot be listened on, or its store does not work.
 */
export async function startAuthorizationServer({
  configuration,
  env,
  logger,
  stopping,
}: Surroundings): Promise<Program> {
  const { settings, resources, demoIssuer } = configuration
  const metrics = prometheus()
  const metricsEndpoint = createMetricsEndpoint(metrics.registry, configuration, error =>
    logger.error({ event: 'bug', err: error, operation: 'metrics' }),
  )
  const observer = combineObservers([metrics.observer, jsonLines(logger)])
  const { AUTH_WATCH } = settings
  const watching = AUTH_WATCH === undefined ? undefined : startWatching(AUTH_WATCH, observer)
  const server = createOwnServer({
    configuration: {
      ...configuration,
      settings: { ...settings, AUTH_SERVER_HOST: settings.AUTH_SERVER_HOST ?? settings.HOST },
    },
    declarations: loadDeclarations(env),
    env,
    fetch: createProviderFetch(env),
    observer,
    stopping,
    watching,
    beside: metricsEndpoint,
  })
  const close = async () => {
    await server.close()
    await watching?.close()
    await metricsEndpoint.close()
  }
  try {
    await server.ready()
    await metricsEndpoint.open()
  } catch (error) {
    await close()
    throw error
  }
  return {
    facts: {
      issuer: demoIssuer,
      access_tokens: settings.ACCESS_TOKEN_FORMAT,
      resources: resources.map(({ resource }) => resource),
    },
    banner: [
      `Authorization server  ${demoIssuer}`,
      ...resources.map(
        ({ resource, demoClientId }) => `Issues tokens for     ${resource} (DEMO_RS_CLIENT_ID=${demoClientId})`,
      ),
      ...bridgeLines(configuration),
    ]
      .map(line => `  ${line}`)
      .join('\n'),
    close,
  }
}
