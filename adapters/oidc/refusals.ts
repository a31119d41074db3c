import { isHostWithin } from '../../src/adapter-options.ts'
import { claimReason } from '../../src/claims/cures.ts'
import type { ClaimOptions } from '../../src/claims/options.ts'
import { signatureAlgorithms } from '../../src/engines/signature.ts'
import type { TokenReason } from '../../src/reasons.ts'

/** How the product behind an issuer is told to put this server into `aud`, or to issue JWTs. */
const PRODUCTS: readonly [recognizes: (url: URL) => boolean, audience: string, jwt?: string][] = [
  [
    url => /^(\/auth)?\/realms\/[^/]+/.test(url.pathname),
    "Keycloak: add a mapper of type Audience to a client scope of the client, with this server's URL as Included Custom Audience",
  ],
  [
    url => isHostWithin(url, 'zitadel.cloud'),
    'Zitadel: the client must request the scope urn:zitadel:iam:org:project:id:{project id}:aud, and audience name the project',
    'Zitadel: set the access token type of the application to JWT, or use the adapter introspection',
  ],
  [
    url => isHostWithin(url, 'logto.app'),
    'Logto: register this server as an API resource; clients must request it by resource',
    'Logto: tokens are opaque unless the request named an API resource; register this server as one',
  ],
  [
    url => isHostWithin(url, 'authkit.app'),
    'WorkOS AuthKit: configure this server as a resource; without one aud is the client id',
  ],
  [
    url => /^cognito-idp\.[^.]+\.amazonaws\.com(\.cn)?$/.test(url.hostname),
    'Cognito has no aud without resource binding: set audience to null, list clientIds and require token_use access',
  ],
  [url => isHostWithin(url, 'api.descope.com'), 'Descope: aud is the project id; set audience to it'],
]

export interface ProductCures {
  /** How this server gets into `aud`. */
  readonly audience?: string
  /** How tokens become JWTs. */
  readonly jwt?: string
}

/** What helps with the product that a metadata URL or issuer belongs to; empty where it is not known. */
export function productCures(url: URL): ProductCures {
  const [, audience, jwt] = PRODUCTS.find(([recognizes]) => recognizes(url)) ?? []
  return { audience, jwt }
}

/** A reason with what cures it at this product; `undefined` for the reasons that have no cure here. */
export function explain(
  reason: TokenReason,
  settings: ClaimOptions,
  { audience, jwt }: ProductCures,
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
  if (reason.kind === 'algorithm_refused') return { ...reason, cure: algorithmCure(reason.actual, reason.expected) }
  const cured = claimReason(reason, settings, 'OIDC')
  // Adapters wrote this kind before engines knew it.
  return cured?.kind === 'maybe_id_token' && cured.cure !== undefined
    ? { kind: 'oidc.maybe_id_token', detail: cured.detail, cure: cured.cure }
    : cured
}

/** RS512, PS384, ES512 and Ed25519 need the setting; what is symmetric or none needs another key. */
function algorithmCure(actual: string, accepted: readonly string[]): string {
  return signatureAlgorithms.some(name => name === actual)
    ? `if the provider signs access tokens with ${actual}, set algorithms (OIDC_ALGORITHMS) to "${[...accepted, actual].join(' ')}", or to ${actual} alone`
    : `have the provider sign access tokens for this server with ${accepted.join(', ')}: a shared secret or no signature proves nothing here`
}
