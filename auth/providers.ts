import { adapters } from '../adapters/index.ts'
import type { ConfiguredProvider, ProviderConfiguration } from '../config/providers.ts'
import type { AdapterContext } from '../src/adapter.ts'
import { ConfigError } from '../src/config-error.ts'
import { MisconfigurationError } from '../src/errors.ts'
import type { ScopeNames } from '../src/scopes/names.ts'
import { clip } from '../src/text.ts'
import type { TokenValidator, ValidatedToken } from '../src/token-validator.ts'
import {
  API_KEY_PREFIX,
  type ApiKey,
  apiKeyIssuer,
  createApiKeyValidator,
  withApiKeys,
} from '../src/validators/api-keys.ts'
import { answersFor, createRoutedValidator, type Route } from '../src/validators/routed.ts'
import { createShadowValidator, type ShadowOptions } from '../src/validators/shadow.ts'
import { createTenantValidator, type TenantOptions } from '../src/validators/tenants.ts'

/** A configured provider with its validator. */
export interface Provider extends Route {
  /** As in `AUTH_PROVIDER`, or of its adapter. */
  readonly name: string
  readonly role: 'active' | 'shadow'
  readonly scopeNames: ScopeNames
}

export interface Providers {
  readonly validator: TokenValidator
  /** The ones in force, and the one in the shadow. */
  readonly all: readonly Provider[]
  /**
   * Scopes as clients request them. Of the provider that issued the token where there is one, else of all.
   *
   * @param token - Whose client is to be told how to get more. Nothing, where its provider grants no scope on request.
   */
  wireScopes(scopes: readonly string[], token?: ValidatedToken): readonly string[]
  /** Name of the provider in force whose token was accepted. */
  nameOf(token: ValidatedToken): string
}

/** What is recognizably one provider's or an API key, whether these are configured or not. */
const foreignShapes = [API_KEY_PREFIX, ...adapters.flatMap(({ secretPrefixes = [] }) => secretPrefixes)]

/** A provider that is tried out. */
export interface Shadow {
  readonly configuration: ProviderConfiguration
  readonly onObservation: ShadowOptions['onObservation']
}

/** Whose tokens are accepted besides, or instead. */
export interface FurtherProviders {
  readonly shadow?: Shadow
  /** An API key by its SHA-256. Default: none are accepted. */
  readonly findApiKey?: (sha256: string) => ApiKey | undefined
  /** Providers that are looked up for each issuer, instead of configured ones. */
  readonly tenants?: Pick<TenantOptions, 'issuers'> & {
    find(issuer: string): ConfiguredProvider | undefined | Promise<ConfiguredProvider | undefined>
    /** @throws {ConfigError} */
    load(configured: ConfiguredProvider): ProviderConfiguration
  }
}

/** Answers remembered for each tenant: a busy one pushes out nobody else's. */
const TENANT_CACHE_ENTRIES = 1000

/**
 * Makes validators of the configured providers: one, or several as one, and one that is tried out beside them.
 *
 * @throws {ConfigError} Two providers cannot be told apart.
 */
export function createProviders(
  configurations: readonly ProviderConfiguration[],
  context: Omit<AdapterContext, 'secret' | 'variableOf' | 'mapScopes'>,
  { shadow, findApiKey, tenants }: FurtherProviders = {},
): Providers {
  const createProvider = (
    { name, adapter, options, scopeNames, secret, variableOf }: ProviderConfiguration,
    role: Provider['role'],
    cacheMaxEntries = context.cacheMaxEntries,
  ): Provider => ({
    name,
    role,
    scopeNames,
    validator: adapter.create(options, {
      ...context,
      cacheMaxEntries,
      secret,
      variableOf,
      mapScopes: scopeNames.fromToken,
    }),
    opaqueTokens: adapter.opaqueTokens?.(options) ?? 'none',
  })
  const active = configurations.map(configuration => createProvider(configuration, 'active'))
  const ofIssuer = (issuer: string) => active.filter(({ validator }) => answersFor(validator, issuer))
  const isApiKey = ({ issuer }: ValidatedToken) => issuer === apiKeyIssuer(context.resource)
  const tenantOf = new WeakMap<TokenValidator, Provider>()
  const findTenant = async (issuer: string) => {
    const configured = await tenants?.find(issuer)
    if (!tenants || !configured) return undefined
    const tenant = createProvider(loadTenant(tenants.load, configured, issuer), 'active', TENANT_CACHE_ENTRIES)
    tenantOf.set(tenant.validator, tenant)
    return tenant.validator
  }
  const ofAll = tenants && createTenantValidator({ find: findTenant, issuers: tenants.issuers }, context)
  const combined = ofAll ?? combine(active, context)
  const ofToken = (token: ValidatedToken) => {
    const validator = ofAll?.tenantOf(token)
    const tenant = validator && tenantOf.get(validator)
    return tenant ? [tenant] : ofIssuer(token.issuer)
  }
  const takesAny = [...configurations, ...(shadow ? [shadow.configuration] : [])].some(
    ({ adapter, options }) => adapter.opaqueTokens?.(options) === 'any',
  )
  /** Outermost, so that no provider is shown a key, not even one that only looks on, and where none are accepted. */
  const besideKeys = (validator: TokenValidator) =>
    findApiKey || takesAny
      ? withApiKeys(validator, createApiKeyValidator(findApiKey ?? (() => undefined), context), context)
      : validator
  const providers: Providers = {
    validator: besideKeys(combined),
    all: active,
    wireScopes(scopes, token) {
      if (token && isApiKey(token)) return []
      const own = token === undefined ? [] : ofToken(token)
      // Which tenant it will be is not known yet, nor how its scopes are spelled.
      if (own.length === 0) return tenants ? scopes : union(active, scopes)
      return union(
        own.filter(({ scopeNames }) => scopeNames.requestable),
        scopes,
      )
    },
    nameOf: token =>
      isApiKey(token) ? 'api-keys' : (((active.length !== 1 && ofToken(token)[0]) || active[0])?.name ?? ''),
  }
  if (!shadow) return providers
  const triedOut = createProvider(shadow.configuration, 'shadow')
  const { onObservation } = shadow
  return {
    ...providers,
    all: [...active, triedOut],
    validator: besideKeys(
      createShadowValidator(
        { active: combined, activeRoutes: active, shadow: triedOut, foreignShapes, onObservation },
        context,
      ),
    ),
  }
}

function loadTenant(
  load: (configured: ConfiguredProvider) => ProviderConfiguration,
  configured: ConfiguredProvider,
  issuer: string,
): ProviderConfiguration {
  try {
    return load(configured)
  } catch (error) {
    const detail =
      error instanceof ConfigError
        ? error.problems.map(({ setting, problem }) => `${setting} ${problem}`).join('; ')
        : 'not what configure() returns'
    throw new MisconfigurationError({ kind: 'tenant_misconfigured', issuer: clip(issuer), detail })
  }
}

function combine(routes: readonly Route[], context: Omit<AdapterContext, 'secret'>): TokenValidator {
  const [first, ...others] = routes
  if (!first) throw new TypeError('a server needs one provider at least')
  if (others.length === 0) return first.validator
  try {
    return createRoutedValidator([first, ...others], context, { foreignShapes })
  } catch (error) {
    throw new ConfigError([{ setting: 'AUTH_PROVIDER', problem: (error as Error).message, see: 'docs/providers.md' }])
  }
}

function union(entries: readonly { scopeNames: ScopeNames }[], scopes: readonly string[]): readonly string[] {
  return [...new Set(entries.flatMap(({ scopeNames }) => scopeNames.toWire(scopes)))]
}
