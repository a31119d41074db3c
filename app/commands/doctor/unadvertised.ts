import type { Metadata } from './tenant.ts'

/** What a provider does without saying so in its metadata. */
export interface Unadvertised {
  /** Its token endpoint wants a secret of every client, PKCE or not. */
  readonly demandsSecret?: boolean
  /** Its authorization responses name it (RFC 9207). */
  readonly sendsIssuer?: boolean
}

/** By issuer. Google has sent its name since February 2026, GitHub since about August. */
const KNOWN: Readonly<Record<string, Unadvertised>> = {
  'https://accounts.google.com': { demandsSecret: true, sendsIssuer: true },
  'https://github.com/login/oauth': { demandsSecret: true, sendsIssuer: true },
}

export function unadvertised({ issuer }: Metadata): Unadvertised {
  return KNOWN[String(issuer)] ?? {}
}
