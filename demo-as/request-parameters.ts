import { errors } from 'oidc-provider'
import type { Resources } from './resources.ts'
import { namedScopes } from './scopes.ts'

/** Parameters of a request as oidc-provider holds them. */
export type Parameters = Record<string, unknown>

/** The scopes that OpenID Connect defines and this server knows. */
export const OIDC_SCOPES: readonly string[] = ['openid', 'offline_access']

/** Endpoints whose requests name what they want; at the others it is in what was granted before. */
const ASKING = new Set(['authorization', 'device_authorization'])

/** What a device can say with effect: what it wants, and who it is. */
const OF_DEVICES = new Set([
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'scope',
  'resource',
])

/** What has a meaning beside `openid` only. Without that it is unknown, which is ignored (RFC 6749 §3.1). */
const OF_OPENID = ['acr_values', 'max_age', 'nonce']

/**
 * Brings a request into the form that everything behind it relies on: `resource` in its canonical spelling, scopes that this server
 * knows in an order of its own, and the sign-in scopes of the resource where the request names none of its scopes. Does not decide what
 * is granted.
 *
 * @param route - oidc-provider's name of the endpoint.
 * @throws {errors.InvalidTarget} `resource` is not an MCP server of ours, several, or missing where it is needed (RFC 8707 §2).
 */
export function normalizeParameters(route: string, params: Parameters, resources: Resources): void {
  const isMachine = route === 'token' && params.grant_type === 'client_credentials'
  if (params.resource !== undefined) params.resource = canonicalResource(params.resource, resources)
  if (route === 'token' && !isMachine) passOverScopes(params, resources)
  if (!ASKING.has(route) && !isMachine) return

  if (route === 'device_authorization') {
    // The request is stored, and a stranger may have written it.
    for (const name of Object.keys(params)) if (!OF_DEVICES.has(name)) params[name] = undefined
  }
  params.resource ??= resources.only?.resource
  const resource = resources.find(String(params.resource))
  if (!resource) throw new errors.InvalidTarget('resource is needed: this server knows several MCP servers')

  // Left as it is when it is not text, for oidc-provider to refuse.
  if (params.scope !== undefined && typeof params.scope !== 'string') return
  // A scope that nobody knows is no reason to turn a client away; clients ask for what other servers have.
  const known = namedScopes(params.scope, Object.keys(resource.scopes))
  const oidc = namedScopes(params.scope, OIDC_SCOPES)
  const asked = known.length > 0 ? known : (resource.signInScopes ?? resource.defaultScopes)
  const wanted = isMachine ? known : [...oidc, ...asked]
  params.scope = wanted.join(' ') || undefined

  // Everybody is asked each time, whoever the client takes them for; and the key of an old ID token may be gone.
  params.id_token_hint = undefined
  if (!oidc.includes('openid')) for (const name of OF_OPENID) params[name] = undefined

  // Only the one mode is offered: the others need a script in the page.
  if (params.response_mode !== undefined && params.response_mode !== 'query') params.response_mode = 'unsupported'
}

/**
 * A request that redeems something repeats, often word for word, what the authorization request named. What was passed over there is
 * passed over here. `offline_access` stands for the refresh token, which is not asked for again.
 */
function passOverScopes(params: Parameters, resources: Resources): void {
  if (typeof params.scope !== 'string') return
  const known = ['openid', ...resources.all.flatMap(({ scopes }) => Object.keys(scopes))]
  params.scope = namedScopes(params.scope, [...new Set(known)]).join(' ') || undefined
}

function canonicalResource(value: unknown, resources: Resources): string {
  const known = new Set([value].flat().map(identifier => resources.find(String(identifier))?.resource))
  const [resource] = known
  if (known.size !== 1 || resource === undefined) {
    throw new errors.InvalidTarget('resource must be the identifier of one MCP server that this server knows')
  }
  return resource
}
