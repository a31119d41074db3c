import { type IssuerChoice, wellKnownUrls } from './discovery.ts'

const WELL_KNOWN = /^(.*)\/\.well-known\/(?:openid-configuration|oauth-authorization-server)(\/.+)?\/?$/

/**
 * Issuer and metadata URL from whichever of the two was configured.
 *
 * @returns `issuer` without a slash at the end, unless an issuer was given that has one. `metadataUrl` only where one was
 *   given; the well-known places follow from the issuer.
 */
export function issuerAndMetadata(configured: string): { issuer: string; metadataUrl?: string } {
  const url = new URL(configured)
  const match = WELL_KNOWN.exec(url.pathname)
  if (!match) return { issuer: configured }
  // A slash after the name of the document is no path of an issuer.
  const path = match[2]?.replace(/\/$/, '') || match[1] || ''
  return { issuer: url.origin + path.replace(/\/$/, ''), metadataUrl: configured }
}

/**
 * Issuer and metadata URL as the engines take them. A configured issuer must be the provider's byte for byte; where a metadata
 * URL was configured, the document decides whether the issuer ends in a slash.
 *
 * @param configured - Metadata URL, or the URL that the well-known places follow from.
 * @param named - Issuer that the provider calls itself, where it is asked at another URL: inside a network, for example. Default: the
 *   one that follows from `configured`.
 */
export function issuerOptions(
  configured: string,
  named?: string,
): { issuer: string | IssuerChoice; metadataUrl?: string | readonly string[] } {
  const { issuer, metadataUrl } = issuerAndMetadata(configured)
  if (named !== undefined) return { issuer: named, metadataUrl: metadataUrl ?? wellKnownUrls(configured) }
  return metadataUrl === undefined ? { issuer } : { issuer: { oneOf: [issuer, `${issuer}/`] }, metadataUrl }
}
