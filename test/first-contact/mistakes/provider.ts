import { examineTenants } from '../../../app/commands/doctor/doctor.ts'
import { findingsText } from '../../../app/commands/doctor/report.ts'
import type { TrialClient } from '../../../app/commands/doctor/trial.ts'
import { explainToken } from '../../../app/commands/explain/explain.ts'
import { explanationText } from '../../../app/commands/explain/report.ts'
import { createProviders } from '../../../auth/providers.ts'
import { loadConfiguration } from '../../../config/load.ts'
import { createAuth0Emulator } from '../../../emulators/auth0.ts'
import { createAzureEmulator } from '../../../emulators/azure.ts'
import { createOktaEmulator } from '../../../emulators/okta.ts'
import type { Mistake } from '../mistake.ts'

type Settings = Readonly<Record<string, string>>

const PUBLIC_URL = 'https://mcp.example.com'
const RESOURCE = `${PUBLIC_URL}/mcp`
const AUTH0 = { PUBLIC_URL, AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com' }
const OKTA = { PUBLIC_URL, AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' }
const BRIDGE = {
  ...AUTH0,
  AUTH_BRIDGE: 'on',
  AUTH_SERVER_URL: 'https://auth.example.com',
  BRIDGE_CLIENT_ID: 'bridge',
  BRIDGE_CLIENT_SECRET: 'bridge-secret',
  BRIDGE_ALLOW: 'everyone',
  BRIDGE_GRANT_SCOPES: 'notes:read',
}
const SCOPES = ['notes:read', 'notes:write', 'notes:admin']

const auth0 = (options: Parameters<typeof createAuth0Emulator>[0] = {}) =>
  createAuth0Emulator({
    origin: 'https://acme.eu.auth0.com',
    apis: [{ identifier: RESOURCE, scopes: SCOPES }],
    ...options,
  })

async function doctor(settings: Settings, fetch: typeof globalThis.fetch, client?: TrialClient): Promise<string> {
  const surroundings = { fetch, now: Date.now, loadDocument: () => async () => {} }
  return findingsText(await examineTenants(settings, surroundings, client))
}

async function explain(settings: Settings, fetch: typeof globalThis.fetch, token: string): Promise<string> {
  const { providers, resource } = loadConfiguration(settings)
  const { validator } = createProviders(providers, { resource, fetch, now: Date.now })
  return explanationText(await explainToken(token, { validator, resource, now: Date.now() }))
}

const machine = { clientId: 'machine', clientSecret: 'machine-secret' }

/** Settings in the provider's console, and tokens that come of them. */
export const providers: readonly Mistake[] = [
  {
    mistake: 'The domain of the provider is misspelled, so that there is no such host',
    run: 'idplug doctor',
    cause: 'ENOTFOUND at https://acme.eu.auth0.com/.well-known/openid-configuration',
    fix: 'Check AUTH0_DOMAIN: it is the Domain in the Settings of any application',
    see: () =>
      doctor(AUTH0, async () => {
        throw new TypeError('fetch failed', { cause: { code: 'ENOTFOUND' } })
      }),
  },
  {
    mistake: 'The URL of the provider has a wrong path',
    run: 'idplug doctor',
    cause: 'There is no metadata where the settings say',
    fix: 'Set the metadata URL to the Metadata URI of the authorization server',
    see: () =>
      doctor(
        { PUBLIC_URL, AUTH_PROVIDER: 'okta', AUTH_METADATA_URL: 'https://acme.okta.com/oauth2/wrong' },
        createOktaEmulator({ origin: 'https://acme.okta.com' }).fetch,
      ),
  },
  {
    mistake: 'No API is registered for this server',
    run: 'idplug doctor --client-id',
    cause: 'The provider does not know this server',
    fix: 'Create API, with the URL of the MCP endpoint as Identifier',
    see: () =>
      doctor(AUTH0, auth0({ apis: [{ identifier: 'https://other.example.com', scopes: SCOPES }] }).fetch, machine),
  },
  {
    mistake: 'The API lacks a scope',
    run: 'idplug doctor --client-id',
    cause: 'The provider does not know the scopes of this server',
    fix: 'Scopes > Add Scope',
    see: () =>
      doctor(
        OKTA,
        createOktaEmulator({ origin: 'https://acme.okta.com', audience: RESOURCE, scopes: ['notes:read'] }).fetch,
        machine,
      ),
  },
  {
    mistake: "The audience of Okta's authorization server is still `api://default`",
    run: 'idplug doctor --client-id',
    cause: 'api://default',
    fix: 'Audience',
    see: () =>
      doctor(
        OKTA,
        createOktaEmulator({ origin: 'https://acme.okta.com', audience: 'api://default', scopes: SCOPES }).fetch,
        machine,
      ),
  },
  {
    mistake: 'The secret of the client is wrong',
    run: 'idplug doctor --client-id',
    cause: 'The client for the trial is refused',
    fix: 'copy Client ID and Client Secret anew',
    see: () => doctor(AUTH0, auth0().fetch, { ...machine, clientSecret: 'of-yesterday' }),
  },
  {
    mistake: 'The redirect URI of a client is not registered',
    run: 'idplug doctor --client-id --redirect-uri',
    cause: 'The redirect URI is not registered',
    fix: 'Allowed Callback URLs',
    see: () => doctor(AUTH0, auth0().fetch, { clientId: 'native', redirectUri: 'https://app.example.com/callback' }),
  },
  {
    mistake: 'The secret of the bridge is wrong',
    run: 'idplug doctor',
    cause: 'bridge.client_refused',
    fix: 'BRIDGE_CLIENT_SECRET',
    see: () =>
      doctor({ ...BRIDGE, BRIDGE_CLIENT_SECRET: 'of-yesterday' }, bridged(['https://auth.example.com/oauth/callback'])),
  },
  {
    mistake: 'The redirect URI of the bridge is not registered',
    run: 'idplug doctor',
    cause: 'bridge.request_refused',
    fix: 'https://auth.example.com/oauth/callback',
    see: () => doctor(BRIDGE, bridged([])),
  },
  {
    mistake: 'An ID token in place of an access token',
    run: 'idplug explain',
    cause: 'This is an ID token',
    fix: 'Have the client send the access token of the same response',
    async see() {
      const provider = auth0()
      return explain(AUTH0, provider.fetch, await provider.mintIdToken())
    },
  },
  {
    mistake: 'A token for another API',
    run: 'idplug explain',
    cause: 'the token is for https://other.example.com',
    fix: `create an API whose Identifier is ${RESOURCE}`,
    async see() {
      const provider = auth0()
      return explain(AUTH0, provider.fetch, await provider.mint({ claims: { aud: 'https://other.example.com' } }))
    },
  },
  {
    mistake: 'A token of Microsoft Graph',
    run: 'idplug explain',
    cause: 'this token is for Microsoft Graph, which alone can verify it',
    fix: 'Request a scope of your API',
    async see() {
      const provider = createAzureEmulator({ origin: 'https://login.microsoftonline.com' })
      const settings = {
        PUBLIC_URL,
        AUTH_PROVIDER: 'azure',
        AZURE_TENANT_ID: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
        AZURE_CLIENT_ID: provider.api.clientId,
      }
      const claims = { aud: '00000003-0000-0000-c000-000000000000' }
      return explain(settings, provider.fetch, await provider.mint({ claims, header: { nonce: 'of-graph' } }))
    },
  },
  {
    mistake: 'A token that has expired',
    run: 'idplug explain',
    cause: 'The token has expired',
    fix: 'Have the client get a new token',
    async see() {
      const provider = auth0()
      const now = Math.floor(Date.now() / 1000)
      return explain(AUTH0, provider.fetch, await provider.mint({ claims: { iat: now - 7200, exp: now - 3600 } }))
    },
  },
  {
    mistake: 'A clock that is ten minutes behind',
    run: 'idplug explain',
    cause: 'The token was issued in the future, by the clock of this machine',
    fix: 'Set the clock of this machine (NTP)',
    async see() {
      const provider = auth0()
      const now = Math.floor(Date.now() / 1000)
      return explain(AUTH0, provider.fetch, await provider.mint({ claims: { iat: now + 600, exp: now + 4200 } }))
    },
  },
  {
    mistake: 'An opaque token of Auth0, because no audience was asked for',
    run: 'idplug explain',
    cause: 'no API audience was requested, so the token is for /userinfo only',
    fix: 'turn on Settings > Advanced > Resource Parameter Compatibility Profile',
    see: () => explain(AUTH0, auth0().fetch, 'V8HD2kqZbB3mLr9sXwY0tPqA7uJcNfEh'),
  },
]

function bridged(redirectUris: readonly string[]): typeof globalThis.fetch {
  const { fetch } = auth0({ clients: [{ clientId: 'bridge', clientSecret: 'bridge-secret', redirectUris }] })
  return async (input, init) => {
    if (new URL(new Request(input, init).url).host === 'acme.eu.auth0.com') return fetch(input, init)
    throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })
  }
}
