import type { Emulator } from '../../emulators/core/emulator.ts'

/**
 * What the record tool needs to know about one provider. To add a provider, write `test/record/<provider>.ts` with one of
 * these, add it to `test/record/main.ts`, and call `describeRecordings('<provider>')` (`describe-recordings.ts`) in the adapter's test.
 *
 * `npm run record -- <provider>` then starts the stand-in, runs the configured adapter on its tokens over real HTTP, and
 * writes `test/recordings/<provider>/<name>.json`: every request and answer, the tokens, and what came of each. With
 * `--live` it asks the tenant that the environment is set up for (`docs/recording.md`).
 */
export interface RecordedProvider {
  /** As in `AUTH_PROVIDER`. */
  provider: string
  /** One per way to configure the adapter. */
  recordings: readonly [Recording, ...Recording[]]
  /** Start of an opaque token that is no secret and is kept: `/^gh[a-z]_/`. Default: none. */
  tokenPrefix?: RegExp
  /** Members with personal data beside the usual ones (`sub`, `email`, `name`, …), wherever they stand. */
  personalMembers?: readonly string[]
  /** Values of such members that belong to no person and are kept: `/@clients$/`. Default: none. */
  impersonal?: RegExp
}

export interface Recording {
  /** Of the file. */
  name: string
  /**
   * Tokens by label, and what must come of each: `accepted`, or the `kind` of the reason. The tool writes nothing when it is
   * not so. From a live tenant any of them may be missing.
   */
  tokens: Readonly<Record<string, string>>
  standIn(): Promise<StandIn>
}

/** An emulator in place of the tenant. */
export interface StandIn {
  /** Listening; the tool closes it. */
  emulator: Emulator
  /** Settings as for `npm start`, without `AUTH_PROVIDER` and `PUBLIC_URL`; the resource is {@link RESOURCE}. */
  env: Readonly<Record<string, string>>
  /** By label. */
  tokens: Readonly<Record<string, string>>
  /** What the recording calls the emulator's addresses; the longest match counts: `[[origin, 'https://github.com']]`. */
  rename: readonly (readonly [from: string, to: string])[]
}

/** The MCP server that tokens of stand-ins are for. */
export const RESOURCE = 'https://mcp.example.com/mcp'
