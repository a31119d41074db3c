import { describe, expect, it, onTestFinished } from 'vitest'
import { createAzureEmulator } from '../../emulators/index.ts'
import { everythingMain, startEverything, startGatewayTo } from '../e2e/gateway-servers.ts'
import { freePort } from '../support/http.ts'
import type { Destination } from './client.ts'
import { clients } from './drivers/index.ts'

type SignIn = Pick<Destination, 'login' | 'provider'> & { readonly settings: Readonly<Record<string, string>> }

/** @param issuer - Of the gateway's own authorization server. */
const signIns: Record<string, (issuer: string) => Promise<SignIn>> = {
  demo: async () => ({ settings: {}, login: 'ada' }),
  async 'a bridge to Entra ID'(issuer) {
    const bridge = { clientId: 'the-bridge', clientSecret: 'the-secret-of-the-bridge' }
    const emulator = createAzureEmulator({ clients: [{ ...bridge, redirectUris: [`${issuer}/oauth/callback`] }] })
    const provider = await emulator.start()
    onTestFinished(emulator.close)
    const settings = {
      AUTH_BRIDGE: 'on',
      AUTH_PROVIDER: 'azure',
      AUTH_METADATA_URL: `${provider}/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0/.well-known/openid-configuration`,
      BRIDGE_CLIENT_ID: bridge.clientId,
      BRIDGE_CLIENT_SECRET: bridge.clientSecret,
      BRIDGE_ALLOW: 'everyone',
      BRIDGE_GRANT_SCOPES: 'mcp',
    }
    return { settings, login: 'ada@contoso.example', provider }
  },
}

describe.each(Object.entries(signIns))('through the gateway, with sign-in by %s', (_name, signIn) => {
  it.each(clients)('$name signs in and calls a tool of somebody else’s server', async client => {
    const everything = await startEverything()
    for (const target of [everything.url, [process.execPath, everythingMain] as const]) {
      const issuer = `http://localhost:${await freePort()}`
      const { settings, ...person } = await signIn(issuer)
      const { resource, events } = await startGatewayTo(target, {
        settings: { AUTH_SERVER_PORT: new URL(issuer).port, ...settings },
      })
      const session = client.start({ url: resource, issuer, ...person })
      onTestFinished(() => session.close())
      await session.connect()
      expect(await session.list()).toContain('echo')
      expect(await session.call('echo', { message: 'hello' })).toContain('Echo: hello')
      await session.close()
      // The token is one of the gateway's own authorization server, also where a provider signs people in.
      expect(events().find(({ event }) => event === 'tool_called')).toMatchObject({ issuer, tool: 'echo' })
    }
  })
})
