import { groupLookUps } from '../adapters/group-lookups.ts'
import { people } from '../adapters/people.ts'
import type { BridgeConfiguration } from '../config/bridge.ts'
import { readAssertion } from '../config/files.ts'
import type { Configuration } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import type { AuthObserver } from '../src/auth.ts'
import { completeContext } from '../src/context.ts'
import { ValidatorUnavailableError } from '../src/errors.ts'
import { restrictedFetch } from '../src/provider-fetch.ts'
import type { ServerPackage } from './own-server.ts'

/** Told of what the authorization server does. */
export type Log = NonNullable<AuthObserver['authorizationServer']>

/** What makes a bridge of the authorization server: the provider at which people sign in. Empty without a bridge. */
export function createBridge(
  server: ServerPackage,
  configuration: Configuration,
  platformFetch: typeof globalThis.fetch,
  log: Log = () => {},
) {
  const { bridge, settings } = configuration
  if (!bridge) return {}
  const fetch = restrictedFetch(platformFetch, settings.AUTH_INSECURE_HOSTS)
  return {
    upstream: createUpstream(server, bridge, settings, fetch, log),
    assertionIssuers: assertionIssuers(server, bridge, settings, fetch),
  }
}

function createUpstream(
  server: ServerPackage,
  bridge: BridgeConfiguration,
  settings: Settings,
  fetch: typeof globalThis.fetch,
  log: Log,
) {
  const { provider, metadataUrl, issuer, clientId, clientSecret, clientKey, scopes, groupsClaim, rolesClaim } = bridge
  const rules = { allow: bridge.allow, grants: bridge.grants }
  const { parameters } = bridge
  const client = { metadataUrl, clientId, fetch, timeoutSeconds: settings.PROVIDER_TIMEOUT_SECONDS, rules, parameters }
  const { signIn } = people[provider]
  if (signIn.protocol === 'github-api') {
    return server.createGithubUpstream({
      ...client,
      clientSecret: clientSecret ?? '',
      apiUrl: bridge.apiUrl,
      personOf: signIn.personOf,
    })
  }
  return server.createOpenIdUpstream({
    ...client,
    issuer,
    clientSecret,
    clientKey,
    clientAssertion: assertionReader(bridge),
    preset: signIn,
    scopes,
    groupsClaim,
    rolesClaim,
    lookUp: groupLookUp(server, bridge, settings, fetch),
    maxAgeSeconds: settings.BRIDGE_MAX_AGE_SECONDS,
    now: Date.now,
    log,
  })
}

/** Reads the token of the platform anew each time: it is replaced every hour or so. */
function assertionReader({ clientAssertionFile: file }: BridgeConfiguration): (() => string) | undefined {
  if (file === undefined) return undefined
  return () => {
    const read = readAssertion(file)
    if ('text' in read) return read.text
    throw new Error(`the token of the platform (${file}) ${read.problem}`)
  }
}

/** Groups that are too many for an ID token, where they are to be looked up. */
function groupLookUp(
  { assertionFields, signAssertion, UpstreamMisconfiguredError, UpstreamUnavailableError }: ServerPackage,
  bridge: BridgeConfiguration,
  settings: Settings,
  fetch: typeof globalThis.fetch,
) {
  const { provider, metadataUrl, clientId, clientSecret = '', clientKey, allow, grants, looksUpGroups } = bridge
  const groups = [...allow, ...grants.flatMap(({ to }) => to)].flatMap(name => /^group:(.+)$/.exec(name)?.[1] ?? [])
  const assertion = assertionReader(bridge)
  const authenticate = async (tokenEndpoint: string) => {
    if (clientKey) return assertionFields(await signAssertion(clientKey, clientId, tokenEndpoint))
    return assertion ? assertionFields(assertion()) : { client_secret: clientSecret }
  }
  const context = completeContext({ resource: metadataUrl, fetch, timeoutSeconds: settings.PROVIDER_TIMEOUT_SECONDS })
  const find = looksUpGroups
    ? groupLookUps[provider]?.({ metadataUrl, clientId, authenticate, groups }, context)
    : undefined
  return (
    find &&
    (async (claims: Readonly<Record<string, unknown>>) => {
      try {
        return await find(claims)
      } catch (error) {
        const { message } = error as Error
        const isOutage = error instanceof ValidatorUnavailableError
        throw new (isOutage ? UpstreamUnavailableError : UpstreamMisconfiguredError)(message, { cause: error })
      }
    })
  )
}

/** The provider's word about a person counts as much in an assertion as at a sign-in, and by the same rules. */
function assertionIssuers(
  { admit, createIssuerKeys, discoverJwksUri }: ServerPackage,
  bridge: BridgeConfiguration,
  settings: Settings,
  fetch: typeof globalThis.fetch,
) {
  const { BRIDGE_ASSERTION_ISSUER: issuer, PROVIDER_TIMEOUT_SECONDS: timeoutSeconds } = settings
  const { provider, allow, grants } = bridge
  const { signIn } = people[provider]
  if (issuer === undefined || signIn.protocol !== 'openid') return []
  const keys = createIssuerKeys(() => discoverJwksUri(issuer, { fetch, timeoutSeconds }), { fetch, timeoutSeconds })
  const identify = (claims: Readonly<Record<string, unknown>>) => {
    const person = signIn.personOf(claims, bridge)
    return person
      ? admit(person, { allow, grants })
      : { outcome: 'nobody' as const, reason: 'the assertion does not say who it is' }
  }
  return [{ issuer, keys, identify }]
}
