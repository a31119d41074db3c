// What an adapter's `console.ts` holds: texts for people who set a provider up. Commands read it, servers never load it.

/** The server that the provider is set up for. */
export interface ServerToSetUp {
  /** URL of the MCP endpoint. */
  readonly resource: string
  /** Scopes that its tools require. */
  readonly scopes: readonly string[]
}

/** What an adapter needs of the provider's metadata to check tokens. */
export interface TokenChecks {
  /** Signature algorithms that it accepts. Absent: it verifies no signatures. */
  readonly algorithms?: readonly string[]
  /** Whether it asks at the introspection endpoint that the metadata names. */
  readonly introspects?: boolean
}

type Options = Readonly<Record<string, unknown>>

/** Code of a finding of `idplug doctor` (`docs/findings.md`), and what was seen. */
export type Concern = readonly [code: string, seen: string]

/** One provider's console, in its own words, and what `idplug doctor` has to know about the provider. */
export interface ProviderConsole {
  /** What to do for exactly this server, a step each. */
  steps(server: ServerToSetUp): readonly string[]
  /** @param options - Of the adapter. */
  checks(options: Options): TokenChecks
  /** What to do there about a finding of `idplug doctor`, by its code. */
  readonly fixes: Readonly<Record<string, string>>
  /** What may be wrong about the options, beside what stops the start. */
  concerns?(options: Options): readonly Concern[]
  /** What may be wrong about an access token that is accepted. */
  tokenConcerns?(claims: Options): readonly Concern[]
  /** Scopes of a token request with client credentials. Default: those of the server. */
  trialScopes?(options: Options, resource: string): readonly string[]
  /** Which finding it is when `error: error_description` of the token endpoint looks so. The first that fits counts. */
  readonly refusals?: readonly (readonly [pattern: RegExp, code: string])[]
}

/** What helps where a provider does not do what MCP clients need. */
export const USE_THE_BRIDGE =
  'put the authorization server of idplug in front as a bridge, which offers registration itself'
