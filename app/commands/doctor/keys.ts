import { urlProblem } from 'idplug/internal'
import { type Finding, finding } from './finding.ts'
import type { Tenant } from './tenant.ts'

type Jwk = Readonly<Record<string, unknown>>

const MIN_RSA_BITS = 2048

/**
 * Checks a key set (RFC 7517 §5).
 *
 * @param uri - Where it is: as the settings or the metadata say.
 * @param accepted - Signature algorithms that the provider's adapter accepts.
 */
export async function checkKeys(
  uri: unknown,
  accepted: readonly string[],
  { provider, probe, insecureHosts }: Pick<Tenant, 'provider' | 'probe' | 'insecureHosts'>,
): Promise<Finding[]> {
  const { name } = provider.adapter
  if (uri === undefined) return [finding('tenant.keys_missing', 'no jwks_uri', name)]
  if (typeof uri !== 'string' || urlProblem(uri, true, insecureHosts)) return [] // told with the other endpoints
  const answer = await probe(uri)
  if (answer.outcome === 'failed') return [finding('tenant.keys_unreachable', `${answer.detail} at ${uri}`, name)]
  const { keys } = answer.json ?? {}
  if (answer.status !== 200 || !Array.isArray(keys)) {
    return [finding('tenant.keys_unreachable', `status ${answer.status} and no key set at ${uri}`, name)]
  }
  const jwks = keys.filter((key): key is Jwk => typeof key === 'object' && key !== null)
  return [...checkSecrets(jwks, name), ...checkSigningKeys(jwks.filter(isForSignatures), accepted, uri, name)]
}

function checkSecrets(jwks: readonly Jwk[], name: string): Finding[] {
  const secret = jwks.find(({ kty }) => kty === 'oct')
  const exposed = jwks.find(({ kty, d }) => kty !== 'oct' && d !== undefined)
  return [
    ...(secret ? [finding('tenant.key_symmetric', `key ${secret.kid ?? 'without id'} is of type oct`, name)] : []),
    ...(exposed ? [finding('tenant.key_private', `key ${exposed.kid ?? 'without id'} has a member d`, name)] : []),
  ]
}

function isForSignatures({ kty, use, d }: Jwk): boolean {
  return ['RSA', 'EC', 'OKP'].includes(String(kty)) && (use === undefined || use === 'sig') && d === undefined
}

function checkSigningKeys(jwks: readonly Jwk[], accepted: readonly string[], uri: string, name: string): Finding[] {
  if (jwks.length === 0) return [finding('tenant.keys_unusable', `no public signing key at ${uri}`, name)]
  const ids = jwks.map(({ kid }) => kid)
  const twice = ids.find((kid, index) => kid !== undefined && ids.indexOf(kid) !== index)
  const short = jwks.find(jwk => jwk.kty === 'RSA' && bitsOf(jwk) < MIN_RSA_BITS)
  const algorithms = jwks.map(({ alg }) => alg)
  return [
    ...(jwks.length > 1 && ids.includes(undefined)
      ? [finding('tenant.key_without_id', `${jwks.length} keys, one of them without kid, at ${uri}`, name)]
      : []),
    ...(twice === undefined ? [] : [finding('tenant.key_id_twice', `two keys have the kid ${twice}`, name)]),
    ...(short ? [finding('tenant.key_short', `key ${short.kid ?? ''} has ${bitsOf(short)} bits`, name)] : []),
    // Keys without alg fit whatever is accepted: Entra ID publishes none.
    ...(algorithms.every(alg => alg !== undefined && !accepted.includes(String(alg)))
      ? [finding('tenant.algorithm_unsupported', `${algorithms.join(', ')}; accepted are ${accepted.join(', ')}`, name)]
      : []),
  ]
}

/** Length of an RSA modulus, without the bits that are zero at its front. */
function bitsOf({ n }: Jwk): number {
  const bytes = Buffer.from(String(n), 'base64url')
  const first = bytes.findIndex(byte => byte !== 0)
  return first === -1 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24)
}
