import { z } from 'zod'
import { providerUrl, textListNonEmpty } from '../adapter-options.ts'
import type { IssuerChoice } from './discovery.ts'
import { issuerAndMetadata, issuerOptions } from './issuer.ts'

/** Options of adapters that know their provider only by configuration: what it calls itself, apart from where it is asked. */
export const issuerSettings = z.strictObject({
  issuer: providerUrl
    .optional()
    .describe(
      'What the provider calls itself (issuer in its metadata), byte for byte, where this server asks for the metadata at another URL: metadataUrl inside the network, issuer in public. Default: the one that follows from metadataUrl.',
    ),
  accessTokenIssuer: textListNonEmpty
    .optional()
    .describe(
      'Values of iss in access tokens, where they are not the issuer in the metadata: Active Directory Federation Services, Entra ID v1. Default: issuer.',
    ),
})

export type IssuerSettings = z.output<typeof issuerSettings>

/** Issuer, metadata and token issuers as the engines take them. */
export function issuerRules({ metadataUrl, issuer, accessTokenIssuer }: IssuerSettings & { metadataUrl: string }): {
  issuer: string | IssuerChoice
  metadataUrl?: string | readonly string[]
  accessTokenIssuers?: readonly [string, ...string[]]
} {
  return { ...issuerOptions(metadataUrl, issuer), accessTokenIssuers: accessTokenIssuer }
}

/** What of the options cannot work; see `Adapter.mistakes`. */
export function issuerMistakes({
  metadataUrl,
  issuer,
  jwksUri,
}: IssuerSettings & { metadataUrl: string; jwksUri?: string }): { issuer?: string } {
  const isDocument = issuerAndMetadata(metadataUrl).metadataUrl !== undefined
  if (jwksUri === undefined || issuer !== undefined || !isDocument) return {}
  return {
    issuer:
      'is needed beside jwksUri: the metadata is not read then, and its URL does not tell whether the issuer ends in a slash',
  }
}
