// What the runner says: where the server is reached, and whose tokens it takes.

export const port = Number(process.env.PORT)
export const resource = new URL(`http://localhost:${port}/mcp`)
export const issuer = String(process.env.ISSUER)
export const jwksUri = new URL(String(process.env.JWKS_URI))

interface IssuerMetadata {
  [member: string]: unknown
  issuer: string
  authorization_endpoint: string
  token_endpoint: string
  response_types_supported: string[]
}

/** For projects that want the document in place of its address. */
export async function issuerMetadata(): Promise<IssuerMetadata> {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`)
  return (await response.json()) as IssuerMetadata
}
