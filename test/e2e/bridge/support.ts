import { onTestFinished } from 'vitest'
import type { Emulator } from '../../../emulators/core/emulator.ts'
import { freePort } from '../../support/http.ts'
import { createMcpUser, type McpUser, type Sdk } from '../mcp-user.ts'
import { type Started, startServers } from '../servers.ts'

export const CLIENT = { clientId: 'the-bridge', clientSecret: 'the-secret-of-the-bridge' }

export interface Bridge<E extends Emulator> {
  provider: E
  /** Origin of the provider. */
  origin: string
  servers: Started
  /** A person with an MCP client who signs in at the provider. Closed when the test ends. */
  person(login: string, sdk?: Sdk): McpUser
}

/**
 * `AUTH_BRIDGE=on npm start` beside an emulated provider.
 *
 * @param create - Makes the provider; knows the client of the bridge by its redirect URI.
 */
export async function startBridge<E extends Emulator>(
  create: (redirectUri: string) => E,
  settingsOf: (origin: string) => Record<string, string>,
): Promise<Bridge<E>> {
  const AUTH_SERVER_PORT = String(await freePort())
  const provider = create(`http://localhost:${AUTH_SERVER_PORT}/oauth/callback`)
  const origin = await provider.start()
  onTestFinished(provider.close)
  const servers = await startServers({
    AUTH_BRIDGE: 'on',
    BRIDGE_CLIENT_ID: CLIENT.clientId,
    BRIDGE_CLIENT_SECRET: CLIENT.clientSecret,
    BRIDGE_ALLOW: 'everyone',
    BRIDGE_GRANT_SCOPES: 'notes:read notes:write',
    TOKEN_CACHE_SECONDS: '0',
    AUTH_SERVER_PORT,
    ...settingsOf(origin),
  })
  return {
    provider,
    origin,
    servers,
    person: (login, sdk = '2.x') => createMcpUser(sdk, servers.resource, login, { refresh: true, provider: origin }),
  }
}
