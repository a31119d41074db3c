import { ConfigError, createProviderFetch } from 'idplug'
import { createProviders, loadConfiguration } from 'idplug/internal'
import type { ProgramEnvironment } from '../../environment.ts'

/**
 * Issuers of the two providers of a move, as their metadata spells them: the first one in force, and the one in the shadow or else the
 * second one in force.
 *
 * @throws {ConfigError} The configuration has no second provider, or cannot work.
 */
export async function configuredIssuers({
  env,
  file,
}: ProgramEnvironment): Promise<{ former: string; current: string }> {
  const { providers, shadow, resource, settings } = loadConfiguration(env, { file })
  const [former] = providers
  const current = shadow ?? providers[1]
  if (!former || !current) {
    throw new ConfigError([
      {
        setting: 'AUTH_SHADOW',
        problem: 'names no new provider, nor does AUTH_PROVIDER name two; or give --from-issuer and --to-issuer',
        see: 'docs/migration.md',
      },
    ])
  }
  const context = {
    resource,
    fetch: createProviderFetch(env),
    now: Date.now,
    timeoutSeconds: settings.PROVIDER_TIMEOUT_SECONDS,
    insecureHosts: settings.AUTH_INSECURE_HOSTS,
  }
  const issuerOf = async (provider: typeof former) => {
    const { validator } = createProviders([provider], context)
    // The server may be down, as the one in force may be while one prepares: its issuer is then as configured.
    await validator.warmUp().catch(() => {})
    return validator.issuers[0] ?? ''
  }
  return { former: await issuerOf(former), current: await issuerOf(current) }
}
