import {
  allowInsecureRequests,
  ClientError,
  Configuration,
  customFetch,
  enableNonRepudiationChecks,
  getJwksCache,
  setJwksCache,
} from 'openid-client'
import { nowSeconds } from '../clock.ts'

/** Age in seconds from which the library fetches keys again for a token whose key it does not know. */
const ASKED_AGAIN_SECONDS = 60

/**
 * Has answers of a provider checked with its newest keys: one that is signed with a key that is not known, or with another key of the same
 * id, is checked once more, after the keys were fetched. The library by itself refuses it for a minute after each fetch, which would sign
 * people out whenever the provider replaces its key. Only the provider can cause such a fetch, since only its token endpoint sends these
 * answers.
 */
export function createNewestKeys(authentication: ConstructorParameters<typeof Configuration>[3]) {
  let keys: ReturnType<typeof getJwksCache>

  async function attempt<T>(config: Configuration, ask: (config: Configuration) => Promise<T>): Promise<T> {
    const metadata = config.serverMetadata()
    const { client_id: clientId } = config.clientMetadata()
    const own = new Configuration(metadata, clientId, undefined, authentication)
    own.timeout = config.timeout
    const fetch = config[customFetch]
    if (fetch) own[customFetch] = fetch
    if (metadata.issuer.startsWith('http:')) allowInsecureRequests(own)
    enableNonRepudiationChecks(own)
    if (keys) setJwksCache(own, { ...keys, uat: Math.min(keys.uat, nowSeconds() - ASKED_AGAIN_SECONDS) })
    try {
      return await ask(own)
    } finally {
      keys = getJwksCache(own) ?? keys
    }
  }

  /** @param ask - May be called twice, for one answer of the provider. */
  return async function withNewestKeys<T>(
    config: Configuration,
    ask: (config: Configuration) => Promise<T>,
  ): Promise<T> {
    // Entra's shared documents hold a template for the issuer, which the library reads only where it discovers them.
    if (config.serverMetadata().issuer.includes('{')) return ask(config)
    const began = nowSeconds()
    try {
      return await attempt(config, ask)
    } catch (error) {
      if (!isBadSignature(error) || keys === undefined || keys.uat >= began) throw error
      keys = undefined
      return attempt(config, ask)
    }
  }
}

function isBadSignature(error: unknown): boolean {
  const { cause } = error instanceof ClientError ? (error.cause as { cause?: object }) : {}
  return typeof cause === 'object' && 'signature' in cause
}
