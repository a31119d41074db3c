import { type CryptoKey, importJWK, type JWK } from 'jose'
import type { Refusal } from './message.ts'

const COOL_DOWN_MILLISECONDS = 500

/** The issuer's keys: fetched when a token names one that is not known, twice a second at most. */
export interface Keys {
  /** @returns `undefined`: there is no such key. A refusal: nobody can tell at the moment. */
  find(kid: string | undefined): Promise<CryptoKey | undefined | Refusal>
}

export const UNAVAILABLE: Refusal = { status: 503, description: 'The authorization server does not answer.' }

export function createKeys(jwksUri: string): Keys {
  let known: JWK[] = []
  let fetchedAt = 0

  async function fetchKeys(): Promise<boolean> {
    if (Date.now() - fetchedAt < COOL_DOWN_MILLISECONDS) return true
    try {
      const response = await fetch(jwksUri, { signal: AbortSignal.timeout(1000) })
      if (!response.ok) return false
      known = ((await response.json()) as { keys: JWK[] }).keys
      fetchedAt = Date.now()
      return true
    } catch {
      return false
    }
  }

  return {
    async find(kid) {
      const ofKid = () => known.find(key => key.kid === kid)
      if (!ofKid() && !(await fetchKeys())) return UNAVAILABLE
      const key = ofKid()
      return key && (importJWK(key, key.alg ?? 'RS256') as Promise<CryptoKey>)
    },
  }
}
