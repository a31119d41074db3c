import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'
import { issuer, jwksUri, resource } from './setting.ts'

// For projects that leave the verification of tokens to their users: jose, with the checks that its documentation names. What the
// table says of such a project in section V, it says of these lines.

const keys = createRemoteJWKSet(jwksUri)

/** @returns Its claims; `undefined`: it is not good. @throws What kept us from finding out. */
export async function verify(token: string): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: resource.href,
      algorithms: ['RS256'],
      typ: 'at+jwt',
      requiredClaims: ['exp', 'sub'],
    })
    return payload
  } catch (error) {
    const isOurs = error instanceof errors.JOSEError && !/^ERR_(JOSE_GENERIC|JWKS_(TIMEOUT|INVALID))$/.test(error.code)
    if (isOurs) return undefined
    throw error
  }
}

/** As both SDKs want it; `issuer` is there for the types of mcp-auth, which change those of the SDK. */
export function authInfoOf(token: string, { sub, scope, exp, client_id }: JWTPayload) {
  return {
    token,
    issuer,
    clientId: String(client_id),
    scopes: String(scope ?? '')
      .split(' ')
      .filter(Boolean),
    expiresAt: exp,
    extra: { subject: sub },
  }
}
