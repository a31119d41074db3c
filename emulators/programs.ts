import { createAuth0Emulator } from './auth0.ts'
import { createAzureEmulator } from './azure.ts'
import { MOST_GROUPS } from './azure-tokens.ts'
import type { Emulator, EmulatorOptions } from './core/emulator.ts'
import type { Client, User } from './core/sign-in.ts'
import { createGithubEmulator, type GithubApp, githubDefaults } from './github.ts'
import { createGoogleEmulator, type GoogleClient, googleDefaults } from './google.ts'
import { createOidcEmulator, type OidcUser } from './oidc.ts'
import { createOktaEmulator } from './okta.ts'

/** A client that the emulator knows from the start, as if it had been registered in the console. */
export interface EmulatedClient {
  readonly clientId: string
  /** Of providers that demand one of every client, with the issuer that it is for. */
  readonly secret?: { readonly value: string; readonly issuer: string }
  /** On this machine. */
  readonly redirectUri: string
}

/** A client without a person. */
export interface EmulatedMachine {
  readonly clientId: string
  readonly secret: string
  readonly issuer: string
}

/** What an emulator is made for. */
export interface World {
  /** The MCP endpoint that tokens are for. */
  readonly resource: string
  readonly scopes: readonly string[]
  /** Further redirect URIs of the client for people. */
  readonly redirectUris: readonly string[]
  /** The client of a bridge. */
  readonly bridge?: Client & { readonly clientSecret: string }
  readonly options: EmulatorOptions
}

export interface Program {
  readonly emulator: Emulator
  /** Refresh tokens of somebody who is taken out are good no more. */
  readonly users: User[]
  /** Default: the public one that most emulators have. */
  client?: (origin: string) => EmulatedClient
  machine?: (origin: string) => EmulatedMachine
  /** Where people sign in. @param origin - Where the emulator listens. */
  place(origin: string): Readonly<Record<string, string>>
  /** What a server needs beside that which accepts the provider's own tokens. Default: nothing. */
  tokens?: (origin: string) => Readonly<Record<string, string>>
}

const OIDC = '/.well-known/openid-configuration'
const CALLBACK = 'http://localhost:8766/callback'
const REDIRECT_URI = 'http://127.0.0.1:8766/callback'
const TENANT = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
export const NATIVE: EmulatedClient = { clientId: 'native', redirectUri: CALLBACK }

const metadataAt = (path: string) => (origin: string) => ({ AUTH_METADATA_URL: origin + path })
const machineOf = (clientId: string, secret: string, path: string) => (origin: string) => ({
  clientId,
  secret,
  issuer: origin + path,
})
/** People by rule, where the provider's tokens cannot carry scopes. */
const everyone = (prefix: string, scopes: readonly string[]) => ({
  [`${prefix}_GRANT_SCOPES`]: scopes.join(' '),
  [`${prefix}_GRANT_TO`]: 'everyone',
})

function clientsOf({ redirectUris, bridge }: World, machine: object = {}): Client[] {
  return [
    { clientId: NATIVE.clientId, redirectUris: [CALLBACK, ...redirectUris] },
    { clientId: 'machine', clientSecret: 'machine-secret', ...machine },
    { clientId: 'introspector', clientSecret: 'introspector-secret' },
    ...(bridge ? [bridge] : []),
  ]
}

function oidcUsers(): OidcUser[] {
  return [
    {
      login: 'ada',
      id: '7b9f2c64-0000-4000-8000-000000000001',
      roles: ['notes-editor'],
      claims: { groups: ['staff'] },
    },
    { login: 'cleo', id: '7b9f2c64-0000-4000-8000-000000000003', claims: { groups: ['guests'] } },
  ]
}

function generic(world: World, options: Parameters<typeof createOidcEmulator>[0]): Omit<Program, 'tokens'> {
  const users = oidcUsers()
  const { scopes } = world
  return {
    emulator: createOidcEmulator({ ...world.options, scopes, users, clients: clientsOf(world), ...options }),
    users,
    place: metadataAt(OIDC),
  }
}

/** By the name that `AUTH_PROVIDER` has for the provider. */
export const programs = {
  auth0(world) {
    const { resource, scopes } = world
    const users = [
      {
        login: 'ada',
        user_id: 'auth0|64b6f2a1c0ffee0000000001',
        name: 'Ada Example',
        email: 'ada@example.com',
        permissions: scopes,
      },
      {
        login: 'cleo',
        user_id: 'auth0|64b6f2a1c0ffee0000000003',
        name: 'Cleo Example',
        email: 'cleo@example.com',
        permissions: scopes.slice(0, 1),
      },
    ]
    const apis = [{ identifier: resource, scopes, allowOfflineAccess: true }]
    return {
      emulator: createAuth0Emulator({ ...world.options, apis, users, clients: clientsOf(world, { apis: [resource] }) }),
      users,
      place: metadataAt(OIDC),
      machine: machineOf('machine', 'machine-secret', '/'),
    }
  },
  azure(world) {
    const { resource, scopes, redirectUris, bridge } = world
    const clientId = '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11'
    const groups = (count: number) =>
      Array.from({ length: count }, (_, index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`)
    const users = [
      { login: 'ada@contoso.example', oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474', name: 'Ada', groups: groups(2) },
      {
        login: 'many@contoso.example',
        oid: '5d1f9f0e-8f3b-4f4e-9a51-0d6c8f2c6b12',
        name: 'Member of many groups',
        groups: groups(MOST_GROUPS + 1),
      },
    ]
    const emulator = createAzureEmulator({
      ...world.options,
      api: { appIdUri: resource, scopes },
      users,
      clients: [
        { clientId, redirectUris: ['http://localhost/callback', ...redirectUris] },
        ...(bridge ? [bridge] : []),
      ],
    })
    return {
      emulator,
      users,
      client: () => ({ ...NATIVE, clientId }),
      place: metadataAt(`/${TENANT}/v2.0${OIDC}`),
      tokens: () => ({ AZURE_CLIENT_ID: emulator.api.clientId }),
    }
  },
  github(world) {
    const [app] = githubDefaults.clients
    const users = githubDefaults.users.map(user => ({ ...user }))
    const own: GithubApp = { ...app, redirectUris: [...app.redirectUris, ...world.redirectUris] }
    const clients: [GithubApp, ...GithubApp[]] = [
      own,
      ...(world.bridge ? [{ ...world.bridge, kind: 'oauth' as const }] : []),
    ]
    const { clientId, clientSecret } = own
    return {
      emulator: createGithubEmulator({ ...world.options, clients, users: users as [(typeof users)[0]] }),
      users,
      client: origin => ({
        clientId,
        redirectUri: REDIRECT_URI,
        secret: { value: clientSecret, issuer: `${origin}/login/oauth` },
      }),
      place: metadataAt('/.well-known/oauth-authorization-server/login/oauth'),
      tokens: () => ({
        GITHUB_CLIENT_ID: clientId,
        GITHUB_CLIENT_SECRET: clientSecret,
        ...everyone('GITHUB', world.scopes),
      }),
    }
  },
  google(world) {
    const { client } = googleDefaults
    const users = googleDefaults.users.map(user => ({ ...user }))
    const { redirectUris, bridge, scopes } = world
    // A desktop client has no list of redirect URIs.
    const own: GoogleClient =
      redirectUris.length > 0 ? { ...client, type: 'web', redirectUris: [REDIRECT_URI, ...redirectUris] } : client
    const clients: [GoogleClient, ...GoogleClient[]] = [own, ...(bridge ? [{ ...bridge, type: 'web' as const }] : [])]
    return {
      emulator: createGoogleEmulator({ ...world.options, clients, users: users as [(typeof users)[0]] }),
      users,
      client: issuer => ({
        clientId: client.clientId,
        redirectUri: REDIRECT_URI,
        secret: { value: client.clientSecret, issuer },
      }),
      place: metadataAt(OIDC),
      tokens: origin => ({
        GOOGLE_TOKENINFO_URL: `${origin}/tokeninfo`,
        GOOGLE_CLIENT_IDS: client.clientId,
        ...everyone('GOOGLE', scopes),
      }),
    }
  },
  introspection: world => ({
    ...generic(world, { tokens: 'opaque', audience: world.resource }),
    machine: machineOf('machine', 'machine-secret', ''),
    tokens: () => ({ INTROSPECTION_CLIENT_ID: 'introspector', INTROSPECTION_CLIENT_SECRET: 'introspector-secret' }),
  }),
  oidc: world => ({
    ...generic(world, { audience: world.resource }),
    machine: machineOf('machine', 'machine-secret', ''),
  }),
  okta(world) {
    const { resource, scopes } = world
    const users = [
      { login: 'ada@example.com', id: '00u1ada2b3c4d5e6f7g8', claims: { email: 'ada@example.com', groups: ['Staff'] } },
      {
        login: 'cleo@example.com',
        id: '00u1cleo3c4d5e6f7g8h',
        scopes: scopes.slice(0, 1),
        claims: { email: 'cleo@example.com', groups: ['Guests'] },
      },
    ]
    return {
      emulator: createOktaEmulator({ ...world.options, audience: resource, scopes, users, clients: clientsOf(world) }),
      users,
      place: metadataAt(`/oauth2/default${OIDC}`),
      machine: machineOf('machine', 'machine-secret', '/oauth2/default'),
    }
  },
  userinfo: world => ({
    ...generic(world, { tokens: 'opaque', userInfoClaims: ['client_id'] }),
    tokens: () => ({ USERINFO_CLIENT_IDS: NATIVE.clientId, ...everyone('USERINFO', world.scopes) }),
  }),
} satisfies Record<string, (world: World) => Program>
