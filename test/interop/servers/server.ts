import type { Mode } from '../modes.ts'
import type { Tokens } from '../support/code-flow.ts'

export interface Client {
  readonly id: string
  readonly secret: string
}

/** Callback of the clients of people, and what tokens are asked for. */
export const CALLBACK = 'http://localhost:8766/callback'
export const RESOURCE = 'http://localhost:4200/mcp'
export const OTHER_RESOURCE = 'http://localhost:4300/mcp'
export const SCOPES = ['notes:read', 'notes:write']
/** What is requested for a person. */
export const ALL_SCOPES = `openid offline_access ${SCOPES[0]}`
/** Lifetime of access tokens, where it can be set. */
export const LIFETIME_SECONDS = 1_800
/** They have an account each. */
export const PEOPLE = ['ada', 'ben'] as const
export type PersonName = (typeof PEOPLE)[number]

export interface TokenRequest {
  readonly person?: PersonName
  readonly client?: 'ours' | 'other'
}

/** An authorization server that we did not write, on a free port. What it cannot do is absent. */
export interface InteropServer {
  /** As its metadata spells it. */
  readonly issuer: string
  /** Of which the person is `ours` the client of the MCP client, and `introspector` that of the MCP server. */
  readonly clients: Readonly<Record<'ours' | 'other' | 'machine' | 'introspector' | 'bridge', Client>>
  /** Starts it, also after {@link stop}: on the same port, with the same clients, people and keys. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Stops it for good, and removes what it left. */
  end(): Promise<void>
  /** What tokens say in place of the name. */
  subjectOf(person: PersonName): string
  /** Tokens of somebody who signs in; with `openid` and `offline_access`, so that there are an ID token and a refresh token. */
  tokens(request?: TokenRequest): Promise<Tokens>
  /** An access token of a person for {@link OTHER_RESOURCE}. */
  tokenForAnother?(): Promise<string>
  /** An access token with which the MCP server may ask about others, where a client of its own may not. */
  introspectionToken?(): string
  /** Plays the person on the sign-in pages. @returns The callback of the client. */
  signIn?(authorizationUrl: URL, person: PersonName): Promise<URL>
  /** An access token by client credentials. */
  machineToken?(): Promise<string>
  revoke?(accessToken: string): Promise<void>
  /** Signs with another key from now on, and no longer publishes the one before. */
  replaceKeys?(): Promise<void>
  removePerson?(person: PersonName): Promise<void>
}

/** A server and everything that is known of it: what `docs/interop.md` says, and what the tests expect. */
export interface Definition {
  readonly name: string
  readonly version: string
  /** Where it comes from, and as which package. The installed one has the {@link version}. */
  readonly from: { readonly debian: string } | { readonly npm: string }
  /** How it is set up, in a sentence. */
  readonly setUp: string
  /** @param bridgeCallback - Redirect URI of the client `bridge`. */
  create(bridgeCallback: string): Promise<InteropServer>
  readonly modes: readonly Mode[]
}
