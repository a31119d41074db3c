import type { ValidatorContext } from '../src/context.ts'
import { toSdkError } from '../src/edges/sdk-errors.ts'
import { createProviderFetch } from '../src/provider-fetch.ts'
import { canonicalResource } from '../src/resource.ts'

export interface ValidatorContextOptions extends Partial<Omit<ValidatorContext, 'resource' | 'sdkError'>> {
  /** Identifier of this MCP server (RFC 8707), usually the URL of its endpoint. */
  resource: string
  /** Where proxy settings are read from. Default: none, no proxy. */
  env?: Readonly<Record<string, string | undefined>>
}

/**
 * The surroundings of a validator with the usual parts filled in: the platform's `fetch` (through the proxy that `env`
 * names), the system's clock, and errors that `requireBearerAuth` of the MCP SDKs understands.
 *
 * @throws {ConfigError} `resource` is not an absolute `https:` URL (`http:` on loopback) without query and fragment.
 */
export async function createValidatorContext(options: ValidatorContextOptions): Promise<ValidatorContext> {
  const { resource, env = {}, ...rest } = options
  return {
    fetch: await createProviderFetch(env),
    now: Date.now,
    ...rest,
    resource: canonicalResource(resource, 'resource'),
    sdkError: toSdkError,
  }
}
