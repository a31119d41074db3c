import { randomUUID } from 'node:crypto'
import { importJWK, type JWK, SignJWT } from 'jose'
import { nowSeconds } from '../clock.ts'

/** The private key of the client that this server is at a provider. */
export interface ClientKey {
  /** With `kid` and `alg` where the provider goes by them. */
  readonly jwk: JWK
  /** SHA-256 thumbprint of the certificate (RFC 7515 §4.1.8), for providers that know the key by that. */
  readonly certificateThumbprint?: string
}

/** Form fields by which a client authenticates with a JWT (RFC 7523 §2.2). */
export function assertionFields(assertion: string) {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  }
}

/**
 * Signs that this server is the client (`private_key_jwt`, OpenID Connect Core 1.0 §9). Good for a minute, and for one request.
 *
 * @param audience - As the provider calls itself there: its issuer, or the token endpoint.
 * @param supported - `token_endpoint_auth_signing_alg_values_supported` of the metadata.
 */
export async function signAssertion(
  { jwk, certificateThumbprint }: ClientKey,
  clientId: string,
  audience: string,
  supported?: readonly string[],
): Promise<string> {
  const alg = algorithmOf(jwk, supported)
  const seconds = nowSeconds()
  return new SignJWT()
    .setProtectedHeader({
      alg,
      typ: 'JWT',
      ...(jwk.kid !== undefined && { kid: jwk.kid }),
      ...(certificateThumbprint !== undefined && { 'x5t#S256': certificateThumbprint }),
    })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt(seconds)
    .setNotBefore(seconds)
    .setExpirationTime(seconds + 60)
    .sign(await importJWK(jwk, alg))
}

const BY_CURVE: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
}

/** RSA keys are good for several; of those that the provider lists, the one that most take. */
function algorithmOf({ alg, crv = '' }: JWK, supported: readonly string[] = []): string {
  const rsa = () => ['RS256', 'PS256'].find(name => supported.includes(name)) ?? 'RS256'
  return alg ?? BY_CURVE[crv] ?? rsa()
}
