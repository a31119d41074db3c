import { createAuth0Emulator } from './auth0.ts'
import { azureDefaults, createAzureEmulator } from './azure.ts'
import type { Emulator } from './core/emulator.ts'
import { createGithubEmulator, githubDefaults } from './github.ts'
import { createGoogleEmulator, googleDefaults } from './google.ts'
import { createOidcEmulator } from './oidc.ts'
import { createOktaEmulator } from './okta.ts'

/** An emulator as a program, and how a server is started beside it. */
export interface Emulation {
  readonly emulator: Emulator
  /** Where it listens. */
  readonly origin: string
  /** Environment variables for `npm start` of the server. */
  readonly settings: Readonly<Record<string, string>>
  /** MCP endpoint that tokens are for. */
  readonly resource: string
  /** A client for people, as if it had been registered in the console beforehand. */
  readonly client: EmulatedClient
}

/** A client that the emulator knows from the start. */
export interface EmulatedClient {
  readonly clientId: string
  /** Of providers that demand one of every client, with the issuer that it is for. */
  readonly secret?: { readonly value: string; readonly issuer: string }
  /** On this machine. */
  readonly redirectUri: string
}

export interface RunOptions {
  /** Default: any that is free. */
  port?: number
  /** Identifier of the server that tokens are for. Default `http://localhost:3232/mcp`, where `npm start` listens. */
  resource?: string
}

interface Program {
  emulator: Emulator
  /** Default: the one that most emulators have. */
  client?: (origin: string) => EmulatedClient
  /** @param origin - Where the emulator listens. */
  settings(origin: string): Readonly<Record<string, string>>
}

const OIDC = '/.well-known/openid-configuration'
const scopes = ['notes:read', 'notes:write']
const NATIVE: EmulatedClient = { clientId: 'native', redirectUri: 'http://localhost:8766/callback' }
const REDIRECT_URI = 'http://127.0.0.1:8766/callback'

/** By the name that `AUTH_PROVIDER` has for the provider. */
const programs = {
  auth0: resource => ({
    emulator: createAuth0Emulator({
      apis: [{ identifier: resource, scopes, allowOfflineAccess: true }],
    }),
    settings: origin => ({ AUTH_METADATA_URL: origin + OIDC }),
  }),
  azure(resource) {
    const emulator = createAzureEmulator({ api: { appIdUri: resource } })
    return {
      emulator,
      client: () => ({ ...NATIVE, clientId: azureDefaults.client.clientId }),
      settings: origin => ({
        AUTH_METADATA_URL: `${origin}/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0${OIDC}`,
        AZURE_CLIENT_ID: emulator.api.clientId,
      }),
    }
  },
  github() {
    const [{ clientId, clientSecret }] = githubDefaults.clients
    return {
      emulator: createGithubEmulator(),
      client: origin => ({
        clientId,
        redirectUri: REDIRECT_URI,
        secret: { value: clientSecret, issuer: `${origin}/login/oauth` },
      }),
      settings: origin => ({
        AUTH_METADATA_URL: `${origin}/.well-known/oauth-authorization-server/login/oauth`,
        GITHUB_CLIENT_ID: clientId,
        GITHUB_CLIENT_SECRET: clientSecret,
        GITHUB_GRANT_SCOPES: scopes.join(' '),
        GITHUB_GRANT_TO: 'everyone',
      }),
    }
  },
  google: () => ({
    emulator: createGoogleEmulator(),
    client: issuer => ({
      clientId: googleDefaults.client.clientId,
      redirectUri: REDIRECT_URI,
      secret: { value: googleDefaults.client.clientSecret, issuer },
    }),
    settings: origin => ({
      AUTH_METADATA_URL: origin + OIDC,
      GOOGLE_TOKENINFO_URL: `${origin}/tokeninfo`,
      GOOGLE_CLIENT_IDS: googleDefaults.client.clientId,
      GOOGLE_GRANT_SCOPES: scopes.join(' '),
      GOOGLE_GRANT_TO: 'everyone',
    }),
  }),
  introspection: resource => ({
    emulator: createOidcEmulator({ tokens: 'opaque', audience: resource }),
    settings: origin => ({
      AUTH_METADATA_URL: origin + OIDC,
      INTROSPECTION_CLIENT_ID: 'introspector',
      INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
    }),
  }),
  oidc: resource => ({
    emulator: createOidcEmulator({ audience: resource }),
    settings: origin => ({ AUTH_METADATA_URL: origin + OIDC }),
  }),
  okta: resource => ({
    emulator: createOktaEmulator({ audience: resource }),
    settings: origin => ({ AUTH_METADATA_URL: `${origin}/oauth2/default${OIDC}` }),
  }),
  userinfo: () => ({
    emulator: createOidcEmulator({ tokens: 'opaque', userInfoClaims: ['client_id'] }),
    settings: origin => ({
      AUTH_METADATA_URL: origin + OIDC,
      USERINFO_CLIENT_IDS: NATIVE.clientId,
      USERINFO_GRANT_SCOPES: scopes.join(' '),
      USERINFO_GRANT_TO: 'everyone',
    }),
  }),
} satisfies Record<string, (resource: string) => Program>

export type EmulatorName = keyof typeof programs

export const emulatorNames = Object.keys(programs) as EmulatorName[]

/** Starts the emulator of a provider with users, clients and an API for one MCP server. */
export async function runEmulator(name: EmulatorName, options: RunOptions = {}): Promise<Emulation> {
  const { resource = 'http://localhost:3232/mcp', port } = options
  const { emulator, client = () => NATIVE, settings }: Program = programs[name](resource)
  const origin = await emulator.start(port)
  return { emulator, origin, resource, client: client(origin), settings: { AUTH_PROVIDER: name, ...settings(origin) } }
}
