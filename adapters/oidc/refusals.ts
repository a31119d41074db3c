import { claimReason, settingNamed, type VariableOf } from '../../src/claims/cures.ts'
import type { ClaimOptions } from '../../src/claims/options.ts'
import { signatureAlgorithms } from '../../src/engines/signature.ts'
import type { TokenReason } from '../../src/reasons.ts'
import type { Product } from './products.ts'

/** What helps with one product; empty where it is not known. */
export type ProductCures = Pick<Product, 'audience' | 'jwt'>

/** A reason with what cures it at this product; `undefined` for the reasons that have no cure here. */
export function explain(
  reason: TokenReason,
  settings: ClaimOptions,
  { audience, jwt }: ProductCures,
  variables: string | VariableOf = 'OIDC',
): TokenReason | undefined {
  if (reason.kind === 'audience_missing' || reason.kind === 'audience_mismatch') {
    const actual = 'actual' in reason ? `is ${reason.actual.join(', ')}` : 'is absent'
    return {
      kind: `oidc.${reason.kind}`,
      detail: `aud ${actual}; expected ${reason.expected.join(' or ')}`,
      cure: audience ?? 'have the provider put the URL of this server into aud, or set audience to what it puts there',
    }
  }
  if (reason.kind === 'token_opaque') {
    return {
      kind: 'oidc.token_opaque',
      detail: 'the token is no JWT, and only those can be verified by key',
      cure: jwt ?? 'have the provider issue JWTs for this server, or use the adapter introspection',
    }
  }
  if (reason.kind === 'algorithm_refused')
    return { ...reason, cure: algorithmCure(reason.actual, reason.expected, variables) }
  const cured = claimReason(reason, settings, variables)
  // Adapters wrote this kind before engines knew it.
  return cured?.kind === 'maybe_id_token' && cured.cure !== undefined
    ? { kind: 'oidc.maybe_id_token', detail: cured.detail, cure: cured.cure }
    : cured
}

/** RS512, PS384, ES512 and Ed25519 need the setting; what is symmetric or none needs another key. */
function algorithmCure(actual: string, accepted: readonly string[], variables: string | VariableOf): string {
  return signatureAlgorithms.some(name => name === actual)
    ? `if the provider signs access tokens with ${actual}, set ${settingNamed('algorithms', variables)} to "${[...accepted, actual].join(' ')}", or to ${actual} alone`
    : `have the provider sign access tokens for this server with ${accepted.join(', ')}: a shared secret or no signature proves nothing here`
}
