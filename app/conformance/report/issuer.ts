import type { Issuer } from '../issuer/issuer.ts'

/** What to set at a server so that it trusts the issuer. */
export function issuerText(url: string, issuer: Issuer): string {
  const { url: name, mode, metadataUrl, jwksUri, introspectionEndpoint, client, downstreamUrl } = issuer
  const lines = [
    ['issuer', name],
    ['metadata', metadataUrl],
    ...(mode === 'jwt'
      ? [['keys', `${jwksUri} (RS256)`]]
      : [
          ['introspection', introspectionEndpoint],
          ['client id', client.id],
          ['client secret', client.secret],
        ]),
    ['audience', 'the resource in the metadata of your server (--audience)'],
    ['scopes', 'those that your server names (--scopes)'],
    ['downstream', `${downstreamUrl} (for --downstream-tool)`],
  ]
  return `Let your server trust this issuer, and start it:

${lines.map(([label = '', value]) => `  ${label.padEnd(15)}${value}`).join('\n')}

A server with idplug: ${settingsOf(issuer)}
Waiting for ${url} …
`
}

function settingsOf({ mode, metadataUrl, client }: Issuer): string {
  return mode === 'jwt'
    ? `AUTH_PROVIDER=oidc OIDC_METADATA_URL=${metadataUrl}`
    : `AUTH_PROVIDER=introspection INTROSPECTION_METADATA_URL=${metadataUrl} INTROSPECTION_CLIENT_ID=${client.id} INTROSPECTION_CLIENT_SECRET=${client.secret}`
}
