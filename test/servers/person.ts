import { onTestFinished } from 'vitest'
import { createMcpUser, type McpUser } from '../e2e/mcp-user.ts'
import type { Example } from './examples.ts'
import type { Running } from './running.ts'

/** A person with the official client that fits the server, registered by hand where it has to be. Closed when the test ends. */
export async function personAt({ url, login, clientId, bridgedTo }: Running, { sdk }: Example): Promise<McpUser> {
  const user = createMcpUser(sdk, url, login, sdk === '2.x' && bridgedTo !== undefined, bridgedTo)
  onTestFinished(() => user.close())
  if (clientId !== undefined) {
    // The issuer keeps SDK 2.x from warning that it cannot tell whose client this is.
    const issuer = await issuerOf(url)
    user.memory.saveClientInformation(Object.assign({ client_id: clientId }, { issuer }))
  }
  return user
}

async function issuerOf(url: string): Promise<string> {
  const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', url))
  return ((await metadata.json()) as { authorization_servers: string[] }).authorization_servers[0] ?? ''
}
