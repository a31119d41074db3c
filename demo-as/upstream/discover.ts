import {
  allowInsecureRequests,
  type ClientAuth,
  type ClientError,
  type Configuration,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
} from 'openid-client'
import { withSpelledErrors } from './token-errors.ts'

export interface DiscoverOptions {
  /** Issuer, or URL of its metadata document. */
  metadataUrl: string
  /** What the provider calls itself, where it is asked at another URL. Default: what follows from `metadataUrl`. */
  issuer?: string
  clientId: string
  fetch: typeof globalThis.fetch
  /** Longest wait for one answer. */
  timeoutSeconds: number
}

/** Reads a provider's metadata, and compares its issuer with the expected one. */
export async function discover(options: DiscoverOptions, authentication: ClientAuth): Promise<Configuration> {
  if (options.issuer !== undefined) return discoverNamed(options.issuer, options, authentication)
  const issuer = issuerOf(options.metadataUrl)
  try {
    return await discoverAt(issuer, options, authentication)
  } catch (error) {
    // A metadata URL does not tell whether the issuer ends in a slash.
    if ((error as ClientError).code !== 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' || issuer.endsWith('/')) throw error
    return discoverAt(`${issuer}/`, options, authentication)
  }
}

/** The library compares an issuer with the URL that it asked, so a document at another place is compared here. */
async function discoverNamed(
  issuer: string,
  options: DiscoverOptions,
  authentication: ClientAuth,
): Promise<Configuration> {
  const { metadataUrl } = options
  const isDocument = new URL(metadataUrl).pathname.includes('/.well-known/')
  const document = isDocument ? metadataUrl : `${metadataUrl.replace(/\/$/, '')}/.well-known/openid-configuration`
  const config = await discoverAt(document, options, authentication)
  if (config.serverMetadata().issuer === issuer) return config
  throw new Error(`the metadata at ${document} is that of another issuer; expected ${issuer}`)
}

/** @param place - Issuer, or URL of the document. */
async function discoverAt(
  place: string,
  { clientId, fetch, timeoutSeconds }: DiscoverOptions,
  authentication: ClientAuth,
): Promise<Configuration> {
  const url = new URL(place)
  return discovery(url, clientId, {}, authentication, {
    // `fetch` refuses hosts that are neither this machine nor named for it.
    execute:
      url.protocol === 'http:' ? [allowInsecureRequests, enableNonRepudiationChecks] : [enableNonRepudiationChecks],
    timeout: timeoutSeconds,
    [customFetch]: withSpelledErrors(fetch),
  })
}

function issuerOf(metadataUrl: string): string {
  const { origin, pathname } = new URL(metadataUrl)
  const match = /^(.*)\/\.well-known\/(?:openid-configuration|oauth-authorization-server)(\/.*)?$/.exec(pathname)
  // A slash after the name of the document is no path of an issuer.
  return match ? origin + (match[2]?.replace(/\/$/, '') || match[1]) : metadataUrl
}
