import type { Visit } from '../../client/grants.ts'
import { jsonObject } from '../../json-object.ts'
import { printable } from './report.ts'

/** Members whose values may be shown, of requests and answers alike. Values of all others stay hidden. */
const SHOWN = new Set([
  // RFC 9728
  'resource',
  'authorization_servers',
  'scopes_supported',
  // RFC 8414
  'issuer',
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'device_authorization_endpoint',
  'code_challenge_methods_supported',
  'client_id_metadata_document_supported',
  // RFC 7591
  'client_id',
  'client_name',
  'redirect_uris',
  'grant_types',
  'token_endpoint_auth_method',
  // RFC 6749, 7636, 8707, 9207 and 9449
  'response_type',
  'redirect_uri',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
  'dpop_jkt',
  'prompt',
  'iss',
  'grant_type',
  'token_type',
  'expires_in',
  'error',
  'error_description',
])

/** Members that a reader should know of without seeing what they hold. */
const NAMED = new Set([
  'access_token',
  'actor_token',
  'assertion',
  'client_assertion',
  'client_secret',
  'code',
  'code_verifier',
  'device_code',
  'id_token',
  'refresh_token',
  'subject_token',
  'token',
])

const HIDDEN = '(hidden)'
const MAX_BYTES = 100_000
const LONGEST_VALUE = 300

export interface Trace {
  /** Shows requests and answers; what it returns is what `fetch` returns. */
  readonly fetch: typeof globalThis.fetch
  /** Shows where the browser is sent, and what it brings back. */
  visit(visit: Visit): Visit
}

/**
 * Shows a sign-in as it happens. Tokens, codes and secrets are named and never shown, nor is any member that is not known to be
 * harmless. Of requests to the MCP server, only the JSON-RPC method is shown.
 *
 * @param server - The MCP endpoint.
 */
export function createTrace(server: URL, write: (text: string) => void, fetch: typeof globalThis.fetch): Trace {
  const show = (lines: readonly string[]) => write(lines.map(printable).join('\n'))
  return {
    async fetch(input, init) {
      const request = new Request(input, { ...init, body: null, signal: null })
      const url = new URL(request.url)
      const isMcp = url.href === server.href
      const body = typeof init?.body === 'string' || init?.body instanceof URLSearchParams ? String(init.body) : ''
      const method = isMcp ? methodOf(body) : ''
      show([
        `> ${request.method} ${placeOf(url)}${method && `  ${method}`}`,
        ...credentials(request),
        ...(isMcp ? [] : members(body)),
      ])
      const response = await fetch(input, init)
      const challenge = response.headers.get('www-authenticate')
      show([
        `< ${[response.status, response.statusText].join(' ').trimEnd()}`,
        ...(challenge === null ? [] : [field('WWW-Authenticate', challenge)]),
        ...(isMcp ? [] : members(await beginningOf(response))),
        '',
      ])
      return response
    },
    visit: visit => ({
      ...visit,
      async go(url) {
        show([`> in the browser: ${placeOf(url)}`, ...members(url.searchParams.toString()), ''])
        const answer = await visit.go(url)
        show([`< back at ${visit.redirectUri}`, ...members(answer.toString()), ''])
        return answer
      },
    }),
  }
}

/** A query may hold anything. */
function placeOf(url: URL): string {
  return `${url.origin}${url.pathname}${url.search && '?…'}`
}

function field(name: string, value: string): string {
  const text = value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value
  return `    ${name}: ${text.replaceAll(/\s+/g, ' ')}`
}

function credentials({ headers }: Request): string[] {
  const scheme = headers.get('authorization')?.split(' ')[0]
  return [
    ...(scheme === undefined ? [] : [field('Authorization', `${scheme} ${HIDDEN}`)]),
    ...(headers.has('dpop') ? [field('DPoP', HIDDEN)] : []),
  ]
}

/** Lines for the members of a JSON document or of a form. */
function members(text: string): string[] {
  const all = Object.entries(parsed(text))
  const shown = all.flatMap(([name, value]) => {
    if (SHOWN.has(name)) return [field(name, valueText(value))]
    return NAMED.has(name) ? [field(name, HIDDEN)] : []
  })
  const rest = all.length - shown.length
  return rest > 0 ? [...shown, `    and ${rest} more`] : shown
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(' ')
  return typeof value === 'object' ? HIDDEN : String(value)
}

function parsed(text: string): object {
  if (!/^\s*[[{]/.test(text)) return text.includes('=') ? Object.fromEntries(new URLSearchParams(text)) : {}
  return jsonObject(text) ?? {}
}

function methodOf(body: string): string {
  const { method } = parsed(body) as { method?: unknown }
  return typeof method === 'string' ? method : ''
}

/** Up to a length, so that an answer without an end is left to those who use it. */
async function beginningOf(response: Response): Promise<string> {
  if (!/json/.test(response.headers.get('content-type') ?? '')) return ''
  const reader = response.clone().body?.getReader()
  const chunks: Uint8Array[] = []
  try {
    for (let length = 0; reader && length < MAX_BYTES; ) {
      const { done, value } = await reader.read()
      if (done) break
      chunks.push(value)
      length += value.length
    }
  } catch {
    // Whoever reads the answer itself learns of it.
  }
  // Settles only when the answer itself has been read.
  reader?.cancel().catch(() => undefined)
  return Buffer.concat(chunks).toString()
}
