import { isHostWithin } from '../../src/adapter-options.ts'
import { type ClaimOptions, subjectReason } from '../../src/claims/options.ts'
import type { Claims } from '../../src/engines/claim-judge.ts'
import { InvalidTokenError } from '../../src/errors.ts'
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

/** Marks of ID tokens: OpenID Connect Core §3.1.3.6 and §3.3.2.11, Cognito, Keycloak. */
export function refuseIdToken(claims: Claims, distinguished: boolean): void {
  const { aud, at_hash, c_hash, token_use, typ } = claims
  if (at_hash !== undefined || c_hash !== undefined) throw idToken('it carries at_hash or c_hash')
  if (token_use === 'id') throw idToken('token_use is id')
  if (typ === 'ID') throw idToken('typ in the payload is ID')
  const client = claims.client_id ?? claims.azp
  if (distinguished || client === undefined) return
  // OpenID Connect Core §2: `aud` of every ID token is its client.
  if (aud !== client && !(Array.isArray(aud) && aud.every(value => value === client))) return
  throw new InvalidTokenError({
    kind: 'oidc.maybe_id_token',
    detail: 'aud is the client that the token was issued to, as in every ID token',
    cure: 'have clients request the token for this server, or set types or requiredClaims to what only access tokens carry',
  })
}

function idToken(detail: string): InvalidTokenError {
  return new InvalidTokenError({ kind: 'id_token', detail })
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
  return subjectReason(reason, settings, 'OIDC')
}
