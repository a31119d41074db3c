import type { IssuerChoice } from './discovery.ts'

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
  const path = match[2] ?? match[1] ?? ''
  return { issuer: url.origin + path.replace(/\/$/, ''), metadataUrl: configured }
}

/**
 * Issuer and metadata URL as the engines take them. A configured issuer must be the provider's byte for byte; where a metadata
 * URL was configured, the document decides whether the issuer ends in a slash.
 */
export function issuerOptions(configured: string): { issuer: string | IssuerChoice; metadataUrl?: string } {
  const { issuer, metadataUrl } = issuerAndMetadata(configured)
  return metadataUrl === undefined ? { issuer } : { issuer: { oneOf: [issuer, `${issuer}/`] }, metadataUrl }
}
