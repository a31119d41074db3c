import { readdirSync, readFileSync } from 'node:fs'
import { createProviders } from '../../auth/providers.ts'
import { loadConfiguration } from '../../config/load.ts'
import { AuthorizationError } from '../../src/errors.ts'
import type { TokenValidator } from '../../src/token-validator.ts'

/** `test/recordings/<provider>/<name>.json`. Holds no token, secret or personal datum of anybody. */
export interface RecordingFile {
  provenance: {
    source: 'emulator, from documented facts' | 'live tenant'
    /** ISO 8601; the clock is set to it for the replay. */
    recordedAt: string
    /** What was put in place of what was there. */
    redacted: readonly string[]
  }
  /** Environment variables of the configuration in force. */
  settings: Readonly<Record<string, string>>
  /** Tokens in the order in which they were shown to the adapter, and what it made of them. */
  tokens: Readonly<Record<string, { token: string; outcome: Outcome }>>
  /** Definitions as nock takes them, in order. */
  exchanges: readonly Exchange[]
}

export type Outcome = { accepted: Readonly<Record<string, unknown>> } | { refused: string }

export interface Exchange {
  scope: string
  method: string
  path: string
  body: unknown
  status: number
  response: unknown
  rawHeaders: Readonly<Record<string, string>>
}

const FOLDER = new URL('../recordings/', import.meta.url)

export function recordingUrl(provider: string, name: string): URL {
  return new URL(`${provider}/${name}.json`, FOLDER)
}

export function readRecordings(provider: string): [name: string, recording: RecordingFile][] {
  return readdirSync(new URL(`${provider}/`, FOLDER))
    .filter(file => file.endsWith('.json'))
    .map(file => file.slice(0, -5))
    .map(name => [name, JSON.parse(readFileSync(recordingUrl(provider, name), 'utf8')) as RecordingFile])
}

/**
 * Starts the configured adapter and shows it the tokens, one after the other: the same requests in the same order each time.
 *
 * @param now - Milliseconds since the Unix epoch.
 */
export async function judgeTokens(
  settings: Readonly<Record<string, string>>,
  tokens: Readonly<Record<string, string>>,
  now: number,
): Promise<Record<string, Outcome>> {
  const { providers, resource } = loadConfiguration(settings)
  const { validator } = createProviders(providers, { resource, now: () => now, fetch: uncompressed })
  await validator.warmUp().catch(refusalOf)
  const outcomes: Record<string, Outcome> = {}
  for (const [label, token] of Object.entries(tokens)) outcomes[label] = await judge(validator, token)
  return outcomes
}

async function judge(validator: TokenValidator, token: string): Promise<Outcome> {
  try {
    const { claims: _claims, ...accepted } = await validator.validate(token)
    return { accepted }
  } catch (error) {
    return { refused: refusalOf(error) }
  }
}

function refusalOf(error: unknown): string {
  if (error instanceof AuthorizationError) return error.reason.kind
  throw error
}

/** Answers as they are: nock would record compressed ones as bytes, which nobody could read or redact. */
const uncompressed: typeof globalThis.fetch = (input, init) => {
  const headers = new Headers(init?.headers)
  headers.set('accept-encoding', 'identity')
  return fetch(input, { ...init, headers })
}
