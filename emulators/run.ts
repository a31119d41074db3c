import type { Emulator } from './core/emulator.ts'
import type { User } from './core/sign-in.ts'
import { type EmulatedClient, type EmulatedMachine, NATIVE, type Program, programs } from './programs.ts'

/** An emulator as a program, and how a server is started beside it. */
export interface Emulation {
  readonly emulator: Emulator
  /** Where it listens. */
  readonly origin: string
  /** Environment variables of the server, or of the bridge. */
  readonly settings: Readonly<Record<string, string>>
  /** MCP endpoint that tokens are for. */
  readonly resource: string
  /** A client for people, as if it had been registered in the console beforehand. */
  readonly client: EmulatedClient
  /** A client without a person. Absent where the provider has none. */
  readonly machine?: EmulatedMachine
  /** Who can sign in, by what they pick. */
  readonly logins: readonly string[]
}

/**
 * What the provider does that another one does not.
 *
 * - `rotate`: a refresh token is good for once.
 * - `no-id-token`: the answer to a refresh has no ID token (OpenID Connect Core 1.0 §12.2).
 * - `empty-400`: errors have no body, as that of a refresh token that was revoked.
 */
export type Fault = (typeof faults)[number]
export const faults = ['rotate', 'no-id-token', 'empty-400'] as const

export interface RunOptions {
  /** Default: any that is free. */
  port?: number
  /** Identifier of the server that tokens are for. Default `http://localhost:3232/mcp`, where `npm start` listens. */
  resource?: string
  /** Scopes of that server. Default: those of the notes server. */
  scopes?: readonly string[]
  /** URL of the authorization server of a bridge in front of the provider. Default: there is none. */
  bridge?: string
  /** Redirect URIs of clients, beside the one that `idplug login` uses. Default: none. */
  redirectUris?: readonly string[]
  /** Default: none. */
  faults?: readonly Fault[]
}

export type EmulatorName = keyof typeof programs

export const emulatorNames = Object.keys(programs) as EmulatorName[]

/** By POST, ends all sign-ins at the provider: refresh tokens are revoked. People can sign in again. */
export const REVOKE_PATH = '/emulator/revoke'

/** Starts the emulator of a provider with users, clients and an API for one MCP server. */
export async function runEmulator(name: EmulatorName, options: RunOptions = {}): Promise<Emulation> {
  const {
    resource = 'http://localhost:3232/mcp',
    scopes = ['notes:read', 'notes:write'],
    redirectUris = [],
    bridge,
    faults = [],
  } = options
  const redirectUri = bridge && `${bridge.replace(/\/+$/, '')}/oauth/callback`
  let people: User[] = []
  const program: Program = programs[name]({
    resource,
    scopes,
    redirectUris,
    ...(redirectUri && { bridge: { ...BRIDGE, redirectUris: [redirectUri] } }),
    options: {
      ...(faults.includes('rotate') && { rotateRefreshTokens: true }),
      controls: {
        [`POST ${REVOKE_PATH}`]() {
          // Somebody else of the same name: grants are of those who are there.
          people.splice(0, people.length, ...people.map(user => ({ ...user })))
          return new Response('Every refresh token is revoked.\n')
        },
      },
    },
  })
  people = program.users
  const { emulator, client = () => NATIVE, place, tokens = () => ({}) } = program
  emulator.vary({
    ...(faults.includes('no-id-token') && { omit: ['refresh.id_token'] }),
    ...(faults.includes('empty-400') && { errors: 'empty' }),
  })
  const origin = await emulator.start(options.port)
  const settings = bridge ? bridgeSettings(bridge, resource, scopes) : tokens(origin)
  return {
    emulator,
    origin,
    resource,
    client: client(origin),
    machine: program.machine?.(origin),
    logins: people.map(({ login }) => login),
    // Introspection is about tokens; people sign in there as at any OpenID provider.
    settings: { AUTH_PROVIDER: bridge && name === 'introspection' ? 'oidc' : name, ...place(origin), ...settings },
  }
}

const BRIDGE = { clientId: 'bridge', clientSecret: 'bridge-secret' } as const

/** Where `npm start` has its authorization server. */
const USUAL_BRIDGE = 'http://localhost:3001'

function bridgeSettings(bridge: string, resource: string, scopes: readonly string[]): Record<string, string> {
  const { origin, port } = new URL(bridge)
  const place: Record<string, string> = {}
  if (origin === new URL(resource).origin) place.AUTH_MODE = 'embedded'
  else if (origin !== USUAL_BRIDGE) {
    place.AUTH_SERVER_URL = origin
    if (port) place.AUTH_SERVER_PORT = port
  }
  return {
    AUTH_BRIDGE: 'on',
    ...place,
    BRIDGE_CLIENT_ID: BRIDGE.clientId,
    BRIDGE_CLIENT_SECRET: BRIDGE.clientSecret,
    BRIDGE_ALLOW: 'everyone',
    BRIDGE_GRANT_SCOPES: scopes.join(' '),
  }
}
