import type { Emulator } from '../../emulators/index.ts'
import { type EmulatorName, runEmulator } from '../../emulators/run.ts'

/** How people sign in at one provider, as an operator sets it up. */
export interface SetUp {
  /** Settings of the server: nothing else changes when the provider does. */
  readonly env: Readonly<Record<string, string>>
  /** Whom the person picks on the sign-in page. */
  readonly login: string
  /** What the client has to be given where it cannot register itself. */
  readonly clientId?: string
  /** Origin of the provider at which a bridge signs people in. */
  readonly bridgedTo?: string
  readonly emulator?: Emulator
}

export interface Provider {
  readonly name: string
  /** Which way `docs/providers` shows for a client that steps up. */
  readonly way: 'the client registers itself' | 'the client is registered by hand' | 'through a bridge'
  /** @param origin - Of the MCP server, whose endpoint is `/mcp`. */
  setUp(origin: string): Promise<SetUp>
}

const SCOPES = ['files:read', 'files:write']

const byHand = (name: EmulatorName): Provider => ({
  name,
  way: 'the client is registered by hand',
  async setUp(origin) {
    const { emulator, settings, client, logins } = await runEmulator(name, {
      resource: `${origin}/mcp`,
      scopes: SCOPES,
    })
    return { env: settings, login: logins[0] ?? '', clientId: client.clientId, emulator }
  },
})

/** Google and GitHub know no scopes of ours: at a sign-in there, a client gets all that the rules grant, or nothing more. */
const bridged = (name: EmulatorName): Provider => ({
  name,
  way: 'through a bridge',
  async setUp(origin) {
    const options = { resource: `${origin}/mcp`, scopes: SCOPES, bridge: origin }
    const { emulator, settings, origin: bridgedTo, logins } = await runEmulator(name, options)
    return { env: settings, login: logins[0] ?? '', bridgedTo, emulator }
  },
})

export const providers: readonly Provider[] = [
  { name: 'demo', way: 'the client registers itself', setUp: async () => ({ env: {}, login: 'ada' }) },
  byHand('auth0'),
  byHand('okta'),
  byHand('azure'),
  byHand('oidc'),
  bridged('google'),
  bridged('github'),
]
