import { examineTenants } from '../../../../app/commands/doctor/doctor.ts'
import type { Finding } from '../../../../app/commands/doctor/finding.ts'
import type { TrialClient } from '../../../../app/commands/doctor/trial.ts'
import { createOidcEmulator } from '../../../../emulators/oidc.ts'

export const ORIGIN = 'https://idp.example.com'
export const METADATA = '/.well-known/openid-configuration'
export const NOW = 1_790_000_000_000

type Fetch = typeof globalThis.fetch
type JsonObject = Record<string, unknown>

/** Changes members of the JSON that a path answers; `undefined` ones are removed. */
export function tampered(fetch: Fetch, path: string, changes: (body: JsonObject) => JsonObject): Fetch {
  return replaced(fetch, path, async answer => {
    const body = (await answer.json()) as JsonObject
    return Response.json({ ...body, ...changes(body) })
  })
}

/** Puts another answer in place of the one of a path. */
export function replaced(
  fetch: Fetch,
  path: string,
  change: (answer: Response) => Response | Promise<Response>,
): Fetch {
  return async (input, init) => {
    const answer = await fetch(input, init)
    return new URL(new Request(input, init).url).pathname === path ? change(answer) : answer
  }
}

/** A fetch that fails as the platform's does. */
export function broken(code: string): Fetch {
  return async () => {
    throw new TypeError('fetch failed', { cause: { code } })
  }
}

export const emulator = createOidcEmulator({
  origin: ORIGIN,
  now: () => NOW,
  audience: 'https://mcp.example.com/mcp',
  scopes: ['notes:read', 'notes:write', 'notes:admin'],
})

/** What a provider publishes that has everything MCP asks for. */
export const healthy = tampered(emulator.fetch, METADATA, () => ({
  client_id_metadata_document_supported: true,
  authorization_response_iss_parameter_supported: true,
}))

export const SETTINGS = {
  AUTH_PROVIDER: 'oidc',
  AUTH_METADATA_URL: ORIGIN + METADATA,
  PUBLIC_URL: 'https://mcp.example.com',
}

export interface Case {
  /** Default: the healthy provider. */
  fetch?: Fetch
  /** Beside or in place of {@link SETTINGS}; `undefined` takes one away. */
  settings?: Record<string, string | undefined>
  client?: TrialClient
}

export function examine({ fetch = healthy, settings = {}, client }: Case = {}): Promise<readonly Finding[]> {
  return examineTenants({ ...SETTINGS, ...settings }, { fetch, now: () => NOW }, client)
}
