import { type decodeProtectedHeader, importJWK, type JWK, jwtVerify } from 'jose'
import type { JsonObject } from './keys.ts'
import { type Client, OAuthFailure } from './sign-in.ts'

/** Whose tokens stand for a client (RFC 7523): a platform's, about one workload. */
export interface FederatedCredential {
  readonly issuer: string
  readonly subject: string
  readonly audience: string
  readonly jwks: readonly JsonObject[]
}

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Checks the JWT with which a client authenticates: signed with a registered key, by and about the client, for this provider, and good
 * once. A token of a platform comes from its issuer and is about the workload that is registered; it may come again.
 *
 * @param now - Milliseconds since the Unix epoch.
 */
export function createAssertionCheck(now: () => number) {
  const used = new Set<string>()

  /** @throws {OAuthFailure} `invalid_client` */
  return async function check(client: Client, form: URLSearchParams, audiences: readonly string[]): Promise<void> {
    const assertion = form.get('client_assertion') ?? ''
    if (form.get('client_assertion_type') !== TYPE) throw refused('client_assertion_type is missing or unknown')
    const { federated, jwks = [] } = client
    const expected = federated ?? { issuer: client.clientId, subject: client.clientId, audience: audiences, jwks }
    try {
      const { payload } = await jwtVerify(assertion, header => keyFor(header, expected.jwks), {
        algorithms: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'],
        issuer: expected.issuer,
        subject: expected.subject,
        audience: expected.audience as string,
        requiredClaims: ['exp'],
        currentDate: new Date(now()),
      })
      if (federated) return
      if (payload.jti === undefined || used.has(payload.jti)) throw new Error('jti is missing or was used')
      used.add(payload.jti)
    } catch (error) {
      throw refused(error instanceof Error ? error.message : String(error))
    }
  }
}

const refused = (why: string) => new OAuthFailure('invalid_client', `Client assertion: ${why}`)

/** A key that is registered with its certificate is known by that one's thumbprint only. */
function keyFor(header: ReturnType<typeof decodeProtectedHeader>, jwks: readonly JsonObject[]) {
  const thumbprint = (header as { 'x5t#S256'?: string })['x5t#S256']
  const found = jwks.find(jwk => {
    if (jwk['x5t#S256'] !== undefined) return jwk['x5t#S256'] === thumbprint
    return jwk.kid === undefined || jwk.kid === header.kid
  })
  if (!found) throw new Error('no such key is registered')
  return importJWK(found as JWK, header.alg)
}
