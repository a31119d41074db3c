import {
  createAuth0Emulator,
  createAzureEmulator,
  createGithubEmulator,
  createGoogleEmulator,
  createOidcEmulator,
  createOktaEmulator,
  type Emulator,
} from '../../emulators/index.ts'

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

export const SCOPES = ['files:read', 'files:write']
const TENANT = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const BRIDGE = { clientId: 'the-bridge', clientSecret: 'the-secret-of-the-bridge' }

const settingsFor = (name: string, metadataUrl: string) => ({ AUTH_PROVIDER: name, AUTH_METADATA_URL: metadataUrl })

/** Google and GitHub know no scopes of ours: at a sign-in there, a client gets all that the rules grant, or nothing more. */
async function bridge(name: string, emulator: Emulator, path: string): Promise<SetUp> {
  const bridgedTo = await emulator.start()
  const env = {
    ...settingsFor(name, bridgedTo + path),
    AUTH_BRIDGE: 'on',
    BRIDGE_CLIENT_ID: BRIDGE.clientId,
    BRIDGE_CLIENT_SECRET: BRIDGE.clientSecret,
    BRIDGE_ALLOW: 'everyone',
    BRIDGE_GRANT_SCOPES: SCOPES.join(' '),
  }
  return { env, login: 'ada', bridgedTo, emulator }
}

export async function auth0(emulator: Emulator): Promise<SetUp> {
  const env = settingsFor('auth0', `${await emulator.start()}/.well-known/openid-configuration`)
  return { env, login: 'ada', clientId: 'native', emulator }
}

const bridgeClient = (origin: string) => ({ ...BRIDGE, redirectUris: [`${origin}/oauth/callback`] })

export const providers: readonly Provider[] = [
  {
    name: 'demo',
    way: 'the client registers itself',
    setUp: async () => ({ env: {}, login: 'ada' }),
  },
  {
    name: 'auth0',
    way: 'the client is registered by hand',
    async setUp(origin) {
      const emulator = createAuth0Emulator({
        apis: [{ identifier: `${origin}/mcp`, scopes: SCOPES, allowOfflineAccess: true }],
        resourceParameterProfile: 'compatibility',
      })
      return auth0(emulator)
    },
  },
  {
    name: 'okta',
    way: 'the client is registered by hand',
    async setUp(origin) {
      const emulator = createOktaEmulator({ audience: `${origin}/mcp`, scopes: SCOPES })
      const env = settingsFor('okta', `${await emulator.start()}/oauth2/default`)
      return { env, login: 'ada@example.com', clientId: 'native', emulator }
    },
  },
  {
    name: 'azure',
    way: 'the client is registered by hand',
    async setUp(origin) {
      const clientId = '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11'
      const emulator = createAzureEmulator({ api: { appIdUri: `${origin}/mcp`, scopes: SCOPES } })
      const env = {
        ...settingsFor('azure', `${await emulator.start()}/${TENANT}/v2.0`),
        AZURE_CLIENT_ID: '6731de76-14a6-49ae-97bc-6eba6914391e',
      }
      return { env, login: 'ada@contoso.example', clientId, emulator }
    },
  },
  {
    name: 'oidc',
    way: 'the client is registered by hand',
    async setUp(origin) {
      const emulator = createOidcEmulator({ audience: `${origin}/mcp`, scopes: SCOPES })
      await emulator.start()
      const env = settingsFor('oidc', `${emulator.issuer()}/.well-known/openid-configuration`)
      return { env, login: 'ada', clientId: 'native', emulator }
    },
  },
  {
    name: 'google',
    way: 'through a bridge',
    setUp: origin =>
      bridge(
        'google',
        createGoogleEmulator({ clients: [{ ...bridgeClient(origin), type: 'web' }] }),
        '/.well-known/openid-configuration',
      ),
  },
  {
    name: 'github',
    way: 'through a bridge',
    setUp: origin =>
      bridge('github', createGithubEmulator({ clients: [{ ...bridgeClient(origin), kind: 'oauth' }] }), ''),
  },
]
