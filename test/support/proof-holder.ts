import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'

/** A client that proves possession of one key (RFC 9449). */
export async function createProofHolder() {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(jwk),
    /** A proof for a POST, with changes; `undefined` leaves a claim out. */
    prove(url: string, token?: string, changes: Record<string, unknown> = {}, typ = 'dpop+jwt') {
      const ath = token && createHash('sha256').update(token).digest('base64url')
      const iat = Math.floor(Date.now() / 1000)
      const claims = { htm: 'POST', htu: url, jti: randomUUID(), iat, ath, ...changes }
      return new SignJWT(JSON.parse(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'ES256', typ, jwk })
        .sign(privateKey)
    },
  }
}
