import { calculateJwkThumbprint, EmbeddedJWK, type JWK, type JWTPayload, jwtVerify } from 'jose'
import { clip } from '../text.ts'

export interface VerifiedProof {
  readonly payload: JWTPayload
  /** Of the key that signed it (RFC 7638, SHA-256). */
  readonly thumbprint: string
}

/** A DPoP proof, as far as type and signature are about it (RFC 9449 §4.3). `now` is in milliseconds since the Unix epoch. */
export async function verifyProof(
  proof: string,
  algorithms: string[],
  now: number,
): Promise<VerifiedProof | { readonly problem: string }> {
  try {
    // The key comes with the proof: whatever goes wrong here lies in what the client sent.
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms,
      typ: 'dpop+jwt',
      currentDate: new Date(now),
    })
    return { payload, thumbprint: await calculateJwkThumbprint(protectedHeader.jwk as JWK) }
  } catch (error) {
    return { problem: clip(error instanceof Error ? error.message : error) ?? 'not readable' }
  }
}
