import { type BridgeConfiguration, callbackOf } from '../../config/bridge.ts'
import type { Configuration, Environment } from '../../config/load.ts'
import type { Settings } from '../../config/settings.ts'
import { createIssuerKeys, discoverJwksUri } from '../../demo-as/identity-assertions.ts'
import {
  type AssertionIssuer,
  createGithubUpstream,
  createOpenIdUpstream,
  presets,
  type Upstream,
} from '../../demo-as/server.ts'
import { admit } from '../../demo-as/upstream/admission.ts'
import { createProviderFetch } from '../../src/provider-fetch.ts'

/** What makes a bridge of the authorization server. */
export interface Bridge {
  readonly upstream: Upstream
  readonly assertionIssuers: readonly AssertionIssuer[]
  readonly encryptionKeys?: readonly [Buffer, ...Buffer[]]
  readonly lifetimes: { readonly accessToken: number }
}

/** The provider at which people sign in; `undefined` without a bridge. */
export async function createBridge(configuration: Configuration, env: Environment): Promise<Bridge | undefined> {
  const { bridge, settings } = configuration
  if (!bridge) return undefined
  const [current, ...previous] = bridge.keys
  const fetch = await createProviderFetch(env)
  return {
    upstream: createUpstream(bridge, configuration, fetch),
    assertionIssuers: assertionIssuers(bridge, settings, fetch),
    encryptionKeys: current && [current, ...previous],
    lifetimes: { accessToken: settings.BRIDGE_RECHECK_SECONDS },
  }
}

function createUpstream(
  bridge: BridgeConfiguration,
  { settings }: Configuration,
  fetch: typeof globalThis.fetch,
): Upstream {
  const { provider, metadataUrl, clientId, clientSecret, scopes, groupsClaim, rolesClaim } = bridge
  const rules = { allow: bridge.allow, grants: bridge.grants }
  const client = { metadataUrl, clientId, fetch, timeoutSeconds: settings.PROVIDER_TIMEOUT_SECONDS, rules }
  if (provider === 'github') return createGithubUpstream({ ...client, clientSecret: clientSecret ?? '' })
  return createOpenIdUpstream({
    ...client,
    clientSecret,
    preset: presets[provider],
    scopes,
    groupsClaim,
    rolesClaim,
    maxAgeSeconds: settings.BRIDGE_MAX_AGE_SECONDS,
    now: Date.now,
  })
}

/** The provider's word about a person counts as much in an assertion as at a sign-in, and by the same rules. */
function assertionIssuers(bridge: BridgeConfiguration, settings: Settings, fetch: typeof globalThis.fetch) {
  const { BRIDGE_ASSERTION_ISSUER: issuer, PROVIDER_TIMEOUT_SECONDS: timeoutSeconds } = settings
  const { provider, allow, grants } = bridge
  if (issuer === undefined || provider === 'github') return []
  const keys = createIssuerKeys(() => discoverJwksUri(issuer, { fetch, timeoutSeconds }), { fetch, timeoutSeconds })
  const identify: AssertionIssuer['identify'] = claims => {
    const person = presets[provider].personOf(claims, bridge)
    return person
      ? admit(person, { allow, grants })
      : { outcome: 'nobody', reason: 'the assertion does not say who it is' }
  }
  return [{ issuer, keys, identify }]
}

/** For a person at a terminal: where people sign in, and what has to be registered there. */
export function bridgeLines({ bridge, demoIssuer }: Configuration): string[] {
  if (!bridge) return []
  return [`People sign in at     ${bridge.metadataUrl}`, `Redirect URI there    ${callbackOf(demoIssuer)}`]
}
