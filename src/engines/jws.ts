import { isUtf8 } from 'node:buffer'
import { InvalidTokenError } from '../errors.ts'
import type { Claims } from './claim-judge.ts'

/** Header and payload of a signed JWT as they were sent, and its signature. */
export function signedParts(parts: readonly string[]): [header: string, payload: string, signature: Buffer] {
  if (parts.length === 1) throw new InvalidTokenError({ kind: 'token_opaque' })
  const [header, payload, signature] = parts
  if (parts.length !== 3 || !header || !payload || signature === undefined) throw malformed('not a signed JWT')
  return [header, payload, decodePart(signature, 'signature')]
}

/** The header of an encrypted token, which tells whom it is for (RFC 7516 §4.1); empty when it cannot be read. */
export function readHeader(part: string | undefined): Claims {
  try {
    return parsePart(part ?? '', 'header')
  } catch {
    return {}
  }
}

/** @throws {InvalidTokenError} The part is not the base64url of a JSON object. */
export function parsePart(part: string, name: 'header' | 'payload'): Claims {
  const bytes = decodePart(part, name)
  let value: unknown
  try {
    value = isUtf8(bytes) ? JSON.parse(bytes.toString()) : undefined
  } catch {
    throw malformed(`the ${name} is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`the ${name} is not a JSON object`)
  }
  return value as Claims
}

/** base64url without padding (RFC 7515 §2). Node's decoder passes over what is not; encoding again tells. */
function decodePart(part: string, name: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part) throw malformed(`the ${name} is not base64url`)
  return bytes
}

/** Media types compare without case, and `application/` is optional (RFC 7515 §4.1.9). */
export function normalizedType(type: unknown): string {
  return typeof type === 'string' ? type.toLowerCase().replace(/^application\//, '') : ''
}

export function malformed(detail: string): InvalidTokenError {
  return new InvalidTokenError({ kind: 'token_malformed', detail })
}
