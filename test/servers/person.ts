import { createMcpUser, type McpUser } from '../e2e/mcp-user.ts'
import type { Example } from './examples.ts'
import type { Running } from './running.ts'

/** A person with the official client that fits the server, registered by hand where it has to be. Closed when the test ends. */
export async function personAt({ url, login, clientId, bridgedTo }: Running, { sdk }: Example): Promise<McpUser> {
  const client = clientId === undefined ? undefined : { client_id: clientId, issuer: await issuerOf(url) }
  return createMcpUser(sdk, url, login, {
    refresh: sdk === '2.x' && bridgedTo !== undefined,
    client,
    provider: bridgedTo,
  })
}

async function issuerOf(url: string): Promise<string> {
  const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', url))
  return ((await metadata.json()) as { authorization_servers: string[] }).authorization_servers[0] ?? ''
}
